/** The part of a byte product that seldom has anything to do: eighth bits of A, from the list of the tile's rows (see rows.ts). */
import { type FunctionBuilder, increment, type Local } from "../../wasm/index.ts";
import { pushOffset } from "../index-space.ts";
import { multiplyBytes, pushHighWeight } from "../product/arith.ts";
import type { Tile } from "../product/tile.ts";
import { entryBytes, listHeadBytes, type RowsLayout, stepElements } from "./rows.ts";

/** Entries whose products, at most 2 * 128 each, add up within 16 bits: their sums are weighted once, at the end. */
const shortList = 127;

/** accs = 128 * Σ high w over the steps in the list (they are zero before). */
export function addHighBits(tile: Tile, layout: RowsLayout): void {
  const { f } = tile;
  const [entry, end] = [f.local("i32"), f.local("i32")];
  pushList(tile, layout);
  f.tee(entry);
  f.load("i32.load");
  f.tee(end);
  f.if(() => {
    increment(f, entry, listHeadBytes);
    f.get(end);
    f.i32(shortList * entryBytes);
    f.op("i32.le_u");
    f.get(entry);
    f.get(end);
    f.op("i32.add");
    f.set(end);
    f.if(
      () => {
        eachEntry(tile, entry, end, addShort);
        weighSums(tile);
      },
      () => {
        eachEntry(tile, entry, end, addWeighted);
      },
    );
  });
  f.release(entry, end);
}

type AddPairSums = (f: FunctionBuilder, acc: Local) => void;

/** Adds the products on the stack to sums of 16 bits. */
const addShort: AddPairSums = (f, acc) => {
  f.get(acc);
  f.op("i16x8.add");
  f.set(acc);
};

/** Adds 128 times the products on the stack to sums of 32 bits. */
const addWeighted: AddPairSums = (f, acc) => {
  pushHighWeight(f);
  f.op("i32x4.dot_i16x8_s");
  f.get(acc);
  f.op("i32x4.add");
  f.set(acc);
};

/** Makes sums of 16 bits sums of 32 bits, times 128. */
function weighSums({ f, accs }: Tile): void {
  for (const acc of accs.flat()) {
    f.get(acc);
    pushHighWeight(f);
    f.op("i32x4.dot_i16x8_s");
    f.set(acc);
  }
}

function eachEntry(tile: Tile, entry: Local, end: Local, add: AddPairSums): void {
  const { f } = tile;
  f.loop((again) => {
    addEntry(tile, entry, add);
    increment(f, entry, entryBytes);
    f.get(entry);
    f.get(end);
    f.op("i32.ne");
    f.brIf(again);
  });
}

/** Pushes the address of the tile's list: lists lie behind the rows, in their order and as far apart. */
function pushList({ f, cursors, rows }: Tile, layout: RowsLayout): void {
  f.get(cursors.a);
  pushOffset(f, 1, (rows.a[0] ?? 0) + layout.lists);
}

/** One step of the list: its high bits times B. */
function addEntry({ f, panel, rows, accs, product }: Tile, entry: Local, add: AddPairSums): void {
  const bs = f.localArray("v128", panel.vectors);
  const b = f.local("i32");
  f.get(entry);
  f.load("i32.load");
  f.i32(panel.bStep / stepElements);
  f.op("i32.mul");
  f.get(panel.b);
  f.op("i32.add");
  f.set(b);
  for (const [vector, local] of bs.entries()) {
    f.get(b);
    product.arith.loadB(f, vector * panel.bVector);
    f.set(local);
  }
  const high = f.local("v128");
  for (const row of rows.a.keys()) {
    f.get(entry);
    f.load("v128.load32_splat", 4 + 4 * row);
    f.set(high);
    for (const [vector, local] of bs.entries()) {
      f.get(local);
      f.get(high);
      multiplyBytes(f);
      add(f, accs[row]?.[vector] as Local);
    }
  }
  f.release(...bs, b, high);
}
