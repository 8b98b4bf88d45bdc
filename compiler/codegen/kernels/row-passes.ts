/** Passes over a contiguous row of f32: an expression summed over it, or stored along it; four elements at a time, the last ones as scalars. */
import { defined, nth } from "../../../ir/access.ts";
import type { DType } from "../../../ir/dtype.ts";
import type { Expr } from "../../../ir/expr.ts";
import { emitExpr } from "../expr-emit.ts";
import { type Push, pushLocal } from "../math/algebra.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";

/** What an expression reads: elements along a row, or one value for all (held in both forms). */
export type RowOperand =
  | { readonly kind: "row"; readonly pointer: Local }
  | { readonly kind: "constant"; readonly scalar: Local; readonly vector: Local };

type Cursors = readonly (Local | null)[];

const pushValue = (
  f: FunctionBuilder,
  expr: Expr,
  operands: readonly RowOperand[],
  cursors: Cursors,
  offset: number,
  lanes: 1 | 4,
): void => {
  emitExpr(f, {
    expr,
    argTypes: operands.map((): DType => "f32"),
    lanes,
    readArg: (index) => {
      const operand = nth(operands, index);
      const cursor = cursors[index];
      if (cursor != null) {
        f.get(cursor);
        f.load(lanes === 4 ? "v128.load" : "f32.load", offset);
      } else if (operand.kind === "constant") f.get(lanes === 4 ? operand.vector : operand.scalar);
    },
  });
};

/** Goes over a row with cursors into it (and into `extra`): whole vectors in rounds of `ways`, then the rest. */
function overRow(
  f: FunctionBuilder,
  size: number,
  operands: readonly RowOperand[],
  extra: readonly Local[],
  ways: number,
  visit: (cursors: Cursors, extra: readonly Local[], offset: number, lanes: 1 | 4, way: number) => void,
): void {
  const copy = (pointer: Local): Local => {
    const cursor = f.local("i32");
    f.get(pointer);
    f.set(cursor);
    return cursor;
  };
  const cursors = operands.map((operand) => (operand.kind === "row" ? copy(operand.pointer) : null));
  const more = extra.map(copy);
  const moving = [...cursors.filter((cursor) => cursor !== null), ...more];
  const counter = f.local("i32");
  const round = 4 * ways;
  const rounds = Math.floor(size / round);
  loopRange(f, counter, 0, rounds, 1, () => {
    for (let way = 0; way < ways; way++) visit(cursors, more, 16 * way, 4, way);
    for (const cursor of moving) increment(f, cursor, 4 * round);
  });
  const left = size - rounds * round;
  const vectors = Math.floor(left / 4);
  for (let vector = 0; vector < vectors; vector++) visit(cursors, more, 16 * vector, 4, vector % ways);
  for (let element = 4 * vectors; element < left; element++) visit(cursors, more, 4 * element, 1, 0);
  f.release(counter, ...moving);
}

/** The sum of an expression over a row. Emits the loop when the push is called. */
export const foldRow =
  (f: FunctionBuilder, size: number, operands: readonly RowOperand[], expr: Expr): Push =>
  () => {
    const sums = f.localArray("v128", 4);
    const rest = f.local("f32");
    for (const sum of sums) {
      f.splatConst("f32x4", 0);
      f.set(sum);
    }
    f.f32(0);
    f.set(rest);
    overRow(f, size, operands, [], 4, (cursors, _, offset, lanes, way) => {
      const sum = lanes === 4 ? nth(sums, way) : rest;
      f.get(sum);
      pushValue(f, expr, operands, cursors, offset, lanes);
      f.op(lanes === 4 ? "f32x4.add" : "f32.add");
      f.set(sum);
    });
    const [first, second, third, fourth] = sums as [Local, Local, Local, Local];
    pushLocal(f, first)();
    f.get(second);
    f.op("f32x4.add");
    f.get(third);
    f.get(fourth);
    f.op("f32x4.add");
    f.op("f32x4.add");
    f.set(first);
    f.get(rest);
    for (let lane = 0; lane < 4; lane++) {
      f.get(first);
      f.lane("f32x4.extract_lane", lane);
      f.op("f32.add");
    }
    f.release(rest, ...sums);
  };

/** Stores an expression along a row. The row may be one of the operands. */
export function mapRow(
  f: FunctionBuilder,
  size: number,
  operands: readonly RowOperand[],
  expr: Expr,
  target: Local,
): void {
  overRow(f, size, operands, [target], 2, (cursors, [to], offset, lanes) => {
    f.get(defined(to));
    pushValue(f, expr, operands, cursors, offset, lanes);
    f.store(lanes === 4 ? "v128.store" : "f32.store", offset);
  });
}
