/** Emits a product: units, blocks of the run, panels, rows, tiles. */
import { storageBytes } from "../../../../ir/dtype.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../../kernel.ts";
import {
  type Bound,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  type ModuleBuilder,
} from "../../wasm/index.ts";
import { blockRange, decodeIndex, pushOffset } from "../index-space.ts";
import {
  blocksOf,
  extraType,
  type Panels,
  panelsOf,
  type Product,
  productKey,
  hasScratch,
  isWidened,
  runBlocks,
  type Strides,
  totalSteps,
  unitsOf,
  workOf,
} from "./product.ts";
import { pairSteps } from "./arith.ts";
import { type Pixel, rowPeriod, type TileGroup, tileGroups } from "./rows.ts";
import { hoistConstants, isJoinable } from "./epilogue.ts";
import { emitWidened, storedPanelBytes, widenFunctions, type Wideners } from "./widened-panels.ts";
import { type Cursors, emitTile, type RunBlock, type TilePanel, type TileRows } from "./tile.ts";

/** The stage for a product; `args` are A, B, the extra operands, then the result, and scratch memory where B is widened. */
export function productStage(product: Product, args: readonly KernelArg[]): KernelCode {
  const expected = 3 + product.epilogue.extras.length + (hasScratch(product.b) ? 1 : 0);
  if (args.length !== expected)
    throw new Error(`internal: ${product.name} has ${args.length} arguments, not ${expected}`);
  return {
    key: kernelKey("product", productKey(product)),
    units: unitsOf(product),
    args,
    work: workOf(product),
    inPlace: inPlaceInputs(product, args),
    emit: (module) => emitProduct(module, formFor(module, product), args.length),
  };
}

/** A product as a module has it. */
function formFor({ features }: ModuleBuilder, product: Product): Product {
  if (product.b.kind === "bytes" && !features.relaxedSimd) return inPairs(product);
  return features.joinedVectors === true ? joined(product) : product;
}

/** Modules without relaxed SIMD multiply pairs of 16 bits where others multiply bytes. */
function inPairs(product: Product): Product {
  const { byteRows: _, ...others } = product;
  const schedule = { ...product.schedule, kBlock: 2 * product.schedule.kBlock };
  return { ...others, arith: pairSteps, run: 2 * product.run, b: { kind: "bytes", isWidened: true }, schedule };
}

/** In tiles for joined vectors, where they are neighbours in memory and can all be joined. */
function joined(product: Product): Product {
  const { tile } = product.schedule;
  const isApart = product.b.kind === "packed" && product.b.apart;
  if (tile.joined === undefined || isApart || !isJoinable(product.epilogue)) return product;
  return { ...product, schedule: { ...product.schedule, tile: { ...tile, ...tile.joined } }, isJoined: true };
}

/** Extra operands whose elements lie as those of the result: a tile reads them just before it stores. Sums that are parked would be in the way. */
function inPlaceInputs(product: Product, args: readonly KernelArg[]): readonly number[] {
  if (runBlocks(product).count > 1) return [];
  const { epilogue, outer, y, x, start } = product;
  const axes = [...outer, y, x].filter((axis) => axis.size > 1).map((axis) => axis.strides);
  return epilogue.extras.flatMap((dtype, i) => {
    const arg = args[2 + i];
    const isParallel = [start, ...axes].every((strides) => strides.extras[i] === strides.out);
    const isDense = product.extraPerColumn[i] === true && storageBytes(dtype) === storageBytes(epilogue.output);
    return arg?.kind === "input" && isParallel && isDense ? [arg.index] : [];
  });
}

/** Addresses of the operands from which the rows of a unit count. */
interface Bases extends Cursors {
  readonly b: Local;
}

interface Context {
  readonly f: FunctionBuilder;
  readonly product: Product;
  readonly panels: Panels;
  readonly bases: Bases;
  readonly wideners: Wideners;
}

interface Range {
  readonly from: Bound;
  readonly to: Bound;
}

function emitProduct(module: ModuleBuilder, product: Product, args: number): number {
  const { schedule, arith, columns, epilogue } = product;
  const panels = panelsOf(columns, schedule.tile.vectors, arith.lanes);
  const wideners = widenFunctions(module, product, panels);
  return module.function(product.name, kernelType(args), (f) => {
    const bases: Bases = {
      a: f.local("i32"),
      b: f.local("i32"),
      out: f.local("i32"),
      extras: f.localArray("i32", epilogue.extras.length),
    };
    hoistConstants(f, epilogue);
    arith.hoist?.(f);
    const unit = f.local("i32");
    loopRange(f, unit, f.param(args), f.param(args + 1), 1, () => {
      emitUnit({ f, product, panels, bases, wideners }, unit);
    });
  });
}

function emitUnit(context: Context, unit: Local): void {
  const { f, product, panels } = context;
  const blocks = blocksOf(product);
  const sizes = [...product.outer.map((axis) => axis.size), blocks.panels, blocks.y];
  const indices = decodeIndex(f, unit, sizes);
  setBases(context, indices);
  const panelRange = blockRange(f, indices.at(-2) ?? 0, product.schedule.block.panels, panels.count);
  const yRange = blockRange(f, indices.at(-1) ?? 0, product.schedule.block.y, product.y.size);
  emitRunBlocks(context, panelRange, yRange);
}

/** base = argument + start + sum over outer axes of index * stride */
function setBases({ f, product, bases }: Context, indices: readonly Bound[]): void {
  const setBase = (base: Local, param: number, pick: (strides: Strides) => number): void => {
    f.get(f.param(param));
    pushOffset(f, 1, pick(product.start));
    for (const [i, axis] of product.outer.entries()) pushOffset(f, indices[i] ?? 0, pick(axis.strides));
    f.set(base);
  };
  setBase(bases.a, 0, (s) => s.a);
  setBase(bases.b, 1, (s) => s.b);
  for (const [i, base] of bases.extras.entries()) setBase(base, 2 + i, (s) => s.extras[i] ?? 0);
  setBase(bases.out, 2 + bases.extras.length, (s) => s.out);
}

function emitRunBlocks(context: Context, panelRange: Range, yRange: Range): void {
  const { f, product } = context;
  const { count, steps } = runBlocks(product);
  if (count === 1) {
    emitPanels(context, panelRange, yRange, null);
    return;
  }
  const index = f.local("i32");
  const block = { index, steps, aBytes: f.local("i32"), isFirst: f.local("i32"), isLast: f.local("i32") };
  const { a } = context.bases;
  loopRange(f, index, 0, count, 1, () => {
    setRunBlock(f, block, count, product);
    emitPanels(context, panelRange, yRange, block);
    increment(f, a, steps * product.aStep);
  });
}

interface IndexedRunBlock extends RunBlock {
  readonly index: Local;
  readonly steps: number;
}

function setRunBlock(f: FunctionBuilder, block: IndexedRunBlock, count: number, product: Product): void {
  const lastSteps = product.run - (count - 1) * block.steps;
  f.get(block.index);
  f.op("i32.eqz");
  f.set(block.isFirst);
  f.i32(lastSteps * product.aStep);
  f.i32(block.steps * product.aStep);
  f.get(block.index);
  f.i32(count - 1);
  f.op("i32.eq");
  f.tee(block.isLast);
  f.select("i32");
  f.set(block.aBytes);
}

function emitPanels(context: Context, range: Range, yRange: Range, block: IndexedRunBlock | null): void {
  const { f, panels, product } = context;
  const panel = f.local("i32");
  const { tile } = product.schedule;
  const whole = { columns: panels.width, vectors: tile.vectors, rows: tile.rows };
  const ragged = { columns: panels.rest, vectors: Math.ceil(panels.rest / product.arith.lanes), rows: tile.restRows };
  if (panels.full > 0) {
    const to = minBound(f, range.to, panels.full, panels.count);
    loopRange(f, panel, range.from, to, 1, () => {
      emitPanel(context, panel, whole, yRange, block);
    });
  }
  if (panels.rest > 0) {
    onlyAtEnd(f, range.to, panels.count, () => {
      emitPanel(context, panels.full, ragged, yRange, block);
    });
  }
  f.release(panel);
}

/** The lesser of a bound (at most `whole`) and a constant. */
function minBound(f: FunctionBuilder, bound: Bound, limit: number, whole: number): Bound {
  if (typeof bound === "number") return Math.min(bound, limit);
  if (limit >= whole) return bound;
  const result = f.local("i32");
  f.get(bound);
  f.i32(limit);
  f.get(bound);
  f.i32(limit);
  f.op("i32.lt_u");
  f.select("i32");
  f.set(result);
  return result;
}

/** Runs `body` if the range's end is the end of all. */
function onlyAtEnd(f: FunctionBuilder, to: Bound, end: number, body: () => void): void {
  if (typeof to === "number") {
    if (to === end) body();
    return;
  }
  f.get(to);
  f.i32(end);
  f.op("i32.eq");
  f.if(body);
}

function emitPanel(
  context: Context,
  index: Bound,
  size: Pick<TilePanel, "columns" | "vectors" | "rows">,
  yRange: Range,
  block: IndexedRunBlock | null,
): void {
  const { f, product, bases, panels } = context;
  const { bStep, bVector, panelBytes } = panelLayout(product, size.vectors);
  const panel: TilePanel = { ...size, b: f.local("i32"), bStep, bVector };
  f.get(bases.b);
  pushOffset(f, index, panelBytes);
  const isWide = isWidened(product.b);
  if (block !== null && !isWide) pushOffset(f, block.index, block.steps * bStep);
  f.set(panel.b);
  if (isWide) emitWidened(f, product, context.wideners, panel, block);
  const cursors: Cursors = { a: bases.a, out: f.local("i32"), extras: f.localArray("i32", bases.extras.length) };
  f.get(bases.out);
  pushOffset(f, index, panels.width * storageBytes(product.epilogue.output));
  f.set(cursors.out);
  for (const [i, cursor] of cursors.extras.entries()) {
    f.get(bases.extras[i] as Local);
    const columnBytes = product.extraPerColumn[i] === true ? storageBytes(extraType(product, i)) : 0;
    pushOffset(f, index, panels.width * columnBytes);
    f.set(cursor);
  }
  emitRows(f, product, cursors, yRange, panel, block);
  f.release(panel.b, cursors.out, ...cursors.extras);
}

function panelLayout(product: Product, vectors: number): { bStep: number; bVector: number; panelBytes: number } {
  const { arith, b, schedule } = product;
  if (b.kind === "direct") {
    return { bStep: b.rowStride, bVector: 16, panelBytes: schedule.tile.vectors * 16 };
  }
  if (isWidened(b)) return { bStep: vectors * 16, bVector: 16, panelBytes: storedPanelBytes(product) };
  if (b.kind !== "packed" && b.kind !== "bytes") throw new Error("internal: panels of an unknown source");
  const vectorBytes = arith.bVectorBytes * totalSteps(product);
  const fullPanel = schedule.tile.vectors * vectorBytes;
  if (b.kind === "packed" && b.apart) return { bStep: arith.bVectorBytes, bVector: vectorBytes, panelBytes: fullPanel };
  return { bStep: vectors * arith.bVectorBytes, bVector: arith.bVectorBytes, panelBytes: fullPanel };
}

/** All rows of the range for one panel: whole periods of tiles, then what is left of the last one. */
function emitRows(
  f: FunctionBuilder,
  product: Product,
  bases: Cursors,
  range: Range,
  panel: TilePanel,
  block: RunBlock | null,
): void {
  const rowLength = product.x.size;
  const { rows } = panel;
  const period = rowPeriod(rowLength, rows);
  const rest = product.y.size % period;
  const y = f.local("i32");
  const cursors: Cursors = { a: f.local("i32"), out: f.local("i32"), extras: f.localArray("i32", bases.extras.length) };
  const atPeriod = (at: Bound, yCount: number): void => {
    setCursors(f, cursors, bases, at, product.y.strides);
    for (const group of tileGroups(rowLength, rows, yCount)) emitGroup(f, product, cursors, group, panel, block);
  };
  if (product.y.size >= period) {
    loopRange(f, y, range.from, minBound(f, range.to, product.y.size - rest, product.y.size), period, () => {
      atPeriod(y, period);
    });
  }
  if (rest > 0) {
    onlyAtEnd(f, range.to, product.y.size, () => {
      atPeriod(product.y.size - rest, rest);
    });
  }
  f.release(y, cursors.a, cursors.out, ...cursors.extras);
}

function setCursors(f: FunctionBuilder, cursors: Cursors, bases: Cursors, index: Bound, strides: Strides): void {
  const set = (cursor: Local, base: Local, stride: number): void => {
    f.get(base);
    pushOffset(f, index, stride);
    f.set(cursor);
  };
  set(cursors.a, bases.a, strides.a);
  set(cursors.out, bases.out, strides.out);
  for (const [i, cursor] of cursors.extras.entries()) set(cursor, bases.extras[i] as Local, strides.extras[i] ?? 0);
}

function emitGroup(
  f: FunctionBuilder,
  product: Product,
  cursors: Cursors,
  group: TileGroup,
  panel: TilePanel,
  block: RunBlock | null,
): void {
  const rows = tileRows(product, group.pixels);
  if (group.repeat === 1) {
    emitTile(f, product, cursors, rows, panel, block);
    return;
  }
  const moving: Cursors = {
    a: f.local("i32"),
    out: f.local("i32"),
    extras: f.localArray("i32", cursors.extras.length),
  };
  setCursors(f, moving, cursors, 0, product.x.strides);
  const { strides } = product.x;
  const count = group.pixels.length;
  const counter = f.local("i32");
  loopRange(f, counter, 0, group.repeat, 1, () => {
    emitTile(f, product, moving, rows, panel, block);
    increment(f, moving.a, count * strides.a);
    increment(f, moving.out, count * strides.out);
    for (const [i, cursor] of moving.extras.entries()) increment(f, cursor, count * (strides.extras[i] ?? 0));
  });
  f.release(counter, moving.a, moving.out, ...moving.extras);
}

function tileRows(product: Product, pixels: readonly Pixel[]): TileRows {
  const { x, y } = product;
  const offsets = (pick: (strides: Strides) => number): number[] =>
    pixels.map((pixel) => pixel.y * pick(y.strides) + pixel.x * pick(x.strides));
  return {
    a: offsets((s) => s.a),
    out: offsets((s) => s.out),
    extras: product.epilogue.extras.map((_, i) => offsets((s) => s.extras[i] ?? 0)),
  };
}
