/** What is assumed of open sizes: proofs hold for all sizes within the ranges, other answers are written down as guards that say when they hold. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  Assumptions,
  brokenCondition,
  compareSizes,
  type DimRelation,
  guardHolds,
  NotOpen,
  provenRelation,
  showGuard,
  staticDims,
} from "../../ir/assumptions.ts";
import { addDims, type Dim, evaluateDim, floorDiv, mulDims, showDim, symbolDim } from "../../ir/dim.ts";

const [a, b] = [symbolDim("a"), symbolDim("b")];
const ranges = new Map(["a", "b"].map((name) => [name, { least: 2, most: 50 }]));
const binding = fc.tuple(fc.integer({ min: 2, max: 50 }), fc.integer({ min: 2, max: 50 })).map(
  ([x, y]) =>
    new Map([
      ["a", x],
      ["b", y],
    ]),
);
const factor = fc.integer({ min: -3, max: 3 });
const size: fc.Arbitrary<Dim> = fc
  .tuple(factor, factor, fc.integer({ min: -60, max: 60 }), fc.integer({ min: 1, max: 4 }))
  .map(([x, y, c, d]) => addDims(floorDiv(mulDims(x, a), d), mulDims(y, b), c));
const relation = fc.constantFrom<DimRelation>("==", "<", "<=");

describe("assumptions", () => {
  test("what is proven holds for all sizes within the ranges", () => {
    fc.assert(
      fc.property(size, relation, size, binding, (left, asked, right, sizes) => {
        const proven = provenRelation(left, asked, right, ranges);
        const holds = compareSizes(evaluateDim(left, sizes), asked, evaluateDim(right, sizes));
        expect(proven ?? holds).toBe(holds);
      }),
      { numRuns: 500 },
    );
  });

  test("every answer holds wherever the conditions hold", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(size, relation, size), { maxLength: 6 }),
        binding,
        binding,
        (asked, witness, sizes) => {
          const assumptions = new Assumptions(witness, ranges);
          const answers = asked.map(([left, how, right]) => assumptions.decide(left, how, right));
          expect(brokenCondition(assumptions.conditions, witness)).toBeNull();
          const meets = [...assumptions.replaced].every(([name, is]) => sizes.get(name) === evaluateDim(is, sizes));
          fc.pre(meets && brokenCondition(assumptions.conditions, sizes) === null);
          for (const [i, [left, how, right]] of asked.entries()) {
            expect(compareSizes(evaluateDim(left, sizes), how, evaluateDim(right, sizes))).toBe(answers[i]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("what ranges tell needs no guard, the same question one guard", () => {
    const assumptions = new Assumptions(
      new Map([
        ["a", 3],
        ["b", 5],
      ]),
      ranges,
    );
    expect(assumptions.decide(a, "==", 1)).toBe(false);
    expect(assumptions.decide(1, "<", addDims(a, b))).toBe(true);
    expect(assumptions.conditions.guards).toEqual([]);
    expect([assumptions.decide(a, "==", b), assumptions.decide(a, "==", b)]).toEqual([false, false]);
    expect(assumptions.decide(addDims(a, b), "<=", 8)).toBe(true);
    const { guards } = assumptions.conditions;
    expect(guards.map(showGuard)).toEqual(["a != b", "a+b <= 8"]);
    expect(
      guards.every((guard) =>
        guardHolds(
          guard,
          new Map([
            ["a", 4],
            ["b", 2],
          ]),
        ),
      ),
    ).toBe(true);
  });

  test("an equality that holds replaces a symbol, in what was assumed before as well", () => {
    const [past, seq, total] = ["past", "seq", "total"].map((name) => symbolDim(name)) as [Dim, Dim, Dim];
    const sizes = new Map([
      ["past", 4],
      ["seq", 3],
      ["total", 7],
    ]);
    const assumptions = new Assumptions(
      sizes,
      new Map([...sizes.keys()].map((name) => [name, { least: 2, most: 50 }])),
    );
    expect(assumptions.decide(total, "<=", 40)).toBe(true);
    expect(assumptions.decide(total, "==", addDims(past, seq))).toBe(true);
    expect([...assumptions.replaced].map(([name, is]) => `${name} = ${showDim(is)}`)).toEqual(["total = past+seq"]);
    expect([...assumptions.ranges.keys()]).toEqual(["past", "seq"]);
    expect(assumptions.conditions.guards.map(showGuard)).toEqual(["past+seq <= 40", "past+seq <= 50"]);
    expect(showDim(assumptions.canonical(mulDims(2, total)))).toBe("2*past+2*seq");
    expect(assumptions.decide(addDims(total, -1), "<", addDims(past, seq))).toBe(true);
    // one after the other: what stood for a symbol is replaced as well
    expect(assumptions.decide(past, "==", 4)).toBe(true);
    expect(showDim(assumptions.canonical(total))).toBe("seq+4");
  });

  test("a broken condition is named", () => {
    const assumptions = new Assumptions(
      new Map([
        ["a", 3],
        ["b", 5],
      ]),
      ranges,
    );
    assumptions.decide(a, "<", b);
    const { conditions } = assumptions;
    expect(
      brokenCondition(
        conditions,
        new Map([
          ["a", 1],
          ["b", 5],
        ]),
      ),
    ).toBe("a is 1, must be 2 to 50");
    expect(
      brokenCondition(
        conditions,
        new Map([
          ["a", 7],
          ["b", 5],
        ]),
      ),
    ).toBe("a < b");
    expect(brokenCondition(conditions, new Map([["a", 7]]))).toBe("b has no size");
  });

  test("numbers that are open are refused by name", () => {
    expect(staticDims([2, 3], "a box")).toEqual([2, 3]);
    expect(() => staticDims([2, a], "a box")).toThrow(new NotOpen("a box of [2,a]"));
  });
});
