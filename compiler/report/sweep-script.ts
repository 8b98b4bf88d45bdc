/** The script of a sweep's page, which draws its chart, filters by axes and sorts. */

/** Rows of the table of points, and circles that are no frontier, at most: a browser has to keep up. */
const limits = { rows: 500, circles: 5000 } as const;

export const sweepScript: string = `
"use strict";
const { columns, rows, frontier, objectives, links } = JSON.parse(document.getElementById("data").textContent);
const el = (id) => document.getElementById(id);
const make = (name, text, parent) => { const e = document.createElement(name); if (text !== undefined) e.textContent = text; parent?.append(e); return e; };
const svgNs = "http://www.w3.org/2000/svg";
const draw = (name, attributes, parent) => { const e = document.createElementNS(svgNs, name); for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v); parent.append(e); return e; };
const show = (v) => v === null ? "" : typeof v === "number" ? v.toLocaleString("en-US", { maximumSignificantDigits: 5 }) : String(v);
const axes = columns.flatMap((c, i) => c.kind === "axis" ? [i] : []);
const numeric = columns.flatMap((c, i) => c.type === "number" && c.kind !== "note" ? [i] : []);
const goalOf = (i) => objectives.find((o) => o.name === columns[i].name)?.goal ?? "max";
const hidden = new Map(axes.map((i) => [i, new Set()]));
const passes = (row) => axes.every((i) => !hidden.get(i).has(row[i]));
for (const id of ["filters", "chart", "points"]) el(id).hidden = false;
for (const i of axes) {
  const values = [...new Set(rows.map((row) => row[i]))];
  const set = make("fieldset", undefined, el("axes"));
  make("legend", columns[i].name, set);
  for (const value of values) {
    const label = make("label", undefined, set);
    const box = make("input", undefined, label);
    box.type = "checkbox";
    box.checked = true;
    label.append(" " + show(value));
    box.addEventListener("change", () => { if (box.checked) hidden.get(i).delete(value); else hidden.get(i).add(value); update(); });
  }
}
const pick = (id, name) => {
  for (const i of numeric) make("option", columns[i].name, el(id)).value = i;
  const at = numeric.find((i) => columns[i].name === name) ?? numeric[0];
  if (at !== undefined) el(id).value = at;
  el(id).addEventListener("change", update);
};
pick("x", objectives[1]?.name ?? columns[axes.find((i) => columns[i].type === "number")]?.name);
pick("y", objectives[0]?.name);
const front = new Set(frontier);
function ticks(low, high) {
  const rough = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) found.push(v);
  return found;
}
let sorted = null;
function update() {
  const seen = rows.flatMap((row, i) => passes(row) ? [i] : []);
  chart(seen);
  table(seen);
}
function chart(seen) {
  const svg = document.querySelector("svg.sweep");
  svg.replaceChildren();
  const x = Number(el("x").value), y = Number(el("y").value);
  const points = seen.filter((i) => typeof rows[i][x] === "number" && typeof rows[i][y] === "number");
  if (points.length === 0) { el("told").textContent = "no point has both figures"; return; }
  const range = (at) => { let low = Infinity, high = -Infinity; for (const i of points) { low = Math.min(low, rows[i][at]); high = Math.max(high, rows[i][at]); } return low === high ? [low - 1, high + 1] : [low, high]; };
  const [x0, x1] = range(x), [y0, y1] = range(y);
  const px = (v) => 70 + 910 * (v - x0) / (x1 - x0), py = (v) => 420 - 400 * (v - y0) / (y1 - y0);
  for (const v of ticks(x0, x1)) { draw("line", { x1: px(v), x2: px(v), y1: 20, y2: 420 }, svg); draw("text", { x: px(v), y: 438, "text-anchor": "middle" }, svg).textContent = show(v); }
  for (const v of ticks(y0, y1)) { draw("line", { x1: 70, x2: 980, y1: py(v), y2: py(v) }, svg); draw("text", { x: 62, y: py(v) + 4, "text-anchor": "end" }, svg).textContent = show(v); }
  draw("text", { x: 980, y: 456, "text-anchor": "end" }, svg).textContent = columns[x].name;
  draw("text", { x: 4, y: 12 }, svg).textContent = columns[y].name;
  // of what passes the filters, in the two figures that are drawn
  const better = (at, a, b) => goalOf(at) === "max" ? a > b : a < b;
  const order = [...points].sort((a, b) => rows[a][x] === rows[b][x] ? (better(y, rows[a][y], rows[b][y]) ? -1 : 1) : better(x, rows[a][x], rows[b][x]) ? -1 : 1);
  const line = [];
  for (const i of order) if (line.length === 0 || better(y, rows[i][y], rows[line.at(-1)][y])) line.push(i);
  draw("path", { d: line.map((i, n) => (n === 0 ? "M" : "L") + px(rows[i][x]) + " " + py(rows[i][y])).join("") }, svg);
  const step = Math.ceil(points.length / ${limits.circles});
  const drawn = points.filter((i, n) => n % step === 0 || front.has(i));
  for (const i of drawn) {
    // a link for pointers; keys reach those of the frontier, and all from the table
    const link = links[i] === undefined ? svg : draw("a", { href: links[i], tabindex: front.has(i) ? 0 : -1, "aria-label": "report of " + axes.map((n) => columns[n].name + " " + show(rows[i][n])).join(", ") }, svg);
    const dot = draw("circle", { cx: px(rows[i][x]), cy: py(rows[i][y]), r: front.has(i) ? 5 : 3.5, class: front.has(i) ? "front" : "" }, link);
    draw("title", {}, dot).textContent = columns.flatMap((c, n) => c.kind === "axis" || n === x || n === y ? [c.name + ": " + show(rows[i][n])] : []).join("\\n");
  }
  el("told").textContent = points.length.toLocaleString("en-US") + " points" + (step > 1 ? ", of which every " + step + "th is drawn" : "") + "; the line joins the best of them in these two figures";
}
const titles = make("tr", undefined, document.querySelector("#points thead"));
const heads = columns.map((column, i) => {
  const th = make("th", undefined, titles);
  th.scope = "col";
  if (column.type === "number") th.className = "n";
  const button = make("button", column.name, th);
  button.type = "button";
  button.addEventListener("click", () => { sorted = { at: i, up: sorted?.at === i ? !sorted.up : column.type !== "number" }; update(); });
  return th;
});
make("td", undefined, titles);
function table(seen) {
  const body = document.querySelector("#points tbody");
  heads.forEach((th, i) => { if (sorted?.at === i) th.setAttribute("aria-sort", sorted.up ? "ascending" : "descending"); else th.removeAttribute("aria-sort"); });
  const order = [...seen];
  if (sorted !== null) {
    const rank = (v) => v === null ? 1 : 0;
    order.sort((a, b) => { const [p, q] = [rows[a][sorted.at], rows[b][sorted.at]]; return rank(p) - rank(q) || (p < q ? -1 : p > q ? 1 : 0) * (sorted.up ? 1 : -1) || a - b; });
  }
  body.replaceChildren();
  for (const i of order.slice(0, ${limits.rows})) {
    const tr = make("tr", undefined, body);
    if (front.has(i)) tr.className = "on";
    columns.forEach((column, n) => { const text = show(rows[i][n]); const td = make("td", column.name === "job" ? text.slice(0, 12) : text, tr); if (column.type === "number") td.className = "n"; if (column.name === "reason") td.className = "reason"; });
    const td = make("td", undefined, tr);
    if (links[i] !== undefined) make("a", "open", td).href = links[i];
  }
  el("shown").textContent = Math.min(order.length, ${limits.rows}).toLocaleString("en-US") + " of " + order.length.toLocaleString("en-US");
}
update();
`;
