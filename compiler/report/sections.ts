/** The parts of the report around the map: figures, proof, layers, host ops. */
import { type Kernel, kernelFamilies, type KernelGraph } from "../../ir/kernel-graph.ts";
import { sramBytes, type SramBudget, sramCategories } from "../../ir/machine/cost.ts";
import type { Cut } from "../../ir/machine/mapping.ts";
import { type PlacedKernel, type Placement, coresInUse, samplesPerSecond, utilisation } from "../../ir/placement.ts";
import type { Target } from "../../ir/machine/target.ts";
import { bytes, count, duration, escapeHtml, number, operations, percent } from "./text.ts";

const card = (title: string, value: string, note: string): string =>
  `<dl class="card figure"><dt>${title}</dt><dd>${value}</dd><dd class="note">${note}</dd></dl>`;

const withUnit = (text: string): string => text.replace(/^(\S+) (.+)$/, "$1 <small>$2</small>");

/** The figures that everybody looks for first. */
export function summaryCards(placement: Placement, kernels: KernelGraph): string {
  const { certificate, target } = placement;
  const { objective, latencyCycles } = certificate;
  const cores = coresInUse(placement);
  const flops = kernels.kernels.reduce((sum, kernel) => sum + kernel.flops, 0);
  const rate = samplesPerSecond(placement);
  return `<div class="cards">${[
    card("Interval", withUnit(duration(objective / target.clockHz)), `${count(objective)} cycles between samples`),
    card("Throughput", `${count(rate)} <small>samples/s</small>`, `${operations(flops * rate)}FLOP/s of useful work`),
    card(
      "Latency",
      withUnit(duration(latencyCycles / target.clockHz)),
      `${count(latencyCycles)} cycles for one sample alone`,
    ),
    card(
      "Cores",
      percent(utilisation(placement)),
      `${count(cores)} of ${count(target.usable.width * target.usable.height)} usable`,
    ),
    card(
      "Gap to bound",
      percent(certificate.gap),
      certificate.gap === 0 ? "proven optimal" : `nothing beats ${count(certificate.bound)} cycles`,
    ),
  ].join("")}</div>`;
}

const causeNames = {
  pipeline: { kernel: "Slowest kernel", link: "Fullest link", io: "Edge of the wafer" },
  resident: { kernel: "All kernels", link: "Moves between them", io: "Edge of the wafer" },
} as const;

/** What limits the interval, and what is proven about it. */
export function proofCard(placement: Placement): string {
  const { certificate, kernels, copies, mode } = placement;
  const { objective, bound, bottleneck, kernelCycles, linkCycles, ioCycles } = certificate;
  const causes = [
    ["kernel", kernelCycles / copies.count],
    ["link", linkCycles / copies.count],
    ["io", ioCycles],
  ] as const;
  const rows = causes.map(([cause, cycles]) => {
    const binds = cause === bottleneck ? ' class="binds"' : "";
    return `<span${binds}>${causeNames[mode.kind][cause]}</span><span class="bar"><i style="width:${share(cycles, objective)}"></i></span><span${binds}>${count(cycles)}</span>`;
  });
  const slowest = certificate.slowest === null ? undefined : kernels[certificate.slowest];
  const facts: [string, string][] = [
    ["Objective", `${count(objective)} cycles`],
    ["Proven bound", `${count(bound)} cycles`],
    [
      "Status",
      certificate.status === "optimal" ? "optimal" : `feasible, ${percent(certificate.gap)} above the bound at most`,
    ],
    ...(copies.count === 1 ? [] : [["Copies", `${count(copies.count)}, samples in turn`] as [string, string]]),
    ["Slowest layer", slowest === undefined ? "none" : `<code>${escapeHtml(slowest.name)}</code>`],
    ["Wire length", `${count(certificate.wireLength)} hops between centres`],
    ["Solver, seed", `${escapeHtml(certificate.solver)}, ${certificate.seed}`],
  ];
  return `<section class="card"><h2>What sets the interval</h2><div class="causes">${rows.join("")}</div>
<h2>What is proven</h2><p class="proof track" role="img" aria-label="bound ${count(bound)} of ${count(objective)} cycles"><i style="width:${share(bound, objective)}"></i></p>
${factList(facts)}</section>`;
}

const share = (part: number, whole: number): string =>
  `${Math.min(100, (100 * part) / Math.max(1, whole)).toFixed(1)}%`;

const factList = (facts: readonly (readonly [string, string])[]): string =>
  `<dl class="facts">${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("")}</dl>`;

/** Families on the map, in the order of the type. */
export function familyLegend(placement: Placement): string {
  const present = new Set(placement.kernels.map(({ family }) => family));
  const items = kernelFamilies
    .filter((family) => present.has(family))
    .map((family) => `<li class="f-${family}"><i></i>${family}</li>`);
  return `<ul class="legend families">${items.join("")}</ul>`;
}

const stackbar = (sram: SramBudget, capacity: number): string => {
  const parts = sramCategories.map(
    (category) => `<i class="s-${category}" style="width:${share(sram[category], capacity)}"></i>`,
  );
  return `<div class="stackbar">${parts.join("")}</div>`;
};

/** What sets of cores hold: those of each kernel, or of the region that all share. */
function budgetsOf({
  mode,
  copies,
  kernels,
}: Placement): readonly { readonly cores: number; readonly sram: SramBudget }[] {
  if (mode.kind === "resident") {
    const { code, weights, state, working, stack } = mode.sram;
    const sram = { code, weights, activations: state + working, buffers: 0, stack };
    return [{ cores: mode.region.width * mode.region.height, sram }];
  }
  return kernels.map(({ rect, variant }) => ({ cores: copies.count * rect.width * rect.height, sram: variant.sram }));
}

/** SRAM of all placed cores by category. */
export function memoryCard(placement: Placement): string {
  const { sramBytes: capacity } = placement.target;
  const totals = { code: 0, weights: 0, activations: 0, buffers: 0, stack: 0 };
  const cores = coresInUse(placement);
  const budgets = budgetsOf(placement);
  for (const { cores: area, sram } of budgets)
    for (const category of sramCategories) totals[category] += sram[category] * area;
  const all = Math.max(1, cores * capacity);
  const rows = sramCategories.map(
    (category) =>
      [
        `<i class="dot s-${category}"></i>${category}`,
        `${bytes(totals[category])} · ${percent(totals[category] / all)}`,
      ] as const,
  );
  const fullest = budgets.reduce((most, { sram }) => Math.max(most, sramBytes(sram)), 0);
  const facts: (readonly [string, string])[] = [...rows];
  if (budgets.length > 0) facts.push(["Fullest core", `${bytes(fullest)} of ${bytes(capacity)}`]);
  return `<section class="card"><h2>Memory of the cores in use</h2>${stackbar(totals, all)}<div style="height:12px"></div>${factList(facts)}</section>`;
}

/** The machine, with the range of its clock. */
export function targetCard(placement: Placement, target: Target): string {
  const { objective } = placement.certificate;
  const { fabric, clock, core } = target;
  const { usable } = placement.target;
  const facts: [string, string][] = [
    ["Fabric", `${fabric.width} × ${fabric.height} cores, ${usable.width} × ${usable.height} usable`],
    ["SRAM per core", bytes(core.sramBytes)],
    ["Clock used", `${number(clock.used)} GHz`],
  ];
  if (clock.min !== clock.max) {
    facts.push(["Sources give", `${number(clock.min)}–${number(clock.max)} GHz`]);
    facts.push([
      "Interval then",
      `${duration(objective / (clock.max * 1e9))} – ${duration(objective / (clock.min * 1e9))}`,
    ]);
  }
  return `<section class="card"><h2>${escapeHtml(target.description)}</h2>${factList(facts)}</section>`;
}

/** Layers in the table at most: beyond that a browser gets slow, and the slowest are what matters. */
const maxRows = 2_000;

/** One row per kernel. */
export function layerTable(placement: Placement, kernels: KernelGraph): string {
  const all = placement.kernels;
  const shown =
    all.length <= maxRows ? all : [...all].sort((a, b) => b.variant.cycles - a.variant.cycles).slice(0, maxRows);
  const rows = shown.map((placed) => layerRow(placed, kernels.kernels[placed.kernel], placement));
  const title =
    shown.length === all.length
      ? `${count(all.length)} layers`
      : `The slowest ${count(maxRows)} of ${count(all.length)} layers`;
  const legend = sramCategories.map((category) => `<li><i class="s-${category}"></i>${category}</li>`).join("");
  return `<section class="card"><div class="toolbar"><h2>${title}</h2><ul class="legend" style="margin:0">${legend}</ul></div><div class="scroll"><table>
<thead><tr><th class="n">#</th><th>Layer</th><th>Cut</th><th class="n">Cores</th><th class="n">Cycles</th><th>Of the interval</th><th>SRAM of the fullest core</th><th class="n">Bytes</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div></section>`;
}

function layerRow(placed: PlacedKernel, kernel: Kernel | undefined, placement: Placement): string {
  const { variant, family } = placed;
  const { objective, slowest } = placement.certificate;
  const { mapping } = variant;
  const side = (cuts: readonly Cut[]): string =>
    cuts.map(({ loop, pieces }) => `${escapeHtml(loop)}/${pieces}`).join(" ");
  const cut = [side(mapping.rows), side(mapping.columns)].filter((text) => text !== "").join(" × ");
  const origin = (kernel?.origin ?? []).slice(1).map(escapeHtml).join(" + ");
  const merged =
    origin === "" ? "" : ` <span class="family" title="${origin}">+${(kernel?.origin.length ?? 1) - 1}</span>`;
  return [
    `<tr id="layer-${placed.kernel}" data-kernel="${placed.kernel}"${placed.kernel === slowest ? ' class="slow"' : ""}>`,
    `<td class="n">${placed.kernel}</td>`,
    `<td class="name"><b class="mono">${escapeHtml(placed.name)}</b>${merged}<br><span class="family f-${family}"><i class="dot"></i>${family}</span></td>`,
    `<td><span class="cut mono">${cut === "" ? "whole" : cut}</span></td>`,
    `<td class="n">${mapping.height} × ${mapping.width}</td>`,
    `<td class="n">${count(variant.cycles)}</td>`,
    `<td class="f-${family}"><div class="timebar" title="${percent(variant.cycles / objective)}"><i style="width:${share(variant.cycles, objective)}"></i></div></td>`,
    `<td>${stackbar(variant.sram, placement.target.sramBytes)}</td>`,
    `<td class="n">${bytes(sramBytes(variant.sram))}</td></tr>`,
  ].join("");
}

/** What stays on the host, and why; nothing when all is placed. */
export function hostSection(kernels: KernelGraph): string {
  if (kernels.host.length === 0) return "";
  const rows = kernels.host.map(
    ({ op, kind, reason, origin }) =>
      `<tr><td class="n">${op}</td><td class="name mono">${origin.map(escapeHtml).join(" + ")}</td><td>${escapeHtml(kind)}</td><td>${escapeHtml(reason)}</td></tr>`,
  );
  return `<section class="card" style="margin-top:16px"><h2>${count(rows.length)} operations stay on the host</h2><div class="scroll"><table>
<thead><tr><th class="n">op</th><th>Node</th><th>Kind</th><th>Why</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div></section>`;
}
