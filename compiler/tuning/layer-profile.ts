/** The time of every layer of a program over several runs, and how near it comes to what the engine can do at most. */
import type { TimedStep } from "../../runtime/instance.ts";
import { type EngineLimits, readRate } from "./engine-limits.ts";

/** What keeps a layer from taking less: `neither` where it is far from both limits (calls, shuffles, short loops, functions of the host). */
export type Bound = "arithmetic" | "memory" | "neither";

export interface LayerProfile {
  /** ONNX nodes, none for steps that stand for no node */
  readonly nodes: readonly string[];
  /** kernels, functions of the host and copies, each once, in order */
  readonly functions: readonly string[];
  /** median over runs */
  readonly milliseconds: number;
  /** of the time of all layers, 0 to 1 */
  readonly share: number;
  /** two for a multiply-add, as the program counts; null where it is not known (host functions, copies) */
  readonly operations: number | null;
  readonly bytes: number | null;
  /** the least time that the engine's limits allow, and which of them says so */
  readonly limit: { readonly milliseconds: number; readonly of: "arithmetic" | "memory" } | null;
  /** limit over time: 1 at the limit */
  readonly reached: number | null;
  readonly boundBy: Bound;
}

/** A layer that reaches less of its limit is not kept by it. */
const boundFrom = 0.3;
/** Times of steps, summed for each run: a loop's steps run several times. */
export class RunLog {
  readonly #runs = new Map<TimedStep, number[]>();
  #current = new Map<TimedStep, number>();

  add(step: TimedStep, milliseconds: number): void {
    this.#current.set(step, (this.#current.get(step) ?? 0) + milliseconds);
  }

  forget(): void {
    this.#current = new Map();
  }

  endRun(): void {
    for (const [step, milliseconds] of this.#current) {
      const times = this.#runs.get(step) ?? [];
      times.push(milliseconds);
      this.#runs.set(step, times);
    }
    this.#current = new Map();
  }

  /** Each step's time: the median over runs, or the mean, which a clock of a browser's page (100 us) needs for short steps. */
  steps(over: (times: readonly number[]) => number = medianOf): readonly StepTime[] {
    return [...this.#runs].map(([step, times]) => ({ step, milliseconds: over(times) }));
  }
}

export interface StepTime {
  readonly step: TimedStep;
  readonly milliseconds: number;
}

/** The steps of one layer stand together: those that follow one another and come from the same nodes. */
export function layersOf(steps: readonly StepTime[], limits: EngineLimits): readonly LayerProfile[] {
  const groups: StepTime[][] = [];
  for (const entry of steps) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    if (group !== undefined && first !== undefined && sameNodes(first.step, entry.step)) group.push(entry);
    else groups.push([entry]);
  }
  const total = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return groups.map((group) => profileOf(group, total, limits));
}

const sameNodes = (a: TimedStep, b: TimedStep): boolean => a.origin.join("\n") === b.origin.join("\n");

function profileOf(group: readonly StepTime[], total: number, limits: EngineLimits): LayerProfile {
  const milliseconds = group.reduce((sum, step) => sum + step.milliseconds, 0);
  const costs = group.map(({ step }) => costOf(step));
  const known = costs.every((cost) => cost !== null) ? costs : null;
  const limit = known === null ? null : limitOf(known, limits);
  const reached = limit === null || milliseconds === 0 ? null : limit.milliseconds / milliseconds;
  return {
    nodes: group[0]?.step.origin ?? [],
    functions: [...new Set(group.map(({ step }) => functionOf(step)))],
    milliseconds,
    share: total === 0 ? 0 : milliseconds / total,
    operations: known === null ? null : known.reduce((sum, { operations }) => sum + operations, 0),
    bytes: known === null ? null : known.reduce((sum, { bytes }) => sum + bytes, 0),
    limit,
    reached,
    boundBy: limit !== null && reached !== null && reached >= boundFrom ? limit.of : "neither",
  };
}

interface StepCost {
  readonly operations: number;
  readonly bytes: number;
}

/** Null for steps whose program does not say what they touch. */
const costOf = (step: TimedStep): StepCost | null =>
  step.kind === "kernel" && step.bytes !== undefined ? { operations: step.work, bytes: step.bytes } : null;

/** Each step takes at least the longer of its two times. */
function limitOf(costs: readonly StepCost[], limits: EngineLimits): NonNullable<LayerProfile["limit"]> {
  const times = costs.map(({ operations, bytes }) => ({
    arithmetic: (operations / 2 / limits.multiplyAdds) * 1000,
    memory: (bytes / readRate(limits, bytes)) * 1000,
  }));
  const milliseconds = times.reduce((sum, { arithmetic, memory }) => sum + Math.max(arithmetic, memory), 0);
  const lead = times.reduce((sum, { arithmetic, memory }) => sum + arithmetic - memory, 0);
  return { milliseconds, of: lead >= 0 ? "arithmetic" : "memory" };
}

const functionOf = (step: TimedStep): string =>
  step.kind === "kernel" ? step.function.replace(/_\d+$/, "") : step.kind === "host" ? `host: ${step.fn}` : "copy";

export const meanOf = (times: readonly number[]): number => times.reduce((sum, time) => sum + time, 0) / times.length;

export function medianOf(times: readonly number[]): number {
  const middle = times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) / 2)];
  if (middle === undefined) throw new Error("internal: nothing was timed");
  return middle;
}
