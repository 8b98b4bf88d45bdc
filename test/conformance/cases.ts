/**
 * Models with recorded inputs and outputs, run through a session as a user would: `model.onnx`, `test_data_set_*\/input_N.pb` and
 * `output_N.pb`, and a `data.json` with tolerances.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { decodeTensorFile } from "../../compiler/frontend/tensor-file.ts";
import { isFloat } from "../../ir/dtype.ts";
import { decodeSmallFloat, isSmallFloat } from "../../ir/small-float.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import { fromTensorData, toTensorData } from "../../runtime/tensor.ts";

/** `atolOutputs` are absolute tolerances of single outputs, by name. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
  readonly byOutput: ReadonlyMap<string, number>;
}

/** Those of ONNX's own runner. */
const usualTolerance: Tolerance = { relative: 1e-3, absolute: 1e-7, byOutput: new Map() };

/** Runs every data set of a case: how many tensors were compared, and what is wrong (empty when nothing is). */
export async function runCase(folder: string): Promise<{ readonly compared: number; readonly faults: string[] }> {
  const session = await InferenceSession.create(path.join(folder, "model.onnx"));
  const tolerance = readTolerance(folder);
  const faults: string[] = [];
  let compared = 0;
  for (const set of readdirSync(folder).filter((name) => name.startsWith("test_data_set_"))) {
    const feeds = await readTensors(path.join(folder, set), "input", session.inputNames);
    const expected = await readTensors(path.join(folder, set), "output", session.outputNames);
    const results = await session.run(Object.fromEntries([...feeds].map(([n, t]) => [n, fromTensorData(t)])));
    for (const [name, want] of expected) {
      compared++;
      const got: unknown = results[name];
      const fault = got instanceof Tensor ? difference(toTensorData(got), want, name, tolerance) : "is no tensor";
      if (fault !== null) faults.push(`${set}: output "${name}" ${fault}`);
    }
  }
  await session.release();
  return { compared, faults };
}

function readTolerance(folder: string): Tolerance {
  const file = path.join(folder, "data.json");
  if (!existsSync(file)) return usualTolerance;
  const { rtol, atol, atol_outputs } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly rtol?: number;
    readonly atol?: number;
    readonly atol_outputs?: Readonly<Record<string, number>>;
  };
  return {
    relative: rtol ?? usualTolerance.relative,
    absolute: atol ?? usualTolerance.absolute,
    byOutput: new Map(Object.entries(atol_outputs ?? {})),
  };
}

/** Tensors `input_0.pb`, `input_1.pb`… by the names of the ports. */
export async function readTensors(
  folder: string,
  kind: "input" | "output",
  names: readonly string[],
): Promise<ReadonlyMap<string, TensorData>> {
  const tensors = new Map<string, TensorData>();
  for (const [index, name] of names.entries()) {
    const file = path.join(folder, `${kind}_${index}.pb`);
    if (existsSync(file)) tensors.set(name, await decodeTensorFile(readFileSync(file), file));
  }
  return tensors;
}

/** How an output differs from the expected one: floats beyond the tolerance, anything else at all; null when it does not. */
export function difference(
  actual: TensorData,
  expected: TensorData,
  name: string,
  tolerance: Tolerance = usualTolerance,
): string | null {
  const [got, want] = [actual, expected].map(({ dtype, shape }) => `${dtype}[${shape.join(",")}]`);
  if (got !== want) return `is ${got ?? ""}, not ${want ?? ""}`;
  const absolute = tolerance.byOutput.get(name) ?? tolerance.absolute;
  const isRight = isFloat(expected.dtype)
    ? (a: unknown, b: unknown) => isClose(Number(a), Number(b), tolerance.relative, absolute)
    : Object.is;
  const [a, b] = [elementsOf(actual), elementsOf(expected)];
  const wrong = b.flatMap((value, i) => (isRight(a[i], value) ? [] : [i]));
  const [first] = wrong;
  if (first === undefined) return null;
  return `has ${wrong.length} of ${b.length} elements wrong: ${String(a[first])} at ${first}, not ${String(b[first])}`;
}

function elementsOf({ dtype, elements }: TensorData): (number | bigint | string)[] {
  const values: (number | bigint | string)[] = Array.from(elements as ArrayLike<number | bigint | string>);
  return isSmallFloat(dtype) ? values.map((bits) => decodeSmallFloat(dtype, Number(bits))) : values;
}

function isClose(x: number, y: number, relative: number, absolute: number): boolean {
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return true;
  const off = Math.abs(x - y);
  return Number.isFinite(off) && off <= absolute + relative * Math.abs(y);
}
