/** A sweep from its specification to its tables: everything in between is in the sweep's folder, so that the same call goes on where it was. */
import path from "node:path";
import { fail } from "../../ir/diagnostic.ts";
import type { Scalar } from "../axes.ts";
import { wscName } from "../version.ts";
import type { Crew } from "./crews/crew.ts";
import { Resolver } from "./jobs/resolve.ts";
import { lossesOf } from "./results/frontier.ts";
import { type Written, writeResults } from "./results/write-results.ts";
import { readSpecFile } from "./spec/read-spec.ts";
import { type Space, spaceOf } from "./spec/space.ts";
import type { Spec } from "./spec/spec.ts";
import { allPoints, Coordinator, type EndedPoint, type Progress } from "./state/coordinator.ts";
import { Journal } from "./state/journal.ts";
import { effortRungs, singleRung } from "./state/rungs.ts";
import { type SearchPlan, searchPoints } from "./state/search.ts";
import { claimSweep, folderFiles, readSweep, type SweepRecord, writeSweep } from "./state/sweep-folder.ts";
import { openStore } from "./store/open-store.ts";
import type { Store } from "./store/store.ts";

/** Who does the jobs. */
export type CrewChoice =
  | { readonly kind: "threads"; readonly count: number }
  /** workers elsewhere; `url` as a user writes it */
  | { readonly kind: "queue"; readonly url: string };

export interface SweepOptions {
  /** file of the specification */
  readonly spec: string;
  readonly folder: string;
  readonly crew: CrewChoice;
  /** folder or URL of a store that workers share; null: in the sweep's folder */
  readonly store: string | null;
  /** null: every point */
  readonly search: SearchPlan | null;
  readonly force: boolean;
  readonly onProgress: (progress: Progress, points: number | null) => void;
}

export interface SweepResult extends Progress, Written {
  readonly folder: string;
  readonly objectives: Readonly<Record<string, "max" | "min">>;
}

export async function runSweep(options: SweepOptions): Promise<SweepResult> {
  const { folder, crew: choice, search, onProgress } = options;
  const spec = await readSpecFile(options.spec);
  const space = spaceOf(spec);
  const admitted = search === null ? countPoints(space, options.spec) : null;
  await claimSweep(folder);
  const base = path.dirname(path.resolve(options.spec));
  const place = options.store ?? path.join(folder, folderFiles.store);
  const store = await openStore(place);
  const sharesModels = choice.kind === "queue";
  const version = await wscName();
  const resolver = new Resolver({ spec, base, version, store, sharesModels });
  await resolver.prepare();
  const record = (points: readonly number[] | null): SweepRecord => ({
    spec,
    base,
    version,
    points,
    store: options.store,
  });
  writeSweep(folder, record(search === null ? null : []));
  const journal = await Journal.open(path.join(folder, folderFiles.journal));
  try {
    const crew = await openCrew(choice, { place, store, resolver, folder, version });
    const coordinator = new Coordinator(space, resolver, journal, crew, (progress) => {
      onProgress(progress, admitted ?? search?.budget ?? null);
    });
    let chosen: readonly number[] | null = null;
    try {
      if (search === null) await coordinator.run(allPoints(space));
      else {
        chosen = await searchWith(coordinator, space, spec, search);
        writeSweep(folder, record(chosen));
      }
    } finally {
      await crew.close();
    }
    const written = await writeResults({
      source: { spec, space, resolver, journal },
      indices: () => pointsIn(space, chosen),
      folder,
      store,
      title: titleOf(spec),
      force: options.force,
      makesPages: true,
    });
    return { ...coordinator.progress, ...written, folder, objectives: goalsOf(spec) };
  } finally {
    journal.close();
  }
}

/** Writes tables and the page of a sweep's folder anew. */
export async function reportSweep(folder: string, force: boolean): Promise<SweepResult> {
  const { spec, base, version, points, store: shared } = await readSweep(folder);
  const store = await openStore(shared ?? path.join(folder, folderFiles.store));
  const space = spaceOf(spec);
  // jobs are called as the wsc that did them has called them; another one makes no pages beside its
  const resolver = new Resolver({ spec, base, version, store, sharesModels: false });
  const makesPages = version === (await wscName());
  await resolver.prepare();
  const journal = await Journal.open(path.join(folder, folderFiles.journal));
  try {
    const source = { spec, space, resolver, journal };
    const indices = (): Iterable<number> => pointsIn(space, points);
    const title = titleOf(spec);
    const written = await writeResults({ source, indices, folder, store, title, force, makesPages });
    return { ...written, ...written.counts, known: written.rows, trials: 0, folder, objectives: goalsOf(spec) };
  } finally {
    journal.close();
  }
}

const pointsIn = (space: Space, chosen: readonly number[] | null): Iterable<number> =>
  chosen === null ? allPoints(space) : chosen.toSorted((a, b) => a - b);

function countPoints(space: Space, file: string): number {
  let count = 0;
  for (const _ of allPoints(space)) count++;
  if (count > 0) return count;
  throw fail("WSC8101", "the constraints leave no point", { subject: file, hint: "what stands under `where`" });
}

async function searchWith(
  coordinator: Coordinator,
  space: Space,
  spec: Spec,
  plan: SearchPlan,
): Promise<readonly number[]> {
  const { effort } = spec.fixed;
  const rungs = typeof effort === "number" && effort > 0 ? effortRungs : singleRung;
  return searchPoints(space, plan, rungs, async (indices, share) => {
    const losses = new Map<number, readonly number[] | null>();
    const onEnd = ({ index, outcome }: EndedPoint): void => {
      losses.set(index, lossesOf(outcome, spec.objectives));
    };
    await coordinator.run(indices, onEnd, share === 1 ? null : { share });
    return losses;
  });
}

interface CrewNeeds {
  /** where the store is */
  readonly place: string;
  readonly store: Store;
  readonly resolver: Resolver;
  readonly folder: string;
  readonly version: string;
}

async function openCrew(choice: CrewChoice, { place, store, resolver, folder, version }: CrewNeeds): Promise<Crew> {
  switch (choice.kind) {
    case "threads": {
      const { openPool } = await import("./crews/pool.ts");
      const cache = path.join(folder, folderFiles.cache);
      return openPool(choice.count, { store: place, local: resolver.local, cache });
    }
    case "queue": {
      const [{ openQueue }, { queueAddress }] = await Promise.all([
        import("./crews/queue.ts"),
        import("./crews/redis.ts"),
      ]);
      return openQueue(queueAddress(choice.url), store, version);
    }
  }
}

function titleOf({ action, axes, fixed }: Spec): string {
  const named = (name: string): readonly Scalar[] =>
    axes.find((axis) => axis.name === name)?.values ?? (Object.hasOwn(fixed, name) ? [fixed[name] ?? null] : []);
  const models = named("model").map((model) => path.basename(String(model)).replace(/\.(?:onnx|json)$/i, ""));
  const shown =
    models.length > 3 ? `${models.slice(0, 2).join(", ")} and ${models.length - 2} more` : models.join(", ");
  return `wsc sweep: ${action} ${shown}`;
}

const goalsOf = ({ objectives }: Spec): SweepResult["objectives"] =>
  Object.fromEntries(objectives.map(({ figure, goal }) => [figure, goal]));
