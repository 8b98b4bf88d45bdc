/**
 * A sweep as one HTML page that needs nothing else: its frontier as a chart and a table, which axes filter, and what binds at which values. Without scripts the
 * frontier and what binds can be read; the one script that there is draws the chart, filters and sorts. All names are escaped.
 */
import { htmlDocument } from "./document.ts";
import { sweepScript } from "./sweep-script.ts";
import { sweepStyle } from "./sweep-style.ts";
import { count, escapeHtml, number } from "./text.ts";

export type SweepCell = string | number | boolean | null;

export interface SweepColumn {
  readonly name: string;
  readonly kind: "axis" | "status" | "figure" | "note";
  readonly type: "number" | "text";
}

export interface SweepPage {
  readonly title: string;
  readonly columns: readonly SweepColumn[];
  /** cells in the order of the columns */
  readonly rows: readonly (readonly SweepCell[])[];
  /** positions of rows that nothing is better than */
  readonly frontier: readonly number[];
  /** names of columns, and whether much of them is good */
  readonly objectives: readonly { readonly name: string; readonly goal: "max" | "min" }[];
  /** the column that says what binds; null where none is recorded */
  readonly binds: string | null;
  /** a page of a row, by the row's position */
  readonly links: ReadonlyMap<number, string>;
}

/** Rows of the frontier in the table that needs no script. */
const mostFrontierRows = 200;

/** Renders a sweep as a complete HTML document; the same input gives the same bytes. */
export function renderSweep(page: SweepPage): string {
  const { columns, rows, frontier, objectives, links } = page;
  return htmlDocument({
    title: page.title,
    style: sweepStyle,
    body: `<main>
<h1>${escapeHtml(page.title)}</h1>
<p class="lead">${lead(page)}</p>
<section class="card" id="filters" hidden><h2>Axes</h2><div id="axes"></div></section>
<section class="card" id="chart" hidden><div class="toolbar"><h2>Frontier</h2><span><label>across <select id="x"></select></label> <label>up <select id="y"></select></label></span></div>
<svg class="sweep" viewBox="0 0 1000 460" role="group" aria-label="points of the sweep"></svg><p class="soft" id="told"></p></section>
${frontierTable(page)}
${bindsTable(page)}
<section class="card" id="points" hidden><div class="toolbar"><h2>Points</h2><span class="soft" id="shown"></span></div><div class="scroll"><table><thead></thead><tbody></tbody></table></div></section>
</main>`,
    data: { columns, rows, frontier, objectives, links: Object.fromEntries(links) },
    script: sweepScript,
  });
}

function lead({ columns, rows, frontier, objectives }: SweepPage): string {
  const status = columns.findIndex(({ kind }) => kind === "status");
  const by = new Map<string, number>();
  for (const row of rows) by.set(String(row[status]), (by.get(String(row[status])) ?? 0) + 1);
  const counts = [...by]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, much]) => `${count(much)} ${escapeHtml(what)}`);
  const goals = objectives.map(({ name, goal }) => `${goal === "max" ? "much" : "little"} ${escapeHtml(name)}`);
  return `${count(rows.length)} points: ${counts.join(", ")}. <b>${count(frontier.length)}</b> of them are on the frontier of ${goals.join(" and ")}.`;
}

const cellText = (value: SweepCell): string =>
  value === null ? "" : typeof value === "number" ? number(value) : String(value);

function frontierTable({ columns, rows, frontier, objectives, binds, links }: SweepPage): string {
  const wanted = new Set([...objectives.map(({ name }) => name), ...(binds === null ? [] : [binds])]);
  const shown = columns.flatMap((column, i) => (column.kind === "axis" || wanted.has(column.name) ? [i] : []));
  const head = shown.map((i) => `<th${classOf(columns[i])}>${escapeHtml(columns[i]?.name ?? "")}</th>`).join("");
  const body = frontier.slice(0, mostFrontierRows).map((position) => {
    const link = links.get(position);
    const cells = shown.map(
      (i) => `<td${classOf(columns[i])}>${escapeHtml(cellText(rows[position]?.[i] ?? null))}</td>`,
    );
    const open = link === undefined ? "" : `<a href="${escapeHtml(link)}">open</a>`;
    return `<tr>${cells.join("")}<td>${open}</td></tr>`;
  });
  const more = frontier.length - mostFrontierRows;
  const rest = more > 0 ? `<p class="soft">and ${count(more)} more, which the tables beside this page have</p>` : "";
  return `<section class="card"><h2>On the frontier</h2><div class="scroll"><table><thead><tr>${head}<td></td></tr></thead>
<tbody>${body.join("\n")}</tbody></table></div>${rest}</section>`;
}

const classOf = (column: SweepColumn | undefined): string => (column?.type === "number" ? ' class="n"' : "");

/** Values of an axis that the table lists. */
const mostValues = 40;

/** For each value of each axis, how often what binds. */
function bindsTable({ columns, rows, binds }: SweepPage): string {
  const at = columns.findIndex(({ name }) => name === binds);
  if (at < 0) return "";
  const told = rows.filter((row) => (row[at] ?? null) !== null);
  const causes = [...new Set(told.map((row) => String(row[at])))].toSorted();
  const lines = columns.flatMap((column, axis) => {
    if (column.kind !== "axis") return [];
    const values = [...new Set(told.map((row) => row[axis] ?? null))];
    return values.slice(0, mostValues).map((value, i) => {
      const some = told.filter((row) => row[axis] === value);
      const shares = causes.map((cause) => {
        const share = some.filter((row) => row[at] === cause).length / some.length;
        return `<td class="n" style="--share:${share.toFixed(3)}">${share === 0 ? "" : `${(100 * share).toFixed(0)}%`}</td>`;
      });
      return `<tr><td>${i === 0 ? escapeHtml(column.name) : ""}</td><td>${escapeHtml(cellText(value))}</td>${shares.join("")}</tr>`;
    });
  });
  const head = causes.map((cause) => `<th class="n">${escapeHtml(cause)}</th>`).join("");
  return `<section class="card"><h2>What binds where</h2><div class="scroll"><table class="binds"><thead><tr><th>Axis</th><th>Value</th>${head}</tr></thead>
<tbody>${lines.join("\n")}</tbody></table></div></section>`;
}
