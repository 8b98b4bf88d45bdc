/** Searches of design spaces, and frontiers. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { seededRandom } from "../../compiler/random.ts";
import { dominates, frontierOf } from "../../compiler/sweep/results/frontier.ts";
import type { Space } from "../../compiler/sweep/spec/space.ts";
import { combinationAt, combinationCount, combinationIndex } from "../../compiler/axes.ts";
import { effortRungs, entrants, promote, singleRung, stepsOf } from "../../compiler/sweep/state/rungs.ts";
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
    const first = await searchPoints(space, plan, singleRung, evaluate);
    const backwards = await searchPoints(space, plan, singleRung, async (indices) => evaluate(indices.toReversed()));
    expect(backwards).toEqual(first);
    expect(first).toHaveLength(200);
    expect(new Set(first).size).toBe(200);
    expect(first.every((index) => space.pointAt(index) !== null)).toBe(true);
    expect(await searchPoints(space, { ...plan, seed: 6 }, singleRung, evaluate)).not.toEqual(first);
  });

  it("finds more of the frontier than as many points at random", async () => {
    const corner = [200, 200] as const;
    const area = (indices: readonly number[]): number =>
      areaOf(
        indices.map((index) => tradeOff(space.positionsOf(index))),
        corner,
      );
    for (const seed of [1, 2, 3]) {
      const found = await searchPoints(space, { kind: "pareto", budget: 150, seed }, singleRung, evaluate);
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
    const found = await searchPoints(slope, { kind: "best", budget: 600, seed: 1 }, singleRung, steep);
    expect(found).toContain(slope.indexOf([13, 4, 17]));
    const all = await searchPoints(spaceWith([5, 3]), { kind: "best", budget: 100, seed: 1 }, singleRung, steep);
    expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i));
  });

  it("goes on where points have no figures", async () => {
    const none = (indices: readonly number[]): Promise<ReadonlyMap<number, null>> =>
      Promise.resolve(new Map(indices.map((index) => [index, null] as const)));
    expect(await searchPoints(space, { kind: "pareto", budget: 60, seed: 0 }, singleRung, none)).toHaveLength(60);
  });
});

describe("successive halving", () => {
  it("has steps that fit the room that there is, and does some point in full wherever there is room for one", () => {
    expect(stepsOf(effortRungs, 128)).toEqual([
      { share: 1 / 16, points: 128, onward: 32 },
      { share: 1 / 4, points: 32, onward: 8 },
      { share: 1, points: 8, onward: null },
    ]);
    expect(stepsOf(effortRungs, 1)).toEqual([{ share: 1, points: 1, onward: null }]);
    expect(stepsOf(singleRung, 7)).toEqual([{ share: 1, points: 7, onward: null }]);
    fc.assert(
      fc.property(fc.nat(60), fc.constantFrom(effortRungs, singleRung), (room, rungs) => {
        const cost = (points: number): number =>
          stepsOf(rungs, points).reduce((sum, step) => sum + step.share * step.points, 0);
        const points = entrants(rungs, room);
        expect(cost(points)).toBeLessThanOrEqual(room);
        expect(points > 0).toBe(room > 0);
        expect(cost(points + 1)).toBeGreaterThan(room);
      }),
    );
  });

  it("promotes whole fronts, and of the last one ends before what lies between", () => {
    const tried = [
      [0, 9],
      [9, 0],
      [1, 8],
      [5, 5],
      [8, 8],
    ].map((losses, index) => ({ index, losses }));
    expect(promote(tried, 4, "pareto")).toEqual([0, 1, 2, 3]);
    expect(promote(tried.toReversed(), 3, "pareto")).toEqual([0, 1, 3]);
    expect(promote(tried, 2, "pareto")).toEqual([0, 1]);
    expect(promote(tried, 2, "best")).toEqual([0, 2]);
    expect(promote(tried, 9, "best")).toEqual([0, 1, 2, 3, 4]);
  });

  type Blurred = (index: number, share: number) => readonly [number, number];
  const every = Array.from({ length: space.size }, (_, index) => index).filter((i) => space.pointAt(i) !== null);

  /** A search's frontier beside that of all points, as areas; what it has chosen, and what that has cost. */
  async function searched(
    lossesAt: Blurred,
    seed: number,
    rungs: Parameters<typeof searchPoints>[2],
  ): Promise<{ readonly share: number; readonly effort: number; readonly found: readonly number[] }> {
    let effort = 0;
    const full = new Set<number>();
    const found = await searchPoints(space, { kind: "pareto", budget: 200, seed }, rungs, (indices, share) => {
      effort += share * indices.length;
      if (share === 1) for (const index of indices) full.add(index);
      return Promise.resolve(new Map(indices.map((index) => [index, lossesAt(index, share)] as const)));
    });
    // what is chosen was done in full
    expect(new Set(found)).toEqual(full);
    const area = (indices: readonly number[]): number =>
      areaOf(
        indices.map((index) => lossesAt(index, 1)),
        [200, 200],
      );
    return { share: area(found) / area(every), effort, found };
  }

  /** What less effort leaves undone, other at every point. */
  const undone = (share: number, random: () => number): number => (12 * random() * (1 - share)) / Math.sqrt(share);

  it("finds the frontier of all points for a fortieth of their effort", async () => {
    const smooth: Blurred = (index, share) => {
      const random = seededRandom(index);
      const [a, b] = tradeOff(space.positionsOf(index));
      return [a + undone(share, random), b + undone(share, random)];
    };
    for (const seed of [1, 2, 3]) {
      const { share, effort } = await searched(smooth, seed, effortRungs);
      expect(effort).toBeLessThanOrEqual(200);
      expect(every.length / effort).toBeGreaterThan(40);
      expect(share).toBeGreaterThan(0.99);
    }
  });

  it("finds more of a frontier whose points have nothing in common with their neighbours than the same effort without trials", async () => {
    const rugged: Blurred = (index, share) => {
      const random = seededRandom(index);
      const [a, b] = [200 * random(), 200 * random()];
      return [a + undone(share, random), b + undone(share, random)];
    };
    for (const seed of [1, 2, 3]) {
      const halved = await searched(rugged, seed, effortRungs);
      const plain = await searched(rugged, seed, singleRung);
      expect(halved.share).toBeGreaterThan(plain.share);
    }
  });
});
