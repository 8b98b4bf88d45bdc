/** `wsc validate`: the published measurements against the model, a row a line. */
import { rowCells, rowHead, summaryCells, summaryHead, summaryNote } from "../validate/format.ts";
import { rowOf, summaryOf } from "../validate/table.ts";
import { type Selection, selectTables, validate } from "../validate/validate.ts";
import { exitCodes } from "./failure.ts";
import { printTable } from "./table.ts";

export function validateTables(given: Selection & { readonly json: boolean }): number {
  if (given.json) {
    process.stdout.write(`${JSON.stringify(validate(given), null, 2)}\n`);
    return exitCodes.done;
  }
  const selected = selectTables(given);
  for (const { table, entries } of selected) {
    process.stdout.write(`${table.name}: ${table.title}\n${table.source}\n`);
    printTable(
      rowHead(table.unit),
      entries.map((entry) => rowCells(rowOf(table, entry))),
    );
    process.stdout.write("\n");
  }
  printTable(
    summaryHead,
    selected.map(({ table, entries }) => summaryCells(summaryOf(table, entries))),
  );
  process.stdout.write(`${summaryNote}\n`);
  return exitCodes.done;
}
