/** Type rule of decision trees. */
import { nodeFields } from "../forest.ts";
import { type ForestOp, type TensorType, tensorType } from "../graph.ts";
import { attributeError, expectDomain, expectOperands, expectTensor, shapeError, type Site, tensorAt } from "./site.ts";

export function inferForest(site: Site, { targets }: Pick<ForestOp, "targets">): readonly TensorType[] {
  expectOperands(site, 6);
  const x = tensorAt(site, 0);
  expectDomain(site, x.dtype, "float");
  const [rows, features] = x.shape;
  if (rows === undefined || features === undefined || x.shape.length > 2)
    throw shapeError(site, `the input has ${x.shape.length} dims, rows and features are needed`);
  const sizeOf = (index: number): number => tensorAt(site, index).shape[0] ?? 0;
  const [trees, nodes, votes] = [sizeOf(1), sizeOf(2), sizeOf(4)];
  expectTensor(site, 1, "the list of roots", "i32", [trees]);
  expectTensor(site, 2, "the table of nodes", "i32", [nodes, nodeFields]);
  expectTensor(site, 3, "the list of splits", x.dtype, [nodes]);
  expectTensor(site, 4, "the list of targets", "i32", [votes]);
  expectTensor(site, 5, "the list of weights", x.dtype, [votes]);
  if (!Number.isInteger(targets) || targets < 1) throw attributeError(site, `${targets} targets`);
  return [tensorType(x.dtype, [rows, targets]), tensorType("bool", [rows, targets])];
}
