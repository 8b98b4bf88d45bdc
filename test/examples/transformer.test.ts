import { afterAll, describe, expect, it } from "@jest/globals";
import { complete, length, makeSequences } from "../../examples/transformer/task.mjs";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { relativeError, runOracle } from "../helpers/oracle.ts";
import { transformerModel, writeProgram } from "../helpers/programs.ts";
import { bitsOf, scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("transformer");
afterAll(scratch.remove);

/** A seed that training does not use. */
const sequences = makeSequences(30, 99);
const feedOf = (sequence: readonly number[]): { ids: Tensor } => ({
  ids: new Tensor("int64", BigInt64Array.from(sequence, BigInt), [1, length]),
});

async function logitsOf(session: InferenceSession, sequence: readonly number[]): Promise<Float32Array> {
  const { logits } = await session.run(feedOf(sequence));
  return logits?.data as Float32Array;
}

describe("the transformer block", () => {
  it("writes digits backwards, one at a time", async () => {
    const session = await InferenceSession.create(transformerModel);
    for (const sequence of sequences) {
      const written = await complete(sequence.slice(0, length / 2), (known) => logitsOf(session, known));
      expect(written).toEqual(sequence);
    }
    expect(sequences).toHaveLength(30);
  });

  it("computes what onnxruntime computes", async () => {
    const session = await InferenceSession.create(transformerModel);
    for (const sequence of sequences.slice(0, 3)) {
      const expected = (await runOracle(transformerModel, feedOf(sequence))).get("logits");
      expect(expected?.data).toHaveLength(length * 10);
      expect(relativeError(await logitsOf(session, sequence), expected?.data ?? [])).toBeLessThan(1e-4);
    }
  });

  it("gives the same bits from its compiled folder", async () => {
    await writeProgram(transformerModel, scratch.path);
    const direct = await InferenceSession.create(transformerModel);
    const loaded = await InferenceSession.create(scratch.path);
    for (const sequence of sequences.slice(0, 5)) {
      const bits = bitsOf(await logitsOf(loaded, sequence));
      expect(bits).toEqual(bitsOf(await logitsOf(direct, sequence)));
      expect(bits).toHaveLength(length * 10);
    }
  });
});
