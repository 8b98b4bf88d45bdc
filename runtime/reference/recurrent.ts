/**
 * One layer and direction of LSTM, GRU or RNN, written as ONNX states the equations. Every sample of the batch runs on its own; the state is
 * rounded to the element type after each step, as it is in the results.
 *
 * Gate rows of W, R and B in order: lstm i, o, f, c; gru z, r, h; rnn one. B is [Wb, Rb].
 */
import type { RecurrentOp } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import type { Evaluate } from "./evaluate.ts";
import { normalizer } from "./casts.ts";
import { scalarFunction } from "./expr-machine.ts";
import { indicesOf, type NumberArray, numbersOf, tensorOfNumbers } from "./numbers.ts";

type Scalar = (x: number) => number;

interface Layer {
  readonly cell: RecurrentOp["cell"];
  readonly gates: number;
  readonly time: number;
  readonly batch: number;
  readonly input: number;
  readonly hidden: number;
  readonly x: NumberArray;
  readonly w: NumberArray;
  readonly r: NumberArray;
  readonly b: NumberArray;
  /** peepholes i, o, f; zeros for the other cells */
  readonly p: NumberArray;
  /** f, g, h */
  readonly activations: readonly Scalar[];
  readonly clip: Scalar;
  readonly round: Scalar;
  readonly linearBeforeReset: boolean;
  readonly inputForget: boolean;
}

interface State {
  readonly h: Float64Array;
  readonly c: Float64Array;
}

const gateCounts = { lstm: 4, gru: 3, rnn: 1 } as const;

export const evaluateRecurrent: Evaluate<"recurrent"> = (op, inputs, results) => {
  const layer = layerOf(op, inputs);
  const { time, batch, hidden } = layer;
  const lengths = op.hasLengths ? indicesOf(nth(inputs, -1)) : new Float64Array(batch).fill(time);
  const y = new Float64Array(time * batch * hidden);
  const last = { h: new Float64Array(batch * hidden), c: new Float64Array(batch * hidden) };
  for (let sample = 0; sample < batch; sample++) {
    const state = initialState(layer, inputs, sample);
    const length = Math.min(time, Math.max(0, lengths[sample] as number));
    for (let i = 0; i < length; i++) {
      const t = op.reverse ? length - 1 - i : i;
      advance(layer, (t * batch + sample) * layer.input, state);
      y.set(state.h, (t * batch + sample) * hidden);
    }
    last.h.set(state.h, sample * hidden);
    last.c.set(state.c, sample * hidden);
  }
  return [y, last.h, last.c].slice(0, results.length).map((values, i) => {
    const { dtype, shape } = nth(results, i);
    return tensorOfNumbers(dtype, shape, values);
  });
};

type RecurrentSpec = Omit<RecurrentOp, "inputs" | "outputs" | "origin">;

function layerOf(op: RecurrentSpec, inputs: readonly TensorData[]): Layer {
  const [x, w, r, b] = inputs as readonly [TensorData, TensorData, TensorData, TensorData];
  const [time, batch, input] = x.shape as readonly [number, number, number];
  const hidden = nth(r.shape, 1);
  const limit = op.clip ?? Infinity;
  return {
    ...{ time, batch, input, hidden, cell: op.cell, gates: gateCounts[op.cell] },
    ...{ x: numbersOf(x), w: numbersOf(w), r: numbersOf(r), b: numbersOf(b) },
    p: op.cell === "lstm" ? numbersOf(nth(inputs, 6)) : new Float64Array(3 * hidden),
    activations: op.activations.map((expr) => scalarFunction(expr, x.dtype)),
    clip: (value) => Math.min(limit, Math.max(-limit, value)),
    round: normalizer(x.dtype) ?? ((value) => value),
    linearBeforeReset: op.linearBeforeReset,
    inputForget: op.inputForget,
  };
}

function initialState({ cell, hidden }: Layer, inputs: readonly TensorData[], sample: number): State {
  const part = (tensor: TensorData): Float64Array =>
    Float64Array.from(numbersOf(tensor).subarray(sample * hidden, (sample + 1) * hidden));
  return { h: part(nth(inputs, 4)), c: cell === "lstm" ? part(nth(inputs, 5)) : new Float64Array(hidden) };
}

/** One step for one sample, whose input starts at `x`: the state is replaced. */
function advance(layer: Layer, x: number, state: State): void {
  switch (layer.cell) {
    case "lstm":
      advanceLstm(layer, x, state);
      break;
    case "gru":
      advanceGru(layer, x, state);
      break;
    case "rnn":
      advanceRnn(layer, x, state);
      break;
  }
}

/** Row `row` of W times the input, with its bias. */
function inputPart({ x, w, b, input }: Layer, from: number, row: number): number {
  let sum = b[row] as number;
  for (let i = 0; i < input; i++) sum += (w[row * input + i] as number) * (x[from + i] as number);
  return sum;
}

/** Row `row` of R times a hidden state, with its bias. */
function statePart({ r, b, gates, hidden }: Layer, h: Float64Array, row: number): number {
  let sum = b[gates * hidden + row] as number;
  for (let i = 0; i < hidden; i++) sum += (r[row * hidden + i] as number) * (h[i] as number);
  return sum;
}

function advanceLstm(layer: Layer, x: number, { h, c }: State): void {
  const { hidden, p, clip, round, inputForget } = layer;
  const [f, g, out] = layer.activations as readonly [Scalar, Scalar, Scalar];
  const before = h.slice();
  const gate = (index: number, unit: number): number =>
    inputPart(layer, x, index * hidden + unit) + statePart(layer, before, index * hidden + unit);
  for (let unit = 0; unit < hidden; unit++) {
    const old = c[unit] as number;
    const inputGate = f(clip(gate(0, unit) + (p[unit] as number) * old));
    const forget = inputForget ? 1 - inputGate : f(clip(gate(2, unit) + (p[2 * hidden + unit] as number) * old));
    const cell = round(forget * old + inputGate * g(clip(gate(3, unit))));
    const outputGate = f(clip(gate(1, unit) + (p[hidden + unit] as number) * cell));
    c[unit] = cell;
    h[unit] = round(outputGate * out(cell));
  }
}

function advanceGru(layer: Layer, x: number, { h }: State): void {
  const { hidden, clip, round } = layer;
  const [f, g] = layer.activations as readonly [Scalar, Scalar];
  const before = h.slice();
  const gate = (index: number, unit: number): number =>
    f(clip(inputPart(layer, x, index * hidden + unit) + statePart(layer, before, index * hidden + unit)));
  const reset = before.map((_, unit) => gate(1, unit));
  const gated = before.map((value, unit) => value * (reset[unit] as number));
  for (let unit = 0; unit < hidden; unit++) {
    const row = 2 * hidden + unit;
    const recurrent = layer.linearBeforeReset
      ? (reset[unit] as number) * statePart(layer, before, row)
      : statePart(layer, gated, row);
    const candidate = g(clip(inputPart(layer, x, row) + recurrent));
    const update = gate(0, unit);
    h[unit] = round((1 - update) * candidate + update * (before[unit] as number));
  }
}

function advanceRnn(layer: Layer, x: number, { h }: State): void {
  const { hidden, clip, round } = layer;
  const [f] = layer.activations as readonly [Scalar];
  const before = h.slice();
  for (let unit = 0; unit < hidden; unit++) {
    h[unit] = round(f(clip(inputPart(layer, x, unit) + statePart(layer, before, unit))));
  }
}
