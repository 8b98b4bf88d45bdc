/**
 * Cases of the ONNX project's backend tests (a folder each: model.onnx and test_data_set_*\/{input,output}_*.pb), lowered and run by the
 * reference. What a lowering puts off to run time is lowered again with the inputs as constants.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { decodeTensor } from "../../compiler/frontend/decode-tensor.ts";
import { lowerModel, requiredInputs } from "../../compiler/frontend/lower.ts";
import type { OnnxModel } from "../../compiler/frontend/onnx.ts";
import { loadOnnxProto } from "../../compiler/frontend/proto.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import { isFloat } from "../../ir/dtype.ts";
import type { Graph } from "../../ir/graph.ts";
import { decodeSmallFloat, isSmallFloat } from "../../ir/small-float.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { isTensor } from "../../runtime/host/value.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";

type Feeds = ReadonlyMap<string, TensorData>;

/** Runs a case; what is wrong, or null. */
export async function runBackendCase(folder: string): Promise<string | null> {
  const model = await readModel(path.join(folder, "model.onnx"));
  for (const set of readdirSync(folder).filter((name) => name.startsWith("test_data_set_"))) {
    const names = requiredInputs(model).map(({ name }) => name);
    const feeds = await readTensors(path.join(folder, set), "input", names);
    const expected = await readTensors(path.join(folder, set), "output", model.graph.outputs.map(({ name }) => name)); // prettier-ignore
    const results = interpretGraph(lowerFor(model, feeds), feeds);
    for (const [name, want] of expected) {
      const got = results.get(name);
      const problem = got === undefined || !isTensor(got) ? "is no tensor" : difference(got, want);
      if (problem !== null) return `${set}: output ${name} ${problem}`;
    }
  }
  return null;
}

/** Tensors `input_0.pb`, `input_1.pb`… under the names of the ports. */
async function readTensors(folder: string, kind: "input" | "output", names: readonly string[]): Promise<Feeds> {
  const { TensorProto } = await loadOnnxProto();
  const files = new Set(readdirSync(folder));
  return new Map(
    names.flatMap((name, i): [string, TensorData][] => {
      const file = `${kind}_${i}.pb`;
      if (!files.has(file)) return [];
      return [[name, decodeTensor(TensorProto.decode(readFileSync(path.join(folder, file))), { movable: false })]];
    }),
  );
}

const isDeferred = (graph: Graph): boolean => graph.ops.some(({ kind }) => kind === "deferred");

function lowerFor(model: OnnxModel, feeds: Feeds): Graph {
  const inputShapes = new Map([...feeds].map(([name, { shape }]) => [name, shape]));
  const { graph } = lowerModel(model, { inputShapes });
  return isDeferred(graph) ? lowerModel(model, { inputConstants: feeds }).graph : graph;
}

const tolerance = { relative: 1e-3, absolute: 1e-7 };

/** How a tensor differs from the expected one: floats beyond ONNX's tolerances, anything else at all; null when it does not. */
export function difference(actual: TensorData, expected: TensorData): string | null {
  const [got, want] = [actual, expected].map(({ dtype, shape }) => `${dtype}[${shape.join(",")}]`) as [string, string];
  if (got !== want) return `is ${got}, not ${want}`;
  const close = isFloat(expected.dtype) ? isClose : Object.is;
  const [a, b] = [elementsOf(actual), elementsOf(expected)];
  const at = b.findIndex((value, i) => !close(a[i], value));
  return at < 0 ? null : `has ${String(a[at])} at ${at}, not ${String(b[at])}`;
}

function elementsOf({ dtype, elements }: TensorData): (number | bigint | string)[] {
  const values: (number | bigint | string)[] = Array.from(elements as ArrayLike<number | bigint | string>);
  return isSmallFloat(dtype) ? values.map((bits) => decodeSmallFloat(dtype, Number(bits))) : values;
}

function isClose(a: unknown, b: unknown): boolean {
  const [x, y] = [Number(a), Number(b)];
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return true;
  const off = Math.abs(x - y);
  return Number.isFinite(off) && off <= tolerance.absolute + tolerance.relative * Math.abs(y);
}
