/**
 * Tighter packings for throughput on a bare rectangle, after the shelves of floorplan.ts: a search over slicing floorplans (arrange.ts), and for few
 * kernels integer programs that end in a proof (prove.ts). Worth its time only while the slowest kernel decides.
 */
import { arrange } from "./arrangement/arrange.ts";
import type { Arrangement } from "./arrangement/arrangement.ts";
import { workIn } from "./arrangement/work.ts";
import { type ProofOptions, mostItemsToProve, provenCost } from "./arrangement/prove.ts";
import { type Candidate, placedKernels, type Scene, type Selection } from "./search.ts";
import { taskArrangement } from "./task-arrangement.ts";
import type { Task } from "./task.ts";

export interface TightenOptions {
  /** interval that is proven so far, cycles */
  readonly bound: number;
  readonly seed: number;
  /** milliseconds since the epoch */
  readonly deadline: number;
  /** seconds of counted work; 0: as many steps as take a second or two */
  readonly effortSeconds: number;
}

/** Annealing steps that take a second or two; a number, not a time, so that every machine does the same. */
const steps = (items: number): number => Math.ceil(1_000_000 / (items + 20));

/** Where integer programs follow, annealing is given half of the effort and of the time. */
const annealingShare = (task: Task): number => (isSmall(task) ? 0.5 : 1);

/**
 * Largest tasks that are searched: unasked, and where more effort is asked for. ResNet-50's 57 kernels and BERT's 187 gained nothing in 20 and
 * 170 s: there the shelves are better.
 */
const mostItems = { unasked: 24, asked: 400 } as const;

/** Cores of the sides at most: coordinates are kept in 16 bits. */
const longestSide = 30_000;

/** True for tasks that integer programs are written for. */
export const isSmall = ({ ids }: Task): boolean => ids.length <= mostItemsToProve;

/** True while faster kernels would make the whole faster. */
export const isKernelBound = (best: Candidate | null): best is Candidate =>
  best !== null && best.kernels.some(({ variant }) => variant.cycles >= best.interval);

function isWorthIt({ problem }: Task, best: Candidate | null, { bound, deadline }: TightenOptions): best is Candidate {
  return (
    isKernelBound(best) &&
    problem.site === undefined &&
    Math.max(problem.width, problem.height) <= longestSide &&
    best.interval > bound &&
    Date.now() < deadline
  );
}

/** Offers packings of slicing floorplans. */
export function tighten(scene: Scene, task: Task, selection: Selection, options: TightenOptions): void {
  const { length } = task.ids;
  const { effortSeconds } = options;
  const most = effortSeconds > 0 ? mostItems.asked : mostItems.unasked;
  if (length > most || !isWorthIt(task, selection.best, options)) return;
  const { problem, planOf } = taskArrangement(scene.graph, task, true);
  const share = annealingShare(task);
  const arranged = arrange(problem, {
    ...(effortSeconds > 0 ? { work: workIn(effortSeconds * share) } : { steps: steps(length) }),
    seed: options.seed,
    deadline: Date.now() + (options.deadline - Date.now()) * share,
    isOptimal: ({ cycles }) => cycles <= options.bound,
  });
  if (typeof arranged === "string") return;
  selection.offer(scene, placedKernels(scene, task, planOf(arranged.arrangement)));
}

/** Proves the least interval of a few kernels, offering what the programs find; the proven bound, at least the one that is given. */
export function proveInterval(
  scene: Scene,
  task: Task,
  selection: Selection,
  options: TightenOptions & Pick<ProofOptions, "solver">,
): number {
  const { best } = selection;
  const { bound } = options;
  if (!isSmall(task) || !isWorthIt(task, best, options)) return bound;
  const { problem, planOf } = taskArrangement(scene.graph, task, false);
  const offer = (arrangement: Arrangement): number => {
    selection.offer(scene, placedKernels(scene, task, planOf(arrangement)));
    return selection.best?.interval ?? best.interval;
  };
  return provenCost(problem, { cost: bound, limit: bound, cycles: bound }, best.interval, { ...options, offer });
}
