/** One model on several machines, beside what was published of it there. */
import { fail, WscError } from "../../../ir/diagnostic.ts";
import type { Basis } from "../../../ir/machine/target.ts";
import { nameHint } from "../../../ir/nearest.ts";
import {
  bytesOnEach,
  fittedBatch,
  type GpuPrecision,
  type LawError,
  lawOf,
  secondsBy,
  type Serving,
  termsOf,
} from "../gpus/law.ts";
import { comparedNames, clusters, type GpuNode, gpuNodes } from "../machines/gpus.ts";
import { findSystem, systemNames } from "../machines/systems.ts";
import type { ModelConfig } from "../models/config.ts";
import { planModel } from "../plan/plan.ts";
import type { PlanOptions } from "../plan/plan-data.ts";
import type { WeightFormat } from "../plan/weight-formats.ts";
import { type PublishedSpeed, publishedSpeeds } from "./published.ts";

export interface Comparison {
  readonly machine: string;
  /** wafers or GPUs of one copy; null: it does not fit */
  readonly units: number | null;
  readonly tokensPerSecondPerUser: number | null;
  readonly watts: number | null;
  readonly validated: boolean;
  readonly basis: Basis;
  /** mean errors of the law; null: no such law */
  readonly lawError: LawError | null;
  readonly published: {
    readonly tokensPerSecond: number;
    readonly source: string;
    readonly modelled: number;
    readonly error: number;
  } | null;
  readonly note: string;
}

export interface CompareOptions extends Omit<PlanOptions, "system"> {
  readonly machines: readonly string[];
}

/** Widths of GPUs' weights that answer to a plan's. */
const precisions: Readonly<Record<WeightFormat, GpuPrecision>> = {
  fp16: "bf16",
  bf16: "bf16",
  int8: "fp8",
  fp8: "fp8",
  mxfp4: "fp4",
};

/** Compares in the order that is asked for; unknown machines are refused together. */
export async function compare(
  config: ModelConfig,
  { machines, ...options }: CompareOptions,
): Promise<readonly Comparison[]> {
  const known = new Set([...systemNames, ...comparedNames]);
  const unknown = machines.filter((name) => !known.has(name) && !name.endsWith(".json"));
  if (unknown.length > 0)
    throw new WscError(
      unknown.flatMap(
        (name) =>
          fail("WSC5001", `no machine named "${name}"`, { hint: nameHint(name, "machines", [...known]) }).diagnostics,
      ),
    );
  const rows: Comparison[] = [];
  for (const name of machines) rows.push(await onMachine(config, name, options));
  return rows;
}

async function onMachine(config: ModelConfig, name: string, options: Omit<PlanOptions, "system">): Promise<Comparison> {
  const node = gpuNodes.get(name);
  if (node !== undefined) return onGpus(config, node, options);
  const cluster = clusters.find((each) => each.name === name);
  if (cluster !== undefined) {
    const { value, of } = cluster.exaflops;
    return {
      ...nothing(name),
      basis: cluster.basis,
      watts: cluster.megawatts * 1e6,
      note: `${cluster.description}: ${value} EF ${of}; ${cluster.source}`,
    };
  }
  return onWafers(config, name, options);
}

const nothing = (machine: string): Comparison => ({
  machine,
  units: null,
  tokensPerSecondPerUser: null,
  watts: null,
  validated: false,
  basis: "derived",
  lawError: null,
  published: null,
  note: "",
});

const publishedOf = (config: ModelConfig, machine: string): PublishedSpeed | undefined =>
  publishedSpeeds.find((row) => row.model === config.name && row.machine === machine);

function beside(row: PublishedSpeed | undefined, modelled: number): Comparison["published"] {
  if (row === undefined) return null;
  const { tokensPerSecond, source, speculation } = row;
  const more = speculation === "unknown" ? "; speculation not ruled out" : "";
  return { tokensPerSecond, source: `${source}${more}`, modelled, error: modelled / tokensPerSecond - 1 };
}

async function onWafers(config: ModelConfig, name: string, options: Omit<PlanOptions, "system">): Promise<Comparison> {
  const system = await findSystem(name);
  try {
    const plan = planModel(config, { ...options, system });
    const modelled = plan.decodePerUser;
    return {
      ...nothing(name),
      units: plan.wafers,
      tokensPerSecondPerUser: modelled,
      watts: plan.wafers * system.target.power.average,
      validated: system.validated,
      basis: plan.basis["decodePerUser"] ?? "derived",
      published: beside(publishedOf(config, system.target.name), modelled),
      note: `${plan.mode}; ${plan.limit.binds} binds${system.validated ? "" : "; not validated"}`,
    };
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    return { ...nothing(name), note: error.diagnostics.map(({ message }) => message).join("; ") };
  }
}

function onGpus(config: ModelConfig, node: GpuNode, options: Omit<PlanOptions, "system">): Comparison {
  const context = options.context ?? Math.min(4096, config.context);
  const serving: Serving = {
    node,
    precision: precisions[options.weights],
    batch: options.batch ?? options.users,
    inputTokens: context / 2,
    outputTokens: context / 2,
  };
  const law = lawOf(config);
  const row = publishedOf(config, node.name);
  const published =
    row?.load === undefined ? null : beside(row, 1 / secondsBy(law.constants, termsOf(config, { node, ...row.load })));
  const known = {
    ...nothing(node.name),
    basis: law.basis,
    lawError: law.meanError,
    published,
    watts: node.count * node.gpu.watts,
  };
  const over = bytesOnEach(config, serving) - node.gpu.memoryBytes;
  if (over > 0) return { ...known, note: `${Math.ceil(over)} bytes more than each GPU has` };
  const beyond =
    serving.batch > fittedBatch
      ? `; more than the ${fittedBatch} of the fit, where the law is off by ${Math.round(100 * law.meanError.largeBatches)} % on the mean`
      : "";
  return {
    ...known,
    units: node.count,
    tokensPerSecondPerUser: 1 / secondsBy(law.constants, termsOf(config, serving)),
    validated: true,
    note: `${serving.precision}, ${serving.batch} at once${beyond}`,
  };
}
