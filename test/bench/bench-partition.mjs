/**
 * Splits the operator graphs of ../shared/bench/device-placement and prints a table of what is reached, what is proven, and what a contiguous
 * split can do. Optima of others are read from the README beside the graphs.
 *
 *     node test/bench/bench-partition.mjs [part of a graph's path] [--json] [--seconds 120]
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { partition } from "../../dist/compiler/partition/partition.js";
import { readDeviceGraph } from "../../dist/compiler/partition/read-graph.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const shared = process.env["WSC_SHARED"] ?? path.resolve(here, "../../../shared");
const folder = path.join(shared, "bench/device-placement");
const kinds = { LayerGraphs: "layer", OperatorGraphs: "operator" };

/** Contiguous optimum by graph as the README has it, `bert24_inference layer` -> 17.7899. */
function tableOptima() {
  const lines = readFileSync(path.join(folder, "README.md"), "utf8").matchAll(
    /^\| (\S+) \| (layer|operator) \|[^|]*\|[^|]*\| ([^|]*) \|/gm,
  );
  return new Map([...lines].map(([, name, kind, text]) => [`${name} ${kind}`, text.match(/\d+\.\d+/)?.[0] ?? ""]));
}

/** One row per graph whose path holds `wanted`, as soon as it is split; none where the graphs are not there. */
export async function* rows({ wanted = "", seconds = 120 } = {}) {
  if (!existsSync(folder)) return;
  const optima = tableOptima();
  for (const [kind, word] of Object.entries(kinds)) {
    const files = readdirSync(path.join(folder, kind)).filter((name) => name.endsWith(".json"));
    for (const file of files.toSorted()) {
      if (!`${kind}/${file}`.includes(wanted)) continue;
      const graph = await readDeviceGraph(path.join(folder, kind, file));
      const start = performance.now();
      const { certificate } = partition(graph, { timeLimitSeconds: seconds });
      const name = `${path.basename(file, ".json")} ${word}`;
      yield {
        name,
        devices: graph.accelerators,
        table: optima.get(name) ?? "",
        ...certificate,
        seconds: (performance.now() - start) / 1000,
      };
    }
  }
}

/** Six significant digits, as the README has them. */
const six = (value) => String(Number(value.toPrecision(6)));

export const header = [
  "| graph | devices | max load | best contiguous | table | bound | gap | seconds |",
  "|---|---|---|---|---|---|---|---|",
];

/** A row as a line of the table; loads that are proven to be optimal are marked. */
export function lineOf({ name, devices, table, maxLoad, bound, gap, status, contiguousOptimum, seconds }) {
  const proven = (value, state) => `${six(value)}${state === "optimal" ? " *" : ""}`;
  const chain = contiguousOptimum === null ? "" : proven(contiguousOptimum.maxLoad, contiguousOptimum.status);
  const cells = [name, devices, proven(maxLoad, status), chain, table, six(bound), `${(100 * gap).toFixed(2)}%`];
  return `| ${[...cells, seconds.toFixed(1)].join(" | ")} |`;
}

async function main(args) {
  const at = args.indexOf("--seconds");
  const seconds = at < 0 ? 120 : Number(args[at + 1]);
  const wanted = args.find((text, index) => !text.startsWith("--") && (at < 0 || index !== at + 1)) ?? "";
  if (!existsSync(folder)) return console.log(`no operator graphs at ${folder}: skipped`);
  const asJson = args.includes("--json");
  const all = [];
  if (!asJson) console.log(header.join("\n"));
  for await (const row of rows({ wanted, seconds })) {
    all.push(row);
    if (!asJson) console.log(lineOf(row));
  }
  if (asJson) console.log(JSON.stringify(all, null, 2));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
