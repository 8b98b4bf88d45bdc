/** Options of a job as what they are: a job that was checked has each of them. */
import type { Scalar } from "../../axes.ts";
import { dimPrefix } from "../spec/parameters.ts";
import type { Job } from "./job.ts";

function valueOf({ options }: Job, name: string): Scalar {
  const value = options[name];
  if (value === undefined) throw new Error(`internal: a job has no ${name}`);
  return value;
}

export function numberOf(job: Job, name: string): number {
  const value = valueOf(job, name);
  if (typeof value === "number") return value;
  throw new Error(`internal: ${name} is no number`);
}

export const numberOrNull = (job: Job, name: string): number | null =>
  valueOf(job, name) === null ? null : numberOf(job, name);

export function flagOf(job: Job, name: string): boolean {
  const value = valueOf(job, name);
  if (typeof value === "boolean") return value;
  throw new Error(`internal: ${name} is neither true nor false`);
}

export function textOrNull(job: Job, name: string): string | null {
  const value = valueOf(job, name);
  if (value === null || typeof value === "string") return value;
  throw new Error(`internal: ${name} is no text`);
}

/** One of a list. */
export function choiceOf<T extends string>(job: Job, name: string, choices: readonly T[]): T {
  const value = valueOf(job, name);
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new Error(`internal: ${name} is none of ${choices.join(", ")}`);
}

/** Sizes of symbolic dims. */
export const dimsOf = ({ options }: Job): ReadonlyMap<string, number> =>
  new Map(
    Object.entries(options).flatMap(([name, value]) =>
      name.startsWith(dimPrefix) && typeof value === "number" ? [[name.slice(dimPrefix.length), value] as const] : [],
    ),
  );
