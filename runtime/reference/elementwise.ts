/** The kind `map`, and the epilogues of the contractions: expressions over broadcast operands. */
import { type DType, isBig } from "../../ir/dtype.ts";
import { argUses, type Expr } from "../../ir/expr.ts";
import { allocateElements, elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { broadcastStrides, collapseAxes } from "./axes.ts";
import { blockSize, compileExpr, type Register } from "./expr-machine.ts";
import type { Evaluate } from "./evaluate.ts";
import { broadcastTensor } from "./movement.ts";
import { type BigArray, bigintsOf, doublesOf, isNumberLane, type NumberArray, numbersOf, storeNumbers } from "./numbers.ts"; // prettier-ignore
import { blockCopier } from "./strided-copy.ts";

export const evaluateMap: Evaluate<"map"> = (op, inputs, [result]) => [
  isMovable(result.dtype) ? chooseTensors(op.expr, inputs, result.shape) : mapTensors(op.expr, inputs, result.shape),
];

/** Strings and complex numbers are not computed with: an expression can only choose among them. */
const isMovable = (dtype: DType): boolean => !isNumberLane(dtype) && !isBig(dtype);

function chooseTensors(expr: Expr, inputs: readonly TensorData[], shape: readonly number[]): TensorData {
  if (expr.op === "arg") return broadcastTensor(nth(inputs, expr.index), shape);
  if (expr.op !== "select") throw new Error(`internal: ${expr.op} of elements that can only be moved`);
  const [x, y] = [chooseTensors(expr.x, inputs, shape), chooseTensors(expr.y, inputs, shape)];
  const cond = conditionOf(expr.cond, inputs, shape);
  const elements = allocateElements(x.dtype, elementCount(shape));
  const [takeX, takeY] = [blockCopier(x.dtype, elements, x.elements, 1), blockCopier(x.dtype, elements, y.elements, 1)];
  for (let i = 0; i < cond.length; i++) (cond[i] !== 0 ? takeX : takeY)(i, i);
  return makeTensor(x.dtype, shape, elements);
}

/** A condition as 0 and 1, for every element of `shape`. */
function conditionOf(expr: Expr, inputs: readonly TensorData[], shape: readonly number[]): NumberArray {
  return numbersOf(mapTensors(expr, inputs, shape));
}

/** Applies an op's epilogue to its accumulators; `$1…` are the operands after the fixed ones. */
export function applyEpilogue(expr: Expr | null, accumulated: TensorData, operands: readonly TensorData[]): TensorData {
  return expr === null ? accumulated : mapTensors(expr, [accumulated, ...operands], accumulated.shape);
}

/** out[i] = expr(inputs[0][i], …) with numpy broadcasting to `shape`. */
export function mapTensors(expr: Expr, inputs: readonly TensorData[], shape: readonly number[]): TensorData {
  const count = elementCount(shape);
  const block = Math.max(1, Math.min(count, blockSize));
  const { operands, result, run } = compileExpr(
    expr,
    inputs.map((input) => input.dtype),
    block,
  );
  const elements = allocateElements(result.dtype, count);
  const uses = argUses(expr, inputs.length);
  const loads = inputs.flatMap((input, i) => (uses[i] === 0 ? [] : [loader(input, shape, nth(operands, i))]));
  const store = storer(result, elements as NumberArray | BigArray);
  for (let begin = 0; begin < count; begin += block) {
    const size = Math.min(block, count - begin);
    for (const load of loads) load(begin, size);
    run(size);
    store(begin, size);
  }
  return makeTensor(result.dtype, shape, elements);
}

type BlockMove = (begin: number, count: number) => void;

function storer(result: Register, elements: NumberArray | BigArray): BlockMove {
  if (result.lane === "big") {
    return (begin, count) => {
      (elements as BigArray).set(result.values.subarray(0, count), begin);
    };
  }
  return (begin, count) => {
    storeNumbers(result.dtype, elements as NumberArray, begin, result.values.subarray(0, count));
  };
}

/** Fills an operand's register with the elements that one block of the output reads. */
function loader(input: TensorData, shape: readonly number[], register: Register): BlockMove {
  const count = elementCount(input.shape);
  if (count === 1) return scalarLoader(input, register);
  if (count === elementCount(shape)) return contiguousLoader(input, register);
  return broadcastLoader(input, shape, register);
}

function scalarLoader(input: TensorData, register: Register): BlockMove {
  if (register.lane === "big") register.values.fill(bigintsOf(input)[0] as bigint);
  else register.values.fill(numbersOf(input)[0] as number);
  return () => undefined;
}

function contiguousLoader(input: TensorData, register: Register): BlockMove {
  if (register.lane === "big") {
    const source = bigintsOf(input);
    return (begin, count) => {
      register.values.set(source.subarray(begin, begin + count));
    };
  }
  const source = numbersOf(input);
  return (begin, count) => {
    register.values.set(source.subarray(begin, begin + count));
  };
}

/** Blocks are asked for in order; a cursor of coordinates goes along with them. */
function broadcastLoader(input: TensorData, shape: readonly number[], register: Register): BlockMove {
  const axes = collapseAxes(shape, [broadcastStrides(input.shape, shape)]);
  const cursor = makeCursor(axes.shape, nth(axes.strides, 0));
  if (register.lane === "big") {
    const [source, target] = [bigintsOf(input), register.values];
    return (_begin, count) => {
      walk(cursor, count, (at, from) => {
        target[at] = source[from] as bigint;
      });
    };
  }
  const [source, target] = [doublesOf(input), register.values];
  return (_begin, count) => {
    fillRuns(cursor, count, source, target);
  };
}

interface Cursor {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly position: number[];
  /** index of the next element in the source */
  offset: number;
}

const makeCursor = (shape: readonly number[], strides: readonly number[]): Cursor => ({
  shape,
  strides,
  position: new Array<number>(shape.length).fill(0),
  offset: 0,
});

/** Moves `steps` along the last axis, which must have that many left, and carries into the axes before. */
function advance(cursor: Cursor, steps: number): void {
  const { shape, strides, position } = cursor;
  let axis = shape.length - 1;
  position[axis] = (position[axis] as number) + steps;
  cursor.offset += steps * nth(strides, axis);
  while (axis > 0 && position[axis] === shape[axis]) {
    cursor.offset -= nth(shape, axis) * nth(strides, axis);
    position[axis] = 0;
    axis--;
    position[axis] = (position[axis] as number) + 1;
    cursor.offset += nth(strides, axis);
  }
}

function walk(cursor: Cursor, count: number, visit: (at: number, from: number) => void): void {
  for (let at = 0; at < count; at++) {
    visit(at, cursor.offset);
    advance(cursor, 1);
  }
}

function fillRuns(cursor: Cursor, count: number, source: Float64Array, target: Float64Array): void {
  const last = cursor.shape.length - 1;
  const [length, stride] = [nth(cursor.shape, last), nth(cursor.strides, last)];
  for (let at = 0; at < count;) {
    const run = Math.min(count - at, length - nth(cursor.position, last));
    const from = cursor.offset;
    for (let i = 0; i < run; i++) target[at + i] = source[from + i * stride] as number;
    at += run;
    advance(cursor, run);
  }
}
