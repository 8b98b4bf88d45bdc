/** How the partial sums of a line of cores become one: which member sends to which, and what each does in which order. */
import { fail } from "../../ir/diagnostic.ts";
import type { ReducePattern } from "../../ir/machine/collectives.ts";

/** One way of words between two members of a line, the root being member 0. */
export interface Hop {
  readonly from: number;
  readonly to: number;
}

/** What a member does: adds the words of one hop to its own and passes them to another or keeps them; or sends its own. */
export interface SumStep {
  readonly from: Hop | null;
  readonly to: Hop | null;
}

/** Patterns in which a member takes from one other at a time. A ring's sum, which all members have in the end, is that of a chain here. */
export type HopPattern = Exclude<ReducePattern, "star">;

/** Steps of each member, in order. */
export function sumSteps(members: number, pattern: HopPattern): SumStep[][] {
  const steps = Array.from({ length: members }, (): SumStep[] => []);
  switch (pattern) {
    case "chain":
      chain(
        steps,
        Array.from({ length: members }, (_, member) => member),
      );
      break;
    case "ring":
      return sumSteps(members, "chain");
    case "mesh":
      throw fail("WSC5007", "sums over trees with roots in the middle have no fabric program yet", { subject: "sum" });
    case "two-phase": {
      const group = Math.ceil(Math.sqrt(members));
      const heads: number[] = [];
      for (let head = 0; head < members; head += group) {
        heads.push(head);
        chain(
          steps,
          Array.from({ length: Math.min(group, members - head) }, (_, member) => head + member),
        );
      }
      chain(steps, heads);
      break;
    }
    case "tree":
      for (let distance = 1; distance < members; distance *= 2) {
        for (let member = distance; member < members; member += 2 * distance) {
          const hop = { from: member, to: member - distance };
          (steps[member] as SumStep[]).push({ from: null, to: hop });
          (steps[member - distance] as SumStep[]).push({ from: hop, to: null });
        }
      }
      break;
  }
  return steps;
}

/** Adds a chain from the last of some members to the first. */
function chain(steps: SumStep[][], members: readonly number[]): void {
  let behind: Hop | null = null;
  for (let place = members.length - 1; place >= 0; place--) {
    const member = members[place] as number;
    const to = place === 0 ? null : { from: member, to: members[place - 1] as number };
    if (behind !== null || to !== null) (steps[member] as SumStep[]).push({ from: behind, to });
    behind = to;
  }
}
