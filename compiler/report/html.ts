/**
 * The report as one HTML file that needs nothing else: the data as JSON, and the script and style of the page that draws it (page/). What limits and the figures
 * also stand in the file as text, for readers without scripts. All names from the model are escaped.
 */
import type { ReportPage } from "./data/report-data.ts";
import { htmlDocument } from "./document.ts";
import { pageBundle } from "./page-bundle.ts";
import { escapeHtml } from "./text.ts";

/** Renders a report, or two to compare, as a complete HTML document; the same input gives the same bytes. */
export async function renderReport(page: ReportPage): Promise<string> {
  const { script, style } = await pageBundle();
  const told = page.map(
    ({ title: name, summary, limit, figures }) =>
      `<h1>${escapeHtml(name)}</h1><p>${escapeHtml(summary)}</p><p>${escapeHtml(limit.sentence)}.</p><ul>${figures.map((figure) => `<li>${escapeHtml(`${figure.name}: ${figure.text}, ${figure.note}`)}</li>`).join("")}</ul>`,
  );
  return htmlDocument({
    title: page.map((report) => report.title).join(" and "),
    style,
    body: `<main id="page"></main>
<noscript><p>The map, the graph and the tables of this report need scripts. What it says in short:</p>${told.join("\n")}</noscript>`,
    data: page,
    script,
  });
}
