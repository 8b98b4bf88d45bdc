/** A node against its operator's signature: number of inputs and outputs, names and kinds of attributes. */
import { diagnostic, type Diagnostic, type DiagnosticCode, showName } from "../../ir/diagnostic.ts";
import { nodeSubject, type OnnxAttributeKind, type OnnxNode } from "./onnx.ts";
import type { OperatorVersion } from "./operator.ts";

type Report = (code: DiagnosticCode, message: string, hint?: string) => void;

/** Everything in which `node` does not fit `operator`; references to attributes of a function are taken to fit. */
export function checkSignature(node: OnnxNode, operator: OperatorVersion): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  const report: Report = (code, message, hint) =>
    problems.push(diagnostic("error", code, message, { subject: nodeSubject(node), hint }));
  checkInputs(node, operator, report);
  checkOutputs(node, operator, report);
  checkAttributes(node, operator, report);
  return problems;
}

const givenCount = (names: readonly string[]): number => names.findLastIndex((name) => name !== "") + 1;

const range = ([least, most]: readonly [number, number], what: string): string => {
  if (least === most) return `${least} ${what}${least === 1 ? "" : "s"}`;
  return Number.isFinite(most) ? `${least} to ${most} ${what}s` : `${least} or more ${what}s`;
};

function checkInputs(node: OnnxNode, { inputs, optionalInputs = [] }: OperatorVersion, report: Report): void {
  const [least, most] = inputs;
  const count = givenCount(node.inputs);
  const required = Array.from({ length: least }, (_, i) => i).filter((i) => !optionalInputs.includes(i));
  const missing = required.find((i) => (node.inputs[i] ?? "") === "");
  if (count > most) report("WSC3003", `it has ${count} inputs, ${node.opType} takes ${range(inputs, "input")}`);
  if (missing !== undefined) {
    const what = missing < node.inputs.length ? "is left empty" : "is missing";
    report("WSC3003", `input ${missing} ${what}, ${node.opType} takes ${range(inputs, "input")}`);
  } else if (!Number.isFinite(most)) {
    const empty = node.inputs.findIndex((name, i) => name === "" && !optionalInputs.includes(i));
    if (empty >= 0) report("WSC3003", `input ${empty} is left empty, which ${node.opType} does not allow`);
  }
}

function checkOutputs(node: OnnxNode, { outputs }: OperatorVersion, report: Report): void {
  const count = givenCount(node.outputs);
  const [least, most] = outputs;
  // an output that nobody reads may be left out, even a required one
  if (count > most || node.outputs.length < Math.min(least, 1)) {
    report("WSC3003", `it has ${count} outputs, ${node.opType} gives ${range(outputs, "output")}`);
  }
}

/** Kinds that do in place of the one that is declared: a sparse tensor is a tensor. */
const fits = (declared: string, kind: OnnxAttributeKind): boolean =>
  kind === "reference" || declared === kind || (declared === "tensor" && kind === "sparse");

function checkAttributes(node: OnnxNode, { attributes }: OperatorVersion, report: Report): void {
  const known = Object.keys(attributes);
  for (const [name, { kind }] of node.attributes) {
    const declared = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (declared === undefined) {
      const hint = known.length === 0 ? "it has no attributes" : `it knows ${known.join(", ")}`;
      report("WSC3002", `${node.opType} has no attribute "${showName(name)}" in this opset`, hint);
    } else if (!fits(declared.replace("!", ""), kind)) {
      report("WSC3002", `attribute "${name}" is of kind ${kind}, must be ${declared.replace("!", "")}`);
    }
  }
  for (const name of known) {
    const isRequired = attributes[name]?.endsWith("!") ?? false;
    if (isRequired && !node.attributes.has(name)) report("WSC3002", `attribute "${name}" is missing`);
  }
}
