/** Sums of A's elements in each block of the reduction, which zero points are multiplied by: out[row, block]. One unit is one row. */
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../../kernel.ts";
import { type FunctionBuilder, increment, type Local, loopRange, type ModuleBuilder } from "../../wasm/index.ts";
import { pushOffset } from "../index-space.ts";

export interface BlockSums {
  readonly rows: number;
  readonly inner: number;
  readonly block: number;
}

export const sumsBytes = ({ rows, inner, block }: BlockSums): number => 4 * rows * Math.ceil(inner / block);

/** The stage; `args` are A and the sums. */
export const blockSumsStage = (sums: BlockSums, args: readonly [KernelArg, KernelArg]): KernelCode => ({
  key: kernelKey("block sums", sums),
  units: sums.rows,
  args,
  work: sums.rows * sums.inner,
  emit: (module) => emitBlockSums(module, sums),
});

function emitBlockSums(module: ModuleBuilder, { inner, block }: BlockSums): number {
  return module.function("block_sums", kernelType(2), (f) => {
    const blocks = Math.floor(inner / block);
    const rest = inner - blocks * block;
    const [row, a, out, counter] = f.localArray("i32", 4) as [Local, Local, Local, Local];
    loopRange(f, row, f.param(2), f.param(3), 1, () => {
      f.get(f.param(0));
      pushOffset(f, row, 4 * inner);
      f.set(a);
      f.get(f.param(1));
      pushOffset(f, row, 4 * (blocks + (rest > 0 ? 1 : 0)));
      f.set(out);
      const one = (count: number): void => {
        emitSum(f, a, count);
        storeSum(f, out);
        increment(f, out, 4);
      };
      loopRange(f, counter, 0, blocks, 1, () => {
        one(block);
      });
      if (rest > 0) one(rest);
    });
  });
}

/** Pushes the sum of `count` elements; the cursor ends behind them. */
function emitSum(f: FunctionBuilder, a: Local, count: number): void {
  const [sum, counter] = [f.local("v128"), f.local("i32")];
  f.splatConst("f32x4", 0);
  f.set(sum);
  loopRange(f, counter, 0, Math.floor(count / 4), 1, () => {
    f.get(sum);
    f.get(a);
    f.load("v128.load");
    f.op("f32x4.add");
    f.set(sum);
    increment(f, a, 16);
  });
  for (let lane = 0; lane < 4; lane++) {
    f.get(sum);
    f.lane("f32x4.extract_lane", lane);
    if (lane > 0) f.op("f32.add");
  }
  for (let i = 0; i < count % 4; i++) {
    f.get(a);
    f.load("f32.load", 4 * i);
    f.op("f32.add");
  }
  increment(f, a, 4 * (count % 4));
  f.release(sum, counter);
}

function storeSum(f: FunctionBuilder, out: Local): void {
  const sum = f.local("f32");
  f.set(sum);
  f.get(out);
  f.get(sum);
  f.store("f32.store");
  f.release(sum);
}
