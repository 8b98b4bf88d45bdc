/** MurmurHash3 of com.microsoft: 32 bits of each element, a string by its UTF-8 bytes. */
import type { DType } from "../../../ir/dtype.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { dimsOf, elementTypeOf, typeOfDims } from "./dynamic.ts";
import { operatorOf } from "./table.ts";

/** What onnxruntime's kernel hashes: numbers of four bytes, and strings. */
const hashed: ReadonlySet<DType> = new Set<DType>(["i32", "u32", "string"]);

function murmurHash3(node: NodeContext): readonly ValueId[] {
  const dtype = elementTypeOf(node, 0);
  if (!hashed.has(dtype)) throw node.typeError(`hashes are of ${[...hashed].join(", ")}, not of ${dtype}`);
  const to: DType = node.int("positive", 1) === 0 ? "i32" : "u32";
  const attributes = { seed: node.int("seed", 0), to };
  return node.host("murmurHash3", [node.input(0)], [typeOfDims(to, dimsOf(node, 0))], "hashes of strings", attributes);
}

export const hashingOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "MurmurHash3", murmurHash3, [{ since: 1, attributes: { positive: "int", seed: "int" } }]),
];
