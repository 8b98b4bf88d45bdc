/**
 * Placement in figures: the networks of the ISPD 2020 contest, whole models and a long chain on a wafer, operator graphs over devices. One table
 * each: instance, what is reached, what is proven, gap, seconds. Every placement is checked before its row is printed.
 *
 *     npm run bench:placement -- [--only contest|models|partition] [--instances A,B] [--seconds 120] [--seed 0] [--write]
 *
 * `--write` puts the tables into the README. Contest instances are made from their rules; models are read from WSC_MODELS; operator graphs from
 * WSC_SHARED or ../shared, and left out without it.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { scoreContest } from "../../dist/compiler/contest/check.js";
import { readContestGraph } from "../../dist/compiler/contest/kgraph.js";
import { placeContest } from "../../dist/compiler/contest/place.js";
import * as operatorGraphs from "./bench-partition.mjs";
import { contestInstances } from "./contest-instances.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    instances: { type: "string" },
    seconds: { type: "string", default: "120" },
    seed: { type: "string", default: "0" },
    write: { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);

const figure = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 2 });
const percent = (value) => `${(100 * value).toFixed(2)} %`;
const line = (cells) => `| ${cells.join(" | ")} |`;

/** Gives the lines of a table as they come to be known. */
async function* contest() {
  yield line(["instance", "kernels", "cost", "cycles", "wire", "bound on cost", "gap", "cycles by area at least", "cycles over that", "seconds"]); // prettier-ignore
  yield line(Array.from({ length: 10 }, (_, cell) => (cell === 0 ? "---" : "---:")));
  const wanted = options.instances?.split(",");
  for (const { id, text } of contestInstances()) {
    if (wanted !== undefined && !wanted.includes(id)) continue;
    const graph = readContestGraph(text);
    const start = performance.now();
    const { places, score, bound, cycleBound, status } = await placeContest(graph, {
      timeLimitSeconds: seconds,
      seed: Number(options.seed),
    });
    const took = (performance.now() - start) / 1000;
    const { faults, cost } = scoreContest(graph, places);
    if (faults.length > 0 || cost !== score.cost) throw new Error(`${id} is not legal: ${faults[0] ?? "cost"}`);
    const gap = status === "optimal" ? "optimal" : percent((cost - bound) / cost);
    const over = percent(score.cycles / cycleBound - 1);
    yield line([id, graph.kernels.length, figure(cost), figure(score.cycles), figure(score.wire), figure(bound), gap, figure(cycleBound), over, took.toFixed(0)]); // prettier-ignore
  }
}

function* models() {
  const script = path.join(import.meta.dirname, "bench-pipelines.mjs");
  const { stdout, status, stderr } = spawnSync(process.execPath, [script, "--table"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the models were not placed: ${stderr.split("\n")[0]}`);
  yield* stdout.trimEnd().split("\n");
}

async function* partitions() {
  yield* operatorGraphs.header;
  for await (const row of operatorGraphs.rows({ wanted: options.instances ?? "", seconds })) {
    yield operatorGraphs.lineOf(row);
  }
}

const tables = { contest, models, partition: partitions };

/** Replaces what the README has between two marks. */
function write(name, lines) {
  const file = path.join(import.meta.dirname, "../../README.md");
  const [from, to] = [`<!-- placement ${name} -->`, `<!-- end of placement ${name} -->`];
  const text = readFileSync(file, "utf8");
  const [start, end] = [text.indexOf(from), text.indexOf(to)];
  if (start < 0 || end < start) throw new Error(`the README has no marks for the table of ${name}`);
  writeFileSync(file, `${text.slice(0, start + from.length)}\n\n${lines.join("\n")}\n\n${text.slice(end)}`);
}

for (const [name, rows] of Object.entries(tables)) {
  if (options.only !== undefined && options.only !== name) continue;
  const lines = [];
  for await (const row of rows()) {
    lines.push(row);
    console.log(row);
  }
  console.log();
  if (options.write) write(name, lines);
}
