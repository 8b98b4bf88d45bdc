/** All operators by `domain::name`, and which version of one applies at an opset. */
import type { OperatorDef, OperatorVersion } from "./operator.ts";
import { operatorFamilies } from "./operators/index.ts";

export const operatorKey = (domain: string, name: string): string => `${domain}::${name}`;

function collect(): Map<string, OperatorDef> {
  const table = new Map<string, OperatorDef>();
  for (const operator of operatorFamilies.flat()) {
    const key = operatorKey(operator.domain, operator.name);
    if (table.has(key)) throw new Error(`internal: operator ${key} is defined twice`);
    table.set(key, operator);
  }
  return table;
}

/** Keyed by `operatorKey`; the default domain is "". */
export const operatorTable: ReadonlyMap<string, OperatorDef> = collect();

/** The newest version that is not newer than `opset`; undefined when the operator came later. */
export const versionAt = (operator: OperatorDef, opset: number): OperatorVersion | undefined =>
  operator.versions.findLast(({ since }) => since <= opset);
