import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { defined } from "../../ir/access.ts";
import { inputLanes, mostLanes, sendingTo, shareOut } from "../../compiler/fabric/lanes.ts";
import type { Holder, Needer } from "../../compiler/fabric/transfer.ts";
import { nth } from "../../ir/access.ts";

/** A grid of cores, each with an interval of rows and one of columns of a matrix, which may overlap. */
const anyNeeders = fc
  .record({
    rows: fc.integer({ min: 1, max: 6 }),
    columns: fc.integer({ min: 1, max: 4 }),
    block: fc.integer({ min: 1, max: 4 }),
    halo: fc.integer({ min: 0, max: 1 }),
  })
  .map(({ rows, columns, block, halo }) => {
    const [height, width] = [rows * block, columns * block];
    const needers: Needer[] = [];
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const wanted: number[] = [];
        for (let row = Math.max(0, y * block - halo); row < Math.min(height, (y + 1) * block + halo); row++) {
          for (let column = x * block; column < (x + 1) * block; column++) wanted.push(row * width + column);
        }
        needers.push({ at: { x: 4 + x, y: 1 + y }, elements: Int32Array.from(wanted) });
      }
    }
    return { needers, elements: Array.from({ length: height * width }, (_, element) => element) };
  });

/** Runs of words that a core needs, in the order of a lane. */
function runsOf(order: Int32Array, { elements }: Needer): number {
  const wanted = new Set(elements);
  return order.filter((element, word) => wanted.has(element) && !wanted.has(order[word - 1] ?? -1)).length;
}

describe("lanes of an input", () => {
  it("take every element once, and no core takes from more than may be", () => {
    fc.assert(
      fc.property(anyNeeders, fc.constantFrom(1, 2, 4), ({ needers, elements }, limit) => {
        const lanes = inputLanes(needers, limit);
        const taken = lanes.flatMap((lane) => [...lane.elements]);
        expect(taken.toSorted((a, b) => a - b)).toEqual(elements);
        const parts = lanes.map((lane) => lane.elements);
        expect(mostLanes(parts, needers)).toBeLessThanOrEqual(limit);
        expect(lanes.map(({ y }) => y)).toEqual(lanes.map(({ y }) => y).toSorted((a, b) => a - b));
      }),
    );
  });

  it("deal words out over rows that all need them, where each core needs a part", () => {
    // four rows of four cores: a core needs the quarter of its column
    const needers = Array.from({ length: 16 }, (_, core): Needer => {
      const column = core % 4;
      return {
        at: { x: column, y: Math.floor(core / 4) },
        elements: Int32Array.from({ length: 8 }, (_unused, place) => 8 * column + place),
      };
    });
    expect(inputLanes(needers, 4).map(({ elements }) => elements.length)).toEqual([8, 8, 8, 8]);
    expect(inputLanes(needers, 1).map(({ elements }) => elements.length)).toEqual([8, 8, 8, 8]);
  });
});

describe("the order of words", () => {
  it("makes one run of what a core needs, where parts do not overlap", () => {
    fc.assert(
      fc.property(anyNeeders, ({ needers, elements }) => {
        const overlaps = elements.some(
          (element) => needers.filter((needer) => needer.elements.includes(element)).length > 1,
        );
        fc.pre(!overlaps);
        const half = elements.length >> 1;
        const holders = [elements.slice(0, half), elements.slice(half)].map((own, x) => ({
          at: { x, y: 0 },
          elements: own,
        }));
        const [all] = sendingTo([{ at: { x: 0, y: 0 }, elements }])(needers).ordered();
        const order = Int32Array.from(defined(all).elements);
        for (const needer of needers) expect(runsOf(order, needer)).toBe(1);
        // each holder sends what somebody needs of its own, and no more
        const parts = sendingTo(holders)(needers.slice(0, 1)).ordered();
        const wanted = new Set(needers[0]?.elements);
        for (const { at, elements: own } of holders) {
          const sent = parts.find((part) => part.at.x === at.x);
          const kept = sent === undefined ? [] : Array.from(sent.elements).sort((a, b) => a - b);
          expect(kept).toEqual(own.filter((element) => wanted.has(element)));
        }
      }),
    );
  });
});

describe("words over lanes", () => {
  it("are shared out evenly, in the order of the lanes, and none is lost", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5 }), (cores, lanes) => {
        const holders = Array.from({ length: cores }, (_, y): Holder => ({
          at: { x: 0, y },
          elements: [2 * y, 2 * y + 1],
        }));
        const starts = Array.from({ length: lanes }, (_, lane) => ({ x: 1, y: 3 * lane }));
        const parts = shareOut(holders, starts);
        expect(parts.flat().map(({ at }) => at.y)).toEqual(holders.map(({ at }) => at.y));
        const words = parts.map((part) => part.reduce((sum, { elements }) => sum + elements.length, 0));
        for (const count of words) expect(Math.abs(count - nth(words, 0))).toBeLessThanOrEqual(2);
      }),
    );
  });
});
