/**
 * Matrix products over open dims, f32, in two ways:
 *
 *     constant B    products of kernels/product of fixed heights, as many as there are rows for (row-pieces.ts). B is packed once, in the layout that
 *                   all of them read.
 *     else          tiles of 4 rows and 8 columns over operands where they lie; the last rows and columns are done with those before them
 *                   once more where there are as many, else one by one. A transposed B is made row-major first.
 */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { countOf, type Dim, mulDims, sameDims } from "../../../ir/dim.ts";
import { epilogueOperands, type MatmulOp, type TensorType, tensorType } from "../../../ir/graph.ts";
import { modelChoice } from "../choice.ts";
import { scheduleOf } from "../kernels/matmul.ts";
import { matrixOf } from "../kernels/matrix.ts";
import { arithFor } from "../kernels/product/arith.ts";
import { makeEpilogue } from "../kernels/product/epilogue.ts";
import { matrixBytes, packedArg, type PackPlan } from "../kernels/product/pack.ts";
import { noStrides, panelsOf, type Product, type ProductAxis, type Strides } from "../kernels/product/product.ts";
import { type OpenKernelArg, type OpenKernelCode, type OpenOperand, type OpenOperands, SizeParams } from "./kernel.ts";
import { emitOpenTiles, type TilesPlan } from "./product-tiles.ts";
import { transposeStage } from "./movement.ts";
import { rowPiecesStage } from "./row-pieces.ts";
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

/** Rows that tiles are chosen for. */
const scheduledRows = 48;

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
  const witness = { size: scheduledRows, strides: [inner, 0, b.columns, ...rowStrides.extras] };
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
    outer: [],
    y: axisOf(height, rowStrides),
    x: axisOf(1, noStrides(extras.length)),
    columns: b.columns,
    extraPerColumn: perColumn,
    levels: [],
    run: inner,
    aStep: 4,
    b: { kind: "packed", apart: false },
    epilogue,
    schedule: { ...schedule, block: { ...schedule.block, y: height } },
  });
  const args: readonly OpenKernelArg[] = [
    { kind: "input", index: 0 },
    packed,
    ...extras.map((_, i): OpenKernelArg => ({ kind: "input", index: epilogueOperands.matmul + i })),
    { kind: "output", index: 0 },
  ];
  const { a: aRow, extras: extraRows, out: outRow } = rowStrides;
  return [rowPiecesStage(product, schedule.tile.rows, rows, args, [aRow, 0, ...extraRows, outRow])];
}

const axisOf = (size: number, strides: Strides): ProductAxis => ({ size, strides });

/** Bytes from row to row of an extra operand: it lies as the result does, or is the same for all rows. */
function extraStride(extra: OpenOperand, result: OpenOperand): number {
  const strides = openBroadcastStrides(extra, result.dims);
  const columns = nth(result.dims, result.dims.length - 1);
  if (strides.slice(0, -1).every((stride) => stride === 0)) return 0;
  if (sameDims(extra.dims, result.dims) && typeof columns === "number") return columns * 4;
  throw new NotOpen("an epilogue operand that is broadcast along some of the rows");
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
