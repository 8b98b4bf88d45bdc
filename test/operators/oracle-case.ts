/** One node of com.microsoft as a test case: the compiled model and onnxruntime-web must give the same. */
import { expect } from "@jest/globals";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import type { DType } from "../../ir/dtype.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { randomNumbers } from "../codegen/harness.ts";
import { model, modelBytes, type ModelSpec, node, type NodeSpec, typed, unranked } from "../helpers/onnx-builder.ts";
import { type OracleFeed, relativeError, runOracle } from "../helpers/oracle.ts";

export interface OracleCase {
  readonly op: string;
  readonly attributes: NodeSpec["attributes"];
  /** null leaves one out */
  readonly inputs: readonly (TensorData | null)[];
  readonly outputs: number;
  /** inputs that are initializers of the model, by position */
  readonly constants?: readonly number[];
  /** element types of the outputs that are not f32 */
  readonly types?: Readonly<Record<number, DType>>;
}

export const floats = (seed: number, ...shape: readonly number[]): TensorData => {
  const next = randomNumbers(seed);
  return tensorFrom("f32", shape, Array.from({ length: elementCount(shape) }, next));
};
export const integers = (shape: readonly number[], ...values: readonly number[]): TensorData =>
  tensorFrom("i32", shape, values);
/** Whole numbers of a type between two bounds (the upper one excluded). */
export function wholes(
  dtype: DType,
  seed: number,
  [low, high]: readonly [number, number],
  ...shape: readonly number[]
): TensorData {
  const next = randomNumbers(seed);
  const values = Array.from({ length: elementCount(shape) }, () => low + Math.floor(((next() + 1) / 2) * (high - low)));
  return tensorFrom(
    dtype,
    shape,
    values.map((value) => Math.min(high - 1, value)),
  );
}
export const positions = (shape: readonly number[], ...values: readonly number[]): TensorData =>
  tensorFrom("i64", shape, values);

const ortTypes = {
  f32: "float32",
  f64: "float64",
  i32: "int32",
  i64: "int64",
  i8: "int8",
  u8: "uint8",
  bool: "bool",
} as const;

function specOf({ op, attributes, inputs, outputs, constants = [], types }: OracleCase): ModelSpec {
  const present = inputs.flatMap((tensor, i) => (tensor === null ? [] : [[`x${i}`, tensor] as const]));
  // lengths that decide shapes are constants, as they are after folding in real models
  const isConstant = (name: string, tensor: TensorData): boolean =>
    constants.some((index) => name === `x${index}`) || (tensor.dtype === "i32" && tensor.shape.length === 0);
  const of = (which: boolean): (readonly [string, TensorData])[] =>
    present.filter(([name, tensor]) => isConstant(name, tensor) === which);
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const names = inputs.map((tensor, i) => (tensor === null ? "" : `x${i}`));
  return {
    opset: 17,
    opsets: { "com.microsoft": 1 },
    inputs: Object.fromEntries(of(false).map(([name, { dtype, shape }]) => [name, typed(dtype, ...shape)])),
    initializers: Object.fromEntries(of(true)),
    outputs: Object.fromEntries(results.map((name, i) => [name, unranked(types?.[i] ?? "f32")])),
    nodes: [node(op, names, results, attributes, { domain: "com.microsoft" })],
  };
}

/** A model of known shapes, compiled. */
export async function programOf(spec: ModelSpec): Promise<ProgramInstance> {
  const { graph } = lowerModel(await model(spec), { dims: new Map(), requireStatic: true });
  return ProgramInstance.create(generateProgram(runPasses(graph)), {
    runDeferred: () => {
      throw new Error("nothing is deferred");
    },
  });
}

/** What the compiled model gives. */
export async function results(c: OracleCase): Promise<TensorData[]> {
  const spec = specOf(c);
  const program = await programOf(spec);
  return (await program.run(feedsOf(c, spec).map(([, tensor]) => tensor))) as TensorData[];
}

const feedsOf = ({ inputs }: OracleCase, spec: ModelSpec): (readonly [string, TensorData])[] =>
  Object.keys(spec.inputs ?? {}).map((name) => [name, inputs[Number(name.slice(1))] as TensorData] as const);

/** Which elements of an output count. */
type Counts = (output: number, element: number) => boolean;

/** The compiled model and onnxruntime-web give the same, relative to the largest element. */
export async function agree(c: OracleCase, counts: Counts = () => true): Promise<void> {
  const spec = specOf(c);
  const feeds = feedsOf(c, spec).map(([name, { dtype, shape, elements }]) => [name, { type: ortTypes[dtype as "f32"], dims: shape, data: elements }]); // prettier-ignore
  const expected = await runOracle(await modelBytes(spec), Object.fromEntries(feeds) as Record<string, OracleFeed>);
  for (const [output, { shape, elements }] of (await results(c)).entries()) {
    const { dims, data } = expected.get(`y${output}`) ?? { dims: [], data: [] };
    expect(shape).toEqual(dims);
    const counted = (list: ArrayLike<number | bigint>): number[] =>
      Array.from(list, Number).filter((_, i) => counts(output, i));
    expect(relativeError(counted(elements as Float32Array), counted(data))).toBeLessThan(2e-6);
  }
}
