/**
 * Splits the operator graphs of ../shared/bench/device-placement and prints what is reached, what is proven, and what a contiguous split can do.
 * The table optima are read from the README beside the graphs.
 *
 *     node test/bench/bench-partition.mjs [part of a graph's path] [--json] [--seconds 120]
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { partition } from "../../dist/compiler/partition/partition.js";
import { readDeviceGraph } from "../../dist/compiler/partition/read-graph.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.resolve(here, "../../../shared/bench/device-placement");
const args = process.argv.slice(2);
const asJson = args.includes("--json");
const seconds = args.includes("--seconds") ? Number(args[args.indexOf("--seconds") + 1]) : 120;
const wanted = args.find((text, index) => !text.startsWith("--") && args[index - 1] !== "--seconds") ?? "";

if (!existsSync(folder)) {
  console.log(`no operator graphs at ${folder}: skipped`);
  process.exit(0);
}

/** Table optimum by graph, `bert24_inference layer` -> 17.7899. */
function tableOptima() {
  const rows = readFileSync(path.join(folder, "README.md"), "utf8").matchAll(
    /^\| (\S+) \| (layer|operator) \|[^|]*\|[^|]*\| ([^|]*) \|/gm,
  );
  return new Map([...rows].map(([, name, kind, text]) => [`${name} ${kind}`, text.match(/\d+\.\d+/)?.[0] ?? ""]));
}

const optima = tableOptima();
const rows = [];
for (const kind of ["LayerGraphs", "OperatorGraphs"]) {
  for (const file of readdirSync(path.join(folder, kind))
    .filter((name) => name.endsWith(".json"))
    .toSorted()) {
    if (!`${kind}/${file}`.includes(wanted)) continue;
    const graph = await readDeviceGraph(path.join(folder, kind, file));
    const start = performance.now();
    const { certificate } = partition(graph, { timeLimitSeconds: seconds });
    const elapsed = (performance.now() - start) / 1000;
    const name = `${path.basename(file, ".json")} ${kind === "LayerGraphs" ? "layer" : "operator"}`;
    const row = { name, table: optima.get(name) ?? "", ...certificate, seconds: elapsed };
    rows.push(row);
    if (!asJson) console.log(lineOf(row));
  }
}
if (asJson) console.log(JSON.stringify(rows, null, 2));

function lineOf({
  name,
  table,
  maxLoad,
  bound,
  gap,
  status,
  contiguous,
  contiguousOptimum,
  boundMethod,
  seconds: elapsed,
}) {
  const six = (value) => String(Number(value.toPrecision(6)));
  const chain = contiguousOptimum === null ? "-" : `${six(contiguousOptimum.maxLoad)} ${contiguousOptimum.status}`;
  return [
    name.padEnd(30),
    `table ${table}`.padEnd(14),
    `contiguous ${chain}`.padEnd(30),
    `max load ${six(maxLoad)}${contiguous ? " (contiguous)" : ""}`.padEnd(32),
    `bound ${six(bound)} (${boundMethod})`.padEnd(24),
    `gap ${(100 * gap).toFixed(2)}%`.padEnd(12),
    status.padEnd(9),
    `${elapsed.toFixed(1)} s`,
  ].join(" ");
}
