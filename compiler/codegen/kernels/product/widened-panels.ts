/**
 * Products whose B is stored in fewer bits than it is multiplied in: a panel's part of a run is widened to f32 in scratch memory, which stays in a
 * near cache while all rows read it.
 */
import type { KernelArg } from "../../kernel.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../../wasm/index.ts";
import { pushOffset } from "../index-space.ts";
import { blockBytes, type StripLayout, stripBytes } from "../weight-only/strips.ts";
import { fullBlocks, hasShortBlock, stripWidener } from "../weight-only/widen.ts";
import { halfVectorBytes, halfWidener } from "./half-floats.ts";
import { bytePanelWidener } from "../bytes/widen.ts";
import { hasScratch, type Panels, type Product, runBlocks, totalSteps, widenedBytes } from "./product.ts";
import type { TilePanel } from "./tile.ts";

/** Functions that widen panels, by the panel's vectors. */
export type Wideners = ReadonlyMap<number, number>;

/** The scratch memory that a product with widened panels takes as its last argument; none for others. */
export const widenedArgs = (product: Product, scratchId: number): readonly KernelArg[] =>
  hasScratch(product.b) ? [{ kind: "scratch", id: scratchId, byteLength: widenedBytes(product), isPrivate: true }] : [];

/** Adds the functions for full panels and for the ragged one. */
export function widenFunctions(module: ModuleBuilder, product: Product, panels: Panels): Wideners {
  const { b, schedule, arith } = product;
  const ragged = Math.ceil(panels.rest / arith.lanes);
  const vectors = [...(panels.full > 0 ? [schedule.tile.vectors] : []), ...(ragged > 0 ? [ragged] : [])];
  if (b.kind === "halves") return new Map(vectors.map((count) => [count, halfWidener(module, b.form, count)]));
  if (b.kind === "strips") return new Map(vectors.map((count) => [count, stripWidener(module, b.layout, count)]));
  if (b.kind === "bytes" && b.isWidened) {
    return new Map(vectors.map((count) => [count, bytePanelWidener(module, count)]));
  }
  return new Map();
}

/** Bytes of a panel as it is stored. */
export function storedPanelBytes(product: Product): number {
  const { b, schedule } = product;
  if (b.kind === "bytes") return schedule.tile.vectors * 8 * totalSteps(product);
  return b.kind === "strips" ? stripBytes(b.layout) : schedule.tile.vectors * halfVectorBytes * totalSteps(product);
}

/** A part of the run. */
interface Part {
  readonly index: Local;
  readonly steps: number;
  readonly isLast: Local;
}

/** Widens what this part of the run (null: all of it) reads of a stored panel, whose address `panel.b` is; afterwards that is the widened one's. */
export function emitWidened(
  f: FunctionBuilder,
  product: Product,
  wideners: Wideners,
  panel: TilePanel,
  part: Part | null,
): void {
  const { b, epilogue } = product;
  const scratch = f.param(3 + epilogue.extras.length);
  f.get(panel.b);
  if (part !== null) pushOffset(f, part.index, storedBytes(product, part.steps, panel.vectors));
  f.get(scratch);
  if (b.kind === "strips") pushBlocks(f, product, b.layout, part);
  else pushCount(f, product, part, totalSteps(product), part?.steps ?? 0);
  f.call(wideners.get(panel.vectors) as number);
  f.get(scratch);
  f.set(panel.b);
}

/** Bytes of so many steps of a panel, whole blocks of strips. */
const storedBytes = ({ b }: Product, steps: number, vectors: number): number =>
  b.kind === "strips"
    ? (steps / b.layout.block) * blockBytes(b.layout, b.layout.block)
    : steps * vectors * halfVectorBytes;

/** Pushes how many of `all` pieces the part has: `each`, or what is left in the last one. */
function pushCount(f: FunctionBuilder, product: Product, part: Part | null, all: number, each: number): void {
  f.i32(part === null ? all : all - (runBlocks(product).count - 1) * each);
  if (part === null) return;
  f.i32(each);
  f.get(part.isLast);
  f.select("i32");
}

/** Pushes the part's blocks of full length, and whether the shorter one follows. */
function pushBlocks(f: FunctionBuilder, product: Product, layout: StripLayout, part: Part | null): void {
  pushCount(f, product, part, fullBlocks(layout), (part?.steps ?? 0) / layout.block);
  if (part === null || !hasShortBlock(layout)) f.i32(hasShortBlock(layout) ? 1 : 0);
  else f.get(part.isLast);
}
