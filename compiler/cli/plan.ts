/** `wsc plan`: on how many wafers a model lies, how fast it writes there, and what limits it. */
import { fail, showName } from "../../ir/diagnostic.ts";
import { reportOf } from "../plan-report.ts";
import type { ModelConfig } from "../planner/models/config.ts";
import { findModel } from "../planner/models/find.ts";
import { findSystem } from "../planner/machines/systems.ts";
import type { WeightFormat } from "../planner/plan/weight-formats.ts";
import { planModel } from "../planner/plan/plan.ts";
import type { Plan, PlanOptions, Speculation } from "../planner/plan/plan-data.ts";
import type { PlanObjective, planModes } from "../planner/plan/plan-names.ts";
import { chartOf, parseSweep, sweep, type SweepPoint } from "../planner/plan/sweep.ts";
import { planRows, showNumber, showSeconds } from "../planner/plan/text.ts";
import { planTraining } from "../planner/plan/train.ts";
import { renderReport } from "../report/html.ts";
import { exitCodes } from "./failure.ts";
import { printTable, tableText } from "./table.ts";
import { claimText, writeText } from "./text-output.ts";

export interface PlanArguments {
  readonly model: string | undefined;
  readonly config: string | undefined;
  readonly target: string;
  readonly mode: (typeof planModes)[number];
  readonly wafers: string;
  readonly objective: PlanObjective;
  readonly context: number | undefined;
  readonly batch: number | undefined;
  readonly users: number;
  readonly weights: WeightFormat;
  readonly speculative: string | undefined;
  readonly splitLayers: boolean;
  readonly train: boolean;
  readonly sweep: string | undefined;
  readonly output: string | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

export async function showPlan(given: PlanArguments): Promise<number> {
  const config = await findModel(given.model, given.config);
  await claimText(given.output, { force: given.force });
  const options = await optionsOf(given);
  if (given.train) return train(config, options, given);
  if (given.sweep !== undefined)
    return show(given, sweepText(sweep(config, options, parseSweep(given.sweep)), given.json));
  const plan = planModel(config, options);
  const json = `${JSON.stringify(plan, null, 2)}\n`;
  if (given.output !== undefined) {
    const text = /\.html?$/i.test(given.output) ? await renderReport([reportOf(plan)]) : json;
    await writeText(given.output, text, { force: given.force });
  }
  if (given.json) process.stdout.write(json);
  else describe(plan);
  return exitCodes.done;
}

async function optionsOf(given: PlanArguments): Promise<PlanOptions> {
  return {
    system: await findSystem(given.target),
    mode: given.mode,
    wafers: given.wafers === "auto" ? null : count("wafers", Number(given.wafers)),
    objective: given.objective,
    context: given.context === undefined ? null : count("context", given.context),
    batch: given.batch === undefined ? null : count("batch", given.batch),
    users: count("users", given.users),
    weights: given.weights,
    splitLayers: given.splitLayers,
    speculative: given.speculative === undefined ? null : speculation(given.speculative),
  };
}

function count(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw fail("WSC8001", `--${option} takes a positive whole number${option === "wafers" ? " or auto" : ""}`);
}

function speculation(text: string): Speculation {
  const [tokens, acceptance] = text.split(",").map(Number);
  if (
    tokens === undefined ||
    acceptance === undefined ||
    !(Number.isInteger(tokens) && tokens > 0 && acceptance >= 0 && acceptance <= 1)
  )
    throw fail("WSC8001", `--speculative takes K,ACCEPTANCE such as 4,0.8, not "${showName(text)}"`);
  return { tokens, acceptance };
}

async function show(given: PlanArguments, text: string): Promise<number> {
  await writeText(given.output, text, { force: given.force });
  return exitCodes.done;
}

function describe(plan: Plan): void {
  const warning = plan.validated ? "" : "; not validated: no measured inference of this machine is known";
  process.stdout.write(`${plan.model} on ${plan.machine}${warning}\n`);
  printTable(["", "figure", "known as"], planRows(plan));
  process.stdout.write(`speed: ${plan.clockSource}\nnot there yet: ${plan.absent.join("; ")}\n`);
}

function sweepText(points: readonly SweepPoint[], json: boolean): string {
  if (json)
    return `${JSON.stringify(
      points.map(({ plan, ...point }) => ({ ...point, ...brief(plan) })),
      null,
      2,
    )}\n`;
  const bars = chartOf(points);
  const head = ["context", "batch", "users", "weights", "wafers", "mode", "tokens/s/user", "tokens/s", ""];
  const rows = points.map(({ plan, context, batch, users, weights, refused }, i) => [
    String(plan?.context ?? context ?? ""),
    String(plan?.batch ?? batch ?? ""),
    String(plan?.users ?? users),
    weights,
    plan === null ? "-" : String(plan.wafers),
    plan?.mode ?? "-",
    plan === null ? "-" : showNumber(plan.decodePerUser),
    plan === null ? "-" : showNumber(plan.decodeInAll),
    refused ?? bars[i] ?? "",
  ]);
  return tableText(head, rows);
}

const brief = (plan: Plan | null) =>
  plan === null
    ? {}
    : {
        context: plan.context,
        batch: plan.batch,
        wafers: plan.wafers,
        mode: plan.mode,
        decodePerUser: plan.decodePerUser,
        decodeInAll: plan.decodeInAll,
        longestContext: plan.longestContext,
      };

function train(config: ModelConfig, options: PlanOptions, given: PlanArguments): Promise<number> {
  const plan = planTraining(config, {
    system: options.system,
    wafers: options.wafers ?? 1,
    context: options.context,
    batch: options.batch,
  });
  if (given.json || given.output !== undefined) return show(given, `${JSON.stringify(plan, null, 2)}\n`);
  process.stdout.write(
    `training ${plan.model} on ${plan.wafers} of ${plan.machine}, weights streamed; all figures derived\n`,
  );
  printTable(
    ["", "figure"],
    [
      [
        "sequences a step and wafer",
        `${plan.batch} of ${plan.context} tokens; the edge is hidden from ${plan.hidingBatch} on, at most ${plan.largestBatch} fit`,
      ],
      ["values", `${plan.values}, ${plan.valueBytesPerToken} B a token`],
      ["weights in, gradients out", `${plan.bytesIn} B, ${plan.bytesOut} B: ${showSeconds(plan.edgeSeconds)}`],
      ["computing", showSeconds(plan.computeSeconds)],
      ["a step", `${showSeconds(plan.stepSeconds)}, ${showNumber(plan.tokensPerSecond)} tokens/s; ${plan.binds} binds`],
      ["power", `${showNumber(plan.watts / 1000)} kW`],
    ],
  );
  return Promise.resolve(exitCodes.done);
}
