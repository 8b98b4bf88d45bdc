/** Type rule of one recurrent layer. */
import { type RecurrentOp, type TensorType, tensorType } from "../graph.ts";
import { showType } from "../types.ts";
import { inferExpr } from "./elementwise.ts";
import { attributeError, expectDomain, expectOperands, expectTensor, shapeError, type Site, tensorAt } from "./site.ts";

/** Per cell: rows of W in units of `hidden`, activation functions, operands before the lengths, results. */
export const recurrentCells: Readonly<
  Record<RecurrentOp["cell"], { gates: number; activations: number; operands: number; results: number }>
> = {
  lstm: { gates: 4, activations: 3, operands: 7, results: 3 },
  gru: { gates: 3, activations: 2, operands: 5, results: 2 },
  rnn: { gates: 1, activations: 1, operands: 5, results: 2 },
};

export function inferRecurrent(
  site: Site,
  op: Pick<RecurrentOp, "cell" | "hasLengths" | "activations" | "clip">,
): readonly TensorType[] {
  const { gates, operands, results } = recurrentCells[op.cell];
  expectOperands(site, operands + (op.hasLengths ? 1 : 0));
  const x = tensorAt(site, 0);
  const recurrence = tensorAt(site, 2);
  expectDomain(site, x.dtype, "float");
  checkActivations(site, op, x);
  const [time, batch, input] = x.shape;
  if (time === undefined || batch === undefined || input === undefined || x.shape.length !== 3) {
    throw shapeError(site, `input ${showType(x)} must be [time, batch, input]`);
  }
  const hidden = recurrence.shape[1] ?? 0;
  const state = [batch, hidden];
  expectTensor(site, 1, "W", x.dtype, [gates * hidden, input]);
  expectTensor(site, 2, "R", x.dtype, [gates * hidden, hidden]);
  expectTensor(site, 3, "B", x.dtype, [2 * gates * hidden]);
  expectTensor(site, 4, "the initial state", x.dtype, state);
  if (op.cell === "lstm") {
    expectTensor(site, 5, "the initial cell", x.dtype, state);
    expectTensor(site, 6, "P", x.dtype, [3 * hidden]);
  }
  if (op.hasLengths) expectTensor(site, operands, "the tensor of sequence lengths", "i32", [batch]);
  const last = tensorType(x.dtype, state);
  return [tensorType(x.dtype, [time, ...state]), ...new Array<TensorType>(results - 1).fill(last)];
}

function checkActivations(site: Site, op: Pick<RecurrentOp, "cell" | "activations" | "clip">, x: TensorType): void {
  const { activations } = recurrentCells[op.cell];
  if (op.activations.length !== activations) {
    throw attributeError(site, `${op.activations.length} activations, ${op.cell} takes ${activations}`);
  }
  for (const activation of op.activations) {
    if (inferExpr(site, activation, [x.dtype]) !== x.dtype)
      throw attributeError(site, `an activation is not ${x.dtype}`);
  }
  if (op.clip !== null && !(op.clip >= 0)) throw attributeError(site, `clip must not be negative, is ${op.clip}`);
}
