/** An IR op as a host function: how ops over strings and complex numbers, which have no kernels, are run. */
import type { OpSpec } from "../../ir/graph.ts";
import { evaluateOp, isEvaluable } from "../reference/evaluate.ts";
import { type HostFamily, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

const evaluate: HostFunction = (inputs, attributes) => {
  const { op } = attributes;
  const spec = op as unknown as OpSpec;
  if (typeof op !== "object" || op === null || !isEvaluable(spec.kind)) {
    throw new Error("internal: attribute op must be an op of a kind that can be evaluated");
  }
  return evaluateOp({ ...spec, inputs: [] }, inputs.map((_, i) => tensorAt(inputs, i))); // prettier-ignore
};

export const evaluateFunctions: HostFamily = [["evaluate", evaluate]];
