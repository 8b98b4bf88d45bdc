/**
 * FusedConv and FusedGemm: a product and the activation behind it, which onnxruntime's optimizer makes one node of.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FusedConv
 */
import type { DType } from "../../../ir/dtype.ts";
import { type Expr, lit } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { conv, convAttributes } from "./convolution.ts";
import { gemm } from "./linear.ts";
import { mapSame } from "./precision.ts";
import { activationFunctions } from "./recurrent-activations.ts";
import { add, clamp, mul } from "./scalar.ts";
import { operatorOf } from "./table.ts";

export type Apply = (t: DType, x: Expr) => Expr;

/** The activation that the node names; its parameters are as in ONNX's operator of that name. */
export function activationOf(node: NodeContext, parameters: readonly (number | undefined)[]): Apply | null {
  const name = node.string("activation", "");
  const [alpha, beta] = parameters;
  if (name === "") return null;
  if (name === "Clip") return (t, x) => clamp(t, alpha ?? -Infinity, beta ?? Infinity, x);
  if (name === "HardSwish") return (t, x) => mul(x, clamp(t, 0, 1, add(mul(lit(t, 1 / 6), x), lit(t, 0.5))));
  const known = activationFunctions.get(name.toLowerCase());
  if (known === undefined) throw node.unsupported(`activation ${JSON.stringify(name)}`);
  return (t, x) => known.build(t, x, alpha ?? known.alpha ?? 0, beta ?? known.beta ?? 0);
}

/** Applies an activation to the sum of values of one type. */
export function activated(node: NodeContext, apply: Apply | null, ...terms: readonly ValueId[]): ValueId {
  const [first] = terms;
  if (apply === null && terms.length === 1 && first !== undefined) return first;
  return mapSame(node, terms, (t, values) => {
    const sum = values.reduce(add);
    return apply === null ? sum : apply(t, sum);
  });
}

/** Inputs: X, W, bias, and what is added before the activation. */
function fusedConv(node: NodeContext): readonly ValueId[] {
  const apply = activationOf(node, node.floats("activation_params") ?? []);
  const added = node.hasInput(3) ? [node.input(3)] : [];
  return [activated(node, apply, ...conv(node), ...added)];
}

function fusedGemm(node: NodeContext): readonly ValueId[] {
  const parameters = [node.float("activation_alpha"), node.float("activation_beta")];
  return [activated(node, activationOf(node, parameters), ...gemm(node))];
}

export const fusedActivationOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "FusedConv", fusedConv, [
    {
      since: 1,
      inputs: [2, 4],
      optionalInputs: [2, 3],
      attributes: { ...convAttributes, activation: "string", activation_params: "floats" },
    },
  ]),
  operatorOf("com.microsoft", "FusedGemm", fusedGemm, [
    {
      since: 1,
      inputs: [2, 3],
      optionalInputs: [2],
      attributes: {
        activation: "string",
        activation_alpha: "float",
        activation_beta: "float",
        activation_gamma: "float",
        alpha: "float",
        beta: "float",
        transA: "int",
        transB: "int",
      },
    },
  ]),
];
