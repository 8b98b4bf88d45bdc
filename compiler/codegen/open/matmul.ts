/**
 * Matrix products over open dims, f32, in two ways:
 *
 *     constant B    the product of kernels/product with all rows as the outermost axis, whose extent no code depends on. Rows are done in
 *                   blocks, what is left in tiles, and what is left of those one by one: three stages of fixed height, of which a shape
 *                   runs those that it needs. B is packed once, in the layout that all three read.
 *     else          tiles of 4 rows and 8 columns over operands where they lie; the last rows and columns are done with those before them
 *                   once more where there are as many, else one by one. A transposed B is made row-major first.
 */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { countOf, type Dim, floorDiv, mulDims, subDims } from "../../../ir/dim.ts";
import { epilogueOperands, type MatmulOp, type TensorType, tensorType } from "../../../ir/graph.ts";
import { modelChoice } from "../choice.ts";
import { scheduleOf } from "../kernels/matmul.ts";
import { matrixOf } from "../kernels/matrix.ts";
import { arithFor } from "../kernels/product/arith.ts";
import { makeEpilogue } from "../kernels/product/epilogue.ts";
import { matrixBytes, packedArg, type PackPlan } from "../kernels/product/pack.ts";
import {
  noStrides,
  panelsOf,
  type Product,
  type ProductAxis,
  type Schedule,
  type Strides,
} from "../kernels/product/product.ts";
import { productStage } from "../kernels/product/product-emit.ts";
import { type OpenKernelArg, type OpenKernelCode, type OpenOperand, type OpenOperands, SizeParams } from "./kernel.ts";
import { emitOpenTiles, type TilesPlan } from "./product-tiles.ts";
import { transposeStage } from "./movement.ts";
import { openBroadcastStrides } from "./rows.ts";

type OpenMatmul = Omit<MatmulOp, "inputs" | "outputs" | "origin">;

const output: OpenKernelArg = { kind: "output", index: 0 };

export function emitOpenMatmul(op: OpenMatmul, operands: OpenOperands): readonly OpenKernelCode[] {
  if (op.transposeA) throw new NotOpen("a product with a transposed first operand");
  const [a, b] = [nth(operands.inputs, 0), nth(operands.inputs, 1)];
  const constant = operands.constants[1];
  const inner = nth(a.dims, a.dims.length - 1);
  if (constant !== undefined && b.dims.length === 2 && typeof inner === "number") {
    return constantProduct(op, operands, tensorType(b.dtype, constant.shape), inner);
  }
  if (op.epilogue !== null) throw new NotOpen("an epilogue of a product of two computed operands");
  return variableProduct(op, operands);
}

// ---- constant B -----------------------------------------------------------------------------------------------------------------------

/** Rows in a block: enough that a panel of B is read seldom. */
const blockRows = 48;

/** A product of all rows of the first operand, of `inner` elements each, with a constant matrix; images have pixels for rows. */
export function constantProduct(
  op: OpenMatmul,
  operands: OpenOperands,
  bType: TensorType,
  inner: number,
): readonly OpenKernelCode[] {
  const { inputs, constants, output: result } = operands;
  const extras = inputs.slice(epilogueOperands.matmul);
  const b = matrixOf(bType, op.transposeB);
  const arith = arithFor("f32", "f32", true, true);
  const epilogue = makeEpilogue(
    op.epilogue,
    "f32",
    extras.map(({ dtype }) => dtype),
    result.dtype,
  );
  const perColumn = extras.map((extra) => (extra.dims.at(-1) ?? 1) !== 1);
  const rows = countOf(nth(inputs, 0).dims.slice(0, -1));
  const rowStrides: Strides = {
    a: inner * 4,
    b: 0,
    out: b.columns * 4,
    extras: extras.map((extra) => extraStride(extra, result)),
  };
  const witness = { size: blockRows, strides: [inner, 0, b.columns, ...rowStrides.extras] };
  const schedule = scheduleOf([witness], b, [], arith, modelChoice);
  const plan: PackPlan = {
    arith,
    panels: panelsOf(b.columns, schedule.tile.vectors, arith.lanes),
    source: {
      matrices: [{ size: 1, stride: b.rows * b.columns }],
      levels: [],
      run: [{ size: b.rows, stride: b.rowStride }],
      columnStride: b.columnStride,
    },
  };
  if (matrixBytes(plan) === 0) throw new NotOpen("a product with nothing");
  const packed = packedArg(1, defined(constants[1]), plan);
  const product = (height: number): Product => ({
    name: `matmul_${inner}x${b.columns}`,
    arith,
    start: noStrides(extras.length),
    outer: [axisOf(anyRounds, rowStrides, height)],
    y: axisOf(height, rowStrides, 1),
    x: axisOf(1, rowStrides, 0),
    columns: b.columns,
    extraPerColumn: perColumn,
    levels: [],
    run: inner,
    aStep: 4,
    b: { kind: "packed", apart: false },
    epilogue,
    schedule: heightened(schedule, height),
  });
  const stages: OpenKernelCode[] = [];
  let done: Dim = 0;
  for (const height of [blockRows, schedule.tile.rows, 1]) {
    const blocks = floorDiv(subDims(rows, done), height);
    const at = (stride: number): Dim => mulDims(done, stride);
    const args: readonly OpenKernelArg[] = [
      { kind: "input", index: 0, at: at(rowStrides.a) },
      packed,
      ...extras.map((_, i): OpenKernelArg => ({
        kind: "input",
        index: epilogueOperands.matmul + i,
        at: at(nth(rowStrides.extras, i)),
      })),
      { kind: "output", index: 0, at: at(rowStrides.out) },
    ];
    stages.push(repeated(product(height), args, blocks));
    done = mulDims(floorDiv(rows, height), height);
  }
  return stages;
}

/** One step along an axis of rows, `factor` rows at a time. */
function axisOf(size: number, strides: Strides, factor: number): ProductAxis {
  const times = (stride: number): number => stride * factor;
  const { a, b, out, extras } = strides;
  return { size, strides: { a: times(a), b: times(b), out: times(out), extras: extras.map(times) } };
}

/** Bytes from row to row of an extra operand: it lies as the result does, or is the same for all rows. */
function extraStride(extra: OpenOperand, result: OpenOperand): number {
  const strides = openBroadcastStrides(extra, result.dims);
  const columns = nth(result.dims, result.dims.length - 1);
  if (strides.slice(0, -1).every((stride) => stride === 0)) return 0;
  const isDense =
    extra.dims.length === result.dims.length && extra.dims.every((dim, axis) => result.dims[axis] === dim || dim !== 1);
  if (isDense && typeof columns === "number" && strides.every((stride) => stride !== 0)) return columns * 4;
  throw new NotOpen("an epilogue operand that is broadcast along some of the rows");
}

const heightened = (schedule: Schedule, height: number): Schedule => ({
  ...schedule,
  block: { ...schedule.block, y: Math.max(height, schedule.block.y) },
});

/** The extent of the outermost axis while code is emitted: more than one, so that there is a loop. */
const anyRounds = 2;

/** A product of `anyRounds` outermost rounds, as the stage of `rounds` of them: how many there are, no code depends on. */
function repeated(product: Product, args: readonly OpenKernelArg[], rounds: Dim): OpenKernelCode {
  // the stage takes its arguments' number only; addresses are ours
  const placeholders = args.map((arg) => (arg.kind === "packed" ? arg : ({ kind: "input", index: 0 } as const)));
  const { key, units, work, emit } = productStage(product, placeholders);
  return {
    key,
    units: mulDims(units / anyRounds, rounds),
    args,
    sizes: [],
    work: mulDims(work / anyRounds, rounds),
    emit,
  };
}

// ---- computed B -----------------------------------------------------------------------------------------------------------------------

function variableProduct(op: OpenMatmul, { inputs, output: result }: OpenOperands): readonly OpenKernelCode[] {
  const [a, b] = [nth(inputs, 0), nth(inputs, 1)];
  const rank = b.dims.length;
  const swapped = [...b.dims.keys()].map((axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  const direct: OpenOperand = op.transposeB ? { dtype: b.dtype, dims: swapped.map((axis) => nth(b.dims, axis)) } : b;
  const scratch: OpenKernelArg = { kind: "scratch", id: 0, bytes: mulDims(countOf(b.dims), 4) };
  const source: OpenKernelArg = op.transposeB ? scratch : { kind: "input", index: 1 };
  const stages = op.transposeB ? [transposeStage(b, swapped, { kind: "input", index: 1 }, scratch)] : [];
  return [...stages, tilesStage(a, direct, result, [{ kind: "input", index: 0 }, source, output])];
}

function tilesStage(
  a: OpenOperand,
  b: OpenOperand,
  result: OpenOperand,
  args: readonly OpenKernelArg[],
): OpenKernelCode {
  const batch = result.dims.slice(0, -2);
  const [rows, inner] = a.dims.slice(-2) as [Dim, Dim];
  const columns = nth(b.dims, b.dims.length - 1);
  const matrices = (operand: OpenOperand): readonly Dim[] => {
    const own = openBroadcastStrides({ ...operand, dims: operand.dims.slice(0, -2) }, batch);
    const bytes = mulDims(countOf(operand.dims.slice(-2)), 4);
    return own.map((stride) => mulDims(stride, bytes));
  };
  const strides = [a, b, result].map(matrices);
  const axes = batch.map((size, axis) => ({ size, strides: strides.map((own) => nth(own, axis)) }));
  const params = new SizeParams();
  const plan: TilesPlan = {
    rows: params.of(rows),
    inner: params.of(inner),
    columns: params.of(columns),
    aRow: params.of(mulDims(inner, 4)),
    bRow: params.of(mulDims(columns, 4)),
  };
  return emitOpenTiles(plan, axes, rows, params, args, mulDims(2, countOf(result.dims), inner));
}
