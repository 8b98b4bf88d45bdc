/** Matrix products: any rank, broadcast batches, transposed operands, constant B packed while compiling. */
import { storageBytes } from "../../../ir/dtype.ts";
import { epilogueOperands, type MatmulOp, type TensorType } from "../../../ir/graph.ts";
import { elementCount, type TensorData } from "../../../ir/tensor.ts";
import { type Choose, joinedIf, modelChoice } from "../choice.ts";
import type { KernelArg, KernelCode, KernelEmitter, Operands } from "../kernel.ts";
import { type Arith, arithFor } from "./product/arith.ts";
import { type Epilogue, isJoinable, makeEpilogue } from "./product/epilogue.ts";
import { givesSmall } from "./product/requantized.ts";
import { type Axis, broadcastStrides, mergeAxes } from "./index-space.ts";
import { type Matrix, matrixOf } from "./matrix.ts";
import { halfPanels, halfWeights, type HalfWeights } from "./product/half-floats.ts";
import { matrixBytes, packedArg, type PackPlan } from "./product/pack.ts";
import { packStage } from "./product/pack-stage.ts";
import { noStrides, panelsOf, type PanelSource, type Product, type ProductAxis } from "./product/product.ts";
import { productStage } from "./product/product-emit.ts";
import { widenedArgs } from "./product/widened-panels.ts";
import { plainAxis, restrideStage } from "./product/restride.ts";
import { chooseSchedule } from "./product/schedule.ts";
import { streamedProduct } from "./streams/streams.ts";

/** An operand as the product reads it. */
interface Prepared {
  readonly arg: KernelArg;
  readonly stages: readonly KernelCode[];
}
interface PreparedA extends Prepared {
  readonly matrix: Matrix;
}
interface PreparedB extends Prepared {
  readonly source: PanelSource;
  /** bytes from one matrix of the batch to the next */
  readonly matrixStride: number;
}

const aScratch = 0;
const bScratch = 1;

export const emitMatmul: KernelEmitter<MatmulOp> = (op, operands, choose) =>
  streamedProduct(op, operands) ?? tiledProduct(op, operands, choose);

const tiledProduct: KernelEmitter<MatmulOp> = (op, operands, choose = modelChoice) => {
  const [aType, bType] = operands.inputs as readonly [TensorType, TensorType];
  const isReread = elementCount(aType.shape.slice(0, -1)) >= fewRows;
  const full = arithFor(aType.dtype, bType.dtype, true, isReread);
  const a = prepareA(matrixOf(aType, op.transposeA), full);
  const b = matrixOf(bType, op.transposeB);
  const extras = operands.inputs.slice(epilogueOperands.matmul);
  const output = operands.outputs[0] as TensorType;
  const isSmall = full.acc === "i32" && givesSmall(op.epilogue, operands, epilogueOperands.matmul, a.matrix.columns);
  const epilogue = makeEpilogue(op.epilogue, full.acc, extras.map((type) => type.dtype), output.dtype, isSmall);
  const axes = rowAxes(a.matrix, b, extras, output);
  const { arith, constant } = storedB(axes, full, operands);
  const schedule = scheduleOf(axes, b, extras, arith, joinedIf(isJoinable(epilogue), choose));
  const panels = halfPanels(constant, arith, axes.at(-1)?.size ?? 1);
  const preparedB =
    panels === null
      ? prepareB(b, arith, schedule.tile.vectors, axes, constant, choose)
      : halfB(b, schedule.tile.vectors, panels);
  const product: Product = {
    name: `matmul_${a.matrix.rows}x${a.matrix.columns}x${b.columns}`,
    arith,
    start: noStrides(extras.length),
    ...placeAxes(axes, arith, preparedB, epilogue),
    columns: b.columns,
    extraPerColumn: extras.map((type) => (type.shape.at(-1) ?? 1) > 1),
    levels: [],
    run: Math.ceil(a.matrix.columns / arith.kStep),
    aStep: a.matrix.columnStride * arith.kStep * storageBytes(arith.a),
    b: preparedB.source,
    epilogue,
    schedule,
  };
  const extraArgs = extras.map((_, i): KernelArg => ({ kind: "input", index: epilogueOperands.matmul + i }));
  const args = [a.arg, preparedB.arg, ...extraArgs, { kind: "output", index: 0 } as const];
  return [...a.stages, ...preparedB.stages, productStage(product, [...args, ...widenedArgs(product, bScratch)])];
}; // prettier-ignore

/** Batch dims and rows with strides of [A, B (in matrices), out, extras…] in elements, merged; the last one is the product's y. */
export function rowAxes(a: Matrix, b: Matrix, extras: readonly TensorType[], output: TensorType): readonly Axis[] {
  const { shape } = output;
  const batch = shape.slice(0, -2);
  const matrix = a.rows * a.columns;
  const aStrides = [...broadcastStrides(a.batch, batch).map((stride) => stride * matrix), a.rowStride];
  const bStrides = [...broadcastStrides(b.batch, batch), 0];
  const others = [shape, ...extras.map((type) => type.shape)].map((other) => broadcastStrides(other, shape));
  const all = [aStrides, bStrides, ...others];
  const axes = shape.slice(0, -1).map((size, i) => ({ size, strides: all.map((strides) => strides[i] ?? 0) }));
  const merged = mergeAxes(axes);
  const isRows = merged.at(-1)?.strides[1] === 0;
  return isRows ? merged : [...merged, { size: 1, strides: all.map(() => 0) }];
}

/** Tile and blocks for a product with the given axes of rows. */
export function scheduleOf(
  axes: readonly Axis[],
  b: Matrix,
  extras: readonly TensorType[],
  arith: Arith,
  choose: Choose,
): Product["schedule"] {
  const outer = axes.slice(0, -1).reduce((count, axis) => count * axis.size, 1);
  const y = axes.at(-1)?.size ?? 1;
  const steps = Math.ceil(b.rows / arith.kStep);
  const rows = outer * y;
  const resultTensors = 1 + extras.filter(({ shape }) => elementCount(shape) >= rows * b.columns).length;
  const size = { outer, y, x: 1, columns: b.columns, steps, canBlockRun: true, resultTensors };
  return chooseSchedule(size, arith, choose);
}

/** The axes of a product. */
export function placeAxes(
  axes: readonly Axis[],
  arith: Arith,
  b: Pick<PreparedB, "matrixStride">,
  epilogue: Epilogue,
): Pick<Product, "outer" | "y" | "x"> {
  const place = ({ size, strides }: Axis): ProductAxis => ({
    size,
    strides: {
      a: (strides[0] ?? 0) * storageBytes(arith.a),
      b: (strides[1] ?? 0) * b.matrixStride,
      out: (strides[2] ?? 0) * storageBytes(epilogue.output),
      extras: epilogue.extras.map((dtype, i) => (strides[3 + i] ?? 0) * storageBytes(dtype)),
    },
  });
  const y = axes.at(-1) as Axis;
  const x = { size: 1, strides: y.strides.map(() => 0) };
  return { outer: axes.slice(0, -1).map(place), y: place(y), x: place(x) };
}

/** A as it is, or converted to the arithmetic's element type with its rows contiguous. */
function prepareA(matrix: Matrix, arith: Arith): PreparedA {
  const { type, rows, columns } = matrix;
  const isPaired = arith.kStep > 1;
  const hasPairs = matrix.columnStride === 1 && columns % arith.kStep === 0;
  if (type.dtype === arith.a && (!isPaired || hasPairs)) {
    return { matrix, arg: { kind: "input", index: 0 }, stages: [] };
  }
  const bytes = storageBytes(type.dtype);
  const arg: KernelArg = {
    kind: "scratch",
    id: aScratch,
    byteLength: elementCount(type.shape) * storageBytes(arith.a) + arith.kStep * storageBytes(arith.a),
  };
  const axes = [
    plainAxis(elementCount(matrix.batch), rows * columns * bytes),
    plainAxis(rows, matrix.rowStride * bytes),
    plainAxis(columns, matrix.columnStride * bytes),
  ];
  const spec = { name: "widen", from: type.dtype, to: arith.a, start: 0, axes, epilogue: null };
  const stage = restrideStage(spec, [{ kind: "input", index: 0 }, arg]);
  const shape = [...matrix.batch, rows, columns];
  const dense = matrixOf({ kind: "tensor", dtype: arith.a, shape }, false);
  return { matrix: dense, arg, stages: [stage] };
}

/** Below this many rows a product reads B too seldom to repay packing it. */
const fewRows = 8;
/** Rows of B beyond this length are packed: one column panel of a long matrix touches too many pages. */
const longRow = 1024;
/** Up to this many rows a product waits for B to come from memory, which several streams bring in faster than one. */
export const streamedRows = 24;

/** Vectors of B in each half: with the accumulators and an element of A they fill the registers. */
const mostHalvedVectors = 4;
/** A shorter run is in the cache, or over before the second stream has begun. */
const fewestHalvedSteps = 64;
const canHalve = (steps: number): boolean => steps % 2 === 0 && steps >= fewestHalvedSteps;

/** B's constant elements as they are stored, in 16 bits if that loses nothing and the product is to stream them. */
function storedB(axes: readonly Axis[], arith: Arith, { constants: [, constant] }: Operands): StoredB {
  const rows = axes.at(-1)?.size ?? 1;
  const half = constant !== undefined && arith.name === "f32" ? halfWeights(constant, rows) : null;
  return half ?? { arith, constant };
}

interface StoredB {
  readonly arith: Arith;
  readonly constant: TensorData | undefined;
}

function prepareB(
  b: Matrix,
  arith: Arith,
  vectors: number,
  axes: readonly Axis[],
  constant: TensorData | undefined,
  choose: Choose,
): PreparedB {
  const rows = axes.at(-1)?.size ?? 1;
  const canBeHalved = rows === 1 && vectors <= mostHalvedVectors && canHalve(b.rows / arith.kStep);
  const source = choose({
    aspect: "B",
    candidates: constant === undefined ? variableSources(b, arith, rows) : constantSources(rows, canBeHalved),
    words: sourceWords,
  });
  const apart = source.kind === "packed" && source.apart;
  const plan = packPlanOf(b, arith, apart ? 1 : vectors);
  if (constant !== undefined) {
    return {
      arg: packedArg(1, constant, plan),
      stages: [],
      source,
      matrixStride: matrixBytes(plan),
    };
  }
  if (source.kind === "direct") {
    const matrixStride = b.rows * b.columns * storageBytes(b.type.dtype);
    return { arg: { kind: "input", index: 1 }, stages: [], source, matrixStride };
  }
  const stage = packStage(plan, b.type.dtype, { kind: "input", index: 1 }, bScratch);
  return {
    arg: stage.scratch,
    stages: [stage.code],
    source,
    matrixStride: matrixBytes(plan),
  };
}

/** A constant B in 16 bits, whose panels are widened. */
function halfB(b: Matrix, vectors: number, { arith, constant }: HalfWeights): PreparedB {
  const plan = packPlanOf(b, arith, vectors);
  const source = { kind: "halves", form: arith.name } as const;
  return { arg: packedArg(1, constant, plan), stages: [], source, matrixStride: matrixBytes(plan) };
}

const packPlanOf = (b: Matrix, arith: Arith, vectors: number): PackPlan => ({
  arith,
  panels: panelsOf(b.columns, vectors, arith.lanes),
  source: {
    matrices: [{ size: elementCount(b.batch), stride: b.rows * b.columns }],
    levels: [],
    run: [{ size: b.rows, stride: b.rowStride }],
    columnStride: b.columnStride,
  },
});

/** Ways to read a constant B: panels step by step, or each vector's run (or half of it) as a stream of its own. */
function constantSources(rows: number, canBeHalved: boolean): readonly PanelSource[] {
  const [together, apart, halves] = [
    { kind: "packed", apart: false, halves: false },
    { kind: "packed", apart: true, halves: false },
    { kind: "packed", apart: true, halves: true },
  ] as const;
  if (rows > streamedRows) return [together, apart];
  return canBeHalved ? [halves, apart, together] : [apart, together];
}

/** Ways to read a variable B: packed first, or as it is. */
function variableSources(b: Matrix, arith: Arith, rows: number): readonly PanelSource[] {
  const packed: PanelSource = { kind: "packed", apart: false };
  if (!canReadDirectly(b, arith)) return [packed];
  const direct: PanelSource = { kind: "direct", rowStride: b.rowStride * storageBytes(b.type.dtype) };
  return rows < fewRows || b.columns <= longRow ? [direct, packed] : [packed, direct];
}

function sourceWords(source: PanelSource): string {
  if (source.kind === "direct") return "as it is";
  if (source.kind === "strips") return "few bits";
  if (source.kind === "halves") return "16 bits";
  if (source.kind === "bytes") return "bytes";
  if (!source.apart) return "packed";
  return source.halves === true ? "packed, two streams for each vector" : "packed, a stream for each vector";
}

const canReadDirectly = (b: Matrix, arith: Arith): boolean =>
  b.type.dtype === arith.b && arith.kStep === 1 && b.columnStride === 1 && b.columns % arith.lanes === 0;
