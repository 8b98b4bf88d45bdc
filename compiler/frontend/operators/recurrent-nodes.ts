/** The activation functions of recurrent operators as ONNX nodes, for cells that are described by other operators. */
import { scalarTensor } from "../../../ir/tensor.ts";
import { floatAttribute, type GraphWriter } from "../graph-writer.ts";
import type { NodeContext } from "../operator.ts";
import { activationFunctions } from "./recurrent-activations.ts";

/** A function of `recurrent-activations.ts` with its parameters. */
export interface ActivationName {
  readonly name: string;
  readonly alpha: number;
  readonly beta: number;
}

/** The activations f, g and h of every direction of an LSTM; alphas and betas are handed out, in order, to the functions that take one. */
export function activationsNamed(node: NodeContext, directions: number): readonly ActivationName[] {
  const defaults = Array.from({ length: directions }, () => ["sigmoid", "tanh", "tanh"]).flat();
  const names = node.strings("activations") ?? defaults;
  if (names.length !== defaults.length) {
    throw node.attributeError(`${names.length} activations are given, ${defaults.length} are needed`);
  }
  const [alphas, betas] = [[...(node.floats("activation_alpha") ?? [])], [...(node.floats("activation_beta") ?? [])]];
  return names.map((given) => {
    const name = given.toLowerCase();
    const known = activationFunctions.get(name);
    if (known === undefined) throw node.attributeError(`there is no activation ${JSON.stringify(given)}`);
    const alpha = known.alpha === null ? 0 : (alphas.shift() ?? known.alpha);
    const beta = known.beta === null ? 0 : (betas.shift() ?? known.beta);
    return { name, alpha, beta };
  });
}

/** ONNX operators that are the function as it is, with the attributes that take its parameters. */
const operators: ReadonlyMap<string, readonly [opType: string, ...parameters: readonly ("alpha" | "beta")[]]> = new Map(
  [
    ["relu", ["Relu"]],
    ["tanh", ["Tanh"]],
    ["sigmoid", ["Sigmoid"]],
    ["softplus", ["Softplus"]],
    ["softsign", ["Softsign"]],
    ["leakyrelu", ["LeakyRelu", "alpha"]],
    ["thresholdedrelu", ["ThresholdedRelu", "alpha"]],
    ["hardsigmoid", ["HardSigmoid", "alpha", "beta"]],
    ["elu", ["Elu", "alpha"]],
  ],
);

/** Writes the function of a value. */
export function activationNodes(graph: GraphWriter, activation: ActivationName, value: string): string {
  const operator = operators.get(activation.name);
  const constant = (number: number): string => graph.constant(scalarTensor("f32", number));
  if (operator !== undefined) {
    const [opType, ...parameters] = operator;
    const attributes = Object.fromEntries(parameters.map((name) => [name, floatAttribute(activation[name])]));
    return graph.node(opType, [value], { attributes });
  }
  const { alpha, beta } = activation;
  if (activation.name === "affine") {
    return graph.node("Add", [graph.node("Mul", [value, constant(alpha)]), constant(beta)]);
  }
  // scaledtanh
  return graph.node("Mul", [graph.node("Tanh", [graph.node("Mul", [value, constant(beta)])]), constant(alpha)]);
}
