/**
 * Evaluates ops over constants while a model is compiled. The results keep their lineage: another compilation of the model knows them again. What
 * is made of constants that are not at hand is made when somebody asks for its elements.
 */
import { exactJson } from "../ir/exact-json.ts";
import { type OpKind, type OpSpec, tensorType } from "../ir/graph.ts";
import { inferTypes } from "../ir/infer.ts";
import { derived } from "../ir/lineage.ts";
import type { TensorData } from "../ir/tensor.ts";
import { isAtHand, madeTensor, withShape } from "../ir/tensor-source.ts";
import { evaluateOp } from "../runtime/reference/evaluate.ts";
import { indicesOf } from "../runtime/reference/numbers.ts";

export function evaluateConstants(op: OpSpec, operands: readonly TensorData[]): readonly TensorData[] {
  const recipe = exactJson({ ...op, inputs: [], outputs: [], origin: [] });
  return resultsOf(op, operands, recipe).map((result, index) => derived(`${index} ${recipe}`, operands, result));
}

/** Kinds that fail for some values of their operands. */
const failingKinds: ReadonlySet<OpKind> = new Set<OpKind>([
  "gather",
  "gatherElements",
  "gatherND",
  "scatterElements",
  "scatterND",
]);

/** Whether an op over constants is known to give a result, also where that is made later: then nobody could be told that it does not. */
export function isSound(op: OpSpec, operands: readonly TensorData[]): boolean {
  if (operands.every(isAtHand) || !failingKinds.has(op.kind)) return true;
  const [table, indices] = operands;
  if (op.kind !== "gather" || table === undefined || indices === undefined || !isAtHand(indices)) return false;
  const size = table.shape[op.axis] ?? 0;
  return indicesOf(indices).every((index) => index >= -size && index < size);
}

function resultsOf(op: OpSpec, operands: readonly TensorData[], recipe: string): readonly TensorData[] {
  if (operands.every(isAtHand)) return evaluateOp(op, operands);
  const [first] = operands;
  if (op.kind === "reshape" && first !== undefined) return [withShape(first, op.shape)];
  const types = inferTypes(
    op,
    operands.map(({ dtype, shape }) => tensorType(dtype, shape)),
    [],
  );
  return types.map((type, index) => {
    if (type.kind !== "tensor") throw new Error(`internal: ${op.kind} over constants gives no tensor`);
    const load = (): TensorData["elements"] => elementsOf(evaluateOp(op, operands)[index]);
    return madeTensor(type.dtype, type.shape, { recipe: `${index} ${recipe}`, from: operands, load });
  });
}

function elementsOf(result: TensorData | undefined): TensorData["elements"] {
  if (result === undefined) throw new Error("internal: an op has fewer results than types");
  return result.elements;
}
