/** The second transform of a Winograd convolution: M -> result, through the epilogue. */
import { nth } from "../../../../ir/access.ts";
import { storageBytes } from "../../../../ir/dtype.ts";
import {
  type Bound,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  type ModuleBuilder,
  pushBound,
} from "../../wasm/index.ts";
import { pushOffset, pushStep } from "../index-space.ts";
import {
  applyEpilogue,
  type Epilogue,
  emitStore,
  type ExtraAt,
  hoistConstants,
  isJoinable,
  noEpilogue,
} from "../product/epilogue.ts";
import type { Form } from "./forms.ts";
import { pushUnscaled } from "./integer-forms.ts";
import { type TileGeometry, type WinogradPlan, workAreaOf } from "./plan.ts";
import {
  type GeometrySource,
  hoistForms,
  i32s,
  pointer,
  tilePosition,
  transformLine,
  vectorsAtOnce,
} from "./transform-line.ts";

/** What the results go through and where they and the extra operands lie: strides in bytes over batch, rows, columns, channels. */
export interface WinogradResult {
  readonly epilogue: Epilogue;
  readonly extras: readonly ExtraStrides[];
}

type ExtraStrides = readonly [number, number, number, number];

/** What the result's code knows of its place: the geometry, and where extra operands lie from image to image and row to row. */
export interface ResultSource extends GeometrySource {
  readonly extras: (sizes: readonly Local[]) => readonly (readonly [Bound, Bound])[];
}

/** Where extra operands lie as numbers. */
export const knownExtras = ({ extras }: WinogradResult): readonly (readonly [Bound, Bound])[] =>
  extras.map(([image, row]) => [image, row] as const);

/**
 * Adds a function (work, extras…, out, first, begin, end, sizes…): rows begin … end of M to the tiles from `first` on. `sizes` as in
 * input-transform.ts; where there are some, the first two strides of extra operands come from them.
 */
export function outputTransform(
  module: ModuleBuilder,
  plan: WinogradPlan,
  result: WinogradResult,
  source: ResultSource,
): number {
  const extras = result.extras.length;
  const width = vectorsAtOnce(module, plan);
  return module.function("winograd_output", { params: i32s(5 + extras + source.count), results: [] }, (f) => {
    const [work] = f.params as [Local];
    const [out, first, begin, end, ...sizes] = f.params.slice(1 + extras) as [Local, Local, Local, Local, ...Local[]];
    const place = source.geometry(sizes);
    const strides = source.extras(sizes);
    hoistForms(f, plan, "output");
    hoistConstants(f, result.epilogue);
    const [row, tile] = [f.local("i32"), f.local("i32")];
    loopRange(f, row, begin, end, 1, () => {
      f.get(first);
      f.get(row);
      f.op("i32.add");
      f.set(tile);
      emitOutputVectors(f, plan, work, row, width);
      emitPixels(f, plan, result, width, {
        work,
        row,
        tile,
        out,
        extras: f.params.slice(1, 1 + extras),
        place,
        strides,
      });
    });
  });
}

/** Transforms the products of a tile in place: the result at (y, x) takes the place of position (y, x). */
function emitOutputVectors(f: FunctionBuilder, plan: WinogradPlan, work: Local, row: Local, width: number): void {
  const area = workAreaOf(plan);
  const temporary = pointer(f, work, 0, row, area.temporary);
  const m = pointer(f, work, area.m.offset, row, area.m.tile);
  const counter = f.local("i32");
  const vectors = Math.ceil(plan.filters / 4);
  const rounds = Math.floor(vectors / width);
  loopRange(f, counter, 0, rounds, 1, () => {
    emitOutputVector(f, plan, temporary, m, width);
    increment(f, m, width * 16);
  });
  for (let vector = rounds * width; vector < vectors; vector++) {
    emitOutputVector(f, plan, temporary, m, 1);
    increment(f, m, 16);
  }
  f.release(temporary, m, counter);
}

function emitOutputVector(f: FunctionBuilder, plan: WinogradPlan, temporary: Local, m: Local, width: number): void {
  const area = workAreaOf(plan);
  const [vertical, horizontal] = plan.forms;
  const inM = (y: number, x: number, lane: number): number => (y * horizontal.size + x) * area.m.position + lane * 16;
  const inTemporary = (y: number, x: number, lane: number): number => ((y * horizontal.size + x) * width + lane) * 16;
  for (let x = 0; x < horizontal.size; x++) {
    transformLine(f, {
      size: vertical.size,
      width,
      transform: vertical.output,
      load: (y, lane) => {
        f.get(m);
        f.load("v128.load", inM(y, x, lane));
      },
      store: (y, push, lane) => {
        f.get(temporary);
        push();
        f.store("v128.store", inTemporary(y, x, lane));
      },
    });
  }
  for (let y = 0; y < vertical.outputs; y++) {
    transformLine(f, {
      size: horizontal.size,
      width,
      transform: horizontal.output,
      load: (x, lane) => {
        f.get(temporary);
        f.load("v128.load", inTemporary(y, x, lane));
      },
      store: (x, push, lane) => {
        f.get(m);
        pushUnscaled(f, push, scaleAt(vertical, y) * scaleAt(horizontal, x));
        f.store("v128.store", inM(y, x, lane));
      },
    });
  }
}

const scaleAt = ({ scale }: Form, index: number): number => scale?.[index] ?? 1;

interface OutputTile {
  readonly work: Local;
  readonly row: Local;
  readonly tile: Local;
  readonly out: Local;
  readonly extras: readonly Local[];
  readonly place: TileGeometry;
  /** of the extra operands, from image to image and row to row */
  readonly strides: readonly (readonly [Bound, Bound])[];
}

/** Stores the pixels of a tile that lie inside the result, through the epilogue. */
function emitPixels(
  f: FunctionBuilder,
  plan: WinogradPlan,
  result: WinogradResult,
  width: number,
  site: OutputTile,
): void {
  const area = workAreaOf(plan);
  const { batch, corner } = tilePosition(f, plan, site.place, site.tile);
  const [rows, columns] = corner.map((local, dim) => pixelsInside(f, plan, site.place, local, dim)) as [Bound, Bound];
  const extras = result.extras.map(([, , pixelStride], i) => [...nth(site.strides, i), pixelStride] as const);
  const operands = [site.place.resultStrides, ...extras].map((strides, i) => ({
    strides,
    base: tileBase(f, i === 0 ? site.out : nth(site.extras, i - 1), strides, batch, corner),
  }));
  const source = pointer(f, site.work, area.m.offset, site.row, area.m.tile);
  const [y, x] = [f.local("i32"), f.local("i32")];
  const pixel = f.local("i32");
  const pointers = f.localArray("i32", operands.length);
  loopRange(f, y, 0, rows, 1, () => {
    loopRange(f, x, 0, columns, 1, () => {
      f.get(source);
      pushOffset(f, y, plan.forms[1].size * area.m.position);
      pushOffset(f, x, area.m.position);
      f.set(pixel);
      for (const [i, { base, strides }] of operands.entries()) {
        f.get(base);
        pushStep(f, y, strides[1]);
        pushOffset(f, x, strides[2]);
        f.set(nth(pointers, i));
      }
      emitPixel(f, plan, result, width, pixel, pointers);
    });
  });
  f.release(source, y, x, pixel, ...pointers, ...corner, ...operands.map(({ base }) => base));
}

/** Pixels of a tile along a dim that lie inside the result. */
function pixelsInside(f: FunctionBuilder, plan: WinogradPlan, place: TileGeometry, corner: Local, dim: number): Bound {
  const size = nth(place.result, dim);
  const { outputs } = nth(plan.forms, dim);
  if (typeof size === "number" && size % outputs === 0) return outputs;
  const local = f.local("i32");
  pushBound(f, size);
  f.get(corner);
  f.op("i32.sub");
  f.tee(local);
  f.i32(outputs);
  f.get(local);
  f.i32(outputs);
  f.op("i32.lt_u");
  f.select("i32");
  f.set(local);
  return local;
}

/** Address of an operand at the tile's first pixel. */
function tileBase(f: FunctionBuilder, operand: Local, strides: readonly Bound[], batch: Bound, corner: readonly Local[]): Local {
  const base = f.local("i32");
  f.get(operand);
  pushStep(f, batch, nth(strides, 0));
  for (const [dim, local] of corner.entries()) pushStep(f, local, nth(strides, dim + 1));
  f.set(base);
  return base;
} // prettier-ignore

/** Vectors of a pixel that one round of the loop stores. */
const roundVectors = 2;

/** All channels of one pixel. Moves the pointers. */
function emitPixel(f: FunctionBuilder, plan: WinogradPlan, { epilogue, extras }: WinogradResult, width: number, pixel: Local, [out, ...others]: readonly Local[]): void {
  const isJoined = width === roundVectors && isJoinable(epilogue);
  const accs = f.localArray("v128", isJoined ? roundVectors : 1);
  const outBytes = storageBytes(epilogue.output);
  const load = (vector: number): Local => {
    const acc = nth(accs, vector % accs.length);
    f.get(pixel);
    f.load("v128.load", vector * 16);
    f.set(acc);
    return acc;
  };
  const extrasAt = (vector: number): readonly ExtraAt[] =>
    others.map((local, i) => ({ pointer: local, offset: vector * 4 * nth(extras, i)[3], perColumn: nth(extras, i)[3] !== 0 }));
  const store = (vector: number, acc: Local, count: number, by: Epilogue): void => {
    emitStore(f, by, 4, acc, count, { pointer: out as Local, offset: vector * 4 * outBytes, extras: extrasAt(vector) });
  };
  const round = Array.from({ length: roundVectors }, (_, vector) => vector);
  const counter = f.local("i32");
  const rounds = Math.floor(plan.filters / (4 * roundVectors));
  loopRange(f, counter, 0, rounds, 1, () => {
    if (isJoined) {
      // engines join stores that have nothing between them
      for (const vector of round) applyEpilogue(f, epilogue, load(vector), extrasAt(vector));
      for (const vector of round) store(vector, nth(accs, vector), 4, noEpilogue(epilogue.output));
    } else for (const vector of round) store(vector, load(vector), 4, epilogue);
    increment(f, pixel, roundVectors * 16);
    increment(f, out as Local, roundVectors * 4 * outBytes);
    for (const [i, local] of others.entries()) increment(f, local, roundVectors * 4 * nth(extras, i)[3]);
  });
  const left = plan.filters - rounds * 4 * roundVectors;
  for (let vector = 0; vector * 4 < left; vector++) store(vector, load(vector), Math.min(4, left - vector * 4), epilogue);
  f.release(...accs, counter);
} // prettier-ignore
