/** The operator that a node names, or why there is none. */
import { diagnostic, type Diagnostic, showName } from "../../ir/diagnostic.ts";
import { nodeSubject, type OnnxNode } from "./onnx.ts";
import { operatorKey, operatorTable, versionAt } from "./operator-table.ts";
import type { OperatorVersion } from "./operator.ts";
import { newestOpset, opsetIn } from "./opsets.ts";

export type FoundOperator =
  | { readonly kind: "operator"; readonly version: OperatorVersion }
  /** WSC3001, or WSC1004 where no opset says which version is meant */
  | { readonly kind: "unsupported"; readonly problem: Diagnostic };

/** The operator as of the opsets that `who` (the model, or a function) imports. */
export function findOperator(node: OnnxNode, opsets: ReadonlyMap<string, number>, who = "the model"): FoundOperator {
  const operator = operatorTable.get(operatorKey(node.domain, node.opType));
  if (operator === undefined) return unsupported(node, "WSC3001", unknownOperator(node));
  const opset = opsetIn(opsets, node.domain);
  if (opset === undefined) return unsupported(node, "WSC1004", `${who} imports no opset at all`);
  const version = versionAt(operator, opset);
  if (version !== undefined) return { kind: "operator", version };
  const [first] = operator.versions;
  if (first === undefined) throw new Error(`internal: operator ${operator.name} has no versions`);
  const message = `operator ${node.opType} came with opset ${first.since}, the model imports ${opset}`;
  return unsupported(node, "WSC3001", message);
}

function unsupported(node: OnnxNode, code: Diagnostic["code"], message: string): FoundOperator {
  return { kind: "unsupported", problem: diagnostic("error", code, message, { subject: nodeSubject(node) }) };
}

function unknownOperator(node: OnnxNode): string {
  const name = showName(node.opType);
  if (node.domain === "") return `operator ${name} is not supported`;
  const domain = showName(node.domain);
  if (newestOpset.has(node.domain)) return `operator ${name} of domain ${domain} is not supported`;
  return `operator ${name} is of the unknown domain ${domain}, and no function of the model defines it`;
}
