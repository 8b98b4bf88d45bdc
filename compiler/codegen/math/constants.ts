/**
 * Vector constants. An engine builds each `v128.const` from immediates wherever it stands, which costs several instructions in a loop; a
 * local that was set before the loop is a register, or a memory operand. `hoistSplats` finds the constants of a piece of code by emitting
 * it once into a function that is thrown away, and puts them into locals; from then on `pushSplat` reads those.
 */
import { FunctionBuilder, type Local } from "../wasm/index.ts";

export type SplatShape = "f32x4" | "f64x2" | "i8x16" | "i16x8" | "i32x4" | "i64x2";

interface Splat {
  readonly shape: SplatShape;
  readonly value: number | bigint;
  local: Local | null;
}

/** Per function: the constants that live in locals (or, while probing, those that were asked for). */
const pools = new WeakMap<FunctionBuilder, Map<string, Splat>>();

const keyOf = (shape: SplatShape, value: number | bigint): string =>
  `${shape} ${Object.is(value, -0) ? "-0" : String(value)}`;

/** Pushes a vector with `value` in all lanes. */
export function pushSplat(f: FunctionBuilder, shape: SplatShape, value: number | bigint): void {
  const pool = pools.get(f);
  const key = keyOf(shape, value);
  const known = pool?.get(key);
  if (known?.local != null) {
    f.get(known.local);
    return;
  }
  pool?.set(key, { shape, value, local: null });
  f.splatConst(shape, value);
}

/** All zeros and all ones cost nothing where they stand. */
const isCheap = ({ value }: Splat): boolean => value === 0 || value === 0n;

/**
 * Puts the vector constants that `emit` asks for into locals of `f`; call it where all later uses are dominated. `emit` must leave
 * nothing on the stack, and reach its function only by its parameter.
 */
export function hoistSplats(f: FunctionBuilder, emit: (probe: FunctionBuilder) => void): void {
  const probe = new FunctionBuilder(f.module, `${f.name} (probe)`, f.type);
  const found = new Map<string, Splat>();
  pools.set(probe, found);
  emit(probe);
  const pool = pools.get(f) ?? new Map<string, Splat>();
  pools.set(f, pool);
  for (const [key, splat] of found) {
    if (isCheap(splat) || pool.get(key)?.local != null) continue;
    const local = f.local("v128");
    f.splatConst(splat.shape, splat.value);
    f.set(local);
    pool.set(key, { ...splat, local });
  }
}
