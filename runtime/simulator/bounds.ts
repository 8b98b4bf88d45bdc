/** What a layer takes at least for a sample, whatever it waits for: the busiest of its cores. */
import { nth } from "../../ir/access.ts";
import type { Target } from "../../ir/machine/target.ts";
import { type BoundKind, boundKinds } from "../../ir/simulation-record.ts";
import type { ReadyRole } from "./word/cores.ts";

export interface LayerBound {
  /** cycles of a sample */
  readonly cycles: number;
  readonly by: BoundKind;
}

/** By layer: the most that one of its cores computes, takes in or gives out for a sample. */
export function layerBounds(layers: number, roles: readonly ReadyRole[], target: Target): LayerBound[] {
  const bounds = Array.from({ length: layers }, (): LayerBound => ({ cycles: 0, by: "compute" }));
  for (const { role, tasks } of roles) {
    const own = { compute: 0, "words in": 0, "words out": 0 };
    for (const step of tasks.flatMap(({ steps }) => steps)) {
      if (step.kind === "compute") own.compute += step.cycles;
      if (step.kind !== "stream") continue;
      const cycles = step.places.length * target.link.cyclesPerWord;
      if (step.from !== null) own["words in"] += cycles;
      if (step.to !== null) own["words out"] += cycles;
    }
    for (const by of boundKinds)
      if (own[by] > nth(bounds, role.layer).cycles) bounds[role.layer] = { cycles: own[by], by };
  }
  return bounds;
}
