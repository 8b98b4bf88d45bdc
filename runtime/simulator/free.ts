/** A machine of which one thing costs nothing: what a program would gain if it had no end of it. */
import type { Target } from "../../ir/machine/target.ts";

export const resources = ["hops", "links", "ramps", "compute", "memory"] as const;

export type Resource = (typeof resources)[number];

/** The machine, and whether each color has links of its own. */
export interface FreedMachine {
  readonly target: Target;
  readonly ownLinks: boolean;
}

/**
 * `hops`: a word is at the next router, and past bends and seams, in the next cycle; `links`: a word a cycle, and colors do not wait for each other;
 * `ramps`: words are in the core at once; `compute`: vector instructions take no time; `memory`: no operands share a bank.
 */
export function freed(target: Target, resource: Resource): FreedMachine {
  const { core, link } = target;
  const kept = { target, ownLinks: false };
  switch (resource) {
    case "hops": {
      const { seams: _, ...rest } = link;
      return { ...kept, target: { ...target, link: { ...rest, hopCycles: 0, turnCycles: 0 } } };
    }
    case "links":
      return { target: { ...target, link: { ...link, cyclesPerWord: 1 } }, ownLinks: true };
    case "ramps":
      return { ...kept, target: { ...target, link: { ...link, rampCycles: 0 } } };
    case "compute": {
      const rates = mapRates(core.rates, () => ({ aligned: Infinity, conflicting: Infinity }));
      return { ...kept, target: { ...target, core: { ...core, rates, vectorStartup: 0, slowOpCycles: 0 } } };
    }
    case "memory": {
      const rates = mapRates(core.rates, ({ aligned }) => ({ aligned, conflicting: aligned }));
      return { ...kept, target: { ...target, core: { ...core, rates } } };
    }
  }
}

type Rates = Target["core"]["rates"];

const mapRates = (rates: Rates, change: (rate: Rates["f32"]) => Rates["f32"]): Rates => ({
  f32: change(rates.f32),
  f16: change(rates.f16),
  bf16: change(rates.bf16),
  i8: change(rates.i8),
  other: change(rates.other),
});
