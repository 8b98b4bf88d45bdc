/** The published tables against the model: rows and their summaries. */
import { fail } from "../../ir/diagnostic.ts";
import { nameHint } from "../../ir/nearest.ts";
import { presets } from "../targets/presets.ts";
import { type Entry, type Row, rowOf, summaryOf, type Table, type TableSummary } from "./table.ts";
import { collectives, reduces, simulatedReduces } from "./tables/collectives.ts";
import { simulatedProducts } from "./tables/column-products.ts";
import { wafers } from "./tables/deployments.ts";
import { memory } from "./tables/memory.ts";
import { gemm, gemv } from "./tables/products.ts";
import { serving } from "./tables/serving.ts";
import { stencilDepths, stencilGrids } from "./tables/stencils.ts";
import { vectors } from "./tables/vectors.ts";
import { decode, prefill, requests } from "./tables/waferllm.ts";
import { wse3Micro } from "./tables/wse3.ts";

/** All tables, from single instructions to whole deployments. */
export const tables: readonly Table[] = [
  vectors,
  wse3Micro,
  collectives,
  reduces,
  simulatedReduces,
  gemm,
  simulatedProducts,
  gemv,
  stencilDepths,
  stencilGrids,
  decode,
  prefill,
  requests,
  serving,
  memory,
  wafers,
];

/** What is asked for; what is left out is everything. */
export interface Selection {
  readonly table?: string | undefined;
  readonly model?: string | undefined;
  readonly target?: string | undefined;
  /** false: without the tables whose rows are runs of a simulator, which take ten seconds; default true */
  readonly simulate?: boolean | undefined;
}

/** What `wsc validate --json` prints. */
export interface Validation {
  readonly rows: readonly Row[];
  readonly tables: readonly TableSummary[];
}

/** A table with those of its rows that are of interest. */
export interface SelectedTable {
  readonly table: Table;
  readonly entries: readonly Entry[];
}

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function known(given: string | undefined, what: string, names: readonly string[]): void {
  if (given === undefined || names.some((name) => sameName(name, given))) return;
  throw fail("WSC5008", `no ${what} is named "${given}"`, { hint: nameHint(given, `${what}s`, names) });
}

/** The tables that have rows of interest. Throws a WscError that names the nearest table, model or target where there is none of that name. */
export function selectTables({ table: name, model, target, simulate = true }: Selection): readonly SelectedTable[] {
  known(
    name,
    "table",
    tables.map((table) => table.name),
  );
  known(target, "target", [...presets.keys()]);
  const all = tables
    .filter((table) => name === undefined || sameName(table.name, name))
    .filter(({ simulated }) => simulated !== true || (simulate && model === undefined))
    .map((table) => ({ table, entries: table.entries() }));
  known(model, "model", [...new Set(all.flatMap(({ entries }) => entries.flatMap((entry) => entry.model ?? [])))]);
  const isOfInterest = (entry: Entry): boolean =>
    (model === undefined || (entry.model !== undefined && sameName(entry.model, model))) &&
    (target === undefined || sameName(entry.target, target));
  return all
    .map(({ table, entries }) => ({ table, entries: entries.filter(isOfInterest) }))
    .filter(({ entries }) => entries.length > 0);
}

/** Rows and summaries of what is asked for. Throws as `selectTables` does. */
export function validate(selection: Selection = {}): Validation {
  const selected = selectTables(selection);
  return {
    rows: selected.flatMap(({ table, entries }) => entries.map((entry) => rowOf(table, entry))),
    tables: selected.map(({ table, entries }) => summaryOf(table, entries)),
  };
}
