/** How figures and errors of a validation look, in a terminal and on a page. */
import { type Row, rowBases, type Spread, type TableSummary } from "./table.ts";

/** Five digits, and all of those before the point. */
export const figure = (value: number): string =>
  String(Math.abs(value) >= 10_000 ? Math.round(value) : Number(value.toPrecision(5)));

export const signedPercent = (error: number): string => {
  const text = (100 * error).toFixed(1);
  return `${error < 0 || text === "0.0" ? "" : "+"}${text === "-0.0" ? "0.0" : text} %`;
};

/** `1.2 / 3.4 % of 8`: mean and largest error, and rows; empty where there are none. */
const spread = (found: Spread | null | undefined): string =>
  found ? `${(100 * found.mean).toFixed(1)} / ${(100 * found.largest).toFixed(1)} % of ${found.rows}` : "";

export const rowHead = (unit: string): readonly string[] => ["row", `published, ${unit}`, "modelled", "error", "basis"];

export const rowCells = ({ row, published, modelled, error, basis }: Row): readonly string[] => [
  row,
  figure(published),
  figure(modelled),
  signedPercent(error),
  basis,
];

/** Mean and largest error of each basis, without sign. */
export const summaryHead: readonly string[] = ["table", "rows", ...rowBases, "leave one model out"];

export const summaryCells = ({ table, rows, byBasis, leaveOneModelOut }: TableSummary): readonly string[] => [
  table,
  String(rows),
  ...rowBases.map((basis) => spread(byBasis[basis])),
  spread(leaveOneModelOut),
];

export const summaryNote = "mean / largest error, without sign, and rows; by how the modelled figure was got";
