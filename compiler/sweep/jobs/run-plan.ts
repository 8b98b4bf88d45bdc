/** A point that is a plan. */
import { reportOf } from "../../plan-report.ts";
import type { ModelConfig } from "../../planner/models/config.ts";
import { readConfig } from "../../planner/models/hugging-face.ts";
import { namedModel } from "../../planner/models/named/index.ts";
import { planModel } from "../../planner/plan/plan.ts";
import type { Plan, PlanOptions, Speculation } from "../../planner/plan/plan-data.ts";
import { planModes, planObjectives } from "../../planner/plan/plan-names.ts";
import { weightFormats } from "../../planner/plan/weight-formats.ts";
import { renderReport } from "../../report/html.ts";
import type { Job, ModelRef } from "./job.ts";
import { choiceOf, flagOf, numberOf, numberOrNull, textOrNull } from "./options.ts";
import type { Made } from "./run-job.ts";
import { systemFrom } from "./machines.ts";
import type { Workshop } from "./workshop.ts";

export async function runPlan(job: Job, workshop: Workshop): Promise<Made> {
  const config = await configOf(job.model, workshop);
  const options: PlanOptions = {
    system: await workshop.json("system", job.target, systemFrom),
    mode: choiceOf(job, "mode", planModes),
    wafers: numberOrNull(job, "wafers"),
    objective: choiceOf(job, "objective", planObjectives),
    context: numberOrNull(job, "context"),
    batch: numberOrNull(job, "batch"),
    users: numberOf(job, "users"),
    weights: choiceOf(job, "weights", weightFormats),
    splitLayers: flagOf(job, "splitLayers"),
    speculative: speculationOf(textOrNull(job, "speculative")),
  };
  const plan = planModel(config, options);
  return {
    figures: figuresOf(plan),
    files: {
      plan: `${JSON.stringify(plan, null, 2)}\n`,
      ...(job.keep.includes("report") ? { report: await renderReport([reportOf(plan)]) } : {}),
    },
  };
}

async function configOf(model: ModelRef, workshop: Workshop): Promise<ModelConfig> {
  switch (model.kind) {
    case "named":
      return namedModel(model.name);
    case "config":
      return workshop.json("config", model.digest, (json) => readConfig(json, model.label));
    case "onnx":
      throw new Error("internal: plans are of language models");
  }
}

function speculationOf(text: string | null): Speculation | null {
  const [tokens, acceptance] = text?.split(",").map(Number) ?? [];
  return tokens === undefined || acceptance === undefined ? null : { tokens, acceptance };
}

const figuresOf = (plan: Plan): Made["figures"] => ({
  wafers: plan.wafers,
  replicas: plan.replicas,
  contextTokens: plan.context,
  longestContext: plan.longestContext,
  batchSequences: plan.batch,
  usersInFlight: plan.usersInFlight,
  decodePerUser: plan.decodePerUser,
  decodeInAll: plan.decodeInAll,
  prefillTokensPerSecond: plan.prefillTokensPerSecond,
  prefillInAll: plan.prefillInAll,
  timeToFirstToken: plan.timeToFirstToken,
  parameters: plan.parameters,
  weightBytes: plan.weightBytes,
  cacheBytesPerToken: plan.cacheBytesPerToken,
  balance: plan.balance,
  edgeLoad: plan.edgeLoad,
  linkLoad: plan.linkLoad,
  watts: plan.watts,
  joulesPerToken: plan.joulesPerToken,
  doubled: plan.limit.doubled,
  planMode: plan.mode,
  binds: plan.limit.binds,
});
