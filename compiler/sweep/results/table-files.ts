/** A table as files: JSON lines, CSV (RFC 4180) and Parquet. */
import { nth } from "../../../ir/access.ts";
import type { Scalar } from "../../axes.ts";
import type { Column } from "./table.ts";

export const tableFiles = { jsonLines: "results.jsonl", csv: "results.csv", parquet: "results.parquet" } as const;

type Cells = readonly Scalar[];

/** A row as an object; cells without a value are left out. */
export const jsonLine = (columns: readonly Column[], cells: Cells): string =>
  `${JSON.stringify(Object.fromEntries(columns.flatMap(({ name }, i) => ((cells[i] ?? null) === null ? [] : [[name, cells[i]]]))))}\n`;

export const csvHead = (columns: readonly Column[]): string => csvLine(columns.map(({ name }) => name));

export const csvLine = (cells: Cells): string => `${cells.map(csvCell).join(",")}\r\n`;

function csvCell(value: Scalar): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows of a group in a Parquet file. */
const groupRows = 10_000;

/** A Parquet file of a table's columns, given cell by cell of each: numbers as DOUBLE, all else as UTF-8 text, cells without a value as nulls. */
export async function parquetFile(
  columns: readonly Column[],
  cells: readonly (readonly Scalar[])[],
): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import("hyparquet-writer");
  const buffer = parquetWriteBuffer({
    columnData: columns.map(({ name, type }, i) => ({
      name,
      type: type === "number" ? ("DOUBLE" as const) : ("STRING" as const),
      nullable: true,
      data: nth(cells, i).map((value) => (value === null || type === "number" ? value : String(value))),
    })),
    rowGroupSize: groupRows,
  });
  return new Uint8Array(buffer);
}
