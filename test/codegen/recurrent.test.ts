import { describe, it } from "@jest/globals";
import { emitRecurrent } from "../../compiler/codegen/kernels/recurrent.ts";
import { arg, binary, type Expr, lit, unary } from "../../ir/expr.ts";
import type { OpSpec, RecurrentOp } from "../../ir/graph.ts";
import { tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource, randomTensor } from "./run-kernel.ts";

const gates = { lstm: 4, gru: 3, rnn: 1 } as const;
const sigmoid = unary("sigmoid", arg(0));
const tanh = unary("tanh", arg(0));
const relu = (dtype: "f32" | "f64"): Expr => binary("max", arg(0), lit(dtype, 0));

interface Case {
  readonly cell: RecurrentOp["cell"];
  readonly dtype: "f32" | "f64";
  readonly sizes: readonly [time: number, batch: number, input: number, hidden: number];
  readonly more?: Partial<RecurrentOp>;
}

function check({ cell, dtype, sizes: [time, batch, input, hidden], more = {} }: Case): void {
  const random = randomSource(hidden);
  const make = (...shape: number[]): TensorData => randomTensor(dtype, shape, random, 0.5);
  const g = gates[cell];
  const inputs = [
    make(time, batch, input),
    make(g * hidden, input),
    make(g * hidden, hidden),
    make(2 * g * hidden),
    make(batch, hidden),
  ];
  if (cell === "lstm") inputs.push(make(batch, hidden), make(3 * hidden));
  if (more.hasLengths === true)
    inputs.push(
      tensorFrom(
        "i32",
        [batch],
        Array.from({ length: batch }, (_, i) => (i * 2) % (time + 1)),
      ),
    );
  const activations = cell === "lstm" ? [sigmoid, tanh, tanh] : cell === "gru" ? [sigmoid, tanh] : [relu(dtype)];
  const op: OpSpec = {
    kind: "recurrent",
    cell,
    reverse: false,
    hasLengths: false,
    activations,
    clip: null,
    linearBeforeReset: false,
    inputForget: false,
    ...more,
    inputs: [...inputs.keys()],
  };
  const tolerance = dtype === "f32" ? 2e-5 : 1e-12;
  expectLikeReference(emitRecurrent, op, inputs, { relative: tolerance, absolute: tolerance });
}

describe.each(["lstm", "gru", "rnn"] as const)("%s", (cell) => {
  it.each([
    [1, 1, 1, 1],
    [3, 2, 5, 7],
    [4, 3, 8, 16],
    [2, 1, 3, 6],
  ])("%d steps, batch %d, %d inputs, %d hidden", (...sizes) => {
    check({ cell, dtype: "f32", sizes });
    check({ cell, dtype: "f64", sizes });
    check({ cell, dtype: "f32", sizes, more: { reverse: true } });
    for (const reverse of [false, true]) check({ cell, dtype: "f32", sizes, more: { hasLengths: true, reverse } });
  });

  it("clips", () => {
    check({ cell, dtype: "f32", sizes: [3, 2, 4, 5], more: { clip: 0.3 } });
  });
});

it("gru resets after the product where asked", () => {
  check({ cell: "gru", dtype: "f32", sizes: [3, 2, 5, 9], more: { linearBeforeReset: true } });
});

it("lstm couples forget and input", () => {
  check({ cell: "lstm", dtype: "f32", sizes: [3, 2, 5, 9], more: { inputForget: true } });
});
