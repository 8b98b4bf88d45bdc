/** The softmax of a row whose length is known when it runs, in three passes as in kernels/softmax.ts. */
import { nth } from "../../../ir/access.ts";
import { apply, pushLocal } from "../math/algebra.ts";
import { expOfNegativeF32x4 } from "../math/f32x4.ts";
import { foldLanes } from "../kernels/softmax.ts";
import type { Bound, FunctionBuilder, Local } from "../wasm/index.ts";
import { alongOpenRow, copyOf } from "./rows.ts";

export function emitOpenSoftmaxRow(f: FunctionBuilder, length: Bound, from: Local, to: Local): void {
  const most = rowMaximum(f, length, from);
  const [sum, value, rest] = [f.local("v128"), f.local("v128"), f.local("f32")];
  f.splatConst("f32x4", 0);
  f.set(sum);
  f.f32(0);
  f.set(rest);
  const exponential = (load: "v128.load" | "v128.load32_splat", source: Local): void => {
    f.get(source);
    f.load(load);
    f.get(most);
    f.op("f32x4.sub");
    expOfNegativeF32x4(f);
    f.set(value);
  };
  overRow(f, length, [from, to], {
    vector: (cursors) => {
      exponential("v128.load", nth(cursors, 0));
      apply(f, "f32x4.add", pushLocal(f, sum), pushLocal(f, value))();
      f.set(sum);
      f.get(nth(cursors, 1));
      f.get(value);
      f.store("v128.store");
    },
    single: (cursors) => {
      exponential("v128.load32_splat", nth(cursors, 0));
      f.get(nth(cursors, 1));
      f.get(value);
      f.lane("f32x4.extract_lane", 0);
      f.store("f32.store");
      f.get(rest);
      f.get(value);
      f.lane("f32x4.extract_lane", 0);
      f.op("f32.add");
      f.set(rest);
    },
  });
  foldLanes(f, "f32x4.add", sum);
  f.f32(1);
  f.get(sum);
  f.lane("f32x4.extract_lane", 0);
  f.get(rest);
  f.op("f32.add");
  f.op("f32.div");
  f.tee(rest);
  f.op("f32x4.splat");
  f.set(sum);
  overRow(f, length, [to], {
    vector: (cursors) => {
      const at = nth(cursors, 0);
      f.get(at);
      f.get(at);
      f.load("v128.load");
      f.get(sum);
      f.op("f32x4.mul");
      f.store("v128.store");
    },
    single: (cursors) => {
      const at = nth(cursors, 0);
      f.get(at);
      f.get(at);
      f.load("f32.load");
      f.get(rest);
      f.op("f32.mul");
      f.store("f32.store");
    },
  });
  f.release(most, sum, value, rest);
}

interface RowVisit {
  readonly vector: (cursors: readonly Local[]) => void;
  readonly single: (cursors: readonly Local[]) => void;
}

function overRow(f: FunctionBuilder, length: Bound, pointers: readonly Local[], { vector, single }: RowVisit): void {
  const cursors = pointers.map((pointer) => copyOf(f, pointer));
  const moving = cursors.map((pointer) => ({ pointer, bytes: 4 }));
  alongOpenRow(f, length, moving, [
    {
      elements: 4,
      body: () => {
        vector(cursors);
      },
    },
    {
      elements: 1,
      body: () => {
        single(cursors);
      },
    },
  ]);
  f.release(...cursors);
}

/** The maximum in all lanes. A NaN may be passed over: its own exponential brings it into the sum. */
function rowMaximum(f: FunctionBuilder, length: Bound, from: Local): Local {
  const most = f.local("v128");
  f.splatConst("f32x4", -Infinity);
  f.set(most);
  const take = (load: "v128.load" | "v128.load32_splat", source: Local): void => {
    f.get(most);
    f.get(source);
    f.load(load);
    f.op("f32x4.pmax");
    f.set(most);
  };
  overRow(f, length, [from], {
    vector: (cursors) => {
      take("v128.load", nth(cursors, 0));
    },
    single: (cursors) => {
      take("v128.load32_splat", nth(cursors, 0));
    },
  });
  foldLanes(f, "f32x4.max", most);
  return most;
}
