/** Plans over ranges of contexts, batches and forms of weights. */
import { fail, showName, WscError } from "../../../ir/diagnostic.ts";
import { nth } from "../../../ir/access.ts";
import { nameHint } from "../../../ir/nearest.ts";
import { combinationAt, combinationCount, rangeValues } from "../../axes.ts";
import type { ModelConfig } from "../models/config.ts";
import { type WeightFormat, weightFormats } from "./weight-formats.ts";
import { planModel } from "./plan.ts";
import type { Plan, PlanOptions } from "./plan-data.ts";

const axes = ["context", "batch", "weights", "users"] as const;

/** A point of a sweep: its plan, or why there is none. */
export interface SweepPoint {
  readonly context: number | null;
  readonly batch: number | null;
  readonly users: number;
  readonly weights: WeightFormat;
  readonly plan: Plan | null;
  readonly refused: string | null;
}

/** Values of each axis: `context=1024:2048:4096,batch=1:8,weights=fp16:int8`; a range of whole numbers is `from..to/step`. */
export type SweepAxes = Readonly<Partial<Record<(typeof axes)[number], readonly string[]>>>;

const mostPoints = 100_000;

export function parseSweep(text: string): SweepAxes {
  const result: Partial<Record<(typeof axes)[number], readonly string[]>> = {};
  for (const part of text.split(",")) {
    const [name = "", values = ""] = part.split("=", 2);
    const axis = axes.find((each) => each === name);
    if (axis === undefined || values === "")
      throw fail("WSC8001", `--sweep takes NAME=VALUE:VALUE, and "${showName(part)}" is none`, {
        hint: nameHint(name, "names", axes),
      });
    result[axis] = values.split(":").flatMap(expand);
  }
  return result;
}

function expand(value: string): readonly string[] {
  const values = rangeValues(value);
  if (values?.length === 0) throw fail("WSC8001", `the range ${value} has no values, or too many`);
  return values === null ? [value] : values.map(String);
}

/** Plans every combination; a point that does not fit says why. */
export function sweep(config: ModelConfig, options: PlanOptions, given: SweepAxes): readonly SweepPoint[] {
  const numbers = (axis: "context" | "batch" | "users", usual: number | null): readonly (number | null)[] =>
    given[axis]?.map((value) => whole(axis, value)) ?? [usual];
  const formats = given.weights?.map(formatOf) ?? [options.weights];
  const [contexts, batches, users] = [
    numbers("context", options.context),
    numbers("batch", options.batch),
    numbers("users", options.users),
  ];
  const lengths = [formats, users, batches, contexts].map(({ length }) => length);
  const count = combinationCount(lengths);
  if (count > mostPoints) throw fail("WSC8001", `${count} points are more than ${mostPoints}`);
  return Array.from({ length: count }, (_, index) => {
    const [format, some, batch, context] = combinationAt(lengths, index) as [number, number, number, number];
    return point(config, {
      ...options,
      weights: nth(formats, format),
      users: nth(users, some) ?? 1,
      batch: nth(batches, batch),
      context: nth(contexts, context),
    });
  });
}

function point(config: ModelConfig, options: PlanOptions): SweepPoint {
  const { context, batch, users, weights } = options;
  try {
    return { context, batch, users, weights, plan: planModel(config, options), refused: null };
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    return {
      context,
      batch,
      users,
      weights,
      plan: null,
      refused: error.diagnostics.map(({ message }) => message).join("; "),
    };
  }
}

function whole(axis: string, value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number > 0) return number;
  throw fail("WSC8001", `--sweep ${axis} takes positive whole numbers, not "${showName(value)}"`);
}

function formatOf(value: string): WeightFormat {
  const format = weightFormats.find((each) => each === value);
  if (format !== undefined) return format;
  throw fail("WSC8001", `--sweep weights does not take "${showName(value)}"`, {
    hint: nameHint(value, "forms", weightFormats),
  });
}

const chartWidth = 40;

/** A bar for each point: tokens per second and user. */
export function chartOf(points: readonly SweepPoint[]): readonly string[] {
  const most = Math.max(...points.map(({ plan }) => plan?.decodePerUser ?? Number.NEGATIVE_INFINITY));
  return points.map(({ plan }) =>
    plan === null ? "refused" : "#".repeat(Math.max(1, Math.round((chartWidth * plan.decodePerUser) / most))),
  );
}
