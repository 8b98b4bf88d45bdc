/** common-subexpressions: ops of the same kind, attributes and operands become one; so do equal small constants. */
import { exactJson, exactValue } from "../../ir/exact-json.ts";
import { type Op, regionsOf, type ValueId } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph, type Rule } from "./rewrite.ts";

/** Constants up to this many elements are compared by value. */
const comparedElements = 64;

export const commonSubexpressions: Pass = {
  name: "common-subexpressions",
  summary: "compute equal things once",
  run: (graph) => rewriteGraph(graph, shareEqual()),
};

/** Ops are told apart per builder: a region does not see the values of the graph around it. */
function shareEqual(): Rule {
  const seenIn = new WeakMap<object, Map<string, readonly ValueId[]>>();
  return (rewrite) => {
    const { op, builder } = rewrite;
    if (!isPure(op)) return null;
    const seen = seenIn.get(builder) ?? new Map<string, readonly ValueId[]>();
    seenIn.set(builder, seen);
    const key = keyOf(rewrite, seen);
    const known = seen.get(key);
    if (known !== undefined) return known;
    const results = rewrite.keep();
    seen.set(key, results);
    return results;
  };
}

const isPure = (op: Op): boolean => op.kind !== "host" && op.kind !== "deferred" && regionsOf(op).length === 0;

function keyOf({ op, inputs, builder }: Rewrite, seen: Map<string, readonly ValueId[]>): string {
  const { inputs: _inputs, outputs: _outputs, origin: _origin, ...attributes } = op;
  const operands = inputs.map((id) => {
    const constant = builder.constantOf(id);
    return constant === undefined ? id : sharedConstant(constant, id, seen);
  });
  return exactJson([attributes, operands]);
}

/** The first constant with this value, by id. */
function sharedConstant(tensor: TensorData, id: ValueId, seen: Map<string, readonly ValueId[]>): ValueId {
  if (elementCount(tensor.shape) > comparedElements) return id;
  const elements = Array.from(tensor.elements as ArrayLike<unknown>, exactValue);
  const key = `constant ${tensor.dtype}[${tensor.shape.join(",")}] ${JSON.stringify(elements)}`;
  const known = seen.get(key);
  if (known?.[0] !== undefined) return known[0];
  seen.set(key, [id]);
  return id;
}
