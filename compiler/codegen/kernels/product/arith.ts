/**
 * Arithmetic of product kernels: how one step of the reduction reads its operands and adds their product to an accumulator of 16 bytes.
 * Narrow integers work on pairs of 16-bit values (`i32x4.dot_i16x8_s`, which needs no flag): two elements of the reduction per step. A is
 * widened to i16 beforehand; so is B where it is read many times (widening it in the loop costs 10%), else it is kept as it is. Four bytes of
 * A and B each are a step where A has been prepared for that (`bytes/rows.ts`).
 */
import { type DType, storageBytes } from "../../../../ir/dtype.ts";
import { fail } from "../../../../ir/diagnostic.ts";
import { hoistSplats, pushSplat } from "../../math/constants.ts";
import { type FunctionBuilder, type Local, madd } from "../../wasm/index.ts";

export interface Arith {
  readonly name: string;
  /** dtype of the accumulators */
  readonly acc: DType;
  /** accumulators in a vector: columns of the result */
  readonly lanes: 2 | 4;
  /** dtypes of the elements that the kernel reads; operands of other dtypes are converted by an earlier stage */
  readonly a: DType;
  readonly b: DType;
  /** elements of the reduction in one step */
  readonly kStep: 1 | 2 | 4;
  /** rows that a tile must have; any number if not set */
  readonly tileRows?: number;
  /** bytes of B that one vector takes from a packed panel in a step */
  readonly bVectorBytes: number;
  /** takes an address from the stack and pushes A's element or pair in all lanes */
  readonly loadA: (f: FunctionBuilder, offset: number) => void;
  /** takes an address from the stack and pushes a vector of B */
  readonly loadB: (f: FunctionBuilder, offset: number) => void;
  /** engines that join pairs of vectors know its instructions */
  readonly canJoin?: true;
  /** multiplies and adds in one instruction (where the machine can); else products need a register on their way to the sum */
  readonly fused: boolean;
  /** acc += x * y for the vectors on the stack: A's, then B's */
  readonly accumulate: (f: FunctionBuilder, acc: Local) => void;
  /** they stand the other way round */
  readonly isBFirst?: true;
  /** puts the constants of `accumulate` into locals; called first in a function */
  readonly hoist?: (f: FunctionBuilder) => void;
}

const addTo = (f: FunctionBuilder, acc: Local, add: "i32x4.add" | "i64x2.add"): void => {
  f.get(acc);
  f.op(add);
  f.set(acc);
};

const isFloatName = (name: DType): boolean => name === "f32" || name === "f64";

const word = (name: DType, accumulate: Arith["accumulate"]): Arith => ({
  name,
  acc: name,
  lanes: 4,
  a: name,
  b: name,
  kStep: 1,
  bVectorBytes: 16,
  fused: isFloatName(name),
  loadA: (f, offset) => {
    f.load("v128.load32_splat", offset);
  },
  loadB: (f, offset) => {
    f.load("v128.load", offset);
  },
  accumulate,
});

const doubleWord = (name: DType, accumulate: Arith["accumulate"]): Arith => ({
  ...word(name, accumulate),
  lanes: 2,
  loadA: (f, offset) => {
    f.load("v128.load64_splat", offset);
  },
});

const pairLoads = { i8: "v128.load8x8_s", u8: "v128.load8x8_u", i16: "v128.load" } as const;

const halfPairs = (b: keyof typeof pairLoads): Arith => ({
  name: `dot-${b}`,
  acc: "i32",
  lanes: 4,
  a: "i16",
  b,
  kStep: 2,
  bVectorBytes: b === "i16" ? 16 : 8,
  fused: false,
  loadA: (f, offset) => {
    f.load("v128.load32_splat", offset);
  },
  loadB: (f, offset) => {
    f.load(pairLoads[b], offset);
  },
  accumulate: (f, acc) => {
    f.op("i32x4.dot_i16x8_s");
    addTo(f, acc, "i32x4.add");
  },
});

const pushOnes = (f: FunctionBuilder): void => {
  pushSplat(f, "i16x8", 1);
};

/** Pushes the weight of eighth bits, in pairs. */
export const pushHighWeight = (f: FunctionBuilder): void => {
  pushSplat(f, "i16x8", 128);
};

/** Multiplies bytes of B (signed) by bytes of A (7 bits) and adds each two products in 16 bits: B below A on the stack. */
export const multiplyBytes = (f: FunctionBuilder): void => {
  f.op("i16x8.relaxed_dot_i8x16_i7x16_s");
};

/** Rows of A whose eighth bits share a list: those of a tile. */
export const byteTileRows = 2;

/** Four bytes a step, of 7 bits in A and signed in B: only in modules with relaxed SIMD. */
export const byteSteps: Arith = {
  name: "bytes",
  acc: "i32",
  lanes: 4,
  a: "u8",
  b: "i8",
  kStep: 4,
  tileRows: byteTileRows,
  isBFirst: true,
  bVectorBytes: 16,
  fused: false,
  loadA: (f, offset) => {
    f.load("v128.load32_splat", offset);
  },
  loadB: (f, offset) => {
    f.load("v128.load", offset);
  },
  accumulate: (f, acc) => {
    multiplyBytes(f);
    pushOnes(f);
    f.op("i32x4.dot_i16x8_s");
    addTo(f, acc, "i32x4.add");
  },
  hoist: (f) => {
    hoistSplats(f, (probe) => {
      for (const push of [pushOnes, pushHighWeight]) {
        push(probe);
        probe.drop();
      }
    });
  },
};

/** What does the same steps, two for each, in modules with only plain SIMD. */
export const pairSteps: Arith = halfPairs("i16");

const multiply32: Arith["accumulate"] = (f, acc) => {
  f.op("i32x4.mul");
  addTo(f, acc, "i32x4.add");
};
const multiply64: Arith["accumulate"] = (f, acc) => {
  f.op("i64x2.mul");
  addTo(f, acc, "i64x2.add");
};

/**
 * Narrow integers, one product in each lane: A's elements are widened when they are loaded, B's stand as 32 bits of which the upper half is
 * zero (`lowHalf`). The dot instruction multiplies halves in one instruction where a product of 32 bits takes engines two.
 */
export const laneDots: Arith = {
  ...word("i32", (f, acc) => {
    f.op("i32x4.dot_i16x8_s");
    addTo(f, acc, "i32x4.add");
  }),
  name: "lane-dot",
};

/** An i16 as `laneDots` takes it. */
export const lowHalf = (value: number): number => value & 0xffff;

const ariths: ReadonlyMap<DType, Arith> = new Map([
  ["f32", { ...word("f32", (f, acc) => { madd(f, "f32x4", acc); }), canJoin: true }],
  ["f64", doubleWord("f64", (f, acc) => { madd(f, "f64x2", acc); })],
  ["i32", word("i32", multiply32)],
  ["u32", word("u32", multiply32)],
  ["i64", doubleWord("i64", multiply64)],
  ["u64", doubleWord("u64", multiply64)],
]); // prettier-ignore

const isByte = (dtype: DType): dtype is "i8" | "u8" => dtype === "i8" || dtype === "u8";

/**
 * The arithmetic for a product of elements of two dtypes; on pairs only where the caller can lay operands out in pairs, with B widened to
 * the size of A's elements if it is read many times.
 */
export function arithFor(a: DType, b: DType, pairs: boolean, isReread = true): Arith {
  if (pairs && fitsHalf(a) && fitsHalf(b)) return halfPairs(isReread ? "i16" : b);
  const accumulator = storageBytes(a) < 4 && storageBytes(b) < 4 ? "i32" : a;
  const arith = ariths.get(accumulator);
  const isWidened = accumulator !== a || accumulator !== b;
  if (arith === undefined || (isWidened && !(isNarrow(a) && isNarrow(b)))) {
    throw fail("WSC6001", `there is no kernel for products of ${a} and ${b}`);
  }
  return arith;
}

/** True where every value is an i16. */
export const fitsHalf = (dtype: DType): dtype is "i8" | "u8" | "i16" => isByte(dtype) || dtype === "i16";

const isNarrow = (dtype: DType): boolean => isByte(dtype) || dtype === "i16" || dtype === "u16";

/** Bytes of A that one step of the reduction advances by when A's elements are contiguous. */
export const aStepBytes = (arith: Arith): number => arith.kStep * storageBytes(arith.a);
