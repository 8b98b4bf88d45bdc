/** What the cores of each layer did, from what every core did. */
import { nth } from "../../ir/access.ts";
import type { CoreActivity } from "./word/simulation.ts";

export interface LayerActivity {
  readonly name: string;
  readonly cores: number;
  /** cycles of its cores, all together: computing, moving words without computing, and waiting */
  readonly busy: number;
  readonly moving: number;
  readonly waiting: number;
  /** cycles that its busiest core computes */
  readonly busiest: number;
  /** first and last cycle in which one of its cores did something */
  readonly first: number;
  readonly last: number;
}

/** Activity by layer, in the order of their names. */
export function layerActivities(names: readonly string[], cores: readonly CoreActivity[]): LayerActivity[] {
  const byLayer = names.map((): CoreActivity[] => []);
  for (const core of cores) nth(byLayer, core.layer).push(core);
  return byLayer.map((own, layer) => {
    const total = (of: (core: CoreActivity) => number): number => own.reduce((sum, core) => sum + of(core), 0);
    return {
      name: nth(names, layer),
      cores: own.length,
      busy: total(({ busy }) => busy),
      moving: total(({ moving }) => moving),
      waiting: total(({ waiting }) => waiting),
      busiest: own.reduce((most, { busy }) => Math.max(most, busy), 0),
      first: own.reduce((least, { first }) => Math.min(least, first), Infinity),
      last: own.reduce((most, { last }) => Math.max(most, last), 0),
    };
  });
}
