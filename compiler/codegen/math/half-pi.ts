/**
 * x = n pi/2 + r with |r| <= pi/4, n modulo 4. Below 2^20 pi/2 is subtracted in three parts, the first two short enough that their products
 * with n are exact (Cody and Waite). Above, x times 2/pi is taken modulo 4 in fixed point (Payne and Hanek):
 *
 *     x = M 2^E, M < 2^53:   x 2/pi mod 4 = M W mod 2^192 / 2^190,   W = bits E-2 … E+189 of 2/pi after the point
 */
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { type Algebra, algebra, apply, choose, type Push, pushLocal } from "./algebra.ts";

/** The bits of 2/pi after the point, 64 to a word: enough for the largest double. */
const twoOverPi = [
  0xa2f9836e4e441529n, 0xfc2757d1f534ddc0n, 0xdb6295993c439041n, 0xfe5163abdebbc561n, 0xb7246e3a424dd2e0n,
  0x06492eea09d1921cn, 0xfe1deb1cb129a73en, 0xe88235f52ebb4484n, 0xe99c7026b45f7e41n, 0x3991d639835339f4n,
  0x9c845f8bbdf9283bn, 0x1ff897ffde05980fn, 0xef2f118b5a0a6d1fn, 0x6d367ecf27cb09b7n, 0x4f463f669e5fea2dn,
  0x7527bac7ebe5f17bn, 0x3d0739f78a5292ean, 0x6bfb5fb11f8d5d08n, 0x56033046fc7b6babn,
] as const; // prettier-ignore

/** pi/2 in parts of 33, 33 and 53 bits. */
export const halfPiParts = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;

/** Calls the reduction; `r` may be pushed again and again. */
export function reduceByHalfPi(
  f: FunctionBuilder,
  a: Algebra,
  x: Push,
): { readonly r: Push; readonly quadrant: Local } {
  const quadrant = f.local("i32");
  const r = a.let(() => {
    const index = reduction(f.module);
    x();
    f.call(index);
    f.set(quadrant);
  });
  return { r, quadrant };
}

/** (x: f64) -> r: f64, quadrant: i32 (to be taken modulo 4) */
const reduction = (module: ModuleBuilder): number =>
  module.shared("f64 half-pi reduction", () =>
    module.function("f64_reduce", { params: ["f64"], results: ["f64", "i32"] }, (f) => {
      const x = pushLocal(f, f.param(0));
      const a = algebra(f, "f64");
      const size = a.let(a.abs(x));
      apply(f, "f64.lt", size, a.constant(2 ** 20))();
      f.if(() => {
        pushSmallReduction(f, a, x);
        f.return();
      });
      apply(f, "f64.lt", size, a.constant(Infinity))();
      f.if(() => {
        pushLargeReduction(f, a, x, size);
        f.return();
      });
      a.constant(NaN)();
      f.i32(0);
    }),
  );

function pushSmallReduction(f: FunctionBuilder, a: Algebra, x: Push): void {
  const n = a.let(apply(f, "f64.nearest", a.mul(x, a.constant(2 / Math.PI))));
  halfPiParts.reduce<Push>((rest, part) => a.sub(rest, a.mul(n, a.constant(part))), x)();
  n();
  f.op("i32.trunc_sat_f64_s");
}

const i64Local = (f: FunctionBuilder, value: Push): Local => {
  const local = f.local("i64");
  value();
  f.set(local);
  return local;
};
const i64Of =
  (f: FunctionBuilder, value: bigint): Push =>
  () => {
    f.i64(value);
  };

function pushLargeReduction(f: FunctionBuilder, a: Algebra, x: Push, size: Push): void {
  const bits = pushLocal(f, i64Local(f, apply(f, "i64.reinterpret_f64", size)));
  const significand = apply(f, "i64.and", bits, i64Of(f, 0xfffffffffffffn));
  const m = pushLocal(f, i64Local(f, apply(f, "i64.or", significand, i64Of(f, 0x10000000000000n))));
  const biasedExponent = apply(f, "i32.wrap_i64", apply(f, "i64.shr_u", bits, i64Of(f, 52n)));
  const start = f.local("i32");
  biasedExponent();
  f.i32(1075 + 2);
  f.op("i32.sub");
  f.set(start);
  const window = [0, 1, 2].map((i) => pushLocal(f, i64Local(f, bitsOfTwoOverPi(f, start, i))));
  const [high, low] = pushFixedProduct(f, m, window as [Push, Push, Push]);
  const quadrant = pushLocal(
    f,
    i64Local(f, apply(f, "i64.shr_u", apply(f, "i64.add", high, i64Of(f, 1n << 61n)), i64Of(f, 62n))),
  );
  const rest = apply(f, "i64.sub", high, apply(f, "i64.shl", quadrant, i64Of(f, 62n)));
  const fraction = a.add(
    a.mul(apply(f, "f64.convert_i64_s", rest), a.constant(2 ** -62)),
    a.mul(apply(f, "f64.convert_i64_u", low), a.constant(2 ** -126)),
  );
  const isNegative = apply(f, "f64.lt", x, a.constant(0));
  const r = a.let(a.mul(fraction, a.constant(Math.PI / 2)));
  choose(f, "f64", isNegative, a.neg(r), r)();
  const turns = apply(f, "i32.wrap_i64", quadrant);
  const backwards = (): void => {
    f.i32(0);
    turns();
    f.op("i32.sub");
  };
  choose(f, "i32", isNegative, backwards, turns)();
}

/** 64 bits of 2/pi from bit `start` + 64 `word` on; bits before the point are zero. */
const bitsOfTwoOverPi =
  (f: FunctionBuilder, start: Local, word: number): Push =>
  () => {
    const wordAt = (offset: number): void => {
      f.get(start);
      f.i32(6);
      f.op("i32.shr_s");
      f.i32(offset);
      f.op("i32.add");
      f.call(twoOverPiWord(f.module));
    };
    const shift = (): void => {
      f.get(start);
      f.i32(63);
      f.op("i32.and");
      f.op("i64.extend_i32_u");
    };
    wordAt(word);
    shift();
    f.op("i64.shl");
    // the next word's part: shifted by 1 and by 63 - shift, since a shift by 64 would do nothing
    wordAt(word + 1);
    f.i64(1n);
    f.op("i64.shr_u");
    f.i64(63n);
    shift();
    f.op("i64.sub");
    f.op("i64.shr_u");
    f.op("i64.or");
  };

const twoOverPiWord = (module: ModuleBuilder): number =>
  module.shared("2/pi word", () =>
    module.function("two_over_pi", { params: ["i32"], results: ["i64"] }, (f) => {
      for (const [index, word] of twoOverPi.entries()) {
        f.get(f.param(0));
        f.i32(index);
        f.op("i32.eq");
        f.if(() => {
          f.i64(BigInt.asIntN(64, word));
          f.return();
        });
      }
      f.i64(0n);
    }),
  );

/** The upper two of three words of m * window modulo 2^192. */
function pushFixedProduct(f: FunctionBuilder, m: Push, window: readonly [Push, Push, Push]): [Push, Push] {
  const [w0, w1, w2] = window;
  const upper = (x: Push): Push => {
    return () => {
      m();
      x();
      f.call(multiplyHigh(f.module));
    };
  };
  const carried = pushLocal(f, i64Local(f, upper(w2)));
  const low = pushLocal(f, i64Local(f, apply(f, "i64.add", apply(f, "i64.mul", m, w1), carried)));
  const carry = apply(f, "i64.extend_i32_u", apply(f, "i64.lt_u", low, carried));
  const sum = apply(f, "i64.add", apply(f, "i64.mul", m, w0), apply(f, "i64.add", upper(w1), carry));
  return [pushLocal(f, i64Local(f, sum)), low];
}

/** Upper 64 bits of the unsigned product of two i64. */
const multiplyHigh = (module: ModuleBuilder): number =>
  module.shared("u64 multiply high", () =>
    module.function("u64_mul_high", { params: ["i64", "i64"], results: ["i64"] }, (f) => {
      const halves = f.params.map((param) => {
        const x = pushLocal(f, param);
        return [
          pushLocal(f, i64Local(f, apply(f, "i64.shr_u", x, i64Of(f, 32n)))),
          pushLocal(f, i64Local(f, apply(f, "i64.and", x, i64Of(f, 0xffffffffn)))),
        ] as const;
      });
      const [[xh, xl], [yh, yl]] = halves as unknown as [readonly [Push, Push], readonly [Push, Push]];
      const high32 = (x: Push): Push => apply(f, "i64.shr_u", x, i64Of(f, 32n));
      const low32 = (x: Push): Push => apply(f, "i64.and", x, i64Of(f, 0xffffffffn));
      const mul = (x: Push, y: Push): Push => apply(f, "i64.mul", x, y);
      const add = (x: Push, y: Push): Push => apply(f, "i64.add", x, y);
      const t = pushLocal(f, i64Local(f, add(mul(xh, yl), high32(mul(xl, yl)))));
      const u = pushLocal(f, i64Local(f, add(mul(xl, yh), low32(t))));
      add(mul(xh, yh), add(high32(t), high32(u)))();
    }),
  );
