/** The results of a sweep as one table: a row for each point, in the order of the specification, whatever the order was in which they were done. */
import type { Scalar } from "../../axes.ts";
import type { Digest } from "../jobs/digest.ts";
import { jobKey, type Job, type Outcome } from "../jobs/job.ts";
import type { Resolver } from "../jobs/resolve.ts";
import { actions } from "../spec/actions.ts";
import type { Space } from "../spec/space.ts";
import type { Assignment, Spec } from "../spec/spec.ts";
import type { Journal } from "../state/journal.ts";

export interface Column {
  readonly name: string;
  readonly kind: "axis" | "status" | "figure" | "note";
  /** numbers only, or anything */
  readonly type: "number" | "text";
}

export interface Row {
  /** in the order of the columns */
  readonly cells: readonly Scalar[];
  readonly point: Assignment;
  readonly outcome: Outcome | null;
  /** null where the point has no job */
  readonly job: { readonly key: Digest; readonly job: Job } | null;
}

/** What a point is without an outcome. */
const open = "open";

/** The columns of a specification's table. */
export function columnsOf({ action, axes, record }: Spec): readonly Column[] {
  const names = new Set(axes.map(({ name }) => name));
  return [
    ...axes.map(({ name, values }): Column => {
      const isNumber = values.every((value) => typeof value === "number" || value === null);
      return { name, kind: "axis", type: isNumber ? "number" : "text" };
    }),
    { name: "status", kind: "status", type: "text" },
    ...record.map((name): Column => {
      const type = actions[action].figures[name]?.type;
      if (type === undefined) throw new Error(`internal: ${action} has no figure ${name}`);
      // an option and what came of it may have one name
      return { name: names.has(name) ? `result.${name}` : name, kind: "figure", type };
    }),
    { name: "reason", kind: "note", type: "text" },
    { name: "job", kind: "note", type: "text" },
  ];
}

export interface TableSource {
  readonly spec: Spec;
  readonly space: Space;
  readonly resolver: Resolver;
  readonly journal: Journal;
}

/** The rows of points by their numbers, one at a time. */
export async function* rowsOf(source: TableSource, indices: Iterable<number>): AsyncGenerator<Row, void, void> {
  const { spec, space, resolver, journal } = source;
  for (const index of indices) {
    const point = space.pointAt(index);
    if (point === null) continue;
    const resolved = await resolver.resolve(point);
    const job = resolved.kind === "job" ? { key: jobKey(resolved.job), job: resolved.job } : null;
    const outcome = resolved.kind === "job" && job !== null ? journal.outcome(job.key) : (resolved as Outcome);
    yield { cells: cellsOf(spec, point, outcome, job?.key ?? null), point, outcome, job };
  }
}

const cellsOf = (spec: Spec, point: Assignment, outcome: Outcome | null, key: Digest | null): readonly Scalar[] => [
  ...spec.axes.map(({ name }) => point[name] ?? null),
  outcome?.kind ?? open,
  ...spec.record.map((name) => (outcome?.kind === "done" ? (outcome.figures[name] ?? null) : null)),
  outcome === null ? null : reasonOf(outcome),
  key,
];

/** Why a point has no figures. */
function reasonOf(outcome: Outcome): string | null {
  switch (outcome.kind) {
    case "done":
      return null;
    case "refused":
      return outcome.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("; ");
    case "failed":
      return outcome.message;
  }
}
