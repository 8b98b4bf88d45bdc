/**
 * Convolution and transposed convolution over any number of spatial dims, both as products: every output position gathers the inputs that
 * its windows reach into a row of `columns` (one entry per channel and tap, 0 outside the input), which meets the filters' rows. Positions
 * go in chunks that fit the cache. Channels-last operands are brought to channels-first.
 */
import { epilogueOperands } from "../../ir/graph.ts";
import { elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { allocateFactors, factorsOf, makeProducts } from "./dots.ts";
import { applyEpilogue } from "./elementwise.ts";
import type { Evaluate } from "./evaluate.ts";
import { transposeTensor } from "./movement.ts";
import { channelsFirst, channelsLast, filtersFirst, windowRuns } from "./windows.ts";

export const evaluateConv: Evaluate<"conv"> = (op, inputs, [result]) => {
  const nchw = op.layout === "nchw";
  const x = nchw ? inputs[0] : channelsFirst(inputs[0]);
  const filters = nchw ? inputs[1] : filtersFirst(inputs[1]);
  const shape = nchw ? result.shape : channelsFirstShape(result.shape);
  const window = { ...op, small: shape.slice(2), big: x.shape.slice(2), kernel: filters.shape.slice(2) };
  const stride = nth(op.strides, -1);
  const taps = windowRuns(window).map((runs) =>
    runs.map(({ count, small, big }) => ({ count, out: small, outStride: 1, x: big, xStride: stride })),
  );
  const sums = multiplyWindows({ x, filters, groups: op.groups, shape, taps });
  return [applyEpilogue(op.epilogue, nchw ? sums : channelsLast(sums), inputs.slice(epilogueOperands.conv))];
};

const channelsFirstShape = (shape: readonly number[]): number[] => [
  nth(shape, 0),
  nth(shape, -1),
  ...shape.slice(1, -1),
];

export const evaluateConvTranspose: Evaluate<"convTranspose"> = (op, inputs, [result]) => {
  const [x, w] = inputs;
  const { shape } = result;
  const window = { ...op, small: x.shape.slice(2), big: shape.slice(2), kernel: w.shape.slice(2) };
  const stride = nth(op.strides, -1);
  const taps = windowRuns(window).map((runs) =>
    runs.map(({ count, small, big }) => ({ count, out: big, outStride: stride, x: small, xStride: 1 })),
  );
  const sums = multiplyWindows({ x, filters: gatherFilters(w, op.groups), groups: op.groups, shape, taps });
  return [applyEpilogue(op.epilogue, sums, inputs.slice(epilogueOperands.convTranspose))];
};

/** Weights [C, M/groups, kernel…] as filters [M, C/groups, kernel…]. */
function gatherFilters(w: TensorData, groups: number): TensorData {
  const [channels, filters, ...kernel] = w.shape as readonly [number, number, ...number[]];
  const taps = elementCount(kernel);
  const grouped = makeTensor(w.dtype, [groups, channels / groups, filters, taps], w.elements);
  return makeTensor(
    w.dtype,
    [groups * filters, channels / groups, ...kernel],
    transposeTensor(grouped, [0, 2, 1, 3]).elements,
  );
}

/** Output positions that one tap serves, and the inputs that it brings: both step evenly. */
interface TapRun {
  readonly count: number;
  readonly out: number;
  readonly outStride: number;
  readonly x: number;
  readonly xStride: number;
}

interface Convolution {
  readonly x: TensorData;
  /** [M, C/groups, kernel…] */
  readonly filters: TensorData;
  readonly groups: number;
  readonly shape: readonly number[];
  /** per tap, row-major over the kernel */
  readonly taps: readonly (readonly TapRun[])[];
}

/** Entries of `columns` that stay in the second-level cache with the filters' rows. */
const chunkEntries = 2 ** 16;

function multiplyWindows({ x, filters, groups, shape, taps }: Convolution): TensorData {
  const [batch, outputs, ...spatial] = shape as readonly [number, number, ...number[]];
  const positions = elementCount(spatial);
  const channels = nth(filters.shape, 1);
  const length = channels * taps.length;
  const rows = outputs / groups;
  const plane = elementCount(x.shape.slice(2));
  const products = makeProducts(filters, elementCount(shape));
  const chunk = Math.min(positions, Math.max(16, Math.ceil(chunkEntries / Math.max(1, length))));
  const columns = allocateFactors(x.dtype, chunk * length);
  for (let begin = 0; begin < positions; begin += chunk) {
    const size = Math.min(chunk, positions - begin);
    const clipped = taps.map((runs) => runs.flatMap((run) => clipRun(run, begin, begin + size)));
    clear(columns);
    const fill = columnFiller(x, columns, clipped, channels, plane);
    for (let n = 0; n < batch; n++) {
      for (let g = 0; g < groups; g++) {
        fill((n * groups + g) * channels * plane);
        const out = (n * outputs + g * rows) * positions + begin;
        products.multiply(columns, { rows, columns: size, length, a: g * rows * length, b: 0, out, outStride: positions }); // prettier-ignore
      }
    }
  }
  return products.finish(shape);
}

function clear(columns: ReturnType<typeof allocateFactors>): void {
  if (columns instanceof Float64Array) columns.fill(0);
  else columns.fill(0n);
}

/** The part of a run whose outputs lie in [begin, end), counted from `begin`; nothing or one run. */
function clipRun(run: TapRun, begin: number, end: number): TapRun[] {
  const first = Math.max(0, Math.ceil((begin - run.out) / run.outStride));
  const last = Math.min(run.count, Math.ceil((end - run.out) / run.outStride));
  if (first >= last) return [];
  return [
    { ...run, count: last - first, out: run.out + first * run.outStride - begin, x: run.x + first * run.xStride },
  ];
}

/** Fills the columns of a chunk from the channels of x that begin at an offset. */
function columnFiller(
  x: TensorData,
  columns: ReturnType<typeof allocateFactors>,
  taps: readonly (readonly TapRun[])[],
  channels: number,
  plane: number,
): (start: number) => void {
  // both sides hold numbers, or both hold bigints
  const source = factorsOf(x) as Float64Array;
  const target = columns as Float64Array;
  const length = channels * taps.length;
  return (start) => {
    // entries outside the input stay 0: they are the same for every sample and group
    for (let c = 0; c < channels; c++) {
      for (const [tap, runs] of taps.entries()) {
        const [entry, from] = [c * taps.length + tap, start + c * plane];
        for (const run of runs) copyRun(source, from, target, entry, length, run);
      }
    }
  };
}

function copyRun(
  source: Float64Array,
  from: number,
  target: Float64Array,
  entry: number,
  length: number,
  { count, out, outStride, x, xStride }: TapRun,
): void {
  let to = entry + out * length;
  let at = from + x;
  for (let i = 0; i < count; i++) {
    target[to] = source[at] as number;
    to += outStride * length;
    at += xStride;
  }
}
