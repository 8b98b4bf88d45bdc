/** The report's style sheet: two colour schemes, one set of rules, nothing loaded from elsewhere. */
import type { KernelFamily } from "../../ir/kernel-graph.ts";
import type { SramCategory } from "../../ir/machine/cost.ts";

/** Hue (degrees) of each family, apart from each other for common colour blindness by lightness too. */
const familyTones: Readonly<Record<KernelFamily, readonly [lightness: number, chroma: number, hue: number]>> = {
  conv: [0.62, 0.15, 255],
  depthwiseConv: [0.72, 0.12, 220],
  matmul: [0.56, 0.17, 295],
  pool: [0.75, 0.12, 165],
  elementwise: [0.8, 0.14, 95],
  normalization: [0.72, 0.15, 55],
  softmax: [0.64, 0.19, 20],
  reduction: [0.68, 0.16, 345],
  dataMovement: [0.7, 0.04, 260],
  generic: [0.6, 0.02, 90],
};

const sramTones: Readonly<Record<SramCategory, readonly [number, number, number]>> = {
  code: [0.6, 0.05, 260],
  weights: [0.62, 0.15, 255],
  activations: [0.75, 0.13, 165],
  buffers: [0.8, 0.12, 95],
  stack: [0.65, 0.03, 40],
};

const variables = (prefix: string, tones: Readonly<Record<string, readonly [number, number, number]>>): string =>
  Object.entries(tones)
    .map(([name, [l, c, h]]) => `--${prefix}-${name}:oklch(${l} ${c} ${h});`)
    .join("");

const familyRules = Object.keys(familyTones)
  .map((name) => `.f-${name}{--tone:var(--f-${name})}`)
  .join("");

const light = `
--page:#f7f7f5;--card:#fff;--ink:#16181d;--soft:#5b616e;--line:#e3e3de;--faint:#f0f0ec;--accent:#c2410c;--good:#15803d;
--die:#eceae4;--rim:#d9d6cd;--edge:#16181d33;--label:#0b0d12;--cold:oklch(0.93 0.03 250);--hot:oklch(0.6 0.2 30);--wire:#16181d;`;
const dark = `
--page:#0e1014;--card:#16191f;--ink:#eceef2;--soft:#9aa1ae;--line:#272b34;--faint:#1c2028;--accent:#fb923c;--good:#4ade80;
--die:#1b1f26;--rim:#262b34;--edge:#00000066;--label:#06070a;--cold:oklch(0.42 0.05 250);--hot:oklch(0.68 0.2 30);--wire:#fff;`;

/** The whole style sheet. */
export const styleSheet: string = `
:root{color-scheme:light dark;${light}${variables("f", familyTones)}${variables("s", sramTones)}}
@media (prefers-color-scheme:dark){:root{${dark}}}
${familyRules}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1240px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;line-height:1.2;letter-spacing:-.02em;margin:0;overflow-wrap:anywhere}
h2{font-size:15px;letter-spacing:-.005em;margin:0 0 14px}
p{margin:0 0 8px}
.lead{color:var(--soft);margin:6px 0 24px;max-width:76ch}
.lead b{color:var(--ink);font-weight:600}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin-bottom:16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.figure{margin:0}
.figure dt{color:var(--soft);font-size:12.5px}
.figure dd{margin:2px 0 0;font-size:24px;font-weight:600;letter-spacing:-.02em;line-height:1.25;white-space:nowrap}
.figure dd small{font-size:14px;font-weight:500;color:var(--soft);letter-spacing:0}
.figure dd.note{color:var(--soft);font-size:12.5px;font-weight:400;letter-spacing:0;line-height:1.4;white-space:normal;margin-top:4px}
.columns{display:grid;grid-template-columns:minmax(0,1.35fr) minmax(320px,1fr);gap:16px;align-items:start;margin-bottom:16px}
.side{display:grid;gap:16px}
@media (max-width:900px){.columns{grid-template-columns:minmax(0,1fr)}}
.toolbar{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:center;justify-content:space-between;margin-bottom:12px}
.toolbar h2{margin:0}
.switch{display:inline-flex;border:1px solid var(--line);border-radius:8px;overflow:hidden;font-size:13px}
.switch label{padding:4px 11px;cursor:pointer;color:var(--soft)}
.switch label+label{border-left:1px solid var(--line)}
.switch label:has(:checked){background:var(--faint);color:var(--ink);font-weight:600}
.switch input{position:absolute;opacity:0;pointer-events:none}
.switch label:has(:focus-visible){outline:2px solid var(--accent);outline-offset:-2px}
svg.wafer{display:block;width:100%;height:auto;border-radius:6px}
.wafer .rim{fill:var(--rim)}.wafer .die{fill:var(--die)}
.wafer .k rect{fill:var(--tone);stroke:var(--edge);stroke-width:1;vector-effect:non-scaling-stroke}
.wafer .k text{fill:var(--label);font-family:system-ui,sans-serif;text-anchor:middle;dominant-baseline:central;pointer-events:none}
.wafer .k.slow rect{stroke:var(--accent);stroke-width:3}
.wafer .k.on rect{stroke:var(--ink);stroke-width:2.5}
body:has(#by-time:checked) .wafer .k rect{fill:color-mix(in oklch,var(--hot) calc(var(--time)*1%),var(--cold))}
body:has(#by-sram:checked) .wafer .k rect{fill:color-mix(in oklch,var(--hot) calc(var(--sram)*1%),var(--cold))}
.wafer .routes{display:none;fill:none;stroke:var(--wire);stroke-opacity:.55;stroke-linejoin:round;pointer-events:none}
.wafer .routes path{vector-effect:non-scaling-stroke;stroke-width:1.2}
body:has(#routes:checked) .wafer .routes{display:block}
body:has(#routes:checked) .wafer .k{opacity:.55}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin:12px 0 0;padding:0;list-style:none;font-size:13px;color:var(--soft)}
.legend i,.dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px;background:var(--tone)}
.scale{display:none;align-items:center;gap:8px;font-size:13px;color:var(--soft);margin-top:12px}
.scale i{flex:0 0 160px;height:10px;border-radius:3px;background:linear-gradient(90deg in oklch,var(--cold),var(--hot))}
body:has(#by-time:checked) .legend.families,body:has(#by-sram:checked) .legend.families{display:none}
body:has(#by-time:checked) .scale.time,body:has(#by-sram:checked) .scale.sram{display:flex}
.facts{display:grid;grid-template-columns:auto 1fr;gap:5px 16px;margin:0;font-size:13.5px}
.facts dt{color:var(--soft)}.facts dd{margin:0;text-align:right;overflow-wrap:anywhere}
.proof{margin:0 0 14px}
.track{position:relative;height:10px;border-radius:5px;background:var(--faint);overflow:hidden}
.track i{position:absolute;inset:0 auto 0 0;background:var(--good)}
.track i+i{background:var(--accent);opacity:.75}
.causes{display:grid;grid-template-columns:auto 1fr auto;gap:6px 12px;align-items:center;font-size:13.5px;margin:0 0 14px}
.causes .bar{height:8px;border-radius:4px;background:var(--faint);overflow:hidden}
.causes .bar i{display:block;height:100%;background:var(--soft)}
.causes .binds{font-weight:600}.causes .binds+.bar i{background:var(--accent)}
.stackbar{display:flex;height:10px;border-radius:4px;overflow:hidden;background:var(--faint);min-width:90px}
.stackbar i{display:block;height:100%}
${Object.keys(sramTones)
  .map((name) => `.s-${name}{background:var(--s-${name});--tone:var(--s-${name})}`)
  .join("")}
.scroll{overflow-x:auto;margin:0 -18px -16px;padding:0 18px 16px}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{font-weight:500;color:var(--soft);text-align:left;font-size:12.5px;position:sticky;top:0;background:var(--card)}
th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:middle}
tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right;white-space:nowrap}
td.name{max-width:340px;overflow-wrap:anywhere}
td .family{color:var(--soft);font-size:12.5px;white-space:nowrap}
td .cut{color:var(--soft);white-space:nowrap}
.timebar{height:8px;border-radius:4px;background:var(--faint);min-width:72px;overflow:hidden}
.timebar i{display:block;height:100%;background:var(--tone)}
tr.slow td.name b::after{content:"slowest";margin-left:8px;font-size:11.5px;font-weight:600;color:var(--accent);border:1px solid currentColor;border-radius:99px;padding:0 7px}
tr.on td{background:var(--faint)}
tr:target td{background:var(--faint)}
.foot{color:var(--soft);font-size:13px;margin-top:24px}
.foot li{margin-bottom:2px}
@media print{body{background:#fff}.card{break-inside:avoid}}
`.trim();
