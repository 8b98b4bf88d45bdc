/**
 * Epilogues: what happens to an accumulator before it is stored. The expression is evaluated on whole vectors where its operands and
 * functions allow it, and lane by lane otherwise.
 */
import { type DType, storageBytes } from "../../../../ir/dtype.ts";
import { arg, type BinaryFunction, type Expr, exprDType, type UnaryFunction, walkExpr } from "../../../../ir/expr.ts";
import { loadScalar, loadSplat, storeScalar } from "../../elements.ts";
import { emitExpr, exprLanes, hoistExprConstants } from "../../expr-emit.ts";
import type { FunctionBuilder, Local } from "../../wasm/index.ts";
import {
  canLoadLanes,
  canStoreLanes,
  isPackable,
  elementLocal,
  extractLane,
  loadLanes,
  pushQuarter,
  storeLanes,
} from "./access.ts";

export interface Epilogue {
  /** `$0` is the accumulator, `$1…` the extra operands; null stores the accumulator */
  readonly expr: Expr | null;
  readonly accumulator: DType;
  readonly extras: readonly DType[];
  readonly output: DType;
  /** what is cast to the output, a narrow integer, is less than 2^22 in magnitude and never NaN: vectors need no clamp, their stores saturate */
  readonly isSmall: boolean;
}

/** Where one extra operand of a run of columns lies. */
export interface ExtraAt {
  readonly pointer: Local;
  /** bytes from the pointer to the first column */
  readonly offset: number;
  /** the operand has an element for each column (else one for all) */
  readonly perColumn: boolean;
  /** the vector is half of eight elements of a byte each, which have been loaded and widened already */
  readonly loaded?: { readonly half: Local; readonly isUpper: boolean };
}

/** Where a run of columns of the result is put, and from where its extra operands come. */
export interface StoreSite {
  readonly pointer: Local;
  /** bytes */
  readonly offset: number;
  readonly extras: readonly ExtraAt[];
}

/** The plain epilogue: store what was accumulated. */
export const noEpilogue = (accumulator: DType): Epilogue => ({
  expr: null,
  accumulator,
  extras: [],
  output: accumulator,
  isSmall: false,
});

export function makeEpilogue(
  expr: Expr | null,
  accumulator: DType,
  extras: readonly DType[],
  output: DType,
  isSmall = false,
): Epilogue {
  if (expr === null && accumulator !== output) throw new Error(`internal: ${accumulator} stored as ${output}`);
  if (expr !== null && exprDType(expr, [accumulator, ...extras]) !== output) {
    throw new Error(`internal: epilogue does not give ${output}`);
  }
  return { expr, accumulator, extras, output, isSmall };
}

/** Puts the epilogue's vector constants into locals; to be called first in a function. */
export function hoistConstants(f: FunctionBuilder, { expr, accumulator, extras, isSmall }: Epilogue): void {
  if (expr !== null) hoistExprConstants(f, { expr, argTypes: [accumulator, ...extras], isSaturatedLater: isSmall });
}

/** Whether an epilogue's operands and functions have vector forms; asked for every store. */
const vectorForms = new WeakMap<Epilogue, boolean>();

function hasVectorForm(epilogue: Epilogue, lanes: 2 | 4): boolean {
  const { expr, accumulator, extras } = epilogue;
  if (expr === null) return true;
  if (lanes === 2) return false;
  const known = vectorForms.get(epilogue);
  if (known !== undefined) return known;
  const isVector =
    extras.every((dtype) => canLoadLanes(dtype, lanes)) && exprLanes(expr, [accumulator, ...extras]) === 4;
  vectorForms.set(epilogue, isVector);
  return isVector;
}

const isVector = (epilogue: Epilogue, lanes: 2 | 4, count: number): boolean =>
  canStoreLanes(epilogue.output, lanes, count) && hasVectorForm(epilogue, lanes);

/** True where `emitStore` works on whole vectors. */
export const storesVectors = (epilogue: Epilogue, lanes: 2 | 4, count: number): boolean =>
  isVector(epilogue, lanes, count);

/** True where results of so many vectors side by side are stored better together: they fill whole vectors of a narrow type. */
export const packsRuns = ({ output }: Epilogue, vectors: number): boolean =>
  isPackable(output) && (vectors * 4 * storageBytes(output)) % 16 === 0;

/**
 * Functions of f32 that engines were seen to join (V8 13.6 and 14.6; test/codegen/joined.test.ts). One does not join roundings, the other one ends
 * the process over conversions to integers.
 */
const joinableFunctions: ReadonlySet<UnaryFunction | BinaryFunction> = new Set([
  "neg", "abs", "sqrt", "exp", "log", "sign", "erf", "tanh", "sigmoid",
  "add", "sub", "mul", "div", "min", "max", "eq", "ne", "lt", "le", "gt", "ge", "and", "or",
]); // prettier-ignore

/** True where engines that join vectors can join the whole epilogue. */
export function isJoinable({ expr, accumulator, extras, output }: Epilogue): boolean {
  if (expr === null) return accumulator === output;
  let isSimple = [accumulator, ...extras, output].every((dtype) => dtype === "f32");
  walkExpr(expr, (part) => {
    isSimple &&= isJoinablePart(part);
  });
  return isSimple;
}

function isJoinablePart(part: Expr): boolean {
  switch (part.op) {
    case "arg":
    case "select":
      return true;
    case "const":
      return part.dtype === "f32";
    case "unary":
    case "binary":
      return joinableFunctions.has(part.fn);
    case "cast":
      return false;
  }
}

/** Applies an epilogue that stores vectors to a whole accumulator and leaves the result in its place. */
export function applyEpilogue(f: FunctionBuilder, epilogue: Epilogue, acc: Local, extras: readonly ExtraAt[]): void {
  pushVector(f, epilogue, 4, acc, 4, extras);
  f.set(acc);
}

/** Applies the epilogue to the low `count` lanes of an accumulator and stores them as neighbouring columns. */
export function emitStore(
  f: FunctionBuilder,
  epilogue: Epilogue,
  lanes: 2 | 4,
  acc: Local,
  count: number,
  site: StoreSite,
): void {
  if (isVector(epilogue, lanes, count)) storeVector(f, epilogue, lanes, acc, count, site);
  else for (let lane = 0; lane < count; lane++) storeLane(f, epilogue, acc, lane, site);
}

function storeVector(
  f: FunctionBuilder,
  epilogue: Epilogue,
  lanes: 2 | 4,
  acc: Local,
  count: number,
  site: StoreSite,
): void {
  const { expr, output } = epilogue;
  if (expr === null) {
    storeLanes(f, output, site.pointer, site.offset, acc, lanes, count);
    return;
  }
  pushVector(f, epilogue, lanes, acc, count, site.extras);
  const result = f.local("v128");
  f.set(result);
  storeLanes(f, output, site.pointer, site.offset, result, lanes, count);
  f.release(result);
}

/** Pushes the epilogue's values for the low `count` lanes of an accumulator. */
function pushVector(
  f: FunctionBuilder,
  { expr, accumulator, extras: types, isSmall }: Epilogue,
  lanes: 2 | 4,
  acc: Local,
  count: number,
  extras: readonly ExtraAt[],
): void {
  emitExpr(f, {
    expr: expr ?? arg(0),
    argTypes: [accumulator, ...types],
    lanes,
    isSaturatedLater: isSmall,
    readArg: (index) => {
      if (index === 0) f.get(acc);
      else readVector(f, types[index - 1] as DType, lanes, count, extras[index - 1] as ExtraAt);
    },
  });
}

function readVector(f: FunctionBuilder, dtype: DType, lanes: 2 | 4, count: number, at: ExtraAt): void {
  if (at.loaded !== undefined) pushQuarter(f, dtype, at.loaded.half, at.loaded.isUpper);
  else if (at.perColumn) loadLanes(f, dtype, at.pointer, at.offset, lanes, count);
  else {
    f.get(at.pointer);
    loadSplat(f, dtype, at.offset);
  }
}

function storeLane(f: FunctionBuilder, epilogue: Epilogue, acc: Local, lane: number, site: StoreSite): void {
  const { accumulator, output } = epilogue;
  const value = f.local(elementLocal(accumulator));
  extractLane(f, accumulator, acc, lane);
  f.set(value);
  f.get(site.pointer);
  pushEpilogue(f, epilogue, value, lane, site.extras);
  storeScalar(f, output, site.offset + lane * storageBytes(output));
  f.release(value);
}

/** Pushes the epilogue's value for one scalar accumulator; `column` counts from the extras' first column. */
export function pushEpilogue(
  f: FunctionBuilder,
  epilogue: Epilogue,
  value: Local,
  column: number,
  extras: readonly ExtraAt[],
): void {
  const { expr, accumulator } = epilogue;
  if (expr === null) {
    f.get(value);
    return;
  }
  emitExpr(f, {
    expr,
    argTypes: [accumulator, ...epilogue.extras],
    lanes: 1,
    readArg: (index) => {
      if (index === 0) {
        f.get(value);
        return;
      }
      const dtype = epilogue.extras[index - 1] as DType;
      const at = extras[index - 1] as ExtraAt;
      f.get(at.pointer);
      loadScalar(f, dtype, at.offset + (at.perColumn ? column * storageBytes(dtype) : 0));
    },
  });
}
