/** Writes the table of docs/giants.md: every named model planned on WSE-3, and every scenario. */
import { readFileSync, writeFileSync } from "node:fs";
import { format } from "prettier";
import { publishedSpeeds } from "../dist/compiler/planner/compare/published.js";
import { runScenario, scenarios } from "../dist/compiler/planner/fleet/fleet.js";
import { findSystem } from "../dist/compiler/planner/machines/systems.js";
import { namedModels } from "../dist/compiler/planner/models/named/index.js";
import { usualPlan } from "../dist/compiler/planner/plan/plan-data.js";
import { planModel } from "../dist/compiler/planner/plan/plan.js";
import { showNumber } from "../dist/compiler/planner/plan/text.js";

const page = new URL("../docs/giants.md", import.meta.url);
const system = await findSystem("wse3");
const planned = (config, weights, splitLayers) => {
  try {
    return planModel(config, { ...usualPlan, system, weights, splitLayers });
  } catch (error) {
    if (error.diagnostics === undefined) throw error;
    return null;
  }
};
const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

const models = [...namedModels.values()].map((config) => {
  const [whole, split, narrow] = [
    planned(config, "fp16", false),
    planned(config, "fp16", true),
    planned(config, "mxfp4", true),
  ];
  const shown = whole ?? split;
  const speeds = publishedSpeeds.filter(({ model, machine }) => model === config.name && machine === "wse3");
  return [
    config.name,
    (shown.parameters / 1e9).toFixed(2),
    whole?.wafers ?? "a layer is larger",
    split.wafers,
    narrow.wafers,
    shown.longestContext,
    showNumber(shown.decodePerUser),
    speeds.map(({ tokensPerSecond }) => showNumber(tokensPerSecond)).join(", "),
    speeds
      .map(({ tokensPerSecond }) => `${(100 * (shown.decodePerUser / tokensPerSecond - 1)).toFixed(0)} %`)
      .join(", "),
    shown.limit.binds,
  ];
});
const fleets = [];
for (const { name } of scenarios) {
  const { scenario, fleet } = await runScenario(name, 1);
  const published = scenario.published.map(({ figure, value }) => `${figure}: ${value}`).join("; ");
  fleets.push([
    name,
    fleet.model,
    fleet.machine,
    fleet.systems,
    fleet.copies,
    fleet.users,
    showNumber(fleet.tokensPerSecondPerUser),
    published,
  ]);
}
const text = [
  table(
    [
      "model",
      "billion parameters",
      "wafers",
      "split layers",
      "split, MXFP4",
      "longest context",
      "tokens/s",
      "published",
      "error",
      "binds",
    ],
    models,
  ),
  table(["scenario", "model", "machine", "systems", "copies", "users", "tokens/s of a user", "published"], fleets),
].join("\n\n");
const old = readFileSync(page, "utf8");
const next = old.replace(
  /<!-- rows -->[^]*<!-- end of rows -->/,
  () => `<!-- rows -->\n\n${text}\n\n<!-- end of rows -->`,
);
writeFileSync(page, await format(next, { parser: "markdown", printWidth: 120 }));
