/**
 * The report as one HTML file that needs nothing else: the data as JSON, and the script and style of the page that draws it (page/). What limits and the figures
 * also stand in the file as text, for readers without scripts. All names from the model are escaped, and the page's own policy lets it load nothing.
 */
import type { ReportPage } from "./data/report-data.ts";
import { pageBundle } from "./page-bundle.ts";
import { escapeHtml } from "./text.ts";

const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** JSON that ends no script element, whatever its strings hold. */
const scriptJson = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");

/** Renders a report, or two to compare, as a complete HTML document; the same input gives the same bytes. */
export async function renderReport(page: ReportPage): Promise<string> {
  const { script, style } = await pageBundle();
  const title = escapeHtml(page.map((report) => report.title).join(" and "));
  const told = page.map(
    ({ title: name, summary, limit, figures }) =>
      `<h1>${escapeHtml(name)}</h1><p>${escapeHtml(summary)}</p><p>${escapeHtml(limit.sentence)}.</p><ul>${figures.map((figure) => `<li>${escapeHtml(`${figure.name}: ${figure.text}, ${figure.note}`)}</li>`).join("")}</ul>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main id="page"></main>
<noscript><p>The map, the graph and the tables of this report need scripts. What it says in short:</p>${told.join("\n")}</noscript>
<script type="application/json" id="data">${scriptJson(page)}</script>
<script>${script}</script>
</body>
</html>
`;
}
