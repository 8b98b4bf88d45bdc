/**
 * Runs a sweep: points become jobs, a crew does those that the journal does not have, the journal takes what became of them. As many jobs are under way as
 * the crew takes, however many points there are; a job that several points have in common is done once.
 */
import type { Crew } from "../crews/crew.ts";
import { jobKey } from "../jobs/job.ts";
import type { Outcome } from "../jobs/job.ts";
import type { Resolved, Resolver } from "../jobs/resolve.ts";
import type { Space } from "../spec/space.ts";
import type { Assignment } from "../spec/spec.ts";
import type { Journal } from "./journal.ts";

/** A point whose outcome is known. */
export interface EndedPoint {
  readonly index: number;
  readonly point: Assignment;
  readonly outcome: Outcome;
}

export interface Progress {
  /** points that were looked at, and what became of them */
  readonly points: number;
  readonly done: number;
  readonly refused: number;
  readonly failed: number;
  /** of these, those whose job was done before */
  readonly known: number;
  /** trials with a share of the effort, which are no points of the table; of what failed, trials are a part */
  readonly trials: number;
}

/** A share of a point's effort, in (0, 1): what comes of it says how good the point may be. */
export interface Trial {
  readonly share: number;
}

export class Coordinator {
  readonly #space: Space;
  readonly #resolver: Resolver;
  readonly #journal: Journal;
  readonly #crew: Crew;
  readonly #onProgress: (progress: Progress) => void;
  #progress: Progress = { points: 0, done: 0, refused: 0, failed: 0, known: 0, trials: 0 };

  constructor(
    space: Space,
    resolver: Resolver,
    journal: Journal,
    crew: Crew,
    onProgress: (progress: Progress) => void = () => undefined,
  ) {
    this.#space = space;
    this.#resolver = resolver;
    this.#journal = journal;
    this.#crew = crew;
    this.#onProgress = onProgress;
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Does these points, of which constraints have admitted all; tells of each when it is over, in no particular order. */
  async run(
    indices: Iterable<number>,
    onEnd: (ended: EndedPoint) => void = () => undefined,
    trial: Trial | null = null,
  ): Promise<void> {
    const underWay = new Set<Promise<void>>();
    // what goes wrong beyond a job ends the sweep, when those under way are through
    const errors: unknown[] = [];
    const waiting = new Map<string, Promise<Outcome>>();
    for (const index of indices) {
      const point = this.#space.pointAt(index);
      if (point === null) throw new Error(`internal: point ${index} is not admitted`);
      const resolved = await (trial === null
        ? this.#resolver.resolve(point)
        : this.#resolver.resolve(withLess(point, trial), []));
      const end = (outcome: Outcome, isKnown: boolean): void => {
        if (trial === null) this.#count(outcome, isKnown);
        else this.#countTrial(outcome);
        onEnd({ index, point, outcome });
      };
      const known = this.#known(resolved);
      if (known !== null) {
        end(known, resolved.kind === "job");
        continue;
      }
      const work = this.#outcome(resolved, waiting)
        .then((outcome) => {
          end(outcome, false);
        })
        .catch((error: unknown) => {
          errors.push(error);
        })
        .finally(() => {
          underWay.delete(work);
        });
      underWay.add(work);
      if (underWay.size >= this.#crew.width) await Promise.race(underWay);
      if (errors.length > 0) break;
    }
    await Promise.all(underWay);
    if (errors.length > 0) throw errors[0];
  }

  #known(resolved: Resolved): Outcome | null {
    if (resolved.kind === "refused") return resolved;
    const key = jobKey(resolved.job);
    return this.#journal.has(key) ? this.#journal.outcome(key) : null;
  }

  #outcome(resolved: Resolved, waiting: Map<string, Promise<Outcome>>): Promise<Outcome> {
    if (resolved.kind === "refused") return Promise.resolve(resolved);
    const key = jobKey(resolved.job);
    const others = waiting.get(key);
    if (others !== undefined) return others;
    const outcome = this.#crew
      .run(resolved.job, key)
      .then((found) => {
        this.#journal.add(key, found);
        return found;
      })
      .finally(() => {
        waiting.delete(key);
      });
    waiting.set(key, outcome);
    return outcome;
  }

  #count({ kind }: Outcome, isKnown: boolean): void {
    const { points, known } = this.#progress;
    this.#progress = {
      ...this.#progress,
      points: points + 1,
      [kind]: this.#progress[kind] + 1,
      known: known + (isKnown ? 1 : 0),
    };
    this.#onProgress(this.#progress);
  }

  #countTrial({ kind }: Outcome): void {
    const { trials, failed } = this.#progress;
    this.#progress = { ...this.#progress, trials: trials + 1, failed: failed + (kind === "failed" ? 1 : 0) };
    this.#onProgress(this.#progress);
  }
}

function withLess(point: Assignment, { share }: Trial): Assignment {
  const { effort } = point;
  if (typeof effort !== "number") throw new Error("internal: a point without an effort was to be tried with less");
  return { ...point, effort: share * effort };
}

/** Numbers of all points of a space that its constraints admit. */
export function* allPoints(space: Space): Generator<number, void, void> {
  for (let index = 0; index < space.size; index++) if (space.pointAt(index) !== null) yield index;
}
