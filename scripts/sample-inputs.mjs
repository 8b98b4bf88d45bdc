// node scripts/sample-inputs.mjs FOLDER: small inputs for `wsc place` (G.kgraph) and `wsc partition` (graph.json), to try the verbs with.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { blocks, contestText } from "../test/bench/contest-instances.mjs";

/** A network of bottleneck blocks in the contest's form: eight of them, features divided by 16. */
export const placeSample = () =>
  contestText("sample", blocks([1, 1, 1, 1], { shrink: 16 }), { wdeltat: 1, wlength: 4, wadapter: 0 });

/** An operator graph over four accelerators: two branches of six operators between a first and a last one. */
export function partitionSample() {
  const branches = 2;
  const depth = 6;
  const last = branches * depth + 1;
  const nodes = Array.from({ length: last + 1 }, (_, id) => ({
    id,
    fpgaLatency: 1 + (id % 3),
    cpuLatency: 20 + 10 * (id % 3),
    size: 64,
    supportedOnFpga: 1,
  }));
  const chain = (branch) => {
    const ids = Array.from({ length: depth }, (_, step) => 1 + branch * depth + step);
    return [0, ...ids].map((from, step) => ({ sourceId: from, destId: ids[step] ?? last, cost: 0.25 }));
  };
  const edges = Array.from({ length: branches }, (_, branch) => chain(branch)).flat();
  return `${JSON.stringify({ maxFPGAs: 4, maxSizePerFPGA: 512, maxCPUs: 1, nodes, edges }, null, 2)}\n`;
}

export function writeSamples(folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "G.kgraph"), placeSample());
  writeFileSync(path.join(folder, "graph.json"), partitionSample());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) {
    process.stderr.write("usage: node scripts/sample-inputs.mjs FOLDER\n");
    process.exitCode = 2;
  } else writeSamples(folder);
}
