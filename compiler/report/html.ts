/**
 * The report: one HTML file that needs nothing else. A map of the wafer, what sets the interval, what is proven, and every layer with its
 * cut, time and memory. Works without scripts; the one it has only links rows with rectangles. All names from the model are escaped, and the
 * page's own policy lets it load nothing.
 */
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Placement } from "../../ir/placement.ts";
import type { Target } from "../../ir/machine/target.ts";
import { familyLegend, hostSection, layerTable, memoryCard, proofCard, summaryCards, targetCard } from "./sections.ts";
import { styleSheet } from "./style.ts";
import { count, duration, escapeHtml } from "./text.ts";
import { waferMap } from "./wafer-map.ts";

/** What a report is about. */
export interface ReportInput {
  readonly kernels: KernelGraph;
  readonly placement: Placement;
  readonly target: Target;
}

const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** Pointing at a rectangle or at a row marks both. */
const script = `
const marked = (id, on) => document.querySelectorAll('[data-kernel="' + id + '"]').forEach((e) => e.classList.toggle("on", on));
for (const type of ["pointerover", "pointerout"]) document.addEventListener(type, (event) => {
  const element = event.target.closest("[data-kernel]");
  if (element) marked(element.dataset.kernel, type === "pointerover");
});
document.querySelector(".wafer").addEventListener("click", (event) => {
  const element = event.target.closest("[data-kernel]");
  if (element) document.getElementById("layer-" + element.dataset.kernel)?.scrollIntoView({ block: "center", behavior: "smooth" });
});`;

/** Renders the report as a complete HTML document; the same input gives the same bytes. */
export function renderReport({ kernels, placement, target }: ReportInput): string {
  const name = escapeHtml(placement.model === "" ? "model" : placement.model);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${name} on ${escapeHtml(target.name)}</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
<h1>${name} on ${escapeHtml(target.name)}${placement.precision === "f32" ? "" : ` in ${placement.precision}`}</h1>
<p class="lead">${lead(placement, kernels)}</p>
${summaryCards(placement, kernels)}
<div class="columns">
<section class="card">
${toolbar}
${waferMap(placement)}
${familyLegend(placement)}
<div class="scale time"><span>idle</span><i></i><span>busy for the whole interval</span></div>
<div class="scale sram"><span>empty</span><i></i><span>SRAM full</span></div>
</section>
<div class="side">
${proofCard(placement)}
${memoryCard(placement)}
${targetCard(placement, target)}
</div>
</div>
${layerTable(placement, kernels)}
${hostSection(kernels)}
${foot(target)}
</main>
<script>${script}</script>
</body>
</html>
`;
}

const toolbar = `<div class="toolbar"><h2>Wafer</h2><span><span class="switch" role="radiogroup" aria-label="Colour by">
<label><input type="radio" name="by" id="by-family" checked>Family</label><label><input type="radio" name="by" id="by-time">Time</label><label><input type="radio" name="by" id="by-sram">SRAM</label></span>
<span class="switch"><label><input type="checkbox" id="routes">Routes</label></span></span></div>`;

const limits = {
  kernel: "its slowest layer",
  link: "its fullest link",
  io: "the words that cross the edge of the wafer",
} as const;

/** What takes most of a sample's time where layers run one after the other. */
const shares = {
  kernel: "in the layers",
  link: "for values on their way from the layout of one layer to that of the next",
  io: "at the edge of the wafer",
} as const;

function lead(placement: Placement, kernels: KernelGraph): string {
  const { certificate, target } = placement;
  const layers = `${count(placement.kernels.length)} layer${placement.kernels.length === 1 ? "" : "s"}`;
  const { count: copies } = placement.copies;
  const turns = copies === 1 ? "" : `, dealt out to ${count(copies)} copies side by side`;
  const host = kernels.host.length === 0 ? "" : ` ${count(kernels.host.length)} operations stay on the host.`;
  const interval = duration(certificate.objective / target.clockHz);
  if (placement.mode.kind === "resident") {
    const { width, height } = placement.mode.region;
    return `All ${layers} share one region of ${width} by ${height} cores, one after the other. A sample takes <b>${interval}</b>, most of it ${shares[certificate.bottleneck]}.${host}`;
  }
  return `All ${layers} are resident and work at once on successive samples${turns}. One sample leaves every <b>${interval}</b>, limited by <b>${limits[certificate.bottleneck]}</b>.${host}`;
}

function foot(target: Target): string {
  const sources = target.facts
    .map(({ field, basis, source }) => `<li>${escapeHtml(field)}, ${basis}: ${escapeHtml(source)}</li>`)
    .join("");
  return `<div class="foot"><p>Cycles come from wsc's cost model, not from hardware. Figures of the machine:</p><ul>${sources}</ul></div>`;
}
