/**
 * LSTM, GRU and RNN layers. A unit of work is one sample with all its time steps; per step:
 *
 *     input part  a[rows] = Wb + W x_t      state part  s[rows] = Rb + R h      then the gates, four hidden units at a time
 *
 * The hidden state is the previous row of Y (or the initial state), the cell state lies in Y_c; a, s and the reset state of a GRU are scratch.
 */
import { defined, nth } from "../../../ir/access.ts";
import { exprLanes } from "../expr-emit.ts";
import type { Expr } from "../../../ir/expr.ts";
import type { RecurrentOp } from "../../../ir/graph.ts";
import { type KernelArg, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import { algebra, type Algebra, type Push } from "../math/algebra.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import { copyRun } from "./byte-runs.ts";
import { laneBytes, laneExpr, type LaneShape, loadLane, storeLane } from "./lane-loops.ts";
import { emitMatrixVector } from "./matrix-vector.ts";
import { forEachRow } from "./rows-loop.ts";

type Dtype = "f32" | "f64";

interface Layer {
  readonly op: Pick<
    RecurrentOp,
    "cell" | "reverse" | "hasLengths" | "activations" | "clip" | "linearBeforeReset" | "inputForget"
  >;
  readonly dtype: Dtype;
  readonly time: number;
  readonly batch: number;
  readonly input: number;
  readonly hidden: number;
  readonly gates: number;
}

/** Addresses of one sample's rows. */
interface Pointers {
  readonly x: Local;
  readonly w: Local;
  readonly r: Local;
  readonly b: Local;
  readonly h0: Local;
  readonly c0: Local | null;
  readonly p: Local | null;
  readonly lengths: Local | null;
  readonly y: Local;
  readonly lastH: Local;
  readonly lastC: Local | null;
  readonly scratch: Local;
}

const gateCounts = { lstm: 4, gru: 3, rnn: 1 } as const;

export const emitRecurrent: KernelEmitter<RecurrentOp> = (op, { inputs, outputs }) => {
  const [x, , r] = inputs;
  const [time, batch, input] = defined(x).shape as [number, number, number];
  const { cell, reverse, hasLengths, activations, clip, linearBeforeReset, inputForget } = op;
  const layer: Layer = {
    op: { cell, reverse, hasLengths, activations, clip, linearBeforeReset, inputForget },
    dtype: defined(x).dtype as Dtype,
    time,
    batch,
    input,
    hidden: nth(defined(r).shape, 1),
    gates: gateCounts[op.cell],
  };
  const scratch: KernelArg = { kind: "scratch", id: 0, byteLength: batch * scratchBytes(layer) };
  const args = [
    ...inputs.map((_, index): KernelArg => ({ kind: "input", index })),
    ...outputs.map((_, index): KernelArg => ({ kind: "output", index })),
    scratch,
  ];
  const stage = {
    key: kernelKey("recurrent", layer),
    units: layer.hidden === 0 ? 0 : batch,
    args,
    work: time * batch * layer.gates * layer.hidden * (input + layer.hidden) * 2,
    emit: (module: FunctionBuilder["module"]): number =>
      module.function("recurrent", kernelType(args.length), (f) => {
        emitSamples(f, layer);
      }),
  };
  return [stage];
};

const elementBytes = ({ dtype }: Layer): number => laneBytes[dtype];
const partBytes = (layer: Layer): number => layer.gates * layer.hidden * elementBytes(layer);
const scratchBytes = (layer: Layer): number => 2 * partBytes(layer) + layer.hidden * elementBytes(layer);

function emitSamples(f: FunctionBuilder, layer: Layer): void {
  const { op, batch, input, hidden } = layer;
  const isLstm = op.cell === "lstm";
  const bytes = elementBytes(layer);
  const state = hidden * bytes;
  const strides = [
    ...[input * bytes, 0, 0, 0, state],
    ...(isLstm ? [state, 0] : []),
    ...(op.hasLengths ? [4] : []),
    ...[state, state],
    ...(isLstm ? [state] : []),
    scratchBytes(layer),
  ];
  const bases = f.params.slice(0, -2);
  const [begin, end] = f.params.slice(-2) as [Local, Local];
  forEachRow(f, begin, end, [{ size: batch, strides }], bases, (pointers) => {
    emitSample(f, layer, namePointers(layer, pointers));
  });
}

function namePointers({ op }: Layer, pointers: readonly Local[]): Pointers {
  const rest = [...pointers];
  const next = (): Local => defined(rest.shift());
  const isLstm = op.cell === "lstm";
  const [x, w, r, b, h0] = [next(), next(), next(), next(), next()];
  const [c0, p] = isLstm ? [next(), next()] : [null, null];
  const lengths = op.hasLengths ? next() : null;
  const [y, lastH] = [next(), next()];
  const lastC = isLstm ? next() : null;
  return { x, w, r, b, h0, c0, p, lengths, y, lastH, lastC, scratch: next() };
}

function copyOf(f: FunctionBuilder, from: Local, offset = 0): Local {
  const local = f.local("i32");
  f.get(from);
  f.set(local);
  increment(f, local, offset);
  return local;
}

function emitSample(f: FunctionBuilder, layer: Layer, at: Pointers): void {
  const { op, time, batch, input, hidden } = layer;
  const bytes = elementBytes(layer);
  const [xStep, yStep] = [batch * input * bytes, batch * hidden * bytes];
  const [x, y, h] = [copyOf(f, at.x), copyOf(f, at.y), copyOf(f, at.h0)];
  const [steps, step] = [f.local("i32"), f.local("i32")];
  pushSteps(f, time, at.lengths);
  f.set(steps);
  if (at.lengths !== null) clearRows(f, layer, at.y);
  if (at.c0 !== null && at.lastC !== null) copyRun(f, at.c0, at.lastC, hidden * bytes);
  if (op.reverse) {
    moveToLast(f, x, steps, xStep);
    moveToLast(f, y, steps, yStep);
  }
  const direction = op.reverse ? -1 : 1;
  loopRange(f, step, 0, steps, 1, () => {
    emitStep(f, layer, at, x, h, y);
    f.get(y);
    f.set(h);
    increment(f, x, direction * xStep);
    increment(f, y, direction * yStep);
  });
  copyRun(f, h, at.lastH, hidden * bytes);
  f.release(x, y, h, steps, step);
}

/** The sample's length, kept within [0, time]. */
function pushSteps(f: FunctionBuilder, time: number, lengths: Local | null): void {
  if (lengths === null) {
    f.i32(time);
    return;
  }
  const length = f.local("i32");
  const bound = (limit: number, op: "i32.gt_s" | "i32.lt_s"): void => {
    f.i32(limit);
    f.get(length);
    f.get(length);
    f.i32(limit);
    f.op(op);
    f.select("i32");
    f.set(length);
  };
  f.get(lengths);
  f.load("i32.load");
  f.set(length);
  bound(time, "i32.gt_s");
  bound(0, "i32.lt_s");
  f.get(length);
  f.release(length);
}

/** pointer += (steps - 1) * stride */
function moveToLast(f: FunctionBuilder, pointer: Local, steps: Local, stride: number): void {
  f.get(pointer);
  f.get(steps);
  f.i32(1);
  f.op("i32.sub");
  f.i32(stride);
  f.op("i32.mul");
  f.op("i32.add");
  f.set(pointer);
}

/** Zeros the sample's rows of Y: those behind its length stay so. */
function clearRows(f: FunctionBuilder, layer: Layer, y: Local): void {
  const row = copyOf(f, y);
  const step = f.local("i32");
  const bytes = layer.hidden * elementBytes(layer);
  loopRange(f, step, 0, layer.time, 1, () => {
    f.get(row);
    f.i32(0);
    f.i32(bytes);
    f.memoryFill();
    increment(f, row, layer.batch * bytes);
  });
  f.release(row, step);
}

// ---- one step ---------------------------------------------------------------------------------------------------------------------

function emitStep(f: FunctionBuilder, layer: Layer, at: Pointers, x: Local, h: Local, y: Local): void {
  const { op, dtype, input, hidden, gates } = layer;
  const bytes = elementBytes(layer);
  const stateBias = copyOf(f, at.b, partBytes(layer));
  const stateParts = copyOf(f, at.scratch, partBytes(layer));
  const gated = copyOf(f, at.scratch, 2 * partBytes(layer));
  const resetsBefore = op.cell === "gru" && !op.linearBeforeReset;
  const product = { dtype, rows: gates * hidden };
  emitMatrixVector(f, { ...product, columns: input, matrix: at.w, vector: x, bias: at.b, result: at.scratch });
  const first = resetsBefore ? 2 * hidden : gates * hidden;
  const state = { dtype, columns: hidden, matrix: at.r, bias: stateBias, result: stateParts };
  emitMatrixVector(f, { ...state, rows: first, vector: h });
  const units = (gate: UnitBody): void => {
    overUnits(f, layer, [at.scratch, stateParts, h, y, gated, at.lastC ?? y, at.p ?? y], gate);
  };
  if (resetsBefore) {
    units(resetState(layer));
    const last = (base: Local, offset: number): Local => copyOf(f, base, offset);
    const matrix = last(at.r, first * hidden * bytes);
    const [bias, result] = [last(stateBias, first * bytes), last(stateParts, first * bytes)];
    emitMatrixVector(f, { dtype, columns: hidden, rows: hidden, matrix, bias, result, vector: gated });
    f.release(matrix, bias, result);
  }
  units(op.cell === "lstm" ? lstmUnit(layer) : op.cell === "gru" ? gruUnit(layer) : rnnUnit(layer));
  f.release(stateBias, stateParts, gated);
}

/** What a body sees of the hidden units at hand: pushes of their values, and stores. */
interface Units {
  readonly f: FunctionBuilder;
  readonly a: Algebra;
  /** input part plus state part of a gate, or one of them */
  readonly gate: (gate: number) => Push;
  readonly inputPart: (gate: number) => Push;
  readonly statePart: (gate: number) => Push;
  readonly h: Push;
  readonly cell: Push;
  readonly peephole: (index: number) => Push;
  readonly activate: (index: number, x: Push) => Push;
  readonly clip: (x: Push) => Push;
  readonly storeH: (value: Push) => void;
  readonly storeCell: (value: Push) => void;
  readonly storeGated: (value: Push) => void;
}
type UnitBody = (units: Units) => void;

/** Runs a body over all hidden units: vectors where the activations allow it, then scalars. */
function overUnits(f: FunctionBuilder, layer: Layer, bases: readonly Local[], body: UnitBody): void {
  const { op, dtype, hidden } = layer;
  const canVector = dtype === "f32" && op.activations.every((expr) => exprLanes(expr, ["f32"]) === 4);
  const vectors = canVector ? Math.floor(hidden / 4) : 0;
  const cursors = bases.map((base) => copyOf(f, base));
  const counter = f.local("i32");
  const run = (shape: LaneShape, count: number): void => {
    loopRange(f, counter, 0, count, 1, () => {
      const temporaries: Local[] = [];
      body(unitsAt(f, layer, shape, cursors, temporaries));
      f.release(...temporaries);
      for (const cursor of cursors) increment(f, cursor, laneBytes[shape]);
    });
  };
  run("f32x4", vectors);
  run(dtype, hidden - 4 * vectors);
  f.release(counter, ...cursors);
}

function unitsAt(
  f: FunctionBuilder,
  { op, hidden, dtype }: Layer,
  shape: LaneShape,
  cursors: readonly Local[],
  temporaries: Local[],
): Units {
  const a = algebra(f, shape, temporaries);
  const [input, state, h, y, gated, cell, peepholes] = cursors as [Local, Local, Local, Local, Local, Local, Local];
  const row = hidden * laneBytes[dtype];
  const read =
    (cursor: Local, index = 0): Push =>
    () => {
      f.get(cursor);
      loadLane(f, shape, index * row);
    };
  const write = (cursor: Local, value: Push): void => {
    f.get(cursor);
    value();
    storeLane(f, shape);
  };
  const clip = (value: Push): Push => {
    const limit = op.clip;
    if (limit === null) return value;
    const bounded = (fn: "min" | "max", x: Push, bound: number): Push => {
      return () => {
        x();
        a.constant(bound)();
        f.op(`${shape}.${fn}`);
      };
    };
    return bounded("min", bounded("max", value, -limit), limit);
  };
  return {
    f,
    a,
    gate: (gate) => a.add(read(input, gate), read(state, gate)),
    inputPart: (gate) => read(input, gate),
    statePart: (gate) => read(state, gate),
    h: read(h),
    cell: read(cell),
    peephole: (index) => read(peepholes, index),
    activate: (index, x) => laneExpr(f, shape, op.activations[index] as Expr, x),
    clip,
    storeH: (value) => {
      write(y, value);
    },
    storeCell: (value) => {
      write(cell, value);
    },
    storeGated: (value) => {
      write(gated, value);
    },
  };
}

/** Gate rows: input, output, forget, cell. */
const lstmUnit =
  ({ op }: Layer): UnitBody =>
  ({ a, gate, cell, peephole, activate, clip, storeH, storeCell }) => {
    const old = a.let(cell);
    const withPeephole = (index: number, weights: number, state: Push): Push =>
      a.let(activate(0, clip(a.add(gate(index), a.mul(peephole(weights), state)))));
    const inputGate = withPeephole(0, 0, old);
    const forget = op.inputForget ? a.sub(a.constant(1), inputGate) : withPeephole(2, 2, old);
    const candidate = a.let(activate(1, clip(gate(3))));
    const next = a.let(a.add(a.mul(forget, old), a.mul(inputGate, candidate)));
    storeCell(next);
    const outputGate = withPeephole(1, 1, next);
    storeH(a.mul(outputGate, activate(2, next)));
  };

/** reset ∘ h, for a GRU that multiplies the reset state by R. */
const resetState =
  (_: Layer): UnitBody =>
  ({ a, gate, h, activate, clip, storeGated }) => {
    storeGated(a.mul(h, activate(0, clip(gate(1)))));
  };

/** Gate rows: update, reset, hidden. */
const gruUnit =
  ({ op }: Layer): UnitBody =>
  ({ a, gate, inputPart, statePart, h, activate, clip, storeH }) => {
    const update = a.let(activate(0, clip(gate(0))));
    const reset = (): Push => activate(0, clip(gate(1)));
    const recurrent = op.linearBeforeReset ? a.mul(a.let(reset()), statePart(2)) : statePart(2);
    const candidate = a.let(activate(1, clip(a.add(inputPart(2), recurrent))));
    storeH(a.add(a.mul(a.sub(a.constant(1), update), candidate), a.mul(update, h)));
  };

const rnnUnit =
  (_: Layer): UnitBody =>
  ({ gate, activate, clip, storeH }) => {
    storeH(activate(0, clip(gate(0))));
  };
