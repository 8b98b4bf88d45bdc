/** Type rules of products and windows: matmul, conv, convTranspose, pool. */
import { type DType, dtypeInfo } from "../dtype.ts";
import {
  type ConvLayout,
  type ConvOp,
  type ConvTransposeOp,
  epilogueOperands,
  type MatmulOp,
  type PoolOp,
  type QuantizedMatmulOp,
  type TensorType,
  tensorType,
} from "../graph.ts";
import { showType } from "../types.ts";
import { inferEpilogue } from "./elementwise.ts";
import {
  attributeError,
  dtypeError,
  expectBroadcast,
  expectDomain,
  expectOperands,
  expectPerAxis,
  inDomain,
  shapeError,
  type Site,
  tensorAt,
} from "./site.ts";

const narrowIntegers: ReadonlySet<DType> = new Set(["i8", "u8", "i16", "u16"]);

/** What products of x and w are summed in: i32 for narrow integers of any signedness, else the common dtype. */
function accumulatorDType(site: Site, x: TensorType, w: TensorType): DType {
  if (narrowIntegers.has(x.dtype) && narrowIntegers.has(w.dtype)) return "i32";
  if (x.dtype === w.dtype && inDomain(x.dtype, "number")) return x.dtype;
  throw dtypeError(site, `cannot multiply ${showType(x)} by ${showType(w)}`);
}

/** [rows, columns] of the last two dims, after the transposition that the op asks for. */
function matrixOf(site: Site, type: TensorType, transposed: boolean): readonly [number, number] {
  const [rows, columns] = type.shape.slice(-2);
  if (rows === undefined || columns === undefined) throw shapeError(site, `${showType(type)} is no matrix`);
  return transposed ? [columns, rows] : [rows, columns];
}

type Spec<O> = Omit<O, "outputs" | "origin">;

export function inferMatmul(site: Site, op: Spec<MatmulOp>): readonly TensorType[] {
  const a = tensorAt(site, 0);
  const b = tensorAt(site, 1);
  const dtype = accumulatorDType(site, a, b);
  const [rows, inner] = matrixOf(site, a, op.transposeA);
  const [innerB, columns] = matrixOf(site, b, op.transposeB);
  if (inner !== innerB) {
    throw shapeError(site, `cannot multiply ${showMatrix(a, op.transposeA)} by ${showMatrix(b, op.transposeB)}: ${inner} columns meet ${innerB} rows`); // prettier-ignore
  }
  const batch = expectBroadcast(site, [a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  return inferEpilogue(site, op, epilogueOperands.matmul, tensorType(dtype, [...batch, rows, columns]));
}

const showMatrix = (type: TensorType, transposed: boolean): string =>
  showType(type) + (transposed ? " (transposed)" : "");

/** Integers that take no more than a byte. */
const isFewBits = (dtype: DType): boolean => {
  const { class: cls, bits } = dtypeInfo(dtype);
  return bits <= 8 && (cls === "signed" || cls === "unsigned");
};

export function inferQuantizedMatmul(site: Site, op: Spec<QuantizedMatmulOp>): readonly TensorType[] {
  const [a, weights] = [tensorAt(site, 0), tensorAt(site, 1)];
  const [rows, inner] = matrixOf(site, a, false);
  const [columns, innerB] = weights.shape;
  if (a.dtype !== "f32" || !isFewBits(weights.dtype)) {
    throw dtypeError(site, `cannot multiply ${showType(a)} by weights ${showType(weights)}`);
  }
  if (columns === undefined || innerB !== inner || weights.shape.length !== 2) {
    throw shapeError(site, `cannot multiply ${showType(a)} by weights ${showType(weights)}, which must be [columns, ${inner}]`); // prettier-ignore
  }
  if (!Number.isSafeInteger(op.blockSize) || op.blockSize < 1) {
    throw attributeError(site, `blockSize must be at least 1, is ${op.blockSize}`);
  }
  const parameters = [columns, Math.ceil(inner / op.blockSize)] as const;
  expectParameters(site, 2, "scales", parameters);
  expectParameters(site, 3, "zero points", parameters);
  const shape = [...a.shape.slice(0, -2), rows, columns];
  return inferEpilogue(site, op, epilogueOperands.quantizedMatmul, tensorType("f32", shape));
}

/** Scales or zero points: a matrix of f32 that broadcasts to one for each column and block. */
function expectParameters(site: Site, index: number, role: string, shape: readonly [number, number]): void {
  const type = tensorAt(site, index);
  if (type.dtype !== "f32") throw dtypeError(site, `${role} are ${showType(type)}, must be f32`);
  const fits = type.shape.length === 2 && type.shape.every((dim, axis) => dim === 1 || dim === shape[axis]);
  if (!fits) throw shapeError(site, `${role} ${showType(type)} must be [${shape.join(",")}], a dim may be 1`);
}

interface Image {
  readonly batch: number;
  readonly channels: number;
  readonly spatial: readonly number[];
}

/** The parts of [N, C, spatial…] or [N, spatial…, C]. */
function imageOf(site: Site, type: TensorType, layout: ConvLayout): Image {
  const { shape } = type;
  const [batch, second] = shape;
  const last = shape.at(-1);
  if (batch === undefined || second === undefined || last === undefined || shape.length < 3) {
    throw shapeError(site, `input ${showType(type)} needs batch, channels and at least one spatial dim`);
  }
  return layout === "nchw"
    ? { batch, channels: second, spatial: shape.slice(2) }
    : { batch, channels: last, spatial: shape.slice(1, -1) };
}

const imageShape = ({ batch, channels, spatial }: Image, layout: ConvLayout): readonly number[] =>
  layout === "nchw" ? [batch, channels, ...spatial] : [batch, ...spatial, channels];

interface WindowAttributes {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
}

function checkWindow(site: Site, op: WindowAttributes, rank: number): void {
  expectPerAxis(site, "strides", op.strides, rank, 1);
  expectPerAxis(site, "dilations", op.dilations, rank, 1);
  expectPerAxis(site, "padsBegin", op.padsBegin, rank, -Infinity);
  expectPerAxis(site, "padsEnd", op.padsEnd, rank, -Infinity);
}

function checkGroups(site: Site, groups: number, channels: number, what: string): void {
  if (!Number.isInteger(groups) || groups < 1) throw attributeError(site, `groups must be at least 1, is ${groups}`);
  if (channels % groups !== 0)
    throw shapeError(site, `${channels} ${what} channels cannot be cut into ${groups} groups`);
}

/** Elements from the first to the last tap of a window. */
const windowExtent = (taps: number, dilation: number): number => (taps - 1) * dilation + 1;

const at = (list: readonly number[], axis: number): number => list[axis] ?? 0;

function checkWeights(site: Site, x: TensorType, w: TensorType, kernel: readonly number[]): void {
  if (w.shape.length !== x.shape.length) {
    throw shapeError(site, `weights ${showType(w)} do not have the rank of the input ${showType(x)}`);
  }
  if (kernel.some((taps) => taps < 1)) throw shapeError(site, `weights ${showType(w)} have an empty kernel`);
}

export function inferConv(site: Site, op: Spec<ConvOp>): readonly TensorType[] {
  const x = tensorAt(site, 0);
  const w = tensorAt(site, 1);
  const dtype = accumulatorDType(site, x, w);
  const image = imageOf(site, x, op.layout);
  const nchw = op.layout === "nchw";
  const kernel = nchw ? w.shape.slice(2) : w.shape.slice(0, -2);
  checkWeights(site, x, w, kernel);
  checkWindow(site, op, image.spatial.length);
  const filters = at(w.shape, nchw ? 0 : w.shape.length - 1);
  checkGroups(site, op.groups, filters, "output");
  const perGroup = at(w.shape, nchw ? 1 : w.shape.length - 2);
  if (perGroup * op.groups !== image.channels) {
    throw shapeError(site, `input ${showType(x)} has ${image.channels} channels, weights ${showType(w)} in ${op.groups} groups want ${perGroup * op.groups}`); // prettier-ignore
  }
  const spatial = image.spatial.map((size, axis) => convolvedSize(site, op, size, at(kernel, axis), axis));
  const shape = imageShape({ batch: image.batch, channels: filters, spatial }, op.layout);
  return inferEpilogue(site, op, epilogueOperands.conv, tensorType(dtype, shape));
}

function convolvedSize(site: Site, op: WindowAttributes, size: number, taps: number, axis: number): number {
  const padded = size + at(op.padsBegin, axis) + at(op.padsEnd, axis);
  const extent = windowExtent(taps, at(op.dilations, axis));
  if (extent <= padded) return Math.floor((padded - extent) / at(op.strides, axis)) + 1;
  const dilated = at(op.dilations, axis) === 1 ? "" : ` with dilation ${at(op.dilations, axis)} (extent ${extent})`;
  throw shapeError(site, `kernel of ${taps}${dilated} is larger than the padded input of ${padded} (${size} with pads ${at(op.padsBegin, axis)} and ${at(op.padsEnd, axis)}) in spatial dim ${axis}`); // prettier-ignore
}

export function inferConvTranspose(site: Site, op: Spec<ConvTransposeOp>): readonly TensorType[] {
  const x = tensorAt(site, 0);
  const w = tensorAt(site, 1);
  const dtype = accumulatorDType(site, x, w);
  const image = imageOf(site, x, "nchw");
  const kernel = w.shape.slice(2);
  checkWeights(site, x, w, kernel);
  checkWindow(site, op, image.spatial.length);
  expectPerAxis(site, "outputPadding", op.outputPadding, image.spatial.length, 0);
  checkGroups(site, op.groups, image.channels, "input");
  if (at(w.shape, 0) !== image.channels) {
    throw shapeError(site, `input ${showType(x)} has ${image.channels} channels, weights ${showType(w)} want ${at(w.shape, 0)}`); // prettier-ignore
  }
  const spatial = image.spatial.map((size, axis) => spreadSize(site, op, size, at(kernel, axis), axis));
  const shape = [image.batch, at(w.shape, 1) * op.groups, ...spatial];
  return inferEpilogue(site, op, epilogueOperands.convTranspose, tensorType(dtype, shape));
}

function spreadSize(site: Site, op: Spec<ConvTransposeOp>, size: number, taps: number, axis: number): number {
  const spread = at(op.strides, axis) * (size - 1) + windowExtent(taps, at(op.dilations, axis));
  const result = spread + at(op.outputPadding, axis) - at(op.padsBegin, axis) - at(op.padsEnd, axis);
  if (result >= 0) return result;
  throw shapeError(site, `pads ${at(op.padsBegin, axis)} and ${at(op.padsEnd, axis)} cut more than the ${spread} elements of spatial dim ${axis}`); // prettier-ignore
}

export function inferPool(site: Site, op: Spec<PoolOp>): readonly TensorType[] {
  expectOperands(site, 1);
  const x = tensorAt(site, 0);
  expectDomain(site, x.dtype, op.fn === "lp" ? "float" : "number");
  const image = imageOf(site, x, op.layout);
  const rank = image.spatial.length;
  checkWindow(site, op, rank);
  expectPerAxis(site, "kernel", op.kernel, rank, 1);
  expectPerAxis(site, "outputSpatial", op.outputSpatial, rank, 0);
  return [tensorType(x.dtype, imageShape({ ...image, spatial: op.outputSpatial }, op.layout))];
}
