/** One node of ai.onnx.ml as a test case: the compiled model must give what onnxruntime-web gives. */
import { expect } from "@jest/globals";
import { dtypeInfo, type DType } from "../../ir/dtype.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { modelBytes, type ModelSpec, node, type NodeSpec, typed, unranked } from "../helpers/onnx-builder.ts";
import { relativeError, runOracle } from "../helpers/oracle.ts";
import { programOf } from "./oracle-case.ts";

export interface MlCase {
  readonly op: string;
  readonly attributes: NodeSpec["attributes"];
  readonly x: TensorData;
  readonly opset?: number;
  /** element types of the outputs, in order */
  readonly outputs: readonly DType[];
}

function specOf({ op, attributes, x, opset = 1, outputs }: MlCase): ModelSpec {
  const names = outputs.map((_, i) => `y${i}`);
  return {
    opset: 15,
    opsets: { "ai.onnx.ml": opset },
    inputs: { x: typed(x.dtype, ...x.shape) },
    outputs: Object.fromEntries(outputs.map((dtype, i) => [`y${i}`, unranked(dtype)])),
    nodes: [node(op, ["x"], names, attributes, { domain: "ai.onnx.ml" })],
  };
}

/** Which elements of an output count. */
type Counts = (output: number, element: number) => boolean;

/** Labels must be the same, numbers nearly so, relative to the largest one. */
export async function agreesWithOracle(c: MlCase, counts: Counts = () => true): Promise<void> {
  const spec = specOf(c);
  const { dtype, shape, elements } = c.x;
  const feed = { type: dtypeInfo(dtype).ortName, dims: shape, data: elements };
  const expected = await runOracle(await modelBytes(spec), { x: feed });
  const results = (await (await programOf(spec)).run([c.x])) as TensorData[];
  for (const [output, result] of results.entries()) {
    const { dims, data } = expected.get(`y${output}`) ?? { dims: [], data: [] };
    expect(result.shape).toEqual(dims);
    const counted = <T>(list: ArrayLike<T>): T[] => Array.from(list).filter((_, i) => counts(output, i));
    const [actual, wanted] = [counted(result.elements as ArrayLike<number>), counted(data as ArrayLike<number>)];
    if (ArrayBuffer.isView(result.elements) && result.dtype === "f32")
      expect(relativeError(actual, wanted)).toBeLessThan(5e-6);
    else expect(actual).toEqual(wanted);
  }
}
