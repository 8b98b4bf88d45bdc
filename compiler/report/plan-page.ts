/**
 * A plan as one HTML page that needs nothing else: what was found, what a token's time is made of, and every wafer as a bar of its memory with its
 * layers and its share of the work. No scripts; all names are escaped, and the page's own policy lets it load nothing.
 */
import type { Basis } from "../../ir/machine/target.ts";
import { styleSheet } from "./style.ts";
import { bytes, count, duration, escapeHtml, percent, shorten } from "./text.ts";

/** What a wafer's memory holds. */
export const waferCategories = ["code", "system", "weights", "cache", "values"] as const;

export type WaferCategory = (typeof waferCategories)[number];

/** A wafer. */
export interface WaferBar {
  readonly layers: readonly string[];
  readonly bytes: Readonly<Record<WaferCategory, number>>;
  /** work of a token over the mean of all wafers */
  readonly work: number;
}

export interface PlanPage {
  readonly title: string;
  /** a warning about the machine, or none */
  readonly warning: string | null;
  readonly limit: string;
  readonly figures: readonly { readonly name: string; readonly text: string; readonly basis: Basis }[];
  readonly wafers: readonly WaferBar[];
  /** SRAM of a wafer's usable cores */
  readonly capacity: number;
  /** seconds of a token by what takes them */
  readonly time: readonly { readonly name: string; readonly seconds: number }[];
  readonly notes: readonly string[];
}

/** Tones of the style sheet; caches and values have those of activations and buffers. */
const tones: Readonly<Record<WaferCategory, string>> = {
  code: "code",
  system: "stack",
  weights: "weights",
  cache: "activations",
  values: "buffers",
};

/** Characters of a wafer's list of layers that are shown; the whole list is in its title. */
const longestList = 60;

const policy = "default-src 'none'; style-src 'unsafe-inline'";

/** Renders a plan as a complete HTML document; the same input gives the same bytes. */
export function renderPlan({ title, warning, limit, figures, wafers, capacity, time, notes }: PlanPage): string {
  const name = escapeHtml(title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${name}</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
<h1>${name}</h1>
<p class="lead">${warning === null ? "" : `<b>${escapeHtml(warning)}.</b> `}${escapeHtml(limit)}.</p>
<div class="columns">
${figureCard(figures)}
<div class="side">
${timeCard(time)}
${memoryCard(wafers, capacity)}
</div>
</div>
${waferTable(wafers, capacity)}
<div class="foot">${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join("")}</div>
</main>
</body>
</html>
`;
}

function figureCard(figures: PlanPage["figures"]): string {
  const rows = figures.map(
    ({ name, text, basis }) =>
      `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(text)}</td><td class="family">${basis}</td></tr>`,
  );
  return `<section class="card"><h2>Figures</h2><div class="scroll"><table>
<thead><tr><th></th><th>Figure</th><th>Known as</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div></section>`;
}

const share = (part: number, whole: number): string =>
  whole === 0 ? "0%" : `${Math.min(100, (100 * part) / whole).toFixed(2)}%`;

function timeCard(time: PlanPage["time"]): string {
  const total = time.reduce((sum, { seconds }) => sum + seconds, 0);
  const longest = Math.max(...time.map(({ seconds }) => seconds));
  const rows = time.map(({ name, seconds }) => {
    const binds = seconds === longest ? ' class="binds"' : "";
    return `<span${binds}>${escapeHtml(name)}</span><span class="bar"><i style="width:${share(seconds, total)}"></i></span><span${binds}>${duration(seconds)}</span>`;
  });
  return `<section class="card"><h2>What a token's time is made of</h2><div class="causes">${rows.join("")}</div></section>`;
}

const held = ({ bytes: by }: WaferBar): number => waferCategories.reduce((sum, category) => sum + by[category], 0);

const stackbar = ({ bytes: by }: WaferBar, capacity: number): string => {
  const parts = waferCategories.map(
    (category) => `<i class="s-${tones[category]}" style="width:${share(by[category], capacity)}"></i>`,
  );
  return `<div class="stackbar">${parts.join("")}</div>`;
};

function memoryCard(wafers: readonly WaferBar[], capacity: number): string {
  const fullest = wafers.reduce((most, wafer) => (held(wafer) > held(most) ? wafer : most));
  const rows = waferCategories.map(
    (category) =>
      `<dt><i class="dot s-${tones[category]}"></i>${category}</dt><dd>${bytes(fullest.bytes[category])} · ${percent(fullest.bytes[category] / capacity)}</dd>`,
  );
  const free = Math.max(0, capacity - held(fullest));
  return `<section class="card"><h2>Memory of the fullest wafer, ${wafers.indexOf(fullest) + 1}</h2>${stackbar(fullest, capacity)}<div style="height:12px"></div>
<dl class="facts">${rows.join("")}<dt>free</dt><dd>${bytes(free)} · ${percent(free / capacity)}</dd></dl></section>`;
}

function waferTable(wafers: readonly WaferBar[], capacity: number): string {
  const busiest = Math.max(...wafers.map(({ work }) => work));
  const legend = waferCategories.map((category) => `<li><i class="s-${tones[category]}"></i>${category}</li>`).join("");
  const rows = wafers.map((wafer, i) => {
    const { layers, work } = wafer;
    const list = layers.join(", ");
    return `<tr><td class="n">${i + 1}</td><td class="n">${count(layers.length)}</td><td class="name mono" title="${escapeHtml(list)}">${escapeHtml(shorten(list, longestList))}</td><td>${stackbar(wafer, capacity)}</td><td class="n">${bytes(held(wafer))}</td><td><div class="timebar" title="${work.toFixed(2)} times the mean"><i style="width:${share(work, busiest)}"></i></div></td></tr>`;
  });
  return `<section class="card"><div class="toolbar"><h2>${count(wafers.length)} wafer${wafers.length === 1 ? "" : "s"}</h2><ul class="legend" style="margin:0">${legend}</ul></div><div class="scroll"><table>
<thead><tr><th class="n">#</th><th class="n">Layers</th><th>Which</th><th>SRAM</th><th class="n">Bytes</th><th>Work</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div></section>`;
}
