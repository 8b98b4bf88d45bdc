/** Open sizes: every operation agrees with arithmetic on numbers, forms are unique, text reads back. */
import fc from "fast-check";
import { describe, expect, test } from "@jest/globals";
import {
  addDims,
  boundsOf,
  ceilDiv,
  type Dim,
  divideExactly,
  evaluateDim,
  floorDiv,
  isOpenDim,
  mulDims,
  parseDim,
  sameDim,
  showDim,
  subDims,
  symbolDim,
  symbolsOf,
} from "../../ir/dim.ts";

const names = ["batch", "seq", "h", "unk 7"] as const;
const binding = fc
  .tuple(...names.map(() => fc.integer({ min: 0, max: 40 })))
  .map((sizes) => new Map(names.map((name, i) => [name, sizes[i] as number])));

/** A size, and the same size as a function of the symbols. */
interface Made {
  readonly dim: Dim;
  readonly value: (sizes: ReadonlyMap<string, number>) => number;
}

const leaf: fc.Arbitrary<Made> = fc.oneof(
  fc.integer({ min: -9, max: 9 }).map((n): Made => ({ dim: n, value: () => n })),
  fc.constantFrom(...names).map((name): Made => ({ dim: symbolDim(name), value: (s) => s.get(name) as number })),
);
const both = (made: fc.Arbitrary<Made>): fc.Arbitrary<[Made, Made]> => fc.tuple(made, made);
const { made } = fc.letrec<{ made: Made }>((tie) => ({
  made: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    both(tie("made")).map(([a, b]): Made => ({ dim: addDims(a.dim, b.dim), value: (s) => a.value(s) + b.value(s) })),
    both(tie("made")).map(([a, b]): Made => ({ dim: subDims(a.dim, b.dim), value: (s) => a.value(s) - b.value(s) })),
    both(tie("made")).map(([a, b]): Made => ({ dim: mulDims(a.dim, b.dim), value: (s) => a.value(s) * b.value(s) })),
    fc
      .tuple(tie("made"), fc.integer({ min: 1, max: 12 }))
      .map(([a, n]): Made => ({ dim: floorDiv(a.dim, n), value: (s) => Math.floor(a.value(s) / n) })),
  ),
}));

const [batch, seq, h] = [symbolDim("batch"), symbolDim("seq"), symbolDim("h")];

describe("open sizes", () => {
  test("evaluate to what the arithmetic gives", () => {
    fc.assert(
      fc.property(made, binding, ({ dim, value }, sizes) => {
        expect(evaluateDim(dim, sizes) + 0).toBe(value(sizes) + 0);
      }),
    );
  });

  test("are written and read back as the same", () => {
    fc.assert(
      fc.property(made, ({ dim }) => {
        const read = parseDim(showDim(dim));
        expect(read === null ? null : showDim(read)).toBe(showDim(dim));
      }),
    );
  });

  test("have one form: sums and products do not depend on their order, differences of equals are 0", () => {
    fc.assert(
      fc.property(made, made, made, (a, b, c) => {
        const product = mulDims(a.dim, addDims(b.dim, c.dim));
        const sums = addDims(mulDims(c.dim, a.dim), mulDims(b.dim, a.dim));
        expect(showDim(product)).toBe(showDim(sums));
        expect(sameDim(product, sums)).toBe(true);
        expect(subDims(product, sums)).toBe(0);
      }),
    );
  });

  test("lie within their bounds", () => {
    const ranges = new Map(names.map((name) => [name, { least: 0, most: 40 }]));
    fc.assert(
      fc.property(made, binding, ({ dim }, sizes) => {
        const { least, most } = boundsOf(dim, ranges);
        const value = evaluateDim(dim, sizes);
        expect(value >= least && value <= most).toBe(true);
      }),
    );
  });

  test("divide a product by its factor", () => {
    fc.assert(
      fc.property(made, made, (a, b) => {
        fc.pre(b.dim !== 0);
        expect(divideExactly(mulDims(a.dim, b.dim), b.dim)).toEqual(a.dim);
      }),
    );
  });

  test("divide only where there is no rest", () => {
    expect(divideExactly(addDims(mulDims(4, batch), 2), 2)).toEqual(addDims(mulDims(2, batch), 1));
    expect(divideExactly(addDims(mulDims(4, batch), 1), 2)).toBeNull();
    expect(divideExactly(batch, seq)).toBeNull();
    expect(divideExactly(batch, 0)).toBeNull();
  });

  test("floors lose their whole part and their common divisor, and nest into one", () => {
    expect(showDim(floorDiv(addDims(mulDims(4, h), 5), 4))).toBe("h+1");
    expect(showDim(floorDiv(addDims(mulDims(2, h), 3), 4))).toBe("floor((h+1)/2)");
    expect(showDim(ceilDiv(ceilDiv(h, 2), 2))).toBe("floor((h+3)/4)");
    expect(showDim(floorDiv(subDims(h, 1), 2))).toBe("floor((h+1)/2)-1");
  });

  test("are numbers where nothing is open", () => {
    expect(subDims(addDims(seq, 3), seq)).toBe(3);
    expect(mulDims(0, seq)).toBe(0);
    expect([mulDims(-1, 0), divideExactly(0, -3)]).toEqual([0, 0]);
    expect(isOpenDim(addDims(seq, 0))).toBe(true);
  });

  test("name their symbols", () => {
    expect(symbolsOf(addDims(mulDims(seq, batch), floorDiv(h, 2)))).toEqual(["batch", "seq", "h"]);
    expect(symbolsOf(7)).toEqual([]);
  });

  test("text that is no size is refused", () => {
    for (const text of ["", "a+", "2 3", "floor(a/2)", "floor((a)/0)", "a*", "(a)", "1.5", "a b"]) {
      expect(parseDim(text)).toBeNull();
    }
  });

  test("a symbol without size or range is a defect", () => {
    expect(() => evaluateDim(seq, new Map())).toThrow("internal: the dim seq has no size");
    expect(() => boundsOf(seq, new Map())).toThrow("internal: the dim seq has no range");
  });
});
