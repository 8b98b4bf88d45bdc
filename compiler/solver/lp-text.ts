/**
 * Writes a program as CPLEX-LP text, which glpsol, HiGHS, CPLEX, Gurobi and SCIP read. Names are `x0`, `x1`, … and `r0`, `r1`, …; what
 * they stand for goes into comments.
 */
import type { LinearProgram, Row, Term, Variable } from "./linear-program.ts";

export interface LpText {
  /** lines of comment at the top */
  readonly comments?: readonly string[];
  /** what a variable stands for, printed beside its bounds */
  readonly describe?: (variable: number) => string;
}

/** Terms per line: the format limits lines to 255 or 560 characters, depending on the reader. */
const termsPerLine = 8;

export function printLp(program: LinearProgram, { comments = [], describe }: LpText = {}): string {
  const costs = program.variables.map(({ cost }, variable) => ({ variable, coefficient: cost }));
  const lines = [
    ...comments.map((text) => `\\ ${oneLine(text)}`),
    "Minimize",
    ...expression(" cost:", costs, program.variables.length),
    "Subject To",
    ...program.rows.flatMap((row, index) => constraint(row, index, program.variables.length)),
    "Bounds",
    ...program.variables.flatMap((variable, index) => boundsOf(variable, index, describe)),
  ];
  const integers = program.variables.flatMap(({ integer }, index) => (integer ? [`x${index}`] : []));
  if (integers.length > 0) lines.push("Generals", ...chunks(integers).map((names) => ` ${names.join(" ")}`));
  return `${lines.join("\n")}\nEnd\n`;
}

const oneLine = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);

function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += termsPerLine) parts.push(items.slice(start, start + termsPerLine));
  return parts;
}

/** `label + 2 x0 - 3 x1`, over several lines; an empty sum is written as zero times some variable. */
function expression(label: string, terms: readonly Term[], variables: number): string[] {
  const nonzero = terms.filter(({ coefficient }) => coefficient !== 0);
  if (nonzero.length === 0) return [`${label}${variables === 0 ? "" : " 0 x0"}`];
  return chunks(nonzero).map((part, index) => `${index === 0 ? label : "  "} ${part.map(term).join(" ")}`);
}

const term = ({ variable, coefficient }: Term): string =>
  `${coefficient < 0 ? "-" : "+"} ${Math.abs(coefficient)} x${variable}`;

/** A range becomes two rows, since readers differ on ranges. */
function constraint(row: Row, index: number, variables: number): string[] {
  const write = (name: string, relation: string, side: number): string[] => {
    const lines = expression(` ${name}:`, row.terms, variables);
    return [...lines.slice(0, -1), `${lines.at(-1) ?? ""} ${relation} ${side}`];
  };
  if (row.lower === row.upper) return write(`r${index}`, "=", row.lower);
  return [
    ...(Number.isFinite(row.lower) ? write(`r${index}${Number.isFinite(row.upper) ? "l" : ""}`, ">=", row.lower) : []),
    ...(Number.isFinite(row.upper) ? write(`r${index}${Number.isFinite(row.lower) ? "u" : ""}`, "<=", row.upper) : []),
  ];
}

function boundsOf(variable: Variable, index: number, describe: LpText["describe"]): string[] {
  const { lower, upper } = variable;
  const comment = describe === undefined ? [] : [`\\ x${index}: ${oneLine(describe(index))}`];
  if (lower === upper) return [...comment, ` x${index} = ${lower}`];
  if (!Number.isFinite(lower) && !Number.isFinite(upper)) return [...comment, ` x${index} free`];
  const below = Number.isFinite(lower) ? String(lower) : "-inf";
  return [...comment, Number.isFinite(upper) ? ` ${below} <= x${index} <= ${upper}` : ` x${index} >= ${below}`];
}
