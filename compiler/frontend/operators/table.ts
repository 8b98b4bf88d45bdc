/**
 * How the operator tables of this folder are written: one row per version that changes something. What a row leaves out stays as in
 * the row before, so that a table reads as the operator's history.
 */
import type { OperatorDef, OperatorVersion } from "../operator.ts";

export type Lower = OperatorVersion["lower"];
export type Attributes = OperatorVersion["attributes"];

/** No upper bound on the number of inputs or outputs. */
export const variadic: number = Number.POSITIVE_INFINITY;

export interface VersionRow {
  /** several versions share a row when only the permitted element types changed */
  readonly since: number | readonly number[];
  readonly inputs?: readonly [number, number];
  readonly outputs?: readonly [number, number];
  readonly attributes?: Attributes;
  readonly optionalInputs?: readonly number[];
  readonly lower?: Lower;
}

/** One operator of ai.onnx from its history; the first row starts from one input, one output, no attributes. */
export const operator = (name: string, lower: Lower, rows: readonly VersionRow[]): OperatorDef =>
  operatorOf("", name, lower, rows);

/** One operator of any domain from its history. */
export function operatorOf(
  domain: OperatorDef["domain"],
  name: string,
  lower: Lower,
  rows: readonly VersionRow[],
): OperatorDef {
  const versions: OperatorVersion[] = [];
  let current: Omit<OperatorVersion, "since"> = { inputs: [1, 1], outputs: [1, 1], attributes: {}, lower };
  for (const { since, ...changes } of rows) {
    current = { ...current, ...changes };
    for (const version of typeof since === "number" ? [since] : since) versions.push({ since: version, ...current });
  }
  return { domain, name, versions };
}
