/** Fits the law of GPUs again: `npm run build && node scripts/fit-gpu-law.mjs ../shared/bench/gpu-serving/measured.csv`. Prints constants and errors. */
import { readFileSync } from "node:fs";
import { denseGroups, expertGroups, fitOf, measuredRows } from "../dist/compiler/planner/gpus/fit.js";

const csv = readFileSync(process.argv[2] ?? "../shared/bench/gpu-serving/measured.csv", "utf8");
for (const [experts, groups] of [
  [false, denseGroups],
  [true, expertGroups],
]) {
  const { models, ...fit } = fitOf(measuredRows(csv, experts), groups);
  console.log(JSON.stringify({ experts, ...fit, models: Object.fromEntries(models) }));
}
