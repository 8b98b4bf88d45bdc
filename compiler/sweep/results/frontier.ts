/** Which points nothing is better than: for every other point there is an objective in which they are ahead of it, or they are equal in all. */
import { nth } from "../../../ir/access.ts";
import type { Outcome } from "../jobs/job.ts";
import type { Objective } from "../spec/actions.ts";

/** Values of the objectives, the less the better; null for a point without them. */
export function lossesOf(outcome: Outcome | null, objectives: readonly Objective[]): readonly number[] | null {
  if (outcome?.kind !== "done") return null;
  const losses = objectives.flatMap(({ figure, goal }) => {
    const value = outcome.figures[figure];
    return typeof value === "number" ? [goal === "max" ? -value : value] : [];
  });
  return losses.length === objectives.length ? losses : null;
}

/** True where `a` is nowhere worse than `b`, and somewhere better. */
export const dominates = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((loss, i) => loss <= nth(b, i)) && a.some((loss, i) => loss < nth(b, i));

/** Positions of the points on the frontier, ascending. */
export function frontierOf(losses: readonly (readonly number[] | null)[]): readonly number[] {
  const order = losses
    .flatMap((each, i) => (each === null ? [] : [{ losses: each, i }]))
    .toSorted((a, b) => compareLists(a.losses, b.losses) || a.i - b.i);
  // none is dominated by one that comes later
  const front: (typeof order)[number][] = [];
  for (const point of order) if (!front.some((other) => dominates(other.losses, point.losses))) front.push(point);
  return front.map(({ i }) => i).toSorted((a, b) => a - b);
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : nth(a, at) - nth(b, at);
}
