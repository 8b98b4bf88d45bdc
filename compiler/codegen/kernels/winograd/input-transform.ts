/** The first transform of a Winograd convolution: image -> V. */
import { nth } from "../../../../ir/access.ts";
import { storageBytes } from "../../../../ir/dtype.ts";
import {
  addConst,
  type Bound,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  type ModuleBuilder,
  mulConst,
  pushBound,
} from "../../wasm/index.ts";
import { pushOffset, pushStep } from "../index-space.ts";
import type { Form } from "./forms.ts";
import { fullPhases, positionCount, type Span, type TileGeometry, type WinogradPlan, workAreaOf } from "./plan.ts";
import { loadPixelLanes, storeTileLanes } from "./tile-lanes.ts";
import {
  type GeometrySource,
  hoistForms,
  i32s,
  pointer,
  tilePosition,
  transformLine,
  vectorsAtOnce,
} from "./transform-line.ts";

/**
 * Adds a function (image, work, first, begin, end, sizes…): tiles first + begin … first + end to the rows begin … end of V. `sizes` are `count` more
 * parameters, of which the geometry is made.
 */
export function inputTransform(module: ModuleBuilder, plan: WinogradPlan, { count, geometry }: GeometrySource): number {
  return module.function("winograd_input", { params: i32s(5 + count), results: [] }, (f) => {
    const [image, work, first, begin, end, ...sizes] = f.params as [Local, Local, Local, Local, Local, ...Local[]];
    const place = geometry(sizes);
    hoistForms(f, plan, "input");
    const [row, tile] = [f.local("i32"), f.local("i32")];
    loopRange(f, row, begin, end, 1, () => {
      f.get(first);
      f.get(row);
      f.op("i32.add");
      f.set(tile);
      emitInputTile(f, plan, place, image, work, tile, row, vectorsAtOnce(module, plan));
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
  readonly place: TileGeometry;
  readonly sizes: readonly [number, number];
  /** for each row of the tile the address of its first column, or, at the border, of the image's first column */
  readonly rows: readonly Local[];
  readonly temporary: Local;
  readonly v: Local;
  /** vectors of channels that are transformed at once, if there are so many; they are neighbours in the temporaries */
  readonly width: number;
}

/** A row or column of the tile at the border: whether it is inside the image. */
interface Border {
  /** per row of the tile: all ones where it is inside */
  readonly rowMasks: readonly Local[];
  /** per column of the tile: not zero where it is inside, and its offset from the image's first column then */
  readonly columns: readonly Local[];
  readonly columnOffsets: readonly Local[];
}

function emitInputTile(f: FunctionBuilder, plan: WinogradPlan, place: TileGeometry, image: Local, work: Local, tile: Local, row: Local, width: number): void {
  const area = workAreaOf(plan);
  const { batch, corner } = tilePosition(f, plan, place, tile, plan.strides);
  for (const [dim, local] of corner.entries()) increment(f, local, -nth(plan.padsBegin, dim));
  const source = f.local("i32");
  f.get(image);
  pushStep(f, batch, place.imageStrides[0]);
  f.set(source);
  const temporary = pointer(f, work, 0, row, area.temporary);
  const v = pointer(f, work, area.v.offset, row, area.v.tile);
  for (const phases of phasesOf(plan)) {
    forPhases(f, plan, phases, corner, v, (phaseCorner, phaseV) => {
      const rows = f.localArray("i32", phases.sizes[0]);
      emitPhase({ f, plan, place, sizes: phases.sizes, rows, temporary, v: phaseV, width }, source, phaseCorner);
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
function pushIsInterior({ f, plan, place, sizes }: InputTile, corner: readonly Local[]): void {
  for (const [dim, local] of corner.entries()) {
    const size = nth(place.image, dim);
    const reach = (nth(sizes, dim) - 1) * nth(plan.strides, dim);
    if (typeof size !== "number") {
      // both in the image: the tile's first element, and its last
      f.get(local);
      f.get(size);
      f.op("i32.lt_u");
      f.get(local);
      addConst(f, reach);
      f.get(size);
      f.op("i32.lt_s");
      f.op("i32.and");
      if (dim > 0) f.op("i32.and");
      continue;
    }
    const last = size - reach - 1;
    if (last < 0) f.i32(0);
    else {
      f.get(local);
      f.i32(last);
      f.op("i32.le_u");
    }
    if (dim > 0) f.op("i32.and");
  }
}

/** Multiplies the i32 on the stack. */
function mulBound(f: FunctionBuilder, factor: Bound): void {
  if (typeof factor === "number") mulConst(f, factor);
  else {
    f.get(factor);
    f.op("i32.mul");
  }
}

/** Row pointers; a row outside the image points to the image's first row. No pointer lies outside the image: it may begin at address 0. */
function setRows({ f, plan, place, rows }: InputTile, source: Local, [top, left]: readonly [Local, Local], border: Border | null): void {
  const [, rowBytes, pixelBytes] = place.imageStrides;
  for (const [index, local] of rows.entries()) {
    f.get(source);
    f.get(top);
    addConst(f, index * plan.strides[0]);
    if (border !== null) {
      f.get(nth(border.rowMasks, index));
      f.lane("i32x4.extract_lane", 0);
      f.op("i32.and");
    }
    mulBound(f, rowBytes);
    f.op("i32.add");
    if (border === null) pushOffset(f, left, pixelBytes);
    f.set(local);
  }
} // prettier-ignore

function emitBorder(
  { f, plan, place, sizes, temporary, width }: InputTile,
  [top, left]: readonly [Local, Local],
): Border {
  const pushInside = (corner: Local, dim: 0 | 1, index: number): void => {
    f.get(corner);
    addConst(f, index * plan.strides[dim]);
    pushBound(f, place.image[dim]);
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
    mulConst(f, place.imageStrides[2]);
    f.set(offset);
    return offset;
  });
  // columns outside are never written: they stay zero
  for (let vector = 0; vector < positionCount(plan) * width; vector++) {
    f.get(temporary);
    f.splatConst("i32x4", 0);
    f.store("v128.store", vector * 16);
  }
  return { rowMasks, columns, columnOffsets };
}

/** All channels of a tile: whole vectors, some at once, then single ones and the ragged one. Moves the pointers. */
function emitInputVectors(site: InputTile, border: Border | null): void {
  const { f, plan, rows, v, width } = site;
  const counter = f.local("i32");
  const lanes = 16 / storageBytes(plan.elements);
  const whole = Math.floor(plan.channels / lanes);
  const rounds = Math.floor(whole / width);
  const move = (vectors: number): void => {
    for (const local of rows) increment(f, local, vectors * lanes * storageBytes(plan.source));
    increment(f, v, vectors * 16);
  };
  loopRange(f, counter, 0, rounds, 1, () => {
    emitInputVector(site, border, width, lanes);
    move(width);
  });
  for (let vector = rounds * width; vector < whole; vector++) {
    emitInputVector(site, border, 1, lanes);
    move(1);
  }
  if (plan.channels % lanes > 0) emitInputVector(site, border, 1, plan.channels % lanes);
  f.release(counter);
}

/** Some whole vectors of channels, or one with `count` of them. */
function emitInputVector({ f, plan, place, sizes, rows, temporary, v, width }: InputTile, border: Border | null, vectors: number, count: number): void {
  const [vertical, horizontal] = plan.forms;
  const [, , pixelBytes] = place.imageStrides;
  const area = workAreaOf(plan);
  const isOnePhase = plan.strides[0] * plan.strides[1] === 1;
  const [at, transformed] = [f.local("i32"), f.local("v128")];
  const temporaryAt = (y: number, x: number, lane: number): number => ((y * horizontal.size + x) * width + lane) * 16;
  const loadPixel = (y: number, x: number, lane: number): void => {
    const offset = lane * count * storageBytes(plan.source);
    if (border === null) {
      loadPixelLanes(f, plan, nth(rows, y), x * plan.strides[1] * pixelBytes + offset, count);
      return;
    }
    f.get(nth(rows, y));
    f.get(nth(border.columnOffsets, x));
    f.op("i32.add");
    f.set(at);
    loadPixelLanes(f, plan, at, offset, count);
    f.get(nth(border.rowMasks, y));
    f.op("v128.and");
  };
  const column = (x: number): void => {
    transformLine(f, {
      size: sizes[0],
      width: vectors,
      transform: vertical.input,
      load: (y, lane) => { loadPixel(y, x, lane); },
      store: (y, push, lane) => {
        f.get(temporary);
        push();
        f.store("v128.store", temporaryAt(y, x, lane));
      },
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
    transformLine(f, {
      size: sizes[1],
      width: vectors,
      transform: horizontal.input,
      load: (x, lane) => {
        f.get(temporary);
        f.load("v128.load", temporaryAt(y, x, lane));
      },
      store: (x, push, lane) => {
        push();
        f.set(transformed);
        const offset = (y * horizontal.size + x) * area.v.position + lane * 16;
        storeTileLanes(f, plan, v, offset, transformed, storeCount);
      },
    });
  }
  f.release(at, transformed);
} // prettier-ignore

/** Products of a form that is given so many elements. */
const productsOf = (form: Form, elements: number): number => (elements === form.size ? form.size : form.size - 1);
