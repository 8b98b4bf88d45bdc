/**
 * argReduce over floats, four at a time: along a row, whose four partial winners are compared at the end, or for neighbouring columns. NaN comes
 * before every number; of equals the first or the last wins, as for single elements (order.ts).
 */
import { defined } from "../../../ir/access.ts";
import { apply, type Push, pushLocal } from "../math/algebra.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import { pushBefore } from "./before.ts";

export interface ArgVectors {
  readonly largest: boolean;
  readonly selectLast: boolean;
  readonly size: number;
}

/** Pushes a mask of the lanes of x that come strictly before those of y. */
function before(f: FunctionBuilder, largest: boolean, x: Push, y: Push): Push {
  const isBeyond = apply(f, largest ? "f32x4.gt" : "f32x4.lt", x, y);
  const isNew = apply(f, "v128.and", apply(f, "f32x4.ne", x, x), apply(f, "f32x4.eq", y, y));
  return apply(f, "v128.or", isBeyond, isNew);
}

/** Lets what lies in `value` win against the best so far, with the places in `index`. */
function challenge(
  f: FunctionBuilder,
  { largest, selectLast }: ArgVectors,
  value: Local,
  index: Local,
  best: Local,
  winner: Local,
): void {
  const [x, y] = [pushLocal(f, value), pushLocal(f, best)];
  const mask = f.local("v128");
  if (selectLast) apply(f, "v128.not", before(f, largest, y, x))();
  else before(f, largest, x, y)();
  f.set(mask);
  for (const [challenger, holder] of [
    [value, best],
    [index, winner],
  ] as const) {
    f.get(challenger);
    f.get(holder);
    f.get(mask);
    f.op("v128.bitselect");
    f.set(holder);
  }
  f.release(mask);
}

/** Winners of `vectors` * 4 neighbouring columns; `step` bytes lead from one element of a column to the next. */
export function emitColumnWinners(
  f: FunctionBuilder,
  plan: ArgVectors,
  vectors: number,
  step: number,
  from: Local,
  to: Local,
): void {
  const [bests, winners] = [f.localArray("v128", vectors), f.localArray("v128", vectors)];
  const [index, value] = [f.local("v128"), f.local("v128")];
  const [cursor, counter] = [f.local("i32"), f.local("i32")];
  f.get(from);
  f.set(cursor);
  f.splatConst("i32x4", 0);
  f.set(index);
  for (const [i, best] of bests.entries()) {
    f.get(from);
    f.load("v128.load", 16 * i);
    f.set(best);
    f.get(index);
    f.set(defined(winners[i]));
  }
  loopRange(f, counter, 1, plan.size, 1, () => {
    increment(f, cursor, step);
    f.get(index);
    f.splatConst("i32x4", 1);
    f.op("i32x4.add");
    f.set(index);
    for (const [i, best] of bests.entries()) {
      f.get(cursor);
      f.load("v128.load", 16 * i);
      f.set(value);
      challenge(f, plan, value, index, best, defined(winners[i]));
    }
  });
  for (const [i, winner] of winners.entries()) {
    for (const half of ["low", "high"] as const) {
      f.get(to);
      f.get(winner);
      f.op(`i64x2.extend_${half}_i32x4_u`);
      f.store("v128.store", 32 * i + (half === "high" ? 16 : 0));
    }
  }
  f.release(...bests, ...winners, index, value, cursor, counter);
}

/** The winner of a row of at least four elements that lie together. */
export function emitRowWinner(f: FunctionBuilder, plan: ArgVectors, from: Local, to: Local): void {
  const { size } = plan;
  const [best, winner, index, value] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  const [cursor, counter] = [f.local("i32"), f.local("i32")];
  f.get(from);
  f.tee(cursor);
  f.load("v128.load");
  f.set(best);
  f.v128(new Uint8Array(Int32Array.of(0, 1, 2, 3).buffer));
  f.tee(index);
  f.set(winner);
  const whole = size - (size % 4);
  loopRange(f, counter, 4, whole, 4, () => {
    increment(f, cursor, 16);
    f.get(index);
    f.splatConst("i32x4", 4);
    f.op("i32x4.add");
    f.set(index);
    f.get(cursor);
    f.load("v128.load");
    f.set(value);
    challenge(f, plan, value, index, best, winner);
  });
  emitFinal(f, plan, [best, winner], from, to);
  f.release(best, winner, index, value, cursor, counter);
}

/** The best of four lanes and of the elements behind the last whole vector. */
function emitFinal(
  f: FunctionBuilder,
  plan: ArgVectors,
  [best, winner]: readonly [Local, Local],
  from: Local,
  to: Local,
): void {
  const { largest, selectLast, size } = plan;
  const [champion, value] = [f.local("f32"), f.local("f32")];
  const [place, own] = [f.local("i32"), f.local("i32")];
  const take = (): void => {
    f.get(value);
    f.set(champion);
    f.get(own);
    f.set(place);
  };
  for (let lane = 0; lane < 4; lane++) {
    f.get(best);
    f.lane("f32x4.extract_lane", lane);
    f.set(value);
    f.get(winner);
    f.lane("i32x4.extract_lane", lane);
    f.set(own);
    if (lane === 0) {
      take();
      continue;
    }
    pushBefore(f, "f32", largest, value, champion);
    // equals are told apart by their places
    pushBefore(f, "f32", largest, champion, value);
    f.op("i32.eqz");
    f.get(own);
    f.get(place);
    f.op(selectLast ? "i32.gt_u" : "i32.lt_u");
    f.op("i32.and");
    f.op("i32.or");
    f.if(take);
  }
  for (let i = size - (size % 4); i < size; i++) {
    f.get(from);
    f.load("f32.load", i * 4);
    f.set(value);
    f.i32(i);
    f.set(own);
    if (selectLast) {
      pushBefore(f, "f32", largest, champion, value);
      f.op("i32.eqz");
    } else pushBefore(f, "f32", largest, value, champion);
    f.if(take);
  }
  f.get(to);
  f.get(place);
  f.op("i64.extend_i32_u");
  f.store("i64.store");
  f.release(champion, value, place, own);
}
