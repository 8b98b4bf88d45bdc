/**
 * A matrix product of one row with a constant matrix too large for a near cache: nothing is read twice, so the time is that of reading the weights. They
 * are kept in as few bytes as hold every bit (forms.ts) and are read as several long streams (layout.ts).
 *
 *     for each group of a unit:   for each chunk of the run:   for each stream: 4 columns += 8 steps
 *                                 for each stream: sums of lanes + exceptions -> epilogue -> 4 elements of the result
 *
 * The accumulators, 4 for each stream, lie in memory (the first-level cache): there are too many for registers, and V8 would load all
 * of a block's operands before it multiplies.
 */
import { storageBytes } from "../../../../ir/dtype.ts";
import { epilogueOperands, type MatmulOp, type TensorType } from "../../../../ir/graph.ts";
import { elementCount } from "../../../../ir/tensor.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType, type Operands } from "../../kernel.ts";
import { type FunctionBuilder, increment, type Local, loopRange, madd, type ModuleBuilder } from "../../wasm/index.ts";
import { blockRange, pushOffset } from "../index-space.ts";
import { pushLaneSums } from "../lane-sums.ts";
import { matrixOf } from "../matrix.ts";
import { emitStore, type Epilogue, hoistConstants, makeEpilogue } from "../product/epilogue.ts";
import { halfWeights } from "../product/half-floats.ts";
import { plainAxis, restrideStage } from "../product/restride.ts";
import { chunkColumns, type ChunkReader, type FormKind } from "./forms.ts";
import {
  formOf,
  exceptionBytes,
  exceptionWeightAt,
  streamCount,
  streamedArg,
  type StreamedMatrix,
  type StreamLayout,
  streamLayout,
} from "./layout.ts";

/** Smaller matrices may stay in a near cache from run to run: then reading them is not what takes the time. */
const fewestBytes = 1 << 21;
/** Units that leave room for balance between threads. */
const wantedUnits = 16;
const vectorBytes = 16;
const halfChunkBytes = 16;

interface StreamedProduct {
  readonly form: FormKind;
  readonly layout: StreamLayout;
  /** groups of each stream in a unit */
  readonly unitGroups: number;
  readonly epilogue: Epilogue;
  /** for each extra operand: it has an element for each column */
  readonly extraPerColumn: readonly boolean[];
}

/** The stages of a product that gains by streaming its weights; null for others, those with weights that fit into 16 bits among them. */
export function streamedProduct(op: MatmulOp, operands: Operands): readonly KernelCode[] | null {
  const [a, b] = operands.inputs as readonly [TensorType, TensorType];
  const constant = operands.constants[1];
  // the forms of 16 bits look at all weights: last
  const isOneRow = elementCount(a.shape) === matrixOf(b, op.transposeB).rows;
  if (constant === undefined || !isOneRow || !isLarge(b) || halfWeights(constant, 1) !== null) return null;
  return streamStages(op, operands);
}

/** True for weights that no near cache holds. */
export const isLarge = ({ dtype, shape }: Pick<TensorType, "dtype" | "shape">): boolean =>
  elementCount(shape) * storageBytes(dtype) >= fewestBytes;

/** The stages of a product of one row of f32 with one constant matrix, of any size; null for others. */
export function streamStages(op: MatmulOp, { inputs, outputs, constants }: Operands): readonly KernelCode[] | null {
  const [a, b] = inputs as readonly [TensorType, TensorType];
  const [output] = outputs as readonly [TensorType];
  const constant = constants[1];
  const { rows: steps, columns, rowStride, columnStride } = matrixOf(b, op.transposeB);
  const matrix: StreamedMatrix = { steps, columns, rowStride, columnStride };
  const isMatrix = elementCount(b.shape) === matrix.steps * matrix.columns;
  const isRow = elementCount(a.shape) === matrix.steps && elementCount(output.shape) === matrix.columns;
  if (a.dtype !== "f32" || constant?.dtype !== "f32" || !isMatrix || !isRow || constant.elements.length === 0) return null;
  const form = formOf(constant);
  const layout = streamLayout(matrix, form);
  const extras = inputs.slice(epilogueOperands.matmul);
  const product: StreamedProduct = {
    form: form.kind,
    layout,
    unitGroups: Math.max(1, Math.floor(layout.groups / wantedUnits)),
    epilogue: makeEpilogue(op.epilogue, "f32", extras.map(({ dtype }) => dtype), output.dtype),
    extraPerColumn: extras.map(({ shape }) => (shape.at(-1) ?? 1) > 1),
  };
  const row = rowArg(matrix.steps, layout.steps);
  const sums: KernelArg = { kind: "scratch", id: sumsScratch, byteLength: sumsBytes, isPrivate: true };
  const extraArgs = extras.map((_, i): KernelArg => ({ kind: "input", index: epilogueOperands.matmul + i }));
  const weights = streamedArg(1, constant, matrix, form, layout);
  const args: readonly KernelArg[] = [row.arg, weights, sums, ...extraArgs, { kind: "output", index: 0 }];
  return [...row.stages, {
    key: kernelKey("streams", product.form.name, { ...product, form: null }),
    units: Math.ceil(layout.groups / product.unitGroups),
    args,
    work: 2 * matrix.steps * matrix.columns,
    emit: (module) => emitStreams(module, product, args.length),
  }];
} // prettier-ignore

const sumsScratch = 0;
const rowScratch = 1;
const sumsBytes = streamCount * chunkColumns * vectorBytes;

/** A's row, with zeros up to whole chunks. */
function rowArg(steps: number, whole: number): { readonly arg: KernelArg; readonly stages: readonly KernelCode[] } {
  const input: KernelArg = { kind: "input", index: 0 };
  if (steps === whole) return { arg: input, stages: [] };
  const arg: KernelArg = { kind: "scratch", id: rowScratch, byteLength: whole * 4 };
  const axes = [{ ...plainAxis(whole, 4), valid: steps }];
  return { arg, stages: [restrideStage({ name: "fill_up", from: "f32", to: "f32", start: 0, axes, epilogue: null }, [input, arg])] };
} // prettier-ignore

// ---- emission -----------------------------------------------------------------------------------------------------------------------

interface Context {
  readonly f: FunctionBuilder;
  readonly product: StreamedProduct;
  readonly read: ChunkReader;
  readonly row: Local;
  readonly weights: Local;
  readonly sums: Local;
  /** of the groups that are worked on: their place in the streams, their chunk, result and extra operands of stream 0 */
  readonly group: Local;
  readonly chunk: Local;
  readonly out: Local;
  readonly extras: readonly Local[];
}

function emitStreams(module: ModuleBuilder, product: StreamedProduct, args: number): number {
  return module.function("streams", kernelType(args), (f) => {
    const [row, weights, sums] = f.params as [Local, Local, Local];
    hoistConstants(f, product.epilogue);
    const context: Context = {
      f,
      product,
      read: product.form.reader(f, weights),
      row,
      weights,
      sums,
      group: f.local("i32"),
      chunk: f.local("i32"),
      out: f.local("i32"),
      extras: f.localArray("i32", args - 4),
    };
    const unit = f.local("i32");
    loopRange(f, unit, f.param(args), f.param(args + 1), 1, () => {
      emitUnit(context, unit, args);
    });
  });
}

function emitUnit(context: Context, unit: Local, args: number): void {
  const { f, product, group, chunk, weights } = context;
  const { layout, unitGroups } = product;
  const { from, to } = blockRange(f, unit, unitGroups, layout.groups);
  const set = (cursor: Local, base: Local, offset: number, stride: number): void => {
    f.get(base);
    pushOffset(f, 1, offset);
    pushOffset(f, from, stride);
    f.set(cursor);
  };
  const cursors = [
    { cursor: context.out, base: f.param(args - 1), stride: outStride(product) },
    ...context.extras.map((cursor, i) => ({ cursor, base: f.param(3 + i), stride: extraStride(product, i) })),
  ];
  set(chunk, weights, layout.chunksAt, layout.groupBytes);
  for (const { cursor, base, stride } of cursors) set(cursor, base, 0, stride);
  loopRange(f, group, from, to, 1, () => {
    emitGroups(context);
    for (const { cursor, stride } of cursors) increment(f, cursor, stride);
  });
}

/** Bytes from one group's results to the next one's. */
const outStride = ({ epilogue }: StreamedProduct): number => chunkColumns * storageBytes(epilogue.output);

const extraStride = ({ epilogue, extraPerColumn }: StreamedProduct, index: number): number =>
  extraPerColumn[index] === true ? chunkColumns * storageBytes(epilogue.extras[index] ?? "f32") : 0;

/** One group of every stream: all of the run, then the results. */
function emitGroups(context: Context): void {
  const { f, product, row, chunk, sums } = context;
  const [at, end] = [f.local("i32"), f.local("i32")];
  for (let i = 0; i < streamCount * chunkColumns; i++) {
    f.get(sums);
    f.splatConst("i32x4", 0);
    f.store("v128.store", i * vectorBytes);
  }
  f.get(row);
  f.i32(product.layout.steps * 4);
  f.op("i32.add");
  f.set(end);
  loopRange(f, at, row, end, 2 * halfChunkBytes, () => {
    emitChunks(context, at);
    increment(f, chunk, product.form.chunkBytes);
  });
  f.release(at, end);
  emitResults(context);
}

/** A chunk of every stream, times the row's eight elements at an address. */
function emitChunks({ f, product, read, chunk, sums }: Context, at: Local): void {
  const elements = f.localArray("v128", 2);
  for (const [half, vector] of elements.entries()) {
    f.get(at);
    f.load("v128.load", half * halfChunkBytes);
    f.set(vector);
  }
  const accs = f.localArray("v128", chunkColumns);
  for (let stream = 0; stream < streamCount; stream++) {
    const sumAt = (column: number): number => (stream * chunkColumns + column) * vectorBytes;
    for (const [column, acc] of accs.entries()) {
      f.get(sums);
      f.load("v128.load", sumAt(column));
      f.set(acc);
    }
    read(f, chunk, stream * product.layout.streamBytes, (half, column) => {
      f.get(elements[half] as Local);
      madd(f, "f32x4", accs[column] as Local);
    });
    for (const [column, acc] of accs.entries()) {
      f.get(sums);
      f.get(acc);
      f.store("v128.store", sumAt(column));
    }
  }
  f.release(...elements, ...accs);
}

/** The results of one group of every stream; what is left of the last groups may be narrower than four columns, or nothing. */
function emitResults(context: Context): void {
  const { f, product, group, out, extras, sums } = context;
  const { columns, groups } = product.layout;
  const full = Math.floor(columns / chunkColumns);
  const number = f.local("i32");
  const moving = [
    { from: sums, to: f.local("i32"), bytes: chunkColumns * vectorBytes },
    { from: out, to: f.local("i32"), bytes: groups * outStride(product) },
    ...extras.map((from, i) => ({ from, to: f.local("i32"), bytes: groups * extraStride(product, i) })),
  ];
  for (const { from, to } of [{ from: group, to: number }, ...moving]) {
    f.get(from);
    f.set(to);
  }
  const [at, result, ...others] = moving.map(({ to }) => to) as [Local, Local, ...Local[]];
  const site: ResultSite = { number, sums: at, out: result, extras: others };
  const stream = f.local("i32");
  loopRange(f, stream, 0, streamCount, 1, () => {
    const when = (op: "i32.lt_u" | "i32.eq", count: number): void => {
      f.get(number);
      f.i32(full);
      f.op(op);
      f.if(() => {
        storeColumns(context, site, count);
      });
    };
    if (full > 0) when("i32.lt_u", chunkColumns);
    if (columns % chunkColumns > 0) when("i32.eq", columns % chunkColumns);
    increment(f, number, groups);
    for (const { to, bytes } of moving) increment(f, to, bytes);
  });
  f.release(number, stream, ...moving.map(({ to }) => to));
}

/** A group's number in the matrix, its sums, and where its result and extra operands lie. */
interface ResultSite {
  readonly number: Local;
  readonly sums: Local;
  readonly out: Local;
  readonly extras: readonly Local[];
}

function storeColumns(context: Context, site: ResultSite, columns: number): void {
  const { f, product } = context;
  const result = f.local("v128");
  pushSums(f, site.sums);
  f.set(result);
  if (product.form.hasExceptions) addExceptions(context, site.number, result);
  const perColumn = (index: number): boolean => product.extraPerColumn[index] === true;
  emitStore(f, product.epilogue, 4, result, columns, {
    pointer: site.out,
    offset: 0,
    extras: site.extras.map((pointer, i) => ({ pointer, offset: 0, perColumn: perColumn(i) })),
  });
  f.release(result);
}

/** Pushes the sums of the lanes of four accumulators in memory, one in each lane. */
function pushSums(f: FunctionBuilder, sums: Local): void {
  const four = f.localArray("v128", chunkColumns) as [Local, Local, Local, Local];
  for (const [column, local] of four.entries()) {
    f.get(sums);
    f.load("v128.load", column * vectorBytes);
    f.set(local);
  }
  pushLaneSums(f, four);
  f.release(...four);
}

/** result[column] += element of A * weight, for all exceptions of a group. */
function addExceptions({ f, product, row, weights }: Context, number: Local, result: Local): void {
  const { layout } = product;
  const [at, end, word] = f.localArray("i32", 3) as [Local, Local, Local];
  for (const [i, bound] of [at, end].entries()) {
    f.get(weights);
    f.get(weights);
    pushOffset(f, number, 4);
    f.load("i32.load", layout.indexAt + i * 4);
    f.op("i32.add");
    f.set(bound);
  }
  loopRange(f, at, at, end, exceptionBytes, () => {
    f.get(at);
    f.load("i32.load");
    f.set(word);
    f.get(row);
    f.get(word);
    f.i32(2);
    f.op("i32.shr_u");
    f.op("i32.add");
    f.load("f32.load");
    f.get(at);
    f.load("f32.load", exceptionWeightAt);
    f.op("f32.mul");
    f.op("f32x4.splat");
    pushLaneMask(f, word);
    f.op("v128.and");
    f.get(result);
    f.op("f32x4.add");
    f.set(result);
  });
  f.release(at, end, word);
}

const laneNumbers = Uint8Array.from({ length: 16 }, (_, byte) => (byte % 4 === 0 ? byte / 4 : 0));

/** All ones in the lane that the lowest two bits of a word name. */
function pushLaneMask(f: FunctionBuilder, word: Local): void {
  f.v128(laneNumbers);
  f.get(word);
  f.i32(chunkColumns - 1);
  f.op("i32.and");
  f.op("i32x4.splat");
  f.op("i32x4.eq");
}
