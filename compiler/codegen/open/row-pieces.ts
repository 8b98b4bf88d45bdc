/**
 * A product with an open number of rows as products of fixed heights: blocks of tiles, then tiles, then a tile with the last rows and some before them once
 * more. All of them are done for some panels of B before the next panels, so that B comes from memory once.
 */
import { nth } from "../../../ir/access.ts";
import { type Dim, mulDims } from "../../../ir/dim.ts";
import { kernelKey } from "../kernel.ts";
import type { Product } from "../kernels/product/product.ts";
import { productStage } from "../kernels/product/product-emit.ts";
import { type Bound, type Local, loopRange, pushBound } from "../wasm/index.ts";
import { type OpenFunction, openFunction, type OpenKernelArg, type OpenKernelCode, SizeParams } from "./kernel.ts";
import { addBound } from "./rows.ts";

/** Tiles in a block: as many as repay reading a panel of B. */
const blockTiles = [8, 4, 2, 1] as const;
/** Heights for less rows than a tile. */
const shortHeights = [4, 2, 1] as const;

/** The stage: `product` gives that of a height, `strides` the bytes from row to row of each argument. */
export function rowPiecesStage(
  product: (height: number) => Product,
  tile: number,
  rows: Dim,
  args: readonly OpenKernelArg[],
  strides: readonly number[],
): OpenKernelCode {
  // a stage takes its arguments' number only; addresses are ours
  const placeholders = args.map((arg) => (arg.kind === "packed" ? arg : ({ kind: "input", index: 0 } as const)));
  const stageOf = (height: number): ReturnType<typeof productStage> => productStage(product(height), placeholders);
  const long = blockTiles.map((tiles) => tiles * tile);
  const short = shortHeights.filter((height) => height < tile);
  const stages = new Map([...long, ...short].map((height) => [height, stageOf(height)]));
  const [whole] = [...stages.values()];
  if (whole === undefined || [...stages.values()].some(({ units }) => units !== whole.units)) {
    throw new Error("internal: products of other heights have other panels");
  }
  const params = new SizeParams();
  const count = params.of(rows);
  return {
    key: kernelKey(
      "open matmul",
      [...stages.values()].map(({ key }) => key),
      tile,
      count,
      strides,
    ),
    units: whole.units,
    args,
    sizes: params.dims,
    work: mulDims(Math.ceil(whole.work / nth(long, 0)), rows),
    emit: (module) => {
      const functions = new Map([...stages].map(([height, { emit }]) => [height, emit(module)]));
      return openFunction(module, "matmul_rows", args.length, params.dims.length, (site) => {
        emitPieces(site, { functions, long, short, tile, strides }, site.bound(count));
      });
    },
  };
}

interface Pieces {
  /** of each height */
  readonly functions: ReadonlyMap<number, number>;
  readonly long: readonly number[];
  readonly short: readonly number[];
  readonly tile: number;
  readonly strides: readonly number[];
}

function emitPieces({ f, addresses, begin, end }: OpenFunction, pieces: Pieces, rows: Bound): void {
  const { functions, long, short, tile, strides } = pieces;
  const [panel, next, done] = f.localArray("i32", 3) as [Local, Local, Local];
  const left = (): void => {
    pushBound(f, rows);
    f.get(done);
    f.op("i32.sub");
  };
  /** the rows from `done` on */
  const call = (height: number): void => {
    const index = functions.get(height);
    if (index === undefined) throw new Error(`internal: no product of ${height} rows`);
    for (const [i, address] of addresses.entries()) {
      f.get(address);
      if (nth(strides, i) === 0) continue;
      f.get(done);
      f.i32(nth(strides, i));
      f.op("i32.mul");
      f.op("i32.add");
    }
    f.get(panel);
    f.get(next);
    f.call(index);
  };
  const asLongAs = (heights: readonly number[]): void => {
    for (const height of heights) {
      const isLeft = (): void => {
        left();
        f.i32(height);
        f.op("i32.ge_u");
      };
      isLeft();
      f.if(() => {
        f.loop((again) => {
          call(height);
          addBound(f, done, height);
          isLeft();
          f.brIf(again);
        });
      });
    }
  };
  loopRange(f, panel, begin, end, 1, () => {
    f.get(panel);
    f.i32(1);
    f.op("i32.add");
    f.set(next);
    f.i32(0);
    f.set(done);
    asLongAs(long);
    left();
    f.if(() => {
      pushBound(f, rows);
      f.i32(tile);
      f.op("i32.ge_u");
      f.if(
        () => {
          pushBound(f, rows);
          f.i32(tile);
          f.op("i32.sub");
          f.set(done);
          call(tile);
        },
        () => {
          asLongAs(short);
        },
      );
    });
  });
  f.release(panel, next, done);
}
