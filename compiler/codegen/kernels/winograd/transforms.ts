/** The two transforms around a Winograd convolution's products: image -> V, and M -> result. Vectors of channels go through one at a time. */
import { nth } from "../../access.ts";
import { storageBytes } from "../../../../ir/dtype.ts";
import { type Push, pushLocal } from "../../math/algebra.ts";
import { hoistSplats } from "../../math/constants.ts";
import {
  addConst,
  type Bound,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  type ModuleBuilder,
  mulConst,
  type ValType,
} from "../../wasm/index.ts";
import { decodeIndex, pushOffset } from "../index-space.ts";
import { type Epilogue, emitStore, hoistConstants } from "../product/epilogue.ts";
import type { Form, Transform } from "./forms.ts";
import { pushUnscaled } from "./integer-forms.ts";
import { loadPixelLanes, storeTileLanes } from "./tile-lanes.ts";
import { fullPhases, pixelStrides, positionCount, type Span, tileGrid, type WinogradPlan, workAreaOf } from "./plan.ts";

const i32s = (count: number): ValType[] => Array.from({ length: count }, () => "i32");

/** Puts the constants of both forms into locals. */
function hoistForms(f: FunctionBuilder, plan: WinogradPlan, side: "input" | "output"): void {
  for (const form of plan.forms) {
    hoistSplats(f, (probe) => {
      const zero = (): void => {
        probe.splatConst("i32x4", 0);
      };
      const operands = Array.from({ length: form.size }, () => zero);
      for (const push of form[side](probe, operands, [])) {
        push();
        probe.drop();
      }
    });
  }
  if (side === "output") hoistScales(f, plan);
}

function hoistScales(f: FunctionBuilder, { forms: [vertical, horizontal] }: WinogradPlan): void {
  hoistSplats(f, (probe) => {
    for (const y of vertical.scale ?? []) {
      for (const x of horizontal.scale ?? []) {
        pushUnscaled(probe, () => { probe.splatConst("i32x4", 0); }, y * x); // prettier-ignore
        probe.drop();
      }
    }
  });
}

/** Loads some vectors, transforms them, and stores what comes out. */
function transformLine(
  f: FunctionBuilder,
  size: number,
  transform: Transform,
  load: (index: number) => void,
  store: (index: number, push: Push) => void,
): void {
  const operands = f.localArray("v128", size);
  for (const [index, local] of operands.entries()) {
    load(index);
    f.set(local);
  }
  const temporaries: Local[] = [];
  const results = transform(f, operands.map((local) => pushLocal(f, local)), temporaries);
  for (const [index, push] of results.entries()) store(index, push);
  f.release(...operands, ...temporaries);
} // prettier-ignore

/** The pixel (row, column) where tile `tile` begins, times `strides`, and the image's index in the batch. */
function tilePosition(f: FunctionBuilder, plan: WinogradPlan, tile: Local, strides: readonly number[] = [1, 1]): { batch: Bound; corner: readonly [Local, Local] } {
  const grid = tileGrid(plan);
  const indices = decodeIndex(f, tile, [plan.batch, ...grid]);
  const corner = plan.forms.map((form, dim) => {
    const local = f.local("i32");
    f.i32(0);
    pushOffset(f, nth(indices, dim + 1), form.outputs * nth(strides, dim));
    f.set(local);
    return local;
  });
  return { batch: nth(indices, 0), corner: corner as [Local, Local] };
} // prettier-ignore

/** Sets a local to work + offset + tile * stride. */
function pointer(f: FunctionBuilder, work: Local, offset: number, tile: Local, stride: number): Local {
  const local = f.local("i32");
  f.get(work);
  pushOffset(f, 1, offset);
  pushOffset(f, tile, stride);
  f.set(local);
  return local;
}

// ---- image -> V -------------------------------------------------------------------------------------------------------------------

/** Adds a function (image, work, first, begin, end): tiles first + begin … first + end to the rows begin … end of V. */
export function inputTransform(module: ModuleBuilder, plan: WinogradPlan): number {
  return module.function("winograd_input", { params: i32s(5), results: [] }, (f) => {
    const [image, work, first, begin, end] = f.params as [Local, Local, Local, Local, Local];
    hoistForms(f, plan, "input");
    const [row, tile] = [f.local("i32"), f.local("i32")];
    loopRange(f, row, begin, end, 1, () => {
      f.get(first);
      f.get(row);
      f.op("i32.add");
      f.set(tile);
      emitInputTile(f, plan, image, work, tile, row);
    });
  });
}

/** Phases next to each other that have the same number of taps. */
interface Phases {
  /** the first phase along rows and columns, and how many there are */
  readonly spans: readonly [Span, Span];
  /** image elements along a dim from which a tile's products are made: without the last one the product at infinity is left out */
  readonly sizes: readonly [number, number];
}

function phasesAlong(plan: WinogradPlan, dim: 0 | 1): readonly { readonly span: Span; readonly size: number }[] {
  const [stride, full, { size }] = [plan.strides[dim], fullPhases(plan, dim), plan.forms[dim]];
  const all = [
    { span: { first: 0, count: full }, size },
    { span: { first: full, count: stride - full }, size: size - 1 },
  ];
  return all.filter(({ span }) => span.count > 0);
}

const phasesOf = (plan: WinogradPlan): readonly Phases[] =>
  phasesAlong(plan, 0).flatMap((rows) =>
    phasesAlong(plan, 1).map((columns): Phases => ({
      spans: [rows.span, columns.span],
      sizes: [rows.size, columns.size],
    })),
  );

interface InputTile {
  readonly f: FunctionBuilder;
  readonly plan: WinogradPlan;
  readonly sizes: readonly [number, number];
  /** for each row of the tile the address of its first column, or, at the border, of the image's first column */
  readonly rows: readonly Local[];
  readonly temporary: Local;
  readonly v: Local;
}

/** A row or column of the tile at the border: whether it is inside the image. */
interface Border {
  /** per row of the tile: all ones where it is inside */
  readonly rowMasks: readonly Local[];
  /** per column of the tile: not zero where it is inside, and its offset from the image's first column then */
  readonly columns: readonly Local[];
  readonly columnOffsets: readonly Local[];
}

function emitInputTile(f: FunctionBuilder, plan: WinogradPlan, image: Local, work: Local, tile: Local, row: Local): void {
  const area = workAreaOf(plan);
  const { batch, corner } = tilePosition(f, plan, tile, plan.strides);
  for (const [dim, local] of corner.entries()) increment(f, local, -nth(plan.padsBegin, dim));
  const source = f.local("i32");
  f.get(image);
  pushOffset(f, batch, pixelStrides(plan.image, plan.channels, plan.source)[0]);
  f.set(source);
  const temporary = pointer(f, work, 0, row, area.temporary);
  const v = pointer(f, work, area.v.offset, row, area.v.tile);
  for (const phases of phasesOf(plan)) {
    forPhases(f, plan, phases, corner, v, (phaseCorner, phaseV) => {
      const rows = f.localArray("i32", phases.sizes[0]);
      emitPhase({ f, plan, sizes: phases.sizes, rows, temporary, v: phaseV }, source, phaseCorner);
      f.release(...rows);
    });
  }
  f.release(source, temporary, v, ...corner);
} // prettier-ignore

/** Runs `body` for each of some phases, with its first pixel and where its channels stand in V. */
function forPhases(f: FunctionBuilder, plan: WinogradPlan, { spans }: Phases, corner: readonly [Local, Local], v: Local, body: (corner: readonly [Local, Local], v: Local) => void): void {
  const [top, left, to] = f.localArray("i32", 3) as [Local, Local, Local];
  const phaseBytes = plan.channels * storageBytes(plan.elements);
  const indices = spans.map(({ first, count }) => (count === 1 ? first : f.local("i32"))) as [Bound, Bound];
  const over = (dim: 0 | 1, inner: () => void): void => {
    const [index, { first, count }] = [indices[dim], spans[dim]];
    if (typeof index === "number") inner();
    else loopRange(f, index, first, first + count, 1, inner);
  };
  const shifted = (base: Local, local: Local, ...offsets: readonly (readonly [Bound, number])[]): void => {
    f.get(base);
    for (const [index, stride] of offsets) pushOffset(f, index, stride);
    f.set(local);
  };
  over(0, () => {
    over(1, () => {
      shifted(corner[0], top, [indices[0], 1]);
      shifted(corner[1], left, [indices[1], 1]);
      shifted(v, to, [indices[0], plan.strides[1] * phaseBytes], [indices[1], phaseBytes]);
      body([top, left], to);
    });
  });
  f.release(top, left, to, ...indices.filter((index) => typeof index !== "number"));
} // prettier-ignore

/** One phase of a tile. Moves the pointer into V. */
function emitPhase(site: InputTile, source: Local, corner: readonly [Local, Local]): void {
  const { f } = site;
  pushIsInterior(site, corner);
  f.if(
    () => {
      setRows(site, source, corner, null);
      emitInputVectors(site, null);
    },
    () => {
      const border = emitBorder(site, corner);
      setRows(site, source, corner, border);
      emitInputVectors(site, border);
      f.release(...border.rowMasks, ...border.columns, ...border.columnOffsets);
    },
  );
}

/** Pushes whether all of a tile lies inside the image; corners may be negative, which an unsigned comparison sees as very large. */
function pushIsInterior({ f, plan, sizes }: InputTile, corner: readonly Local[]): void {
  for (const [dim, local] of corner.entries()) {
    const last = nth(plan.image, dim) - (nth(sizes, dim) - 1) * nth(plan.strides, dim) - 1;
    if (last < 0) f.i32(0);
    else {
      f.get(local);
      f.i32(last);
      f.op("i32.le_u");
    }
    if (dim > 0) f.op("i32.and");
  }
}

/** Row pointers; a row outside the image points to the image's first row. No pointer lies outside the image: it may begin at address 0. */
function setRows({ f, plan, rows }: InputTile, source: Local, [top, left]: readonly [Local, Local], border: Border | null): void {
  const [, rowBytes, pixelBytes] = pixelStrides(plan.image, plan.channels, plan.source);
  for (const [index, local] of rows.entries()) {
    f.get(source);
    f.get(top);
    addConst(f, index * plan.strides[0]);
    if (border !== null) {
      f.get(nth(border.rowMasks, index));
      f.lane("i32x4.extract_lane", 0);
      f.op("i32.and");
    }
    mulConst(f, rowBytes);
    f.op("i32.add");
    if (border === null) pushOffset(f, left, pixelBytes);
    f.set(local);
  }
} // prettier-ignore

function emitBorder({ f, plan, sizes, temporary }: InputTile, [top, left]: readonly [Local, Local]): Border {
  const pushInside = (corner: Local, dim: 0 | 1, index: number): void => {
    f.get(corner);
    addConst(f, index * plan.strides[dim]);
    f.i32(plan.image[dim]);
    f.op("i32.lt_u");
  };
  const rowMasks = Array.from({ length: sizes[0] }, (_, index) => {
    const mask = f.local("v128");
    f.i32(0);
    pushInside(top, 0, index);
    f.op("i32.sub");
    f.op("i32x4.splat");
    f.set(mask);
    return mask;
  });
  const columns = Array.from({ length: sizes[1] }, (_, index) => {
    const inside = f.local("i32");
    pushInside(left, 1, index);
    f.set(inside);
    return inside;
  });
  const columnOffsets = columns.map((_, index) => {
    const offset = f.local("i32");
    f.get(left);
    addConst(f, index * plan.strides[1]);
    mulConst(f, pixelStrides(plan.image, plan.channels, plan.source)[2]);
    f.set(offset);
    return offset;
  });
  // columns outside are never written: they stay zero
  for (let position = 0; position < positionCount(plan); position++) {
    f.get(temporary);
    f.splatConst("i32x4", 0);
    f.store("v128.store", position * 16);
  }
  return { rowMasks, columns, columnOffsets };
}

/** All channels of a tile: whole vectors, then the ragged one. Moves the pointers. */
function emitInputVectors(site: InputTile, border: Border | null): void {
  const { f, plan, rows, v } = site;
  const counter = f.local("i32");
  const lanes = 16 / storageBytes(plan.elements);
  loopRange(f, counter, 0, Math.floor(plan.channels / lanes), 1, () => {
    emitInputVector(site, border, lanes);
    for (const local of rows) increment(f, local, lanes * storageBytes(plan.source));
    increment(f, v, 16);
  });
  if (plan.channels % lanes > 0) emitInputVector(site, border, plan.channels % lanes);
  f.release(counter);
}

function emitInputVector({ f, plan, sizes, rows, temporary, v }: InputTile, border: Border | null, count: number): void {
  const [vertical, horizontal] = plan.forms;
  const [, , pixelBytes] = pixelStrides(plan.image, plan.channels, plan.source);
  const area = workAreaOf(plan);
  const isOnePhase = plan.strides[0] * plan.strides[1] === 1;
  const [at, transformed] = [f.local("i32"), f.local("v128")];
  const loadPixel = (y: number, x: number): void => {
    if (border === null) {
      loadPixelLanes(f, plan, nth(rows, y), x * plan.strides[1] * pixelBytes, count);
      return;
    }
    f.get(nth(rows, y));
    f.get(nth(border.columnOffsets, x));
    f.op("i32.add");
    f.set(at);
    loadPixelLanes(f, plan, at, 0, count);
    f.get(nth(border.rowMasks, y));
    f.op("v128.and");
  };
  const column = (x: number): void => {
    transformLine(f, sizes[0], vertical.input, (y) => { loadPixel(y, x); }, (y, push) => {
      f.get(temporary);
      push();
      f.store("v128.store", (y * horizontal.size + x) * 16);
    });
  };
  for (let x = 0; x < sizes[1]; x++) {
    if (border === null) column(x);
    else {
      f.get(nth(border.columns, x));
      f.if(() => { column(x); });
    }
  }
  // where a phase's channels end with a part of a vector, those of the next begin
  const storeCount = isOnePhase ? 16 / storageBytes(plan.elements) : count;
  for (let y = 0; y < productsOf(vertical, sizes[0]); y++) {
    transformLine(f, sizes[1], horizontal.input, (x) => {
      f.get(temporary);
      f.load("v128.load", (y * horizontal.size + x) * 16);
    }, (x, push) => {
      push();
      f.set(transformed);
      storeTileLanes(f, plan, v, (y * horizontal.size + x) * area.v.position, transformed, storeCount);
    });
  }
  f.release(at, transformed);
} // prettier-ignore

/** Products of a form that is given so many elements. */
const productsOf = (form: Form, elements: number): number => (elements === form.size ? form.size : form.size - 1);

// ---- M -> result ------------------------------------------------------------------------------------------------------------------

/** What the results go through and where they and the extra operands lie: strides in bytes over batch, rows, columns, channels. */
export interface WinogradResult {
  readonly epilogue: Epilogue;
  readonly extras: readonly (readonly [number, number, number, number])[];
}

/** Adds a function (work, extras…, out, first, begin, end): rows begin … end of M to the tiles from `first` on. */
export function outputTransform(module: ModuleBuilder, plan: WinogradPlan, result: WinogradResult): number {
  const extras = result.extras.length;
  return module.function("winograd_output", { params: i32s(5 + extras), results: [] }, (f) => {
    const [work] = f.params as [Local];
    const [out, first, begin, end] = f.params.slice(1 + extras) as [Local, Local, Local, Local];
    hoistForms(f, plan, "output");
    hoistConstants(f, result.epilogue);
    const [row, tile] = [f.local("i32"), f.local("i32")];
    loopRange(f, row, begin, end, 1, () => {
      f.get(first);
      f.get(row);
      f.op("i32.add");
      f.set(tile);
      emitOutputVectors(f, plan, work, row);
      emitPixels(f, plan, result, { work, row, tile, out, extras: f.params.slice(1, 1 + extras) });
    });
  });
}

/** Transforms the products of a tile in place: the result at (y, x) takes the place of position (y, x). */
function emitOutputVectors(f: FunctionBuilder, plan: WinogradPlan, work: Local, row: Local): void {
  const area = workAreaOf(plan);
  const [vertical, horizontal] = plan.forms;
  const temporary = pointer(f, work, 0, row, area.temporary);
  const m = pointer(f, work, area.m.offset, row, area.m.tile);
  const at = (y: number, x: number): number => y * horizontal.size + x;
  const move = (size: number, form: Transform, from: Local, fromAt: (i: number) => number, to: Local, toAt: (i: number) => number, scaleOf: (i: number) => number): void => {
    transformLine(f, size, form, (i) => {
      f.get(from);
      f.load("v128.load", fromAt(i));
    }, (i, push) => {
      f.get(to);
      pushUnscaled(f, push, scaleOf(i));
      f.store("v128.store", toAt(i));
    });
  };
  const counter = f.local("i32");
  loopRange(f, counter, 0, Math.ceil(plan.filters / 4), 1, () => {
    for (let x = 0; x < horizontal.size; x++) {
      move(vertical.size, vertical.output, m, (y) => at(y, x) * area.m.position, temporary, (y) => at(y, x) * 16, () => 1);
    }
    for (let y = 0; y < vertical.outputs; y++) {
      move(horizontal.size, horizontal.output, temporary, (x) => at(y, x) * 16, m, (x) => at(y, x) * area.m.position, (x) => scaleAt(vertical, y) * scaleAt(horizontal, x));
    }
    increment(f, m, 16);
  });
  f.release(temporary, m, counter);
} // prettier-ignore

const scaleAt = ({ scale }: Form, index: number): number => scale?.[index] ?? 1;

interface OutputTile {
  readonly work: Local;
  readonly row: Local;
  readonly tile: Local;
  readonly out: Local;
  readonly extras: readonly Local[];
}

/** Stores the pixels of a tile that lie inside the result, through the epilogue. */
function emitPixels(f: FunctionBuilder, plan: WinogradPlan, result: WinogradResult, site: OutputTile): void {
  const area = workAreaOf(plan);
  const { batch, corner } = tilePosition(f, plan, site.tile);
  const [rows, columns] = corner.map((local, dim) => pixelsInside(f, plan, local, dim)) as [Bound, Bound];
  const { output } = result.epilogue;
  const outStrides = [...pixelStrides(plan.result, plan.filters, output), storageBytes(output)] as const;
  const operands = [outStrides, ...result.extras].map((strides, i) => ({
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
        pushOffset(f, y, strides[1]);
        pushOffset(f, x, strides[2]);
        f.set(nth(pointers, i));
      }
      emitPixel(f, plan, result, pixel, pointers);
    });
  });
  f.release(source, y, x, pixel, ...pointers, ...corner, ...operands.map(({ base }) => base));
}

/** Pixels of a tile along a dim that lie inside the result. */
function pixelsInside(f: FunctionBuilder, plan: WinogradPlan, corner: Local, dim: number): Bound {
  const size = nth(plan.result, dim);
  const { outputs } = nth(plan.forms, dim);
  if (size % outputs === 0) return outputs;
  const local = f.local("i32");
  f.i32(size);
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
function tileBase(f: FunctionBuilder, operand: Local, strides: readonly number[], batch: Bound, corner: readonly Local[]): Local {
  const base = f.local("i32");
  f.get(operand);
  pushOffset(f, batch, nth(strides, 0));
  for (const [dim, local] of corner.entries()) pushOffset(f, local, nth(strides, dim + 1));
  f.set(base);
  return base;
} // prettier-ignore

/** Vectors of a pixel that one round of the loop stores. */
const roundVectors = 2;

/** All channels of one pixel. Moves the pointers. */
function emitPixel(f: FunctionBuilder, plan: WinogradPlan, { epilogue, extras }: WinogradResult, pixel: Local, [out, ...others]: readonly Local[]): void {
  const acc = f.local("v128");
  const outBytes = storageBytes(epilogue.output);
  const store = (vector: number, count: number): void => {
    f.get(pixel);
    f.load("v128.load", vector * 16);
    f.set(acc);
    emitStore(f, epilogue, 4, acc, count, {
      pointer: out as Local,
      offset: vector * 4 * outBytes,
      extras: others.map((local, i) => ({ pointer: local, offset: vector * 4 * nth(extras, i)[3], perColumn: nth(extras, i)[3] !== 0 })),
    });
  };
  const counter = f.local("i32");
  const rounds = Math.floor(plan.filters / (4 * roundVectors));
  loopRange(f, counter, 0, rounds, 1, () => {
    for (let vector = 0; vector < roundVectors; vector++) store(vector, 4);
    increment(f, pixel, roundVectors * 16);
    increment(f, out as Local, roundVectors * 4 * outBytes);
    for (const [i, local] of others.entries()) increment(f, local, roundVectors * 4 * nth(extras, i)[3]);
  });
  const left = plan.filters - rounds * 4 * roundVectors;
  for (let vector = 0; vector * 4 < left; vector++) store(vector, Math.min(4, left - vector * 4));
  f.release(acc, counter);
} // prettier-ignore
