/** Channels-last images of open size: their dims, and copies of them with zeros around. */
import { nth } from "../../../ir/access.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { addDims, countOf, type Dim, mulDims } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import type { ConvLayout } from "../../../ir/graph.ts";
import { kernelKey } from "../kernel.ts";
import { type Bound, type FunctionBuilder, type Local, pushBound } from "../wasm/index.ts";
import { openFunction, type OpenKernelArg, type OpenKernelCode, type OpenOperand, SizeParams } from "./kernel.ts";
import { addBound, copyOf, forEachOpenRow, type OpenAxis, sizedAxes } from "./rows.ts";

/** An image of two spatial dims; one of one dim has a single row. */
export interface OpenImage {
  readonly batch: Dim;
  readonly rows: Dim;
  readonly columns: Dim;
  readonly channels: number;
}

/** A list with an entry per spatial dim as one for rows and columns. */
export const planePair = <T>(list: readonly T[], single: T): readonly [T, T] =>
  list.length === 1 ? [single, nth(list, 0)] : [nth(list, 0), nth(list, 1)];

/** The image that a channels-last operand is; throws NotOpen for other ranks and channels of open number. */
export function openImage({ dims }: OpenOperand): OpenImage {
  const channels = nth(dims, dims.length - 1);
  const spatial = dims.slice(1, -1);
  if (typeof channels !== "number") throw new NotOpen("an image of open channels");
  if (spatial.length < 1 || spatial.length > 2) throw new NotOpen(`windows over ${spatial.length} dims`);
  const [rows, columns] = planePair(spatial, 1);
  return { batch: nth(dims, 0), rows, columns, channels };
}

export function expectChannelsLast(layout: ConvLayout): void {
  if (layout !== "nhwc") throw new NotOpen("windows over an image that is channels-first");
}

/** Zeros before and after rows and columns. */
export interface Margins {
  readonly before: readonly [Dim, Dim];
  readonly after: readonly [Dim, Dim];
}

export interface PaddedImage {
  readonly arg: OpenKernelArg;
  readonly image: OpenImage;
  readonly stages: readonly OpenKernelCode[];
}

/** An image of words with zeros around it, in scratch memory; itself where there are none. */
export function paddedImage(image: OpenImage, source: OpenKernelArg, margins: Margins, scratchId: number): PaddedImage {
  const { before, after } = margins;
  if ([...before, ...after].every((amount) => amount === 0)) return { arg: source, image, stages: [] };
  const wide: OpenImage = {
    ...image,
    rows: addDims(before[0], image.rows, after[0]),
    columns: addDims(before[1], image.columns, after[1]),
  };
  const bytes = mulDims(countOf([wide.batch, wide.rows, wide.columns]), wide.channels * storageBytes("f32"));
  const arg: OpenKernelArg = { kind: "scratch", id: scratchId, bytes };
  return { arg, image: wide, stages: [padStage(image, wide, margins, source, arg)] };
}

/** Row by row: a row of zeros, or zeros, a row of the image, zeros. */
function padStage(
  image: OpenImage,
  wide: OpenImage,
  { before, after }: Margins,
  source: OpenKernelArg,
  target: OpenKernelArg,
): OpenKernelCode {
  const pixel = image.channels * storageBytes("f32");
  const params = new SizeParams();
  const inBytes = (columns: Dim): Dim => mulDims(columns, pixel);
  const rows: readonly OpenAxis[] = [
    {
      size: wide.batch,
      strides: [mulDims(image.rows, inBytes(image.columns)), mulDims(wide.rows, inBytes(wide.columns))],
    },
    { size: wide.rows, strides: [inBytes(image.columns), inBytes(wide.columns)] },
  ];
  const axes = sizedAxes(rows, params);
  const [top, height] = [params.of(before[0]), params.of(image.rows)];
  const [left, row, right] = [
    params.of(inBytes(before[1])),
    params.of(inBytes(image.columns)),
    params.of(inBytes(after[1])),
  ];
  const all = params.of(inBytes(wide.columns));
  const wideRows = params.of(wide.rows);
  const skipped = params.of(mulDims(before[0], inBytes(image.columns)));
  const sizes = { left, row, right };
  return {
    key: kernelKey("open pad image", axes, top, height, sizes, all, wideRows, skipped),
    units: mulDims(wide.batch, wide.rows),
    args: [source, target],
    sizes: params.dims,
    work: mulDims(countOf([wide.batch, wide.rows, wide.columns]), wide.channels),
    emit: (module) =>
      openFunction(module, "pad_image", 2, params.dims.length, (site) => {
        const { f, bound } = site;
        forEachOpenRow(site, axes, site.addresses, ([from, to], unit) => {
          if (from === undefined || to === undefined) throw new Error("internal: a pad without operands");
          f.get(unit);
          pushBound(f, bound(wideRows));
          f.op("i32.rem_u");
          pushBound(f, bound(top));
          f.op("i32.sub");
          pushBound(f, bound(height));
          f.op("i32.lt_u");
          f.if(
            () => {
              const [at, inner] = [copyOf(f, to), copyOf(f, from)];
              addBound(f, inner, bound(skipped), -1);
              const parts = { left: bound(left), row: bound(row), right: bound(right) };
              zero(f, at, parts.left);
              addBound(f, at, parts.left);
              f.get(at);
              f.get(inner);
              pushBound(f, parts.row);
              f.memoryCopy();
              addBound(f, at, parts.row);
              zero(f, at, parts.right);
              f.release(at, inner);
            },
            () => {
              zero(f, to, bound(all));
            },
          );
        });
      }),
  };
}

function zero(f: FunctionBuilder, to: Local, bytes: Bound): void {
  if (bytes === 0) return;
  f.get(to);
  f.i32(0);
  pushBound(f, bytes);
  f.memoryFill();
}
