/**
 * The equation of an Einsum: a label for every axis of every operand, and the labels of the result. An ellipsis stands for the axes
 * that the operand has beyond its letters; they get labels of their own, aligned at the right as numpy broadcasts.
 */

/** A letter, or `.k` for the k-th axis from the right of what the ellipses stand for. */
export type Label = string;

export interface Equation {
  readonly operands: readonly (readonly Label[])[];
  readonly result: readonly Label[];
}

const termPattern = /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/;
const ellipsis = "...";

/** Labels of a term for an operand with `broadcast` axes under its ellipsis. */
function labelsOf(term: string, broadcast: number): Label[] {
  const [before = "", after] = term.split(ellipsis);
  if (after === undefined) return Array.from(before);
  const dots = Array.from({ length: broadcast }, (_, i) => `.${broadcast - 1 - i}`);
  return [...Array.from(before), ...dots, ...Array.from(after)];
}

/** Without an arrow the result has the ellipsis first, then the letters that occur once, in alphabetical order. */
function implicitResult(operands: readonly (readonly Label[])[], broadcast: number): Label[] {
  const counts = new Map<Label, number>();
  for (const label of operands.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
  const letters = [...counts].filter(([label, count]) => count === 1 && !label.startsWith(".")).map(([label]) => label);
  return [...labelsOf(ellipsis, broadcast), ...letters.sort()];
}

/** Parses an equation for operands of the given ranks; a string says what is wrong with it. */
export function parseEquation(text: string, ranks: readonly number[]): Equation | string {
  const [left = "", right, ...more] = text.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  if (more.length > 0 || ![...terms, right ?? ""].every((term) => termPattern.test(term))) return "it cannot be parsed";
  if (terms.length !== ranks.length) return `it has ${terms.length} terms for ${ranks.length} operands`;
  const extra = terms.map((term, i) => (ranks[i] ?? 0) - term.replace(ellipsis, "").length);
  const misfit = terms.findIndex((term, i) => (term.includes(ellipsis) ? (extra[i] ?? 0) < 0 : extra[i] !== 0));
  if (misfit >= 0) return `term ${JSON.stringify(terms[misfit])} does not fit an operand of rank ${ranks[misfit] ?? 0}`;
  const operands = terms.map((term, i) => labelsOf(term, extra[i] ?? 0));
  const broadcast = Math.max(0, ...terms.map((term, i) => (term.includes(ellipsis) ? (extra[i] ?? 0) : 0)));
  const result = right === undefined ? implicitResult(operands, broadcast) : labelsOf(right, broadcast);
  const unknown = result.find((label) => !operands.some((labels) => labels.includes(label)));
  if (unknown !== undefined) return `its result has ${JSON.stringify(unknown)}, which no operand has`;
  return new Set(result).size === result.length ? { operands, result } : "its result names an axis twice";
}
