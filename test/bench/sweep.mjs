// What sweeps cost at scale: `npm run bench:sweep [-- --points 10000 --compilations 300]`. Plans and compilations on one thread and on two, with processor time, which a busy
// machine stretches less than the clock, and the coordinator's heap while it runs.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { runSweep } from "../../dist/compiler/sweep/run-sweep.js";
import { measureKills } from "./sweep-kills.mjs";

const { values } = parseArgs({
  options: {
    points: { type: "string" },
    compilations: { type: "string", default: "300" },
    // how a sweep by workers stands it that they are killed (sweep-kills.mjs), instead
    kills: { type: "boolean", default: false },
    every: { type: "string", default: "3" },
  },
});

const root = path.join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(path.join(tmpdir(), "wsc-bench-sweep-"));

/** Plans: as many points as are asked for, in steps of 400. */
const plans = (points) => ({
  do: "plan",
  axes: {
    "target.core.sramBytes": `40960..${40960 + 1024 * (Math.max(1, Math.round(points / 400)) - 1)}/1024`,
    weights: ["fp16", "int8"],
    context: "1024..8192/1024",
    users: [1, 4, 16, 64, 256],
    batch: [1, 2, 4, 8, 16],
  },
  fixed: { model: "llama3.1-8b", target: "wse3" },
  record: ["wafers", "decodeInAll", "watts", "binds"],
});

/** Compilations of the digits network: two machines, two precisions, the rest other dead cores. */
const compilations = (points) => ({
  do: "compile",
  axes: {
    target: ["wse2", "wse3"],
    precision: ["f32", "f16"],
    defects: Array.from({ length: Math.max(1, Math.round(points / 4)) }, (_, seed) => `0.0001:${seed + 1}`),
  },
  fixed: { model: path.join(root, "examples", "digits", "digits.onnx") },
});

const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(0);

async function measure(name, spec, threads) {
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(spec));
  const heaps = [];
  const start = performance.now();
  const before = process.cpuUsage();
  let told = 0;
  const result = await runSweep({
    spec: file,
    folder: path.join(folder, `${name}-${threads}`),
    crew: { kind: "threads", count: threads },
    store: null,
    search: null,
    force: false,
    onProgress: ({ points }, all) => {
      // at every tenth of the points
      const tenth = Math.floor((10 * points) / all);
      if (tenth === told) return;
      told = tenth;
      globalThis.gc?.();
      heaps.push(process.memoryUsage().heapUsed);
    },
  });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  console.log(
    [
      name.padEnd(14),
      String(threads).padStart(7),
      String(result.points).padStart(7),
      String(result.failed).padStart(7),
      seconds.toFixed(1).padStart(8),
      ((user + system) / 1e6).toFixed(1).padStart(8),
      (result.points / seconds).toFixed(1).padStart(9),
      `${mebibytes(heaps[0] ?? 0)} to ${mebibytes(heaps.at(-1) ?? 0)}`.padStart(14),
    ].join(" "),
  );
}

try {
  if (values.kills) await measureKills(Number(values.points ?? 208), Number(values.every));
  else await measureScale();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measureScale() {
  console.log("what           threads  points  failed  seconds  cpu s    points/s  heap, MiB");
  for (const threads of [1, 2]) await measure("plans", plans(Number(values.points ?? 10_000)), threads);
  for (const threads of [1, 2]) await measure("compilations", compilations(Number(values.compilations)), threads);
}
