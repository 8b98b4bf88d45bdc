/** The validation as Markdown: what docs/validation.md and README.md hold between their marks. */
import { defined } from "../../ir/access.ts";
import { wse2 } from "../targets/wse2.ts";
import { rowCells, rowHead, summaryCells, summaryHead, summaryNote } from "./format.ts";
import { llama3Of8B, qwen2Of72B } from "./shapes.ts";
import { rowOf, summaryOf, type Table, type TableSummary } from "./table.ts";
import { decode } from "./tables/waferllm.ts";
import { selectTables } from "./validate.ts";

const tableText = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const summaries = (): readonly TableSummary[] =>
  selectTables({}).map(({ table, entries }) => summaryOf(table, entries));

const titleOf = ({ name, title }: Table): string => `### ${name}: ${title}`;

/** Every row of every table, and what power means for energy. */
export function validationPage(): string {
  const parts = selectTables({}).map(({ table, entries }) =>
    [
      titleOf(table),
      `${table.source}. ${table.law}`,
      tableText(
        rowHead(table.unit),
        entries.map((entry) => rowCells(rowOf(table, entry))),
      ),
    ].join("\n\n"),
  );
  return [summaryText(), ...parts, energyText()].join("\n\n");
}

/** Tables, rows and errors. */
export const summaryText = (): string => `${tableText(summaryHead, summaries().map(summaryCells))}\n\n(${summaryNote})`;

/** Joules of a token: a whole system's watts times its time, for the band that was measured. */
function energyText(): string {
  const { idle, average, peak } = wse2.power;
  const rows = [llama3Of8B, qwen2Of72B].flatMap((shape) =>
    [420, 660].map((grid) => {
      const row = `${shape.name} on ${grid} x ${grid}`;
      const { modelled } = defined(decode.entries().find((entry) => entry.row === row));
      return [row, ...[idle, average, peak].map((watts) => (watts / modelled).toFixed(1))];
    }),
  );
  return [
    "### Energy",
    `Joules of a decoded token, as the watts of a whole CS-2 (idle ${idle}, average ${average}, peak ${peak}: arXiv 2204.03775) times its time. There is no energy per word: sources contradict each other.`,
    tableText(["model", "idle", "average", "peak"], rows),
  ].join("\n\n");
}
