/** `wsc run --check`: outputs against those that lie beside the inputs, as `output_0.pb`… or NAME.npy. */
import { fail, showName } from "../../ir/diagnostic.ts";
import type { PortMetadata, SessionValue } from "../../runtime/ports.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { type Deviation, deviationOf, isWithin, showDeviation } from "./deviation.ts";
import { readFolder } from "./tensor-files.ts";

export interface CheckedOutput {
  readonly name: string;
  readonly agrees: boolean;
  readonly deviation: Deviation;
}

export interface CheckOptions {
  /** where the expected outputs lie */
  readonly inputDir: string | undefined;
  readonly tolerance: number;
}

/** Compares the outputs that there are files for; throws WSC8001 without a folder, WSC1001 where it has no file of an output. */
export async function checkOutputs(
  outputs: readonly (readonly [port: PortMetadata, value: SessionValue])[],
  { inputDir, tolerance }: CheckOptions,
): Promise<readonly CheckedOutput[]> {
  if (inputDir === undefined)
    throw fail("WSC8001", "--check compares with the outputs in --input-dir, which is not given");
  const ports = outputs.map(([port]) => port);
  const expected = await readFolder(inputDir, ports, "output");
  if (expected.size === 0) {
    throw fail("WSC1001", `there are no expected outputs in ${inputDir}`, {
      hint: "they are output_0.pb, output_1.pb, … or NAME.npy",
    });
  }
  return outputs.flatMap(([{ name }, value]): CheckedOutput[] => {
    const wanted = expected.get(name)?.value;
    if (wanted === undefined) return [];
    const deviation = deviationFrom(value, wanted);
    return [{ name, agrees: isWithin(deviation, tolerance), deviation }];
  });
}

function deviationFrom(value: SessionValue, wanted: SessionValue): Deviation {
  if (value instanceof Tensor && wanted instanceof Tensor) return deviationOf(value, wanted);
  const same = JSON.stringify(value) === JSON.stringify(wanted);
  return same ? { kind: "numbers", largest: 0, share: 0, at: 0 } : { kind: "other", what: "is another value" };
}

export const describeCheck = ({ name, agrees, deviation }: CheckedOutput): string =>
  `${showName(name)} ${agrees ? "is as expected" : "is not as expected"}: ${deviation.kind === "numbers" ? `differs by ${showDeviation(deviation)}` : deviation.what}`;
