/** Files that the page gives: tables as CSV, drawings as SVG. */
import { coresOf, heldBytes, type ReportData, type ReportLayer } from "../data/report-data.ts";

type Cell = string | number;

/** Columns of the layer table. */
const columns: readonly (readonly [name: string, of: (layer: ReportLayer) => Cell])[] = [
  ["layer", ({ id }) => id],
  ["name", ({ name }) => name],
  ["family", ({ family }) => family],
  ["nodes", ({ nodes }) => nodes.join(" + ")],
  ["wafer", ({ wafer }) => wafer + 1],
  ["x", ({ rect }) => rect.x],
  ["y", ({ rect }) => rect.y],
  ["width", ({ rect }) => rect.width],
  ["height", ({ rect }) => rect.height],
  ["turned", ({ rotated }) => (rotated ? "yes" : "no")],
  ["cores", coresOf],
  ["cycles", ({ cycles }) => cycles],
  ["latency", ({ latency }) => latency],
  ["begin", ({ begin }) => begin],
  ["end", ({ end }) => end],
  ["sram_bytes", ({ sram }) => heldBytes(sram)],
  ["flops", ({ flops }) => flops],
];

/** A cell as RFC 4180 has it. What a spreadsheet would take for a formula is told to be text by a quote before it. */
function cellText(cell: Cell): string {
  if (typeof cell === "number") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const layersCsv = (layers: readonly ReportLayer[]): string =>
  [columns.map(([name]) => name), ...layers.map((layer) => columns.map(([, of]) => of(layer)))]
    .map((row) => `${row.map(cellText).join(",")}\r\n`)
    .join("");

/** Offers a text as a file. */
export function offer(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 1000);
}

/** A file's name from a report's title. */
export const fileName = ({ title }: ReportData, what: string, extension: string): string =>
  `${title.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, 80)}-${what}.${extension}`;
