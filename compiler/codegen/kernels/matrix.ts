/** Tensors as matrices: where rows and columns lie, whichever way they are stored. */
import type { TensorType } from "../../../ir/graph.ts";

/** A matrix, or a batch of them, as a product sees it. */
export interface Matrix {
  readonly type: TensorType;
  readonly rows: number;
  readonly columns: number;
  /** elements from row to row and from column to column */
  readonly rowStride: number;
  readonly columnStride: number;
  /** dims before the last two */
  readonly batch: readonly number[];
}

/** The last two dims of a tensor as a matrix, on demand with rows and columns swapped. */
export function matrixOf(type: TensorType, transposed: boolean): Matrix {
  const batch = type.shape.slice(0, -2);
  const [outer = 1, inner = 1] = type.shape.slice(-2);
  return transposed
    ? { type, batch, rows: inner, columns: outer, rowStride: 1, columnStride: inner }
    : { type, batch, rows: outer, columns: inner, rowStride: inner, columnStride: 1 };
}
