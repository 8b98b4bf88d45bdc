/** What a power budget or a number of systems gives: copies of a model, users, tokens. */
import { fail } from "../../../ir/diagnostic.ts";
import type { Basis } from "../../../ir/machine/target.ts";
import { nameHint } from "../../../ir/nearest.ts";
import { bytesOnEach, lawOf, secondsBy, termsOf } from "../gpus/law.ts";
import { gpuNodes } from "../machines/gpus.ts";
import { findSystem } from "../machines/systems.ts";
import { namedModel } from "../models/named/index.ts";
import type { ModelConfig } from "../models/config.ts";
import { usualPlan } from "../plan/plan-data.ts";
import { planModel } from "../plan/plan.ts";
import type { WeightFormat } from "../plan/weight-formats.ts";

/** What a site is given by: its power, or the systems that it has. */
export type FleetBudget =
  { readonly kind: "power"; readonly watts: number } | { readonly kind: "systems"; readonly systems: number };

export interface FleetOptions {
  readonly machine: string;
  readonly budget: FleetBudget;
  /** watts of the site for each watt of its systems */
  readonly pue: number;
  readonly context: number | null;
  readonly weights: WeightFormat;
}

export interface Fleet {
  readonly model: string;
  readonly machine: string;
  readonly systems: number;
  readonly systemsPerCopy: number;
  readonly copies: number;
  readonly users: number;
  readonly tokensPerSecondPerUser: number;
  readonly tokensPerSecond: number;
  readonly megawatts: number;
  readonly pue: number;
  readonly validated: boolean;
  readonly basis: Readonly<Record<string, Basis>>;
}

/** Systems that a budget pays for, each with its share of the site's power. */
function systemsOf(budget: FleetBudget, wattsEach: number): number {
  switch (budget.kind) {
    case "power":
      return Math.floor(budget.watts / wattsEach);
    case "systems":
      return budget.systems;
  }
}

/** Systems, copies and users. */
export async function planFleet(config: ModelConfig, options: FleetOptions): Promise<Fleet> {
  const copy = await copyOf(config, options);
  const systems = systemsOf(options.budget, copy.wattsEach * options.pue);
  const copies = Math.floor(systems / copy.systems);
  if (copies === 0)
    throw fail(
      "WSC5002",
      `${systems} systems of ${options.machine} do not hold ${config.name}, which takes ${copy.systems}`,
      { subject: config.name },
    );
  return {
    model: config.name,
    machine: options.machine,
    systems,
    systemsPerCopy: copy.systems,
    copies,
    users: copies * copy.users,
    tokensPerSecondPerUser: copy.perUser,
    tokensPerSecond: copies * copy.inAll,
    megawatts: (systems * copy.wattsEach * options.pue) / 1e6,
    pue: options.pue,
    validated: copy.validated,
    basis: {
      systems: "derived",
      systemsPerCopy: "derived",
      copies: "derived",
      users: "derived",
      tokensPerSecondPerUser: "fitted",
      tokensPerSecond: "fitted",
      megawatts: "derived",
      pue: "assumed",
    },
  };
}

interface Copy {
  readonly systems: number;
  readonly users: number;
  readonly perUser: number;
  readonly inAll: number;
  readonly wattsEach: number;
  readonly validated: boolean;
}

async function copyOf(config: ModelConfig, { machine, context, weights }: FleetOptions): Promise<Copy> {
  const node = gpuNodes.get(machine);
  if (node !== undefined) {
    const tokens = context ?? Math.min(4096, config.context);
    const batch = 16;
    const precision = weights === "mxfp4" ? "fp4" : weights === "fp16" || weights === "bf16" ? "bf16" : "fp8";
    const serving = { node, precision, batch, inputTokens: tokens / 2, outputTokens: tokens / 2 } as const;
    const over = Math.ceil(bytesOnEach(config, serving) - node.gpu.memoryBytes);
    if (over > 0)
      throw fail("WSC5002", `${config.name} is ${over} bytes more than each GPU of ${machine} has`, {
        subject: config.name,
      });
    const seconds = secondsBy(lawOf(config).constants, termsOf(config, serving));
    return {
      systems: 1,
      users: batch,
      perUser: 1 / seconds,
      inAll: batch / seconds,
      wattsEach: node.count * node.gpu.watts,
      validated: true,
    };
  }
  const system = await findSystem(machine);
  const options = {
    ...usualPlan,
    system,
    objective: "throughput",
    context,
    weights,
    splitLayers: config.family === "switch",
  } as const;
  const one = planModel(config, { ...options, users: 1 });
  // as many users as their caches fit, on as few wafers
  const plan = planModel(config, { ...options, users: one.usersInFlight, wafers: one.wafers });
  return {
    systems: plan.wafers,
    users: one.usersInFlight,
    perUser:
      plan.decodeInAll / one.usersInFlight < plan.decodePerUser
        ? plan.decodeInAll / one.usersInFlight
        : plan.decodePerUser,
    inAll: plan.decodeInAll,
    wattsEach: system.target.power.average,
    validated: system.validated,
  };
}

/** A site or a deal. */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly model: string;
  readonly machine: string;
  readonly budget: FleetBudget;
  readonly weights: WeightFormat;
  /** figures as they were published, or follow from those */
  readonly published: readonly { readonly figure: string; readonly value: string; readonly source: string }[];
}

export const scenarios: readonly Scenario[] = [
  {
    name: "openai-750mw",
    description: "OpenAI at Cerebras, 750 MW through 2028",
    model: "gpt-oss-120b",
    machine: "wse3",
    budget: { kind: "power", watts: 750e6 },
    weights: "mxfp4",
    published: [
      {
        figure: "power",
        value: "750 MW, more than 10 billion dollars",
        source: "Cerebras and OpenAI, 14 January 2026",
      },
      { figure: "systems", value: "32,608 at 23 kW and PUE 1", source: "follows from the power" },
    ],
  },
  {
    name: "minneapolis-512-cs3",
    description: "Cerebras' site of 512 CS-3",
    model: "llama3.1-70b",
    machine: "wse3",
    budget: { kind: "systems", systems: 512 },
    weights: "fp16",
    published: [{ figure: "peak", value: "64 exaflops of sparse float16", source: "The Register, March 2025" }],
  },
  {
    name: "le-chat",
    description: "Mistral Large 2 as Le Chat's Flash Answers: one copy",
    model: "mistral-large-2",
    machine: "wse3",
    budget: { kind: "systems", systems: 7 },
    weights: "fp16",
    published: [
      { figure: "speed", value: "about 1,100 tokens/s, speculation not ruled out", source: "press, February 2025" },
    ],
  },
  {
    name: "colossus-100k-h100",
    description: "xAI's Colossus, first stage, as 12,500 machines of 8",
    model: "grok-1",
    machine: "h100x8",
    budget: { kind: "systems", systems: 12_500 },
    weights: "fp8",
    published: [
      { figure: "GPUs", value: "100,000 H100", source: "press" },
      {
        figure: "peak and power",
        value: "98.9 exaflops of dense float16, 70 MW of GPUs",
        source: "follows from one GPU",
      },
    ],
  },
  {
    name: "colossus-200k",
    description: "xAI's Colossus, second stage, taken as H200 alone: 25,000 machines of 8",
    model: "grok-1",
    machine: "h200x8",
    budget: { kind: "systems", systems: 25_000 },
    weights: "fp8",
    published: [{ figure: "GPUs", value: "200,000 H100 and H200 within 122 days", source: "press" }],
  },
  {
    name: "colossus-300k-b200",
    description: "xAI's Colossus as planned, as 37,500 machines of 8",
    model: "grok-1",
    machine: "b200x8",
    budget: { kind: "systems", systems: 37_500 },
    weights: "fp8",
    published: [
      { figure: "GPUs", value: "300,000 B200", source: "press" },
      {
        figure: "peak and power",
        value: "675 exaflops of dense float16, 300 MW of GPUs",
        source: "follows from one GPU",
      },
    ],
  },
  {
    name: "cerebras-sites-2025",
    description: "Cerebras' sites in Texas, Minnesota, Oklahoma, Georgia, Montreal and France",
    model: "llama3.1-70b",
    machine: "wse3",
    budget: { kind: "systems", systems: 1000 },
    weights: "fp16",
    published: [
      { figure: "systems", value: "more than 1,000 CS-3", source: "The Register, March 2025" },
      { figure: "speed", value: "450 tokens/s without speculation", source: "Cerebras, August 2024" },
    ],
  },
  {
    name: "condor-galaxy-3",
    description: "Condor Galaxy 3, 64 CS-3",
    model: "llama3.1-405b",
    machine: "condor-galaxy-3",
    budget: { kind: "systems", systems: 64 },
    weights: "fp16",
    published: [
      { figure: "speed", value: "969 tokens/s, speculation not ruled out", source: "Cerebras, November 2024" },
      { figure: "wafers of a copy", value: "19 to 22, as commenters say", source: "press on the announcement" },
    ],
  },
  {
    name: "dojo-exapod",
    description: "Tesla's ExaPOD, 120 training tiles",
    model: "llama3.1-8b",
    machine: "dojo-tile",
    budget: { kind: "systems", systems: 120 },
    weights: "bf16",
    published: [{ figure: "peak and SRAM", value: "1.1 exaflops of bfloat16, 1.3 TB", source: "Hot Chips 34" }],
  },
];

/** A scenario with its figures. */
export async function runScenario(
  name: string,
  pue: number,
): Promise<{ readonly scenario: Scenario; readonly fleet: Fleet }> {
  const scenario = scenarios.find((each) => each.name === name);
  if (scenario === undefined)
    throw fail("WSC8001", `no scenario named "${name}"`, {
      hint: nameHint(
        name,
        "scenarios",
        scenarios.map((each) => each.name),
      ),
    });
  const { machine, budget, weights } = scenario;
  return {
    scenario,
    fleet: await planFleet(namedModel(scenario.model), { machine, budget, pue, context: null, weights }),
  };
}
