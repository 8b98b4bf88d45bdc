/** That nothing waits in a circle: steps in the order of their tasks, words that must be sent before they come, regions that must be filled. */
import type { FabricFaults } from "./faults.ts";
import { type Flows, outputsOf } from "./flows.ts";
import { type FabricProgram, forEachCore, links } from "./program.ts";

/** Numbers of steps at all cores, with what each waits for. */
export function checkWaits(program: FabricProgram, flows: Flows, faults: FabricFaults): void {
  const netOf = nets(flows);
  const after: number[][] = [];
  const where: { readonly x: number; readonly y: number; readonly color: number | null }[] = [];
  const givers = new Map<number, Rounds>();
  const takers = new Map<number, Rounds>();
  const put = (map: Map<number, Rounds>, net: number, core: number, step: number): void => {
    const rounds = map.get(net) ?? new Map<number, number[]>();
    map.set(net, rounds);
    const known = rounds.get(core);
    if (known === undefined) rounds.set(core, [step]);
    else known.push(step);
  };
  for (const { tasks, cores } of program.roles) {
    forEachCore(cores, (x, y) => {
      const published = new Map<string, number[]>();
      const taken: { readonly region: string; readonly step: number }[] = [];
      for (const { steps } of tasks) {
        for (const [index, step] of steps.entries()) {
          const number = after.length;
          after.push([]);
          if (index > 0) (after[number - 1] as number[]).push(number);
          const from = step.kind === "receive" || step.kind === "reduce" ? step.from : null;
          const to = step.kind === "send" || step.kind === "reduce" ? step.to : null;
          where.push({ x, y, color: from?.color ?? to?.color ?? null });
          const core = flows.key({ x, y }, 0);
          if (from !== null) put(takers, netOf(flows.key({ x, y }, from.color)), core, number);
          if (to !== null) put(givers, netOf(flows.key({ x, y }, to.color)), core, number);
          if (step.kind === "publish") published.set(step.region, [...(published.get(step.region) ?? []), number]);
          if (step.kind === "take") taken.push({ region: step.region, step: number });
        }
      }
      for (const { region, step } of taken)
        for (const before of published.get(region) ?? []) (after[before] as number[]).push(step);
    });
  }
  for (const [net, given] of givers) {
    for (const { from, to } of roundsOf(given, takers.get(net) ?? new Map<number, number[]>())) {
      // one more number for each round, so that many givers and takers need few edges
      const between = after.length;
      after.push([...to]);
      where.push(where[from[0] as number] as (typeof where)[number]);
      for (const step of from) (after[step] as number[]).push(between);
    }
  }
  const left = circle(after);
  if (left === null) return;
  const { x, y, color } = where[left] as (typeof where)[number];
  faults.at({ x, y }, "a step waits for itself, over other steps and cores", color ?? undefined);
}

/** Steps of one net, in order, by core. */
type Rounds = Map<number, number[]>;

/**
 * Steps that give words, with those that take them. Where every core gives or takes equally often, the words of each time are those of the same time
 * at the others; else every step that takes may wait for every one that gives.
 */
function roundsOf(
  given: Rounds,
  taken: Rounds,
): { readonly from: readonly number[]; readonly to: readonly number[] }[] {
  const [from, to] = [[...given.values()], [...taken.values()]];
  const times = new Set([...from, ...to].map(({ length }) => length));
  const [rounds] = times;
  if (times.size > 1 || rounds === undefined) return [{ from: from.flat(), to: to.flat() }];
  const ofRound = (lists: readonly (readonly number[])[], round: number): number[] =>
    lists.flatMap((list) => list.slice(round, round + 1));
  return Array.from({ length: rounds }, (_, round) => ({ from: ofRound(from, round), to: ofRound(to, round) }));
}

/** Number of the net that a channel belongs to: channels that words pass between. */
function nets({ channels, key }: Flows): (channel: number) => number {
  const parent = new Map<number, number>();
  const rootOf = (channel: number): number => {
    let root = channel;
    for (let up = parent.get(root); up !== undefined; up = parent.get(root)) root = up;
    if (root !== channel) parent.set(channel, root);
    return root;
  };
  for (const [number, { at, rule }] of channels) {
    for (const port of outputsOf(rule)) {
      if (port === "ramp") continue;
      const next = key({ x: at.x + links[port].dx, y: at.y + links[port].dy }, rule.color);
      const [a, b] = [rootOf(number), rootOf(next)];
      if (a !== b) parent.set(a, b);
    }
  }
  return rootOf;
}

/** One of the nodes that lie on a circle or behind one; null where there is none. */
function circle(after: readonly (readonly number[])[]): number | null {
  const incoming = new Int32Array(after.length);
  for (const nexts of after) for (const next of nexts) incoming[next] = (incoming[next] as number) + 1;
  const ready: number[] = [];
  for (let node = 0; node < after.length; node++) if (incoming[node] === 0) ready.push(node);
  let done = 0;
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    done++;
    for (const next of after[node] as readonly number[]) {
      incoming[next] = (incoming[next] as number) - 1;
      if (incoming[next] === 0) ready.push(next);
    }
  }
  return done === after.length ? null : incoming.findIndex((count) => count > 0);
}
