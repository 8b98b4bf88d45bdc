/**
 * Random valid graphs for property tests. A graph is interpreted from a list of numbers: each step picks an op and operands that fit by
 * construction, so that shrinking the list shrinks the graph.
 */
import fc from "fast-check";
import { GraphBuilder } from "../../ir/builder.ts";
import { type DType, dtypeInfo, dtypeTable } from "../../ir/dtype.ts";
import { arg, binary, binaryFunctions, cast, type Expr, lit, select, unary, unaryFunctions } from "../../ir/expr.ts";
import { type Graph, type OpSpec, type TensorType, tensorType, type ValueId } from "../../ir/graph.ts";
import { elementCount, makeTensor, tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { type Domain, inDomain } from "../../ir/infer/site.ts";
import { defined } from "./defined.ts";

/** Numbers that a graph is made from, with wrap-around. */
class Choices {
  readonly #numbers: readonly number[];
  #next = 0;
  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }
  below(limit: number): number {
    return (this.#numbers[this.#next++ % this.#numbers.length] ?? 0) % limit;
  }
  bool(): boolean {
    return this.below(2) === 1;
  }
  pick<T>(items: readonly T[]): T {
    return defined(items[this.below(items.length)]);
  }
}

const specials = [0, -0, 1, -1, 0.1, 1e-45, 3.4e38, NaN, Infinity, -Infinity, 1e300, 123456789];
const names = [
  "",
  "x",
  "__proto__",
  'a "quoted" \\ name\n',
  "日本",
  "%0",
  "constructor",
  "// no comment",
  "\u0000\ud800",
];
const graphDTypes: readonly DType[] = ["f32", "f32", "f32", "f64", "i32", "i64", "u8", "bool"];

function randomConstant(c: Choices): TensorData {
  const dtype = c.pick(dtypeTable.map((info) => info.dtype));
  const { class: cls } = dtypeInfo(dtype);
  const shape = Array.from({ length: c.below(4) }, () => c.below(5));
  const slots = elementCount(shape) * (cls === "complex" ? 2 : 1);
  if (cls === "string")
    return tensorFrom(
      dtype,
      shape,
      Array.from({ length: slots }, () => c.pick(names)),
    );
  if (cls === "float" || cls === "complex") return tensorFrom(dtype, shape, Array.from({ length: slots }, () => c.pick(specials))); // prettier-ignore
  const tensor = makeTensor(dtype, shape);
  const storedBits = Math.min(8, dtypeInfo(dtype).bits) - (cls === "signed" ? 1 : 0);
  const elements = tensor.elements as { [index: number]: number | bigint };
  for (let i = 0; i < slots; i++) elements[i] = typeof elements[0] === "bigint" ? BigInt(c.below(200)) : c.below(2 ** storedBits); // prettier-ignore
  return tensor;
}

/** An expression over operands of the given dtypes. */
function randomExpr(c: Choices, args: readonly DType[], depth: number): { readonly expr: Expr; readonly dtype: DType } {
  if (depth === 0) {
    if (c.bool()) {
      const index = c.below(args.length);
      return { expr: arg(index), dtype: defined(args[index]) };
    }
    const dtype = c.pick(graphDTypes);
    return { expr: lit(dtype, inDomain(dtype, "float") ? c.pick(specials) : c.below(100)), dtype };
  }
  const x = randomExpr(c, args, depth - 1);
  const kind = c.below(4);
  if (kind === 0) {
    const dtype = c.pick(graphDTypes);
    return { expr: cast(dtype, x.expr, c.bool()), dtype };
  }
  if (kind === 1) return randomSelect(c, args, x, depth);
  if (kind === 2) {
    const fn = c.pick(inDomain(x.dtype, "float") ? unaryFunctions.slice(0, 23) : (["neg"] as const));
    return inDomain(x.dtype, "number") ? { expr: unary(fn, x.expr), dtype: x.dtype } : { expr: unary("not", x.expr), dtype: "bool" }; // prettier-ignore
  }
  const y = cast(x.dtype, randomExpr(c, args, depth - 1).expr);
  const arithmetic = binaryFunctions.slice(0, 9);
  return inDomain(x.dtype, "number")
    ? { expr: binary(c.pick(arithmetic), x.expr, y), dtype: x.dtype }
    : { expr: binary("xor", x.expr, y), dtype: "bool" };
}

function randomSelect(
  c: Choices,
  args: readonly DType[],
  x: { expr: Expr; dtype: DType },
  depth: number,
): { expr: Expr; dtype: DType } {
  // prettier-ignore
  const cond = cast("bool", randomExpr(c, args, depth - 1).expr);
  return { expr: select(cond, x.expr, cast(x.dtype, x.expr)), dtype: x.dtype };
}

interface Step {
  /** what the operand must be */
  readonly domain: Domain | "any";
  readonly rank: number;
  readonly make: (c: Choices, b: GraphBuilder, x: ValueId, type: TensorType) => OpSpec;
}
const step = (domain: Step["domain"], rank: number, make: Step["make"]): Step => ({ domain, rank, make });

const reductions = ["sum", "mean", "prod", "max", "min"] as const;
const axisOf = (c: Choices, { shape }: TensorType): number => c.below(shape.length);
const perAxis = ({ shape }: TensorType, entry: (dim: number) => number): number[] => shape.map(entry);

const steps: readonly Step[] = [
  step("any", 0, (c, _, x, { dtype }) => ({
    kind: "map",
    inputs: [x, x],
    expr: randomExpr(c, [dtype, dtype], c.below(4)).expr,
  })),
  step("float", 0, (c, b, x, { dtype }) => {
    const other = b.constant(tensorFrom(dtype, [1], [c.pick(specials)]));
    return { kind: "map", inputs: [x, other], expr: binary("pow", arg(0), arg(1)) };
  }),
  step("float", 1, (c, _, x, type) => ({ kind: "softmax", inputs: [x], axis: axisOf(c, type), log: c.bool() })),
  step("number", 1, (c, _, x, type) => {
    return { kind: "reduce", inputs: [x], fn: c.pick(reductions), axes: [axisOf(c, type)], keepDims: c.bool() };
  }),
  step("any", 0, (_, _b, x, type) => ({ kind: "reshape", inputs: [x], shape: [1, elementCount(type.shape)] })),
  step("any", 0, (_, _b, x, type) => ({ kind: "transpose", inputs: [x], perm: [...type.shape.keys()].reverse() })),
  step("any", 0, (_, _b, x, type) => {
    const sizes = perAxis(type, (dim) => Math.ceil(dim / 2));
    return {
      kind: "slice",
      inputs: [x],
      starts: perAxis(type, (dim) => Math.max(0, dim - 1)),
      sizes,
      steps: perAxis(type, () => -1),
    };
  }),
  step("any", 0, (c, b, x, type) => {
    const zero = b.constant(makeTensor(type.dtype, []));
    const [before, after] = [perAxis(type, () => c.below(2)), perAxis(type, () => c.below(2))];
    return { kind: "pad", inputs: [x, zero], mode: "constant", before, after };
  }),
  step("any", 1, (c, _, x, type) => ({ kind: "concat", inputs: [x, x], axis: axisOf(c, type) })),
  step("any", 1, (c, b, x, type) => {
    return { kind: "gather", inputs: [x, b.constant(tensorFrom("i64", [2], [0, -1]))], axis: axisOf(c, type) };
  }),
  step("float", 1, (_, b, x, type) => {
    const scale = b.constant(tensorFrom(type.dtype, [1], [2]));
    return { kind: "normalize", inputs: [x, scale], axes: [type.shape.length - 1], epsilon: 1e-5, centered: true };
  }),
  step("number", 2, (c, _, x) => {
    const epilogue = c.bool() ? binary("add", arg(0), arg(0)) : null;
    return { kind: "matmul", inputs: [x, x], transposeA: false, transposeB: true, epilogue };
  }),
  step("number", 1, (c, _, x, type) => ({ kind: "topK", inputs: [x], axis: axisOf(c, type), k: 0, largest: c.bool() })),
  step("any", 0, (c, b, x, type) => {
    const condition = b.constant(tensorFrom("bool", [], [c.below(2)]));
    return { kind: "if", inputs: [condition, x], then: regionOver(c, type), else: identityOver(c, type) };
  }),
];

function identityOver(c: Choices, type: TensorType): Graph {
  const b = new GraphBuilder(c.pick(names));
  b.output("y", b.input(c.pick(names), type));
  return b.finish();
}

function regionOver(c: Choices, type: TensorType): Graph {
  const b = new GraphBuilder(c.pick(names));
  const x = b.input("x", type);
  b.output("y", b.emitOne({ kind: "map", inputs: [x], expr: arg(0) }, { origin: [c.pick(names)] }));
  return b.finish();
}

/** Tensors stay small enough for texts of some kilobytes. */
const mostElements = 10_000;

function buildGraph(numbers: readonly number[]): Graph {
  const c = new Choices(numbers);
  const b = new GraphBuilder(c.pick(names));
  const pool: ValueId[] = [];
  for (let i = 0; i <= c.below(3); i++) {
    pool.push(b.input(`${c.pick(names)}${i}`, tensorType(c.pick(graphDTypes), Array.from({ length: c.below(4) }, () => c.below(4))))); // prettier-ignore
  }
  b.constant(randomConstant(c), c.pick(names));
  for (let i = 0; i < numbers.length / 4; i++) {
    const x = c.pick(pool);
    const type = b.tensorTypeOf(x);
    const { domain, rank, make } = c.pick(steps);
    const fits = type.shape.length >= rank && (domain === "any" || inDomain(type.dtype, domain));
    if (!fits || elementCount(type.shape) > mostElements) continue;
    pool.push(...b.emit(make(c, b, x, type), { origin: [c.pick(names)], names: [c.pick(names)] }));
  }
  for (let i = 0; i < 2; i++) b.output(`${c.pick(names)}${i}`, c.pick(pool));
  return b.finish();
}

/** Valid graphs of up to some thirty ops. */
export const randomGraph: fc.Arbitrary<Graph> = fc
  .array(fc.nat(2 ** 16), { minLength: 4, maxLength: 120 })
  .map(buildGraph);
