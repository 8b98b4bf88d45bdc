/** Operators that put elements into another order by a fixed rule. */
import { arg, binary, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, toDType } from "./precision.ts";
import {
  asScalar,
  checkedConstant,
  checkedShape,
  choose,
  diagonalPlaces,
  indexTensor,
  inverse,
  literal,
  movedAxis,
} from "./support.ts";
import { operator, operatorOf } from "./table.ts";

/** [N, C, H, W] of an input that must have rank 4, with its block size. */
function imageAndBlock(node: NodeContext): readonly [number, number, number, number, number] {
  const shape = node.shape(0);
  const [n, c, h, w] = shape;
  if (n === undefined || c === undefined || h === undefined || w === undefined || shape.length !== 4) {
    throw node.shapeError(`the input must be [N, C, H, W], not [${shape.join(", ")}]`);
  }
  const block = node.int("blocksize", 1);
  if (block < 1) throw node.attributeError(`blocksize is ${block}`);
  return [n, c, h, w, block];
}

type DepthMode = "DCR" | "CRD";

/** Whether the position in a block or the channel counts first along the depth. */
function depthMode(node: NodeContext): DepthMode {
  const mode = node.string("mode", "DCR");
  if (mode !== "DCR" && mode !== "CRD") throw node.attributeError(`there is no mode ${JSON.stringify(mode)}`);
  return mode;
}

/** From [N, block, block, C, H, W] (DCR) or [N, C, block, block, H, W] (CRD) to [N, C, H, block, W, block]. */
const outOfDepth: Readonly<Record<DepthMode, readonly number[]>> = {
  DCR: [0, 3, 4, 1, 5, 2],
  CRD: [0, 1, 4, 2, 5, 3],
};

function depthToSpace(node: NodeContext): ValueId[] {
  const [n, c, h, w, block] = imageAndBlock(node);
  const depth = c / block ** 2;
  if (!Number.isInteger(depth)) throw node.shapeError(`${c} channels do not divide by blocksize ${block} squared`);
  const mode = depthMode(node);
  const apart = mode === "DCR" ? [n, block, block, depth, h, w] : [n, depth, block, block, h, w];
  const blocks = node.transpose(node.reshape(node.input(0), apart), outOfDepth[mode]);
  return [node.reshape(blocks, [n, depth, h * block, w * block])];
}

function spaceToDepth(node: NodeContext): ValueId[] {
  const [n, c, h, w, block] = imageAndBlock(node);
  if (h % block !== 0 || w % block !== 0) throw node.shapeError(`${h} x ${w} does not divide by blocksize ${block}`);
  const apart = node.reshape(node.input(0), [n, c, h / block, block, w / block, block]);
  const blocks = node.transpose(apart, inverse(outOfDepth[depthMode(node)]));
  return [node.reshape(blocks, [n, c * block ** 2, h / block, w / block])];
}

/** Keeps the elements of each matrix with column - row >= k (upper) or <= k (lower); the others become 0. */
function trilu(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) throw node.shapeError("Trilu takes matrices");
  const upper = node.int("upper", 1) !== 0;
  const known = knownDiagonal(node);
  if (known !== null) {
    const [row, column] = diagonalPlaces(node, rows, columns, known);
    const keep = node.map(binary(upper ? "ge" : "le", arg(0), arg(1)), column, row);
    return [choose(node, keep, node.input(0), literal(node, dtype, 0))];
  }
  const k = asScalar(node, node.input(1));
  const row = node.constantValue(indexTensor([rows, 1], (i) => i));
  const column = node.constantValue(indexTensor([1, columns], (i) => i));
  const keep = node.map(binary(upper ? "ge" : "le", binary("sub", arg(0), arg(1)), arg(2)), column, row, k);
  return [choose(node, keep, node.input(0), literal(node, dtype, 0))];
}

/** Trilu's diagonal, where the model says it; null where it is computed or fed. */
function knownDiagonal(node: NodeContext): number | null {
  if (!node.hasInput(1)) return 0;
  const value = node.constantOrUndefined(1)?.elements[0];
  return value === undefined ? null : Number(value);
}

/**
 * Reverses the first lengths[b] steps of every sequence. Batch and time become one axis of rows, of which the result takes
 * row b * T + (t < lengths[b] ? lengths[b] - 1 - t : t).
 */
function reverseSequence(node: NodeContext): ValueId[] {
  const shape = node.shape(0);
  const batchAxis = node.axis(node.int("batch_axis", 1), shape.length);
  const timeAxis = node.axis(node.int("time_axis", 0), shape.length);
  if (batchAxis + timeAxis !== 1) throw node.attributeError("batch_axis and time_axis must be 0 and 1");
  const [batch, time] = [shape[batchAxis] ?? 1, shape[timeAxis] ?? 1];
  const perm = movedAxis(shape.length, batchAxis, 0);
  const rows = node.reshape(node.transpose(node.input(0), perm), [batch * time, ...shape.slice(2)]);
  const lengths = node.reshape(toDType(node, "i64", node.input(1)), [batch, 1]);
  const step = node.constantValue(indexTensor([1, time], (t) => t));
  const base = node.constantValue(indexTensor([batch, 1], (b) => b * time));
  const mirrored = binary("sub", binary("sub", arg(0), lit("i64", 1)), arg(1));
  const taken = binary("add", arg(2), select(binary("lt", arg(1), arg(0)), mirrored, arg(1)));
  const reversed = node.emitOne({ kind: "gather", inputs: [rows, node.map(taken, lengths, step, base)], axis: 0 });
  return [node.transpose(reversed, inverse(perm))];
}

/** How the blocks of Col2Im lie over the image. */
interface Blocks {
  readonly image: readonly number[];
  readonly block: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly strides: readonly number[];
  /** positions of the block along each axis */
  readonly counts: readonly number[];
}

function blocksOf(node: NodeContext): Blocks {
  const image = node.integers(1);
  const block = node.integers(2);
  const ones = image.map(() => 1);
  const dilations = node.ints("dilations") ?? ones;
  const strides = node.ints("strides") ?? ones;
  const pads = node.ints("pads") ?? [...image, ...image].map(() => 0);
  const lists = [block, dilations, strides, pads.slice(image.length)];
  if (lists.some((list) => list.length !== image.length))
    throw node.shapeError("image, block, strides and pads differ in rank");
  if (strides.some((stride) => stride < 1)) throw node.attributeError(`strides are [${strides.join(", ")}]`);
  const counts = image.map((size, axis) => {
    const reach = (dilations[axis] ?? 1) * ((block[axis] ?? 1) - 1) + 1;
    const room = size + (pads[axis] ?? 0) + (pads[axis + image.length] ?? 0) - reach;
    return Math.floor(room / (strides[axis] ?? 1)) + 1;
  });
  return { image, block, dilations, begins: pads.slice(0, image.length), strides, counts };
}

/** For one pixel coordinate the (tap, block) pairs along an axis that reach it. */
function reaching(blocks: Blocks, axis: number, coordinate: number): (readonly [number, number])[] {
  const [taps = 1, count = 1, stride = 1] = [blocks.block[axis], blocks.counts[axis], blocks.strides[axis]];
  const pairs: (readonly [number, number])[] = [];
  for (let tap = 0; tap < taps; tap++) {
    const offset = coordinate + (blocks.begins[axis] ?? 0) - tap * (blocks.dilations[axis] ?? 1);
    const at = offset / stride;
    if (Number.isInteger(at) && at >= 0 && at < count) pairs.push([tap, at]);
  }
  return pairs;
}

/** For every pixel the positions in the flat [block…, count…] columns that add up to it. */
function pixelSources(blocks: Blocks): number[][] {
  let pixels: (readonly [number, number])[][] = [[[0, 0]]];
  for (const [axis, size] of blocks.image.entries()) {
    const [taps = 1, count = 1] = [blocks.block[axis], blocks.counts[axis]];
    const along = Array.from({ length: size }, (_, coordinate) => reaching(blocks, axis, coordinate));
    pixels = pixels.flatMap((sources) =>
      along.map((pairs) =>
        sources.flatMap(([tap, at]) => pairs.map(([t, a]) => [tap * taps + t, at * count + a] as const)),
      ),
    );
  }
  const total = elementCount(blocks.counts);
  return pixels.map((sources) => sources.map(([tap, at]) => tap * total + at));
}

/** Sum of overlapping blocks: each pixel gathers the column elements that reach it (a zero fills the rest) and adds them. */
function col2Im(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const blocks = blocksOf(node);
  const [taps, positions] = [elementCount(blocks.block), elementCount(blocks.counts)];
  const [n = 1, rows = 0, columns = 0] = shape;
  if (shape.length !== 3 || rows % taps !== 0 || columns !== positions) {
    throw node.shapeError(`the input is [${shape.join(", ")}], must be [N, C * ${taps}, ${positions}]`);
  }
  const result = [n, rows / taps, ...blocks.image];
  checkedShape(node, dtype, result);
  checkedConstant(node, "i64", [elementCount(blocks.image), taps]);
  const sources = pixelSources(blocks);
  const most = sources.reduce((longest, list) => Math.max(longest, list.length), 1);
  const nothing = taps * positions;
  const picked = indexTensor([sources.length, most], (i) => sources[Math.floor(i / most)]?.[i % most] ?? nothing);
  const compute = computeDType(dtype);
  const flat = node.reshape(toDType(node, compute, node.input(0)), [n, rows / taps, nothing]);
  const zeroed = node.emitOne({
    kind: "pad",
    inputs: [flat, literal(node, compute, 0)],
    mode: "constant",
    before: [0, 0, 0],
    after: [0, 0, 1],
  });
  const gathered = node.emitOne({ kind: "gather", inputs: [zeroed, node.constantValue(picked)], axis: 2 });
  const sum = node.emitOne({ kind: "reduce", inputs: [gathered], fn: "sum", axes: [3], keepDims: false });
  return [toDType(node, dtype, node.reshape(sum, result))];
}

const blockAttributes = { dilations: "ints", pads: "ints", strides: "ints" } as const;

const triluForm = { inputs: [1, 2], attributes: { upper: "int" } } as const;

/** Operators of this family. */
export const rearrangeOperators: readonly OperatorDef[] = [
  operator("DepthToSpace", depthToSpace, [
    { since: 1, attributes: { blocksize: "int!" } },
    { since: [11, 13], attributes: { blocksize: "int!", mode: "string" } },
  ]),
  operator("SpaceToDepth", spaceToDepth, [
    { since: [1, 13], attributes: { blocksize: "int!" } },
    { since: 28, attributes: { blocksize: "int!", mode: "string" } },
  ]),
  operator("Trilu", trilu, [{ since: 14, ...triluForm }]),
  operatorOf("com.microsoft", "Trilu", trilu, [{ since: 1, ...triluForm }]),
  operator("ReverseSequence", reverseSequence, [
    { since: 10, inputs: [2, 2], attributes: { batch_axis: "int", time_axis: "int" } },
  ]),
  operator("Col2Im", col2Im, [{ since: 18, inputs: [3, 3], attributes: blockAttributes }]),
];
