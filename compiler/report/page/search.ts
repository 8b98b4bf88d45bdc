/** Which layers a text and chosen families ask for: by the layer's name, its ONNX nodes, what they do, or its number. */
import type { KernelFamily } from "../../../ir/kernel-graph.ts";
import type { ReportLayer } from "../data/report-data.ts";

export interface Query {
  readonly text: string;
  /** empty: all */
  readonly families: ReadonlySet<KernelFamily>;
}

export const isEmpty = ({ text, families }: Query): boolean => text.trim() === "" && families.size === 0;

export function matches({ text, families }: Query, { id, name, nodes, kinds, family }: ReportLayer): boolean {
  if (families.size > 0 && !families.has(family)) return false;
  const wanted = text.trim().toLowerCase();
  if (wanted === "" || wanted === `#${id}`) return true;
  return [name, family, ...nodes, ...kinds].some((one) => one.toLowerCase().includes(wanted));
}
