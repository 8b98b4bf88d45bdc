/** Fits the law of GPUs again: `npm run build && node scripts/fit-gpu-law.mjs ../shared/bench/gpu-serving/measured.csv`. Prints constants and errors. */
import { readFileSync } from "node:fs";
import { fitLaw, leftOut, meanError, measuredRows } from "../dist/compiler/planner/gpus/fit.js";

const csv = readFileSync(process.argv[2] ?? "../shared/bench/gpu-serving/measured.csv", "utf8");
for (const experts of [false, true]) {
  const rows = measuredRows(csv, experts);
  const law = fitLaw(rows);
  const out = Object.fromEntries(leftOut(rows));
  const weighed = [...leftOut(rows).values()].reduce((sum, each) => sum + each.rows * each.error, 0) / rows.length;
  console.log(
    JSON.stringify({
      experts,
      rows: rows.length,
      ...law,
      inSample: meanError(law, rows),
      leftOut: weighed,
      models: out,
    }),
  );
}
