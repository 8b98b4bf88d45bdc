// node test/bench/bench-pipelines.mjs: placement of whole models and of synthetic chains, each in a process of its own: wall and processor
// seconds from the kernel graph to checked routes, peak memory, interval, bound and gap. Options: --only NAME[,NAME], --target T, --chain N[,N],
// --table (Markdown).
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { chain } from "./chains.mjs";
import { modelPath } from "./models.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "resnet50,bert_base_s128,gpt2_prefill_s64" },
    chain: { type: "string", default: "2000" },
    target: { type: "string", default: "wse3" },
    instance: { type: "string" },
    table: { type: "boolean", default: false },
  },
});

const widths = [28, 7, 9, 9, 8, 8, 8, 6];

/** Cells in columns, or as a row of a Markdown table. */
const lineOf = (cells) =>
  options.table
    ? `| ${cells.join(" | ")} |`
    : cells.map((cell, at) => (at === 0 ? String(cell).padEnd(28) : String(cell).padStart(widths[at]))).join(" ");

/** Kernel graph of a model by name, or of a chain by length. */
async function graphOf(instance) {
  if (/^\d+$/.test(instance)) return chain(Number(instance));
  const { kernelsOf, lowerSource } = await import("../../dist/compiler/compile.js");
  return kernelsOf((await lowerSource(modelPath(instance), { target: options.target })).graph, options.target);
}

async function placeOne(instance) {
  const { place } = await import("../../dist/compiler/placement/place.js");
  const { checkPlacement } = await import("../../dist/compiler/placement/checker/check.js");
  const { loadTarget } = await import("../../dist/compiler/targets/load.js");
  const target = await loadTarget(options.target);
  const graph = await graphOf(instance);
  const used = process.cpuUsage();
  const start = performance.now();
  const placement = await place(graph, target, { timeLimitSeconds: 600 });
  const faults = checkPlacement(graph, placement, target);
  if (faults.length > 0) throw new Error(`${instance} is not legal: ${faults[0].message}`);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(used);
  const { objective, bound, gap } = placement.certificate;
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(
    lineOf([
      graph.name,
      graph.kernels.length,
      objective,
      bound,
      `${(100 * gap).toFixed(2)} %`,
      seconds.toFixed(1),
      ((user + system) / 1e6).toFixed(1),
      peak.toFixed(0),
    ]),
  );
}

if (options.instance !== undefined) await placeOne(options.instance);
else {
  console.log(lineOf([`on ${options.target}`, "kernels", "cycles", "bound", "gap", "seconds", "cpu", "MiB"]));
  if (options.table) console.log(lineOf(widths.map((_, at) => (at === 0 ? "---" : "---:"))));
  const split = (list) => list.split(",").filter((name) => name !== "");
  for (const instance of [...split(options.only), ...split(options.chain)]) {
    const { status } = spawnSync(process.execPath, [import.meta.filename, "--instance", instance, "--target", options.target, ...(options.table ? ["--table"] : [])], { stdio: "inherit" }); // prettier-ignore
    if (status !== 0) process.exitCode = 1;
  }
}
