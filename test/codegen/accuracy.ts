/** How far a function's kernel is from the truth, and the arguments to find out with. */
import { defined } from "../../ir/access.ts";
import { emitMap } from "../../compiler/codegen/kernels/map.ts";
import { arg, unary, type UnaryFunction } from "../../ir/expr.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";
import { randomSource, runKernel } from "./run-kernel.ts";

const functionOf = (fn: UnaryFunction): { kind: "map"; expr: ReturnType<typeof unary>; inputs: number[] } => ({
  kind: "map",
  expr: unary(fn, arg(0)),
  inputs: [0],
});

/** The reference's own form loses small results: 1 + e^-x is infinite there. */
const sigmoid = (x: TensorData): TensorData => {
  const values = Float64Array.from(x.elements as Float64Array, (v) =>
    v < 0 ? Math.exp(v) / (1 + Math.exp(v)) : 1 / (1 + Math.exp(-v)),
  );
  return makeTensor("f64", x.shape, values);
};

/** Largest relative error against the reference in double precision; infinities, NaN and zeros must agree. */
export function worstError(
  fn: UnaryFunction,
  x: TensorData,
  relaxedSimd = false,
): { readonly error: number; readonly at: number } {
  const [actual] = runKernel(emitMap, functionOf(fn), [x], { relaxedSimd });
  const doubles = makeTensor("f64", x.shape, Float64Array.from(x.elements as Float32Array));
  const expected = fn === "sigmoid" ? sigmoid(doubles) : evaluateOp(functionOf(fn), [doubles])[0];
  let worst = { error: 0, at: 0 };
  for (const [i, exact] of (defined(expected).elements as Float64Array).entries()) {
    const got = defined((defined(actual).elements as Float32Array)[i]);
    const want = x.dtype === "f32" ? Math.fround(exact) : exact;
    if (Object.is(got, want) || got === want) continue;
    const unit = x.dtype === "f32" ? 2 ** -149 : 2 ** -1074;
    const error = (Math.abs(got - exact) - 2 * unit) / Math.abs(exact);
    if (!(error <= worst.error)) worst = { error: Number.isNaN(error) ? Infinity : error, at: Number(x.elements[i]) };
  }
  return worst;
}

const edges = [
  0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-45, -1e-45, 1e-40, 1.1754943508222875e-38, 88.7, 88.72, 88.73, 89, -87.3, -87.4, -103.2,
  -103.9, -104, -150, 9.01, 9.02, 9.03, -9.02, 3.92, 3.925, 3.93, -4, 3.4e38, -3.4e38, 0.70710677, 1.4142135, 0.99999994, 1.0000001, 16.6,
]; // prettier-ignore

/** Edges, an even grid, and sizes spread over the exponents. */
export function floats(low: number, high: number, count: number): number[] {
  const random = randomSource(9);
  const even = Array.from({ length: count }, (_, i) => low + ((high - low) * i) / count);
  const spread = Array.from({ length: count }, () => {
    const size = 2 ** (random() * 250 - 126);
    return random() < 0.5 ? -size : size;
  });
  return [...edges, ...even, ...spread];
}

/** Functions with a vector form: range, and the largest relative error. */
export const vectorForms: readonly [UnaryFunction, number, number, number][] = [
  ["exp", -110, 95, 2e-7],
  ["log", 0, 4, 2e-7],
  ["tanh", -10, 10, 5e-7],
  ["sigmoid", -110, 20, 4e-7],
  ["erf", -5, 5, 5e-7],
];
