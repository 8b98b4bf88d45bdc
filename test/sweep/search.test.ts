/** Searches of design spaces, and frontiers. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { seededRandom } from "../../compiler/random.ts";
import { dominates, frontierOf } from "../../compiler/sweep/results/frontier.ts";
import type { Space } from "../../compiler/sweep/spec/space.ts";
import { combinationAt, combinationCount, combinationIndex } from "../../compiler/axes.ts";
import { searchPoints } from "../../compiler/sweep/state/search.ts";

/** A space without names, of which some combinations are not admitted. */
function spaceWith(lengths: readonly number[], admits: (positions: readonly number[]) => boolean = () => true): Space {
  return {
    lengths,
    size: combinationCount(lengths),
    pointAt: (index) => (admits(combinationAt(lengths, index)) ? {} : null),
    positionsOf: (index) => combinationAt(lengths, index),
    indexOf: (positions) => combinationIndex(lengths, positions),
  };
}

describe("a frontier", () => {
  it("is of the points that no other dominates", () => {
    const losses = fc.array(fc.option(fc.tuple(fc.nat(6), fc.nat(6), fc.nat(3))), { maxLength: 40 });
    fc.assert(
      fc.property(losses, (points) => {
        const plain = points.flatMap((point, i) =>
          point !== null && !points.some((other) => other !== null && dominates(other, point)) ? [i] : [],
        );
        expect(frontierOf(points)).toEqual(plain);
      }),
    );
  });
});

/** Two losses that pull apart, over four axes. */
const tradeOff = (positions: readonly number[]): readonly [number, number] => {
  const [a = 0, b = 0, c = 0, d = 0] = positions;
  return [(a - 7) ** 2 + Math.abs(b - 3) + d, (a - 2) ** 2 + Math.abs(b - 3) + (c - 5) ** 2];
};

/** Area that points dominate below a corner. */
function areaOf(losses: readonly (readonly [number, number])[], corner: readonly [number, number]): number {
  const front = frontierOf(losses).map((i) => losses[i] ?? corner);
  let [area, height] = [0, corner[1]];
  for (const [x, y] of front.toSorted(([a], [b]) => a - b)) {
    area += Math.max(0, corner[0] - x) * Math.max(0, height - y);
    height = Math.min(height, y);
  }
  return area;
}

const space = spaceWith([12, 10, 10, 8], ([a = 0, b = 0]) => (a + b) % 7 !== 3);
const evaluate = (indices: readonly number[]): Promise<ReadonlyMap<number, readonly number[]>> =>
  Promise.resolve(new Map(indices.map((index) => [index, tradeOff(space.positionsOf(index))] as const)));

describe("a search", () => {
  it("chooses the same points for the same seed, in whatever order they are done", async () => {
    const plan = { kind: "pareto", budget: 200, seed: 5 } as const;
    const first = await searchPoints(space, plan, evaluate);
    const backwards = await searchPoints(space, plan, async (indices) => evaluate(indices.toReversed()));
    expect(backwards).toEqual(first);
    expect(first).toHaveLength(200);
    expect(new Set(first).size).toBe(200);
    expect(first.every((index) => space.pointAt(index) !== null)).toBe(true);
    expect(await searchPoints(space, { ...plan, seed: 6 }, evaluate)).not.toEqual(first);
  });

  it("finds more of the frontier than as many points at random", async () => {
    const corner = [200, 200] as const;
    const area = (indices: readonly number[]): number =>
      areaOf(
        indices.map((index) => tradeOff(space.positionsOf(index))),
        corner,
      );
    for (const seed of [1, 2, 3]) {
      const found = await searchPoints(space, { kind: "pareto", budget: 150, seed }, evaluate);
      const random = seededRandom(seed + 100);
      const blind: number[] = [];
      while (blind.length < 150) {
        const index = Math.floor(random() * space.size);
        if (space.pointAt(index) !== null) blind.push(index);
      }
      expect(area(found)).toBeGreaterThan(area(blind));
    }
  });

  it("finds the best point of a plain slope, and of all points when the budget is theirs", async () => {
    const slope = spaceWith([20, 20, 20]);
    const steep = (indices: readonly number[]): Promise<ReadonlyMap<number, readonly number[]>> =>
      Promise.resolve(
        new Map(
          indices.map((index) => {
            const [a = 0, b = 0, c = 0] = slope.positionsOf(index);
            return [index, [Math.abs(a - 13) + Math.abs(b - 4) + Math.abs(c - 17)]] as const;
          }),
        ),
      );
    const found = await searchPoints(slope, { kind: "best", budget: 600, seed: 1 }, steep);
    expect(found).toContain(slope.indexOf([13, 4, 17]));
    const all = await searchPoints(spaceWith([5, 3]), { kind: "best", budget: 100, seed: 1 }, steep);
    expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i));
  });

  it("goes on where points have no figures", async () => {
    const none = (indices: readonly number[]): Promise<ReadonlyMap<number, null>> =>
      Promise.resolve(new Map(indices.map((index) => [index, null] as const)));
    expect(await searchPoints(space, { kind: "pareto", budget: 60, seed: 0 }, none)).toHaveLength(60);
  });
});
