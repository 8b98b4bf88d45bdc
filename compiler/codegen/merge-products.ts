/**
 * Products of one value with several constant matrices (Q, K and V of an attention) become one with the matrices side by side, whose result is
 * sliced. It reads the value once and is one step in place of several; small matrices join the stream of a large one:
 *
 *     %q = matmul(%x, [768,768]) ; %k = matmul(%x, [768,256])
 *         ==>    %0 = matmul(%x, [768,1024]) ; %q = slice(%0, columns 0 … 767) ; %k = slice(%0, columns 768 … 1023)
 *
 * Only for few rows, which wait for weights, and where no slice is a copy: those of a single row lie in one piece, others must be read in place by all
 * readers (plan-ops.ts). It is a matter of programs alone: on a wafer a slice would be one more layer.
 */
import { defined, nth } from "../../ir/access.ts";
import { contiguousSlices } from "./contiguous-slices.ts";
import { joinConstants } from "./joined-constants.ts";
import { arg, binary, type Expr } from "../../ir/expr.ts";
import {
  epilogueOperands,
  type Graph,
  type MatmulOp,
  type Op,
  type QuantizedMatmulOp,
  regionsOf,
  type SliceOp,
  type TensorType,
  tensorType,
  type Value,
  type ValueId,
} from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { withShape } from "../../ir/tensor-source.ts";
import { printExpr } from "../../ir/text/expr.ts";
import { streamedRows } from "./kernels/matmul.ts";
import { storedForm } from "./kernels/stored-form.ts";
import { hasOffsets } from "./kernels/weight-only/strips.ts";
import { planOps } from "./plan-ops.ts";

/** A graph with merged products; values that were there before keep their ids. */
export interface MergedGraph {
  readonly graph: Graph;
  /** by op, the op before the pass that it is, is a part of, or (a merged product) begins with */
  readonly indexOf: readonly number[];
}

/** How often ops read each constant, those of all regions together. */
export type ConstantUses = ReadonlyMap<TensorData, number>;

/** Counts the readers of a graph's constants; being an output counts as one. */
export function countConstants(graph: Graph, uses: Map<TensorData, number> = new Map()): ConstantUses {
  const count = (id: ValueId): void => {
    const { constant } = nth(graph.values, id);
    if (constant !== undefined) uses.set(constant, (uses.get(constant) ?? 0) + 1);
  };
  for (const op of graph.ops) {
    op.inputs.forEach(count);
    for (const region of regionsOf(op)) countConstants(region.graph, uses);
  }
  for (const { value } of graph.outputs) count(value);
  return uses;
}

type Product = MatmulOp | QuantizedMatmulOp;

interface Member {
  readonly index: number;
  readonly op: Product;
}

/** Products that can be one, in their order in the graph; two at least. */
type Siblings = readonly Member[];

/** Merges the products of a graph or region where that costs no copy and no memory. */
export function mergeProducts(graph: Graph, uses: ConstantUses): MergedGraph {
  const found = withoutCopies(graph, findSiblings(graph, uses), uses);
  const groups = withOwnWeights(graph, found.filter((group) => keepsForm(graph, group)), uses); // prettier-ignore
  return groups.length === 0 ? { graph, indexOf: [...graph.ops.keys()] } : build(graph, groups, joinedConstants);
}

/** The groups without products whose slices would be copies. */
function withoutCopies(graph: Graph, groups: readonly Siblings[], uses: ConstantUses): readonly Siblings[] {
  let rest = groups;
  while (rest.length > 0) {
    const copied = copiedResults(build(graph, rest, null).graph, rest);
    if (copied.size === 0) break;
    const others = rest.map((group) => group.filter(({ op }) => !copied.has(resultOf(op)))).filter(isGroup);
    rest = withOwnWeights(graph, others, uses);
  }
  return rest;
}

const isGroup = (group: Siblings): boolean => group.length > 1;
const resultOf = ({ outputs }: Op): ValueId => nth(outputs, 0);
const shapeOf = (graph: Graph, id: ValueId): readonly number[] => (nth(graph.values, id).type as TensorType).shape;
const columnsOf = (graph: Graph, op: Op): number => shapeOf(graph, resultOf(op)).at(-1) ?? 1;

/** Results of merged products that somebody needs in a place of their own. */
function copiedResults(merged: Graph, groups: readonly Siblings[]): ReadonlySet<ValueId> {
  const results = new Set(groups.flatMap((group) => group.map(({ op }) => resultOf(op))));
  const pieces = contiguousSlices(merged);
  const made = planOps(merged).flatMap(({ index, attention }) => (attention === null ? [nth(merged.ops, index)] : []));
  return new Set(made.flatMap((op) => (pieces.has(op) ? [] : op.outputs.filter((id) => results.has(id)))));
}

/** The merged weights take as few bits as each of them did. */
function keepsForm(graph: Graph, group: Siblings): boolean {
  const { op } = nth(group, 0);
  const constants = group.map((member) => constantsOf(graph, member.op));
  if (op.kind === "quantizedMatmul") {
    const offsets = constants.map(([weights, , zeros]) =>
      hasOffsets({ weights: defined(weights), zeros: defined(zeros) }),
    );
    return offsets.every((own) => own === offsets[0]);
  }
  const isOneRow = elementCount(shapeOf(graph, resultOf(op))) === columnsOf(graph, op);
  const joined = nth(joinedConstants(graph, group), 0);
  const form = storedForm(joined, isOneRow);
  return constants.every(([weights]) => {
    const own = storedForm(defined(weights), isOneRow);
    return own === form || own === joined.dtype;
  });
}

// ---- which ------------------------------------------------------------------------------------------------------------------------

function findSiblings(graph: Graph, uses: ConstantUses): readonly Siblings[] {
  const groups = new Map<string, Member[]>();
  for (const [index, op] of graph.ops.entries()) {
    if (op.kind !== "matmul" && op.kind !== "quantizedMatmul") continue;
    const key = keyOf(graph, op);
    if (key === null) continue;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push({ index, op });
  }
  return withOwnWeights(graph, [...groups.values()].filter(isGroup), uses);
}

/** Products that share this may differ in their weights' columns, and in what belongs to those; null for a product that stays alone. */
function keyOf(graph: Graph, op: Product): string | null {
  const { inputs, outputs: _outputs, origin: _origin, epilogue, ...attributes } = op;
  const result = nth(graph.values, resultOf(op)).type;
  if (result.kind !== "tensor" || result.shape.includes(0)) return null;
  if (elementCount(result.shape.slice(0, -1)) > streamedRows) return null;
  const columns = columnsOf(graph, op);
  const weights = constantsOf(graph, op).map(
    (constant) => constant && withoutColumns(constant, columnAxis(op, constant), columns),
  );
  const extras = extrasOf(op).map((id) => extraKey(graph, id, columns));
  if (weights.includes(undefined) || extras.includes(null)) return null;
  const isBiased = epilogue === null || isBias(epilogue, extras);
  const behind = isBiased && result.dtype === "f32" ? "bias" : [epilogue && printExpr(epilogue), extras];
  return JSON.stringify([attributes, nth(inputs, 0), weights, result.dtype, behind]);
}

/** A product's constants: weights, and what belongs to them. */
const constantsOf = (graph: Graph, { kind, inputs }: Product): readonly (TensorData | undefined)[] =>
  inputs.slice(1, epilogueOperands[kind]).map((id) => nth(graph.values, id).constant);

const extrasOf = ({ kind, inputs }: Product): readonly ValueId[] => inputs.slice(epilogueOperands[kind]);

/** The axis along which a constant of a product has its columns. */
function columnAxis(op: Product, { shape }: TensorData): number {
  if (op.kind === "quantizedMatmul") return 0;
  return shape.length - (op.transposeB ? 2 : 1);
}

/** A constant's type apart from how many columns it has: one may stand for all. */
function withoutColumns({ dtype, shape }: TensorData, axis: number, columns: number): string | undefined {
  const own = shape[axis];
  return own === columns || own === 1 ? `${dtype}[${shape.with(axis, -1).join(",")}]` : undefined;
}

/** What an epilogue's operand must share with those of other products: a constant for columns its type, another one itself. */
function extraKey(graph: Graph, id: ValueId, columns: number): string | null {
  const { type, constant } = nth(graph.values, id);
  if (type.kind !== "tensor") return null;
  const last = type.shape.at(-1) ?? 1;
  if (constant !== undefined && elementCount(type.shape) === last && (last === columns || last === 1))
    return type.dtype;
  return last === 1 ? `%${id}` : null;
}

/** The epilogue adds a constant to each column and does nothing else. */
function isBias(epilogue: Expr, extras: readonly (string | null)[]): boolean {
  return extras.length === 1 && extras[0] === "f32" && biases.has(printExpr(epilogue));
}

const bias = binary("add", arg(0), arg(1));
const biases: ReadonlySet<string> = new Set([printExpr(bias), printExpr(binary("add", arg(1), arg(0)))]);

/** The groups without products whose weights would be stored twice: all that reads them must be the same merged product, once in each. */
function withOwnWeights(graph: Graph, groups: readonly Siblings[], uses: ConstantUses): readonly Siblings[] {
  const ids = new Map<TensorData, number>();
  const idOf = ({ op }: Member): number => {
    const weights = defined(constantsOf(graph, op)[0]);
    const known = ids.get(weights) ?? ids.size;
    ids.set(weights, known);
    return known;
  };
  const signatures = groups.map((group) => group.map(idOf));
  const readers = new Map<number, readonly number[][]>();
  for (const signature of signatures) {
    for (const id of new Set(signature)) readers.set(id, [...(readers.get(id) ?? []), signature]);
  }
  const isOwn = (member: Member): boolean => {
    const merged = readers.get(idOf(member)) ?? [];
    return (
      merged.length === uses.get(defined(constantsOf(graph, member.op)[0])) && new Set(merged.map(String)).size === 1
    );
  };
  return groups.map((group) => group.filter(isOwn)).filter(isGroup);
}

// ---- merging ----------------------------------------------------------------------------------------------------------------------

/** Gives the constants of a group's products side by side. */
type JoinConstants = (graph: Graph, group: Siblings) => readonly TensorData[];

function joinedConstants(graph: Graph, group: Siblings): readonly TensorData[] {
  const { op } = nth(group, 0);
  return constantsOf(graph, op).map((first, i) => {
    const parts = group.map((member) => {
      return { constant: defined(constantsOf(graph, member.op)[i]), size: columnsOf(graph, member.op) };
    });
    return joinConstants(parts, columnAxis(op, defined(first)));
  });
}

/** The graph with its groups merged; without constants only types are right, which is all that planning asks for. */
function build(graph: Graph, groups: readonly Siblings[], join: JoinConstants | null): MergedGraph {
  const values: Value[] = [...graph.values];
  const ops: Op[] = [];
  const indexOf: number[] = [];
  const add = (op: Op, index: number): void => {
    ops.push(op);
    indexOf.push(index);
  };
  const groupAt = new Map(groups.flatMap((group) => group.map(({ index }) => [index, group] as const)));
  const pieces = new Map<number, SliceOp>();
  for (const [index, op] of graph.ops.entries()) {
    const group = groupAt.get(index);
    if (group?.[0]?.index === index) {
      const product = mergedProduct(graph, values, group, join && join(graph, group));
      add(product, index);
      for (const [at, slice] of slicesOf(graph, product, group)) pieces.set(at, slice);
    }
    add(pieces.get(index) ?? op, index);
  }
  return { graph: { ...graph, values, ops }, indexOf };
}

/** Adds the product of all columns, with what it reads and gives, to the values. */
function mergedProduct(
  graph: Graph,
  values: Value[],
  group: Siblings,
  constants: readonly TensorData[] | null,
): Product {
  const { op } = nth(group, 0);
  const define = (value: Value): ValueId => values.push(value) - 1;
  const constant = (data: TensorData): ValueId =>
    define({ type: tensorType(data.dtype, data.shape), name: "", constant: data });
  const columns = group.reduce((sum, member) => sum + columnsOf(graph, member.op), 0);
  const { dtype, shape } = nth(graph.values, resultOf(op)).type as TensorType;
  const weights = constants?.map(constant) ?? op.inputs.slice(1, epilogueOperands[op.kind]);
  const { epilogue, extras } = mergedEpilogue(graph, group, constant);
  const result = define({ type: tensorType(dtype, shape.with(-1, columns)), name: "" });
  const origin = [...new Set(group.flatMap((member) => member.op.origin))];
  return { ...op, inputs: [nth(op.inputs, 0), ...weights, ...extras], outputs: [result], origin, epilogue };
}

interface MergedEpilogue {
  readonly epilogue: Expr | null;
  readonly extras: readonly ValueId[];
}

/** One epilogue for all columns; products without a bias beside others with one get zeros. */
function mergedEpilogue(graph: Graph, group: Siblings, constant: (data: TensorData) => ValueId): MergedEpilogue {
  const longest = group.map(({ op }) => op).find(({ epilogue }) => epilogue !== null);
  if (longest === undefined) return { epilogue: null, extras: [] };
  const extras = extrasOf(longest).map((shared, i) => {
    const parts = group.map(({ op }) => {
      const own = extrasOf(op)[i];
      const data = own === undefined ? noBias : nth(graph.values, own).constant;
      return data && { constant: asColumns(data), size: columnsOf(graph, op) };
    });
    return parts.every((part) => part !== undefined) ? constant(joinConstants(parts, 0)) : shared;
  });
  return { epilogue: longest.epilogue, extras };
}

const noBias: TensorData = { dtype: "f32", shape: [1], elements: new Float32Array(1) };

/** A constant with all its elements in one dim. */
const asColumns = (data: TensorData): TensorData => withShape(data, [elementCount(data.shape)]);

/** The slices that take the place of the products in a group, by their index. */
function slicesOf(graph: Graph, product: Product, group: Siblings): ReadonlyMap<number, SliceOp> {
  let start = 0;
  return new Map(
    group.map(({ index, op: { outputs, origin } }) => {
      const sizes = shapeOf(graph, nth(outputs, 0));
      const starts = sizes.map((_, axis) => (axis === sizes.length - 1 ? start : 0));
      start += sizes.at(-1) ?? 1;
      const steps = sizes.map(() => 1);
      return [index, { kind: "slice", inputs: product.outputs, outputs, origin, starts, sizes, steps }];
    }),
  );
}
