/** Integer operations that WebAssembly lacks or traps on, as functions of the module; and bringing results back into narrow types. */
import { type DType, dtypeInfo } from "../../../ir/dtype.ts";
import type { BinaryFunction } from "../../../ir/expr.ts";
import type { FunctionBuilder, ModuleBuilder } from "../wasm/index.ts";

export type IntegerRep = "i32" | "i64";

/** How a type's integers are computed: in i32 or i64, signed or not; `bits` below 32 are wrapped after each operation. */
export interface IntegerForm {
  readonly rep: IntegerRep;
  readonly signed: boolean;
  readonly bits: number;
}

export function integerForm(dtype: DType): IntegerForm {
  const { bits, class: cls } = dtypeInfo(dtype);
  return { rep: bits === 64 ? "i64" : "i32", signed: cls === "signed", bits };
}

/** Wraps the i32 on the stack into a type of fewer bits. */
export function wrapInteger(f: FunctionBuilder, { signed, bits }: IntegerForm): void {
  if (bits >= 32) return;
  if (!signed) {
    f.i32(2 ** bits - 1);
    f.op("i32.and");
  } else if (bits === 8) f.op("i32.extend8_s");
  else if (bits === 16) f.op("i32.extend16_s");
  else {
    f.i32(32 - bits);
    f.op("i32.shl");
    f.i32(32 - bits);
    f.op("i32.shr_s");
  }
}

const pushInteger = (f: FunctionBuilder, rep: IntegerRep, value: number): void => {
  if (rep === "i32") f.i32(value);
  else f.i64(BigInt(value));
};

type Body = (f: FunctionBuilder, form: IntegerForm) => void;

/** Returns `value` when the second operand (the divisor, the shift…) meets a test. */
function guard(f: FunctionBuilder, test: () => void, result: () => void): void {
  test();
  f.if(() => {
    result();
    f.return();
  });
}

const x = (f: FunctionBuilder): void => {
  f.get(f.param(0));
};
const y = (f: FunctionBuilder): void => {
  f.get(f.param(1));
};

/** Leaves early with 0 for a divisor of 0, and with `atMinusOne` for one of -1 (which would trap on the least integer). */
function divisorGuards(f: FunctionBuilder, { rep, signed }: IntegerForm, atMinusOne: () => void): void {
  const isZero = (): void => {
    y(f);
    f.op(`${rep}.eqz`);
  };
  guard(f, isZero, () => {
    pushInteger(f, rep, 0);
  });
  if (!signed) return;
  const isMinusOne = (): void => {
    y(f);
    pushInteger(f, rep, -1);
    f.op(`${rep}.eq`);
  };
  guard(f, isMinusOne, atMinusOne);
}

const divide: Body = (f, form) => {
  const { rep, signed } = form;
  divisorGuards(f, form, () => {
    pushInteger(f, rep, 0);
    x(f);
    f.op(`${rep}.sub`);
  });
  x(f);
  y(f);
  f.op(signed ? `${rep}.div_s` : `${rep}.div_u`);
};

const remainder: Body = (f, form) => {
  const { rep, signed } = form;
  divisorGuards(f, form, () => {
    pushInteger(f, rep, 0);
  });
  x(f);
  y(f);
  f.op(signed ? `${rep}.rem_s` : `${rep}.rem_u`);
};

/** The remainder moved to the divisor's side. */
const modulo: Body = (f, form) => {
  remainder(f, form);
  const { rep, signed } = form;
  if (!signed) return;
  const rest = f.local(rep);
  f.set(rest);
  const moved = (): void => {
    f.get(rest);
    y(f);
    f.op(`${rep}.add`);
  };
  moved();
  f.get(rest);
  f.get(rest);
  y(f);
  f.op(`${rep}.xor`);
  pushInteger(f, rep, 0);
  f.op(`${rep}.lt_s`);
  f.get(rest);
  pushInteger(f, rep, 0);
  f.op(`${rep}.ne`);
  f.op("i32.and");
  f.select(rep);
};

/** By squaring, modulo 2^bits; a negative exponent gives 1/x^|y| truncated. */
const power: Body = (f, { rep, signed }) => {
  const result = f.local(rep);
  pushInteger(f, rep, 1);
  f.set(result);
  if (signed) {
    y(f);
    pushInteger(f, rep, 0);
    f.op(`${rep}.lt_s`);
    f.if(() => {
      pushNegativePower(f, rep);
      f.return();
    });
  }
  f.block((done) => {
    f.loop((again) => {
      y(f);
      f.op(`${rep}.eqz`);
      f.brIf(done);
      f.get(result);
      x(f);
      f.op(`${rep}.mul`);
      f.get(result);
      y(f);
      pushInteger(f, rep, 1);
      f.op(`${rep}.and`);
      if (rep === "i64") f.op("i32.wrap_i64");
      f.select(rep);
      f.set(result);
      x(f);
      x(f);
      f.op(`${rep}.mul`);
      f.set(f.param(0));
      y(f);
      pushInteger(f, rep, 1);
      f.op(`${rep}.shr_u`);
      f.set(f.param(1));
      f.br(again);
    });
  });
  f.get(result);
};

/** 1 for 1, ±1 for -1 by the exponent's parity, else 0. */
function pushNegativePower(f: FunctionBuilder, rep: IntegerRep): void {
  const base = (value: number): void => {
    x(f);
    pushInteger(f, rep, value);
    f.op(`${rep}.eq`);
  };
  pushInteger(f, rep, 1);
  // 1 - 2 (y & 1)
  pushInteger(f, rep, 1);
  y(f);
  pushInteger(f, rep, 1);
  f.op(`${rep}.and`);
  pushInteger(f, rep, 1);
  f.op(`${rep}.shl`);
  f.op(`${rep}.sub`);
  pushInteger(f, rep, 0);
  base(-1);
  f.select(rep);
  base(1);
  f.select(rep);
}

/** A shift by the type's width or more leaves nothing, or the sign. */
const shift =
  (direction: "shl" | "shr"): Body =>
  (f, { rep, signed, bits }) => {
    const arithmetic = signed && direction === "shr";
    const outside = (): void => {
      y(f);
      pushInteger(f, rep, bits);
      f.op(`${rep}.ge_u`);
    };
    guard(f, outside, () => {
      if (!arithmetic) {
        pushInteger(f, rep, 0);
        return;
      }
      x(f);
      pushInteger(f, rep, rep === "i32" ? 31 : 63);
      f.op(`${rep}.shr_s`);
    });
    x(f);
    y(f);
    f.op(direction === "shl" ? `${rep}.shl` : arithmetic ? `${rep}.shr_s` : `${rep}.shr_u`);
  };

export type IntegerHelper = "div" | "fmod" | "mod" | "pow" | "shl" | "shr";

const bodies: Readonly<Record<IntegerHelper, Body>> = {
  div: divide,
  fmod: remainder,
  mod: modulo,
  pow: power,
  shl: shift("shl"),
  shr: shift("shr"),
};

/** Whether a function is done by a helper. */
export const isIntegerHelper = (fn: BinaryFunction): fn is IntegerHelper => fn in bodies;

/** The function for two integers of one form; narrow results still need wrapping. */
export function integerHelper(module: ModuleBuilder, fn: IntegerHelper, form: IntegerForm): number {
  const { rep, signed, bits } = form;
  const name = `${signed ? "s" : "u"}${fn === "shl" || fn === "shr" ? bits : rep === "i32" ? 32 : 64}_${fn}`;
  return module.shared(name, () =>
    module.function(name, { params: [rep, rep], results: [rep] }, (f) => {
      bodies[fn](f, form);
    }),
  );
}
