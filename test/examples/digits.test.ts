import { afterAll, describe, expect, it } from "@jest/globals";
import { makeDigits } from "../../examples/digits/digits.mjs";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { relativeError, runOracle } from "../helpers/oracle.ts";
import { digitsModel, writeProgram } from "../helpers/programs.ts";
import { bitsOf, scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("digits");
afterAll(scratch.remove);

/** A seed that neither training (1, 2) nor the demo uses. */
const digits = makeDigits(300, 4711);
const feedOf = (image: Float32Array): { image: Tensor } => ({ image: new Tensor("float32", image, [1, 1, 20, 20]) });

async function probabilitiesOf(session: InferenceSession, image: Float32Array): Promise<Float32Array> {
  const { probabilities } = await session.run(feedOf(image));
  return probabilities?.data as Float32Array;
}

describe("the digits network", () => {
  it("recognizes at least 97 of 100 digits that it has never seen", async () => {
    const session = await InferenceSession.create(digitsModel);
    let right = 0;
    for (const { digit, image } of digits) {
      const probabilities = await probabilitiesOf(session, image);
      if (probabilities.indexOf(Math.max(...probabilities)) === digit) right++;
    }
    expect(right / digits.length).toBeGreaterThanOrEqual(0.97);
    expect(right).toBeLessThanOrEqual(digits.length);
  });

  it("computes what onnxruntime computes", async () => {
    const session = await InferenceSession.create(digitsModel);
    for (const { image } of digits.slice(0, 5)) {
      const expected = (await runOracle(digitsModel, feedOf(image))).get("probabilities");
      expect(expected?.data).toHaveLength(10);
      expect(relativeError(await probabilitiesOf(session, image), expected?.data ?? [])).toBeLessThan(1e-4);
    }
  });

  it("gives the same bits from its compiled folder", async () => {
    const { placement } = await writeProgram(digitsModel, scratch.path);
    expect(placement.certificate.status).toBe("optimal");
    const direct = await InferenceSession.create(digitsModel);
    const loaded = await InferenceSession.create(scratch.path);
    expect(loaded.inputMetadata).toEqual(direct.inputMetadata);
    for (const { image } of digits.slice(0, 10)) {
      const bits = bitsOf(await probabilitiesOf(loaded, image));
      expect(bits).toEqual(bitsOf(await probabilitiesOf(direct, image)));
      expect(bits).toHaveLength(10);
    }
  });
});
