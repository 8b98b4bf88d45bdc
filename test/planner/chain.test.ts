/** The cut of a chain over wafers is the best there is. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { balancedCut, fewestParts, type Link } from "../../compiler/planner/plan/chain.ts";

/** Every way to cut n layers into consecutive parts, as ends. */
function* cuts(n: number): Iterable<readonly number[]> {
  for (let mask = 0; mask < 2 ** (n - 1); mask++) {
    const inner = Array.from({ length: n - 1 }, (_, i) => i + 1).filter((end) => (mask & (1 << (end - 1))) !== 0);
    yield [...inner, n];
  }
}

const sums = (links: readonly Link[], ends: readonly number[], of: keyof Link): readonly number[] =>
  ends.map((end, i) => links.slice(i === 0 ? 0 : ends[i - 1], end).reduce((sum, link) => sum + link[of], 0));

const chains = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 9 }), load: fc.integer({ min: 0, max: 9 }) }), {
  minLength: 1,
  maxLength: 9,
});

describe("a chain over wafers", () => {
  it("has as few parts as any cut", () => {
    fc.assert(
      fc.property(chains, fc.integer({ min: 5, max: 25 }), (links, capacity) => {
        const legal = [...cuts(links.length)].filter((ends) => Math.max(...sums(links, ends, "bytes")) <= capacity);
        const fewest = legal.length === 0 ? null : Math.min(...legal.map((ends) => ends.length));
        expect(fewestParts(links, capacity)?.length ?? null).toBe(fewest);
      }),
    );
  });

  it("has as small a largest load as any cut into as many parts, which its bound says", () => {
    fc.assert(
      fc.property(chains, fc.integer({ min: 5, max: 25 }), fc.integer({ min: 1, max: 9 }), (links, capacity, parts) => {
        const legal = [...cuts(links.length)].filter(
          (ends) => ends.length <= parts && Math.max(...sums(links, ends, "bytes")) <= capacity,
        );
        const best =
          legal.length === 0 ? null : Math.min(...legal.map((ends) => Math.max(...sums(links, ends, "load"))));
        const cut = balancedCut(links, capacity, parts);
        expect([cut?.largestLoad ?? null, cut?.bound ?? null]).toEqual([best, best]);
        if (cut !== null) expect(Math.max(...sums(links, cut.ends, "bytes"))).toBeLessThanOrEqual(capacity);
      }),
    );
  });
});
