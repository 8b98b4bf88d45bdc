/**
 * Elementwise operations with broadcasting. Neighbouring axes along which all operands step alike are merged; what is left of the innermost
 * axis is a row, along which every operand is contiguous or constant, because operands are dense:
 *
 *     rows (odometer)  x  [ 16 elements: 4 vectors | rest: vectors, then scalars ]
 *
 * Constant operands of one element become literals. An output may lie on an input of its own shape and element size: each element is read before
 * it is written, and nothing else is.
 */
import { defined, nth } from "../../../ir/access.ts";
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import { type Expr, exprCost, isComputable, lit, type ScalarValue, substitute, arg } from "../../../ir/expr.ts";
import type { MapOp, TensorType } from "../../../ir/graph.ts";
import { elementCount, type TensorData } from "../../../ir/tensor.ts";
import { loadSplat, loadVector, storeVector } from "../elements.ts";
import { emitExpr, exprKey, exprLanes, hoistExprConstants, narrowLanes } from "../expr-emit.ts";
import {
  type KernelArg,
  type KernelCode,
  type KernelEmitter,
  kernelKey,
  kernelType,
  type Operands,
} from "../kernel.ts";
import { loadDoubles, splatDouble, storeDoubles } from "../math/double-ops.ts";
import { loadWhole, splatWhole, storeWhole } from "../math/whole-lanes.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import { type Axis, broadcastStrides, mergeAxes } from "./index-space.ts";
import { broadcastStages } from "./movement.ts";
import { forEachRow, rowCount } from "./rows-loop.ts";
import { uniformPowers } from "./uniform-powers.ts";
import {
  type Access,
  accessOf,
  readScalar,
  readVector,
  splatRead,
  typesOf,
  writeScalar,
  writeVector,
} from "./wide-access.ts";

/** Rows longer than this are cut, so that threads have something to share. */
const longestRow = 8192;

interface MapPlan {
  readonly access: Access;
  readonly output: DType;
  /** bytes per element: operands, then the output */
  readonly bytes: readonly number[];
  /** strides in bytes: operands, then the output */
  readonly outer: readonly Axis[];
  readonly rowLength: number;
  /** per operand: it has an element for each of the row (else one for all) */
  readonly varies: readonly boolean[];
  /** per operand: bytes from its address to its first element */
  readonly offsets: readonly number[];
  /** elements behind the last whole row, when a single axis is cut into rows that do not fit */
  readonly rest: number;
}

/** The value of a constant operand of one element. */
export function literalOf(dtype: DType, constant: TensorData | undefined): Expr | null {
  if (constant === undefined || elementCount(constant.shape) !== 1 || !isComputable(dtype)) return null;
  return lit(dtype, defined((constant.elements as ArrayLike<ScalarValue>)[0]));
}

/** An operand's elements, from its first one on; strides in elements, one for each of its dims. */
export interface Strided {
  readonly offset: number;
  readonly strides: readonly number[];
}

export const emitMap: KernelEmitter<Pick<MapOp, "expr">> = (op, operands) => emitViewedMap(op, operands, []);

/** A map some of whose operands are not dense; along the innermost dim of more than one element they are. */
export function emitViewedMap(
  op: Pick<MapOp, "expr">,
  { inputs, outputs, constants }: Operands,
  views: readonly (Strided | null)[],
): readonly KernelCode[] {
  const output = nth(outputs, 0);
  const { expr: whole } = op;
  if (whole.op === "arg")
    return broadcastStages(nth(inputs, whole.index), output, { kind: "input", index: whole.index });
  const literals = inputs.map(({ dtype }, index) => literalOf(dtype, constants[index]));
  const used = inputs.flatMap((_, index) => (literals[index] === null ? [index] : []));
  const expr = substitute(op.expr, (index) => literals[index] ?? arg(used.indexOf(index)));
  const access = accessOf(
    expr,
    used.map((index) => nth(inputs, index).dtype),
  );
  const read = access.reads.map(({ operand }) => nth(used, operand));
  const args = read.map((index): KernelArg => ({ kind: "input", index }));
  const operands = read.map((index) => ({ ...nth(inputs, index), view: views[index] ?? null }));
  const places: readonly KernelArg[] = [...args, { kind: "output", index: 0 }];
  return [mapCode(planMap(access, operands, output), places, elementCount(output.shape))];
}

/** The stage of a map between any places: `args` are the operands', then the output's. */
export function mapStage(
  expr: Expr,
  operands: readonly TensorType[],
  output: TensorType,
  args: readonly KernelArg[],
): KernelCode {
  const access = accessOf(
    expr,
    operands.map(({ dtype }) => dtype),
  );
  const read = access.reads.map(({ operand }) => operand);
  const places = [...read.map((operand) => nth(args, operand)), defined(args.at(-1))];
  return mapCode(
    planMap(
      access,
      read.map((operand) => nth(operands, operand)),
      output,
    ),
    places,
    elementCount(output.shape),
  );
}

/** Index space and forms of a map over operands that broadcast to the output's shape. */
function planMap(
  access: Access,
  operands: readonly (TensorType & { readonly view?: Strided | null })[],
  output: TensorType,
): MapPlan {
  const bytes = [...operands, output].map(({ dtype }) => storageBytes(dtype));
  const dense = [...operands, output].map(({ shape }) => broadcastStrides(shape, output.shape));
  const strides = dense.map((own, i) => {
    const view = operands[i]?.view;
    const missing = output.shape.length - (view?.strides.length ?? 0);
    return view == null ? own : own.map((stride, axis) => (stride === 0 ? 0 : nth(view.strides, axis - missing)));
  });
  const offsets = operands.map(({ view }, i) => (view?.offset ?? 0) * nth(bytes, i));
  const axes = mergeAxes(
    output.shape.map((size, axis) => ({
      size,
      strides: strides.map((s, operand) => nth(s, axis) * nth(bytes, operand)),
    })),
  );
  const whole = axes.at(-1) ?? { size: 1, strides: bytes.map(() => 0) };
  const { inner, middle, rest } = cutRow(whole, axes.length <= 1);
  const outer = [...axes.slice(0, -1), ...middle];
  const varies = inner.strides.slice(0, -1).map((stride) => stride > 0);
  return { access, output: output.dtype, bytes, outer, rowLength: inner.size, varies, offsets, rest };
}

/** Cuts a long innermost axis into rows: into equal ones, or (where nothing else loops) with a rest. */
function cutRow(axis: Axis, isOnly: boolean): { inner: Axis; middle: Axis[]; rest: number } {
  const { size, strides } = axis;
  if (size <= longestRow) return { inner: axis, middle: [], rest: 0 };
  const length = isOnly ? longestRow : largestDivisor(size, longestRow);
  if (length < 512) return { inner: axis, middle: [], rest: 0 };
  const rows = { size: Math.floor(size / length), strides: strides.map((stride) => stride * length) };
  return { inner: { size: length, strides }, middle: [rows], rest: size % length };
}

function largestDivisor(n: number, limit: number): number {
  for (let divisor = limit; divisor > 1; divisor--) if (n % divisor === 0) return divisor;
  return 1;
}

function mapCode(plan: MapPlan, args: readonly KernelArg[], count: number): KernelCode {
  const rows = count === 0 ? 0 : rowCount(plan.outer);
  const { access, output, outer, rowLength, varies, offsets, rest } = plan;
  const { expr, reads, dtype, saturate } = access;
  const form = [exprKey(expr, typesOf(access)), reads, dtype, saturate, output];
  return {
    key: kernelKey("map", ...form, outer, rowLength, varies, offsets, rest),
    units: rows + (rest > 0 ? 1 : 0),
    args,
    work: count * (1 + exprCost(expr)),
    emit: (module) =>
      module.function("map", kernelType(args.length), (f) => {
        emitRows(f, plan, rows);
      }),
  };
}

function emitRows(f: FunctionBuilder, plan: MapPlan, rows: number): void {
  const bases = f.params.slice(0, -2);
  const [begin, end] = f.params.slice(-2) as [Local, Local];
  const request = { expr: plan.access.expr, argTypes: typesOf(plan.access) };
  const [widest] = formsOf(plan, plan.rowLength);
  if (widest !== undefined) hoistExprConstants(f, request, widest.width);
  for (const [operand, offset] of plan.offsets.entries()) increment(f, nth(bases, operand), offset);
  if (plan.rest === 0) {
    forEachRow(f, begin, end, plan.outer, bases, (pointers) => {
      emitRow(f, plan, pointers, plan.rowLength);
    });
    return;
  }
  const last = f.local("i32");
  f.get(end);
  f.i32(rows);
  f.get(end);
  f.i32(rows);
  f.op("i32.lt_u");
  f.select("i32");
  f.set(last);
  forEachRow(f, begin, last, plan.outer, bases, (pointers) => {
    emitRow(f, plan, pointers, plan.rowLength);
  });
  f.get(end);
  f.i32(rows);
  f.op("i32.gt_u");
  f.if(() => {
    const pointers = bases.map((base, operand) => {
      const pointer = f.local("i32");
      f.get(base);
      f.set(pointer);
      increment(f, pointer, rows * (plan.outer[0]?.strides[operand] ?? 0));
      return pointer;
    });
    emitRow(f, plan, pointers, plan.rest);
    f.release(...pointers);
  });
}

/** How elements come into vectors and out of them. */
interface VectorForm {
  /** how the expression is emitted */
  readonly width: 2 | 4 | 8 | 16;
  /** elements in a vector */
  readonly lanes: number;
  /** elements in one round of the loop */
  readonly round: number;
  readonly load: (f: FunctionBuilder, dtype: DType, offset: number) => void;
  readonly splat: (f: FunctionBuilder, dtype: DType) => void;
  readonly store: (f: FunctionBuilder, dtype: DType, offset: number) => void;
}

const laneForm = (expr: Expr): VectorForm => ({
  width: 4,
  lanes: 4,
  round: exprCost(expr) > 12 ? 4 : 16,
  load: loadVector,
  splat: loadSplat,
  store: storeVector,
});

const doubleForm = (expr: Expr): VectorForm => ({
  width: 2,
  lanes: 2,
  round: exprCost(expr) > 12 ? 2 : 8,
  load: loadDoubles,
  splat: splatDouble,
  store: storeDoubles,
});

/** Integers of 8 or 16 bits in lanes of their own width. */
const narrowForm = (width: 8 | 16): VectorForm => {
  const bits = width === 8 ? 16 : 8;
  return {
    width,
    lanes: width,
    round: 4 * width,
    load: (f, dtype, offset) => {
      loadWhole(f, dtype, offset, bits);
    },
    splat: (f, dtype) => {
      splatWhole(f, dtype, bits);
    },
    store: (f, dtype, offset) => {
      storeWhole(f, dtype, offset, bits);
    },
  };
};

/** The forms of a row of a map, the widest first: what is left of one is for the next, and for scalars in the end. */
function formsOf({ access, output }: MapPlan, length: number): readonly VectorForm[] {
  const lanes = exprLanes(access.expr, typesOf(access));
  if (lanes === 1) return [];
  if (lanes === 2) return length < 2 ? [] : [doubleForm(access.expr)];
  const isPlain = access.dtype === output && access.reads.every(({ stored, dtype }) => stored === dtype);
  const narrow = isPlain ? narrowLanes(access.expr, typesOf(access)) : null;
  const forms = [...(narrow === null ? [] : [narrowForm(narrow)]), laneForm(access.expr)];
  return forms.filter((form) => length >= form.lanes);
}

/** Rows shorter than this are not worth a question about them. */
const leastUniform = 16;

/** A row, in a form for the exponent that holds for all of it where there is one. */
function emitRow(f: FunctionBuilder, plan: MapPlan, pointers: readonly Local[], length: number): void {
  const { access, varies } = plan;
  const argTypes = typesOf(access);
  const readArg = (operand: number): void => {
    f.get(nth(pointers, operand));
    readScalar(f, nth(access.reads, operand), 0);
  };
  const general = (): void => {
    emitAnyRow(f, plan, pointers, length);
  };
  const forms = length < leastUniform ? [] : uniformPowers(access.expr, argTypes, varies);
  const emit = forms.reduceRight(
    (otherwise, { holds, expr }) =>
      () => {
        emitExpr(f, { expr: holds, argTypes, lanes: 1, readArg });
        f.if(() => {
          emitAnyRow(f, { ...plan, access: { ...access, expr } }, pointers, length);
        }, otherwise);
      },
    general,
  );
  emit();
}

/** A row in vectors: operands that do not vary along it are in locals. */
interface VectorRow {
  readonly cursors: readonly (Local | null)[];
  readonly target: Local;
}

function emitVectors(
  f: FunctionBuilder,
  { access, output, bytes }: MapPlan,
  form: VectorForm,
  { cursors, target }: VectorRow,
  splats: readonly (Local | null)[],
  element: number,
): void {
  f.get(target);
  emitExpr(f, {
    expr: access.expr,
    argTypes: typesOf(access),
    lanes: form.width,
    readArg: (index) => {
      const cursor = cursors[index];
      if (cursor == null) f.get(defined(splats[index]));
      else {
        const read = nth(access.reads, index);
        f.get(cursor);
        const offset = element * nth(bytes, index);
        if (read.stored === read.dtype || form.width > 4) form.load(f, read.dtype, offset);
        else readVector(f, read, form.width === 2 ? 2 : 4, offset);
      }
    },
  });
  const offset = element * defined(bytes.at(-1));
  if (access.dtype === output || form.width > 4) form.store(f, output, offset);
  else writeVector(f, access, output, form.width === 2 ? 2 : 4, offset);
}

function emitAnyRow(f: FunctionBuilder, plan: MapPlan, pointers: readonly Local[], length: number): void {
  const { bytes } = plan;
  const forms = formsOf(plan, length);
  const [widest] = forms;
  if (widest === undefined) {
    emitScalarRow(f, plan, pointers, length);
    return;
  }
  const cursors = plan.varies.map((varies, operand) => (varies ? copyOf(f, nth(pointers, operand)) : null));
  const target = copyOf(f, defined(pointers.at(-1)));
  const row = { cursors, target };
  const step = (elements: number): void => {
    for (const [operand, cursor] of cursors.entries()) {
      if (cursor !== null) increment(f, cursor, elements * nth(bytes, operand));
    }
    increment(f, target, elements * defined(bytes.at(-1)));
  };
  const rounds = Math.floor(length / widest.round);
  const left = length - rounds * widest.round;
  const counter = f.local("i32");
  let done = 0;
  for (const form of forms) {
    const isLooped = form === widest && rounds > 0;
    if (!isLooped && left - done < form.lanes) continue;
    const splats = splatOperands(f, plan, pointers, form);
    if (isLooped) {
      loopRange(f, counter, 0, rounds, 1, () => {
        for (let element = 0; element < form.round; element += form.lanes)
          emitVectors(f, plan, form, row, splats, element);
        step(form.round);
      });
    }
    for (; done + form.lanes <= left; done += form.lanes) emitVectors(f, plan, form, row, splats, done);
    f.release(...splats.filter((splat) => splat !== null));
  }
  for (let element = done; element < left; element++) {
    emitScalarElement(f, plan, [...cursors.map((cursor, i) => cursor ?? nth(pointers, i)), target], element);
  }
  f.release(counter, target, ...cursors.filter((cursor) => cursor !== null));
}

function copyOf(f: FunctionBuilder, local: Local): Local {
  const copy = f.local("i32");
  f.get(local);
  f.set(copy);
  return copy;
}

/** Operands that are constant along the row, in all lanes of a local. */
function splatOperands(
  f: FunctionBuilder,
  { varies, access }: MapPlan,
  pointers: readonly Local[],
  form: VectorForm,
): (Local | null)[] {
  return varies.map((isVarying, operand) => {
    if (isVarying) return null;
    const splat = f.local("v128");
    const read = nth(access.reads, operand);
    f.get(nth(pointers, operand));
    if (read.stored === read.dtype || form.width > 4) form.splat(f, read.dtype);
    else splatRead(f, read);
    f.set(splat);
    return splat;
  });
}

/** One element at a constant distance from the cursors. */
function emitScalarElement(f: FunctionBuilder, plan: MapPlan, cursors: readonly Local[], element: number): void {
  const { access, bytes, varies, output } = plan;
  f.get(defined(cursors.at(-1)));
  emitExpr(f, {
    expr: access.expr,
    argTypes: typesOf(access),
    lanes: 1,
    readArg: (index) => {
      f.get(nth(cursors, index));
      readScalar(f, nth(access.reads, index), varies[index] === true ? element * nth(bytes, index) : 0);
    },
  });
  writeScalar(f, access, output, element * defined(bytes.at(-1)));
}

function emitScalarRow(f: FunctionBuilder, plan: MapPlan, pointers: readonly Local[], length: number): void {
  if (length <= 4) {
    for (let element = 0; element < length; element++) emitScalarElement(f, plan, pointers, element);
    return;
  }
  const cursors = pointers.map((pointer) => copyOf(f, pointer));
  const counter = f.local("i32");
  loopRange(f, counter, 0, length, 1, () => {
    emitScalarElement(f, plan, cursors, 0);
    for (const [operand, cursor] of cursors.entries()) {
      const isVarying = plan.varies[operand] ?? true;
      if (isVarying) increment(f, cursor, nth(plan.bytes, operand));
    }
  });
  f.release(counter, ...cursors);
}
