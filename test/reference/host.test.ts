import { randomState } from "../../runtime/host/mersenne-twister.ts";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DType } from "../../ir/dtype.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { makeComplex, transformOf } from "../../runtime/host/fourier.ts";
import { hostFunctions } from "../../runtime/host/functions.ts";
import { type HostAttributes, type HostState, type HostValue, isTensor, optionalOf, sequenceOf } from "../../runtime/host/value.ts"; // prettier-ignore
import { counting, f32, i64, noise, numbers, plain, type Plain, run, tensor } from "./tensors.ts";
import { nth } from "../../runtime/reference/access.ts";

type Values = readonly [HostValue, ...HostValue[]];

function callAll(fn: string, inputs: readonly HostValue[], attributes: HostAttributes = {}, state?: HostState): Values {
  const call = hostFunctions.get(fn);
  if (call === undefined) throw new Error(`no host function ${fn}`);
  return call(inputs, attributes, state) as Values;
}

const call = (fn: string, inputs: readonly HostValue[], attributes: HostAttributes = {}): TensorData =>
  asTensor(callAll(fn, inputs, attributes)[0]);

function asTensor(value: HostValue | undefined): TensorData {
  if (value === undefined || !isTensor(value)) throw new Error("not a tensor");
  return value;
}

const text = (values: readonly string[], shape?: readonly number[]): TensorData => tensor("string", values, shape);

describe("nonZero", () => {
  it("gives coordinates by axis", () => {
    const found = call("nonZero", [f32([1, 0, NaN, 0, -2, 0], [2, 3])]);
    expect(found.shape).toEqual([2, 3]);
    expect(numbers(found)).toEqual([0, 0, 1, 0, 2, 1]);
    expect(call("nonZero", [i64([0, 0])]).shape).toEqual([1, 0]);
    expect(call("nonZero", [f32([3], [])]).shape).toEqual([0, 1]);
  });
});

describe("compress", () => {
  const x = counting("f32", [3, 2]);
  const condition = tensor("bool", [false, true, true]);

  it("keeps slices along an axis, or elements of the whole", () => {
    expect(numbers(call("compress", [x, condition], { axis: 0 }))).toEqual([2, 3, 4, 5]);
    expect(numbers(call("compress", [x, tensor("bool", [false, true])], { axis: -1 }))).toEqual([1, 3, 5]);
    expect(numbers(call("compress", [x, condition], { axis: null }))).toEqual([1, 2]);
    expect(() => call("compress", [x, condition], { axis: 1 })).toThrow(/WSC7005/u);
  });
});

describe("compress of blocks", () => {
  const types: readonly DType[] = ["i4", "u8", "f16", "i16", "f32", "f64", "i64", "string"];
  it.each(types)("takes blocks of any size as they are (%s)", (dtype) => {
    const block = fc.constantFrom(1, 2, 3, 4, 7, 8, 24, 40, 150, 300);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
        block,
        (outer, kept, inner) => {
          const of = (index: number): Plain =>
            dtype === "string"
              ? String(index)
              : dtype === "i64"
                ? BigInt(index) * 2n ** 40n
                : dtype === "i4"
                  ? (index % 16) - 8
                  : index % 100;
          const all = Array.from({ length: outer * kept.length * inner }, (_, i) => of(i));
          const result = call("compress", [tensor(dtype, all, [outer, kept.length, inner]), tensor("bool", kept)], {
            axis: 1,
          });
          const expected = all.filter((_, i) => kept[Math.floor(i / inner) % kept.length]);
          const shape = [outer, kept.filter(Boolean).length, inner];
          expect(plain(result)).toEqual(plain(tensor(dtype, expected, shape)));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("unique", () => {
  const results = (x: TensorData, attributes: HostAttributes) =>
    callAll("unique", [x], attributes).map((value) => numbers(asTensor(value)));

  it("sorts, or keeps the order of first appearance", () => {
    const x = f32([2, 1, 1, 3, 4, 3]);
    expect(results(x, { axis: null, sorted: true })).toEqual([[1, 2, 3, 4], [1, 0, 3, 4], [1, 0, 0, 2, 3, 2], [2, 1, 2, 1]]); // prettier-ignore
    expect(results(x, { axis: null, sorted: false })).toEqual([[2, 1, 3, 4], [0, 1, 3, 4], [0, 1, 1, 2, 3, 2], [1, 2, 2, 1]]); // prettier-ignore
  });

  it("compares whole slices along an axis", () => {
    const x = f32([1, 0, 0, 1, 0, 0, 2, 3, 4], [3, 3]);
    const [values, first, inverse, counts] = results(x, { axis: 0, sorted: true });
    expect([values, first, inverse, counts]).toEqual([[1, 0, 0, 2, 3, 4], [0, 2], [0, 0, 1], [2, 1]]); // prettier-ignore
  });

  it("handles 64-bit integers, strings and nothing", () => {
    const rows = [-1n, 5n, -(2n ** 40n), 7n, -1n, 4n, 2n ** 63n - 1n, 0n];
    expect(plain(call("unique", [i64(rows, [4, 2])], { axis: 0 }))).toEqual([
      -(2n ** 40n),
      7n,
      -1n,
      4n,
      -1n,
      5n,
      2n ** 63n - 1n,
      0n,
    ]);
    const unsigned = tensor("u64", [2n ** 63n + 1n, 1n, 2n ** 33n, 2n, 1n, 3n], [3, 2]);
    expect(plain(call("unique", [unsigned], { axis: 0 }))).toEqual([1n, 3n, 2n ** 33n, 2n, 2n ** 63n + 1n, 1n]);
    const [big] = callAll("unique", [i64([2n ** 60n + 1n, 2n ** 60n, 2n ** 60n])], { axis: null, sorted: 1 });
    expect(plain(asTensor(big))).toEqual([2n ** 60n, 2n ** 60n + 1n]);
    expect(plain(call("unique", [text(["b", "a", "b"])], { axis: null }))).toEqual(["a", "b"]);
    expect(call("unique", [f32([], [0])], { axis: null }).shape).toEqual([0]);
  });
});

describe("unique of many", () => {
  const drawn = (count: number, below: number): number[] =>
    numbers(noise([count], count)).map((value) => Math.floor(Math.abs(value) * 1e4) % below);
  const rowsOf = (x: TensorData, axis: number): string[] => {
    const [outer, size] = [elementCount(x.shape.slice(0, axis)), nth(x.shape, axis)];
    const inner = elementCount(x.shape) / Math.max(1, outer * size);
    const at = (o: number, row: number, i: number): string => {
      const value = x.elements[(o * size + row) * inner + i] as number | bigint;
      return typeof value === "number" ? String(value + 0) : String(value);
    };
    return Array.from({ length: size }, (_, row) =>
      Array.from({ length: outer * inner }, (__, i) => at(Math.floor(i / inner), row, i % inner)).join(),
    );
  };

  it.each([
    ["f32" as const, [3000], null],
    ["f32" as const, [400, 2], 0],
    ["f64" as const, [2, 300, 2], 1],
    ["i64" as const, [2000], null],
    ["u64" as const, [3, 200], 1],
    ["i8" as const, [500, 3], 0],
    ["bool" as const, [4, 60], 1],
  ])("%s%j along %s", (dtype, shape, axis) => {
    const kinds =
      dtype === "bool"
        ? [0, 1]
        : dtype === "u64" || dtype === "i64"
          ? [0, 1, 2 ** 40, 7, 5]
          : [0, -0, 1, 7, -3, NaN, 2.5];
    const values = drawn(elementCount(shape), kinds.length).map((kind) => nth(kinds, kind));
    const usable = dtype === "i8" ? values.map((v) => (Number.isNaN(v) ? -5 : Math.trunc(v))) : values;
    const x = tensorFrom(dtype, shape, usable);
    for (const sorted of [true, false]) {
      const [y, first, inverse, counts] = callAll("unique", [x], { axis, sorted: Number(sorted) }).map(asTensor) as [
        TensorData,
        TensorData,
        TensorData,
        TensorData,
      ];
      const rows = rowsOf(axis === null ? { ...x, shape: [elementCount(shape)] } : x, axis ?? 0);
      const distinct = rowsOf(y, axis ?? 0);
      expect(new Set(distinct).size).toBe(distinct.length);
      expect(numbers(inverse).map((group) => nth(distinct, group))).toEqual(rows);
      expect(numbers(first)).toEqual(distinct.map((row) => rows.indexOf(row)));
      expect(numbers(counts)).toEqual(distinct.map((row) => rows.filter((other) => other === row).length));
      const keys = distinct.map((row) => row.split(",").map(Number));
      const ordered = keys.every((key, i) => i === 0 || !isAbove(nth(keys, i - 1), key));
      expect(sorted ? ordered : numbers(first).every((f, i, all) => i === 0 || f > nth(all, i - 1))).toBe(true);
    }
  });

  it.each(["f32", "i64"] as const)("%s of a table's size of values, and more", (dtype) => {
    for (const count of [999, 1000, 1001, 3000]) {
      const values = Array.from({ length: 2 * count }, (_, i) => ((i * 7919) % count) - 500);
      const x = tensorFrom(dtype, [values.length], values);
      const come = values.slice(0, count);
      for (const sorted of [0, 1]) {
        const given = callAll("unique", [x], { axis: null, sorted }).map((value) => numbers(asTensor(value)));
        const distinct = sorted === 1 ? come.toSorted((a, b) => a - b) : come;
        const place = new Map(distinct.map((value, i) => [value, i]));
        const inverse = values.map((value) => place.get(value));
        expect(given).toEqual([distinct, distinct.map((value) => come.indexOf(value)), inverse, distinct.map(() => 2)]);
      }
    }
  });

  /** Lexicographically, NaN above all numbers. */
  function isAbove(x: readonly number[], y: readonly number[]): boolean {
    const at = x.findIndex((value, i) => !Object.is(value, y[i]));
    return at >= 0 && !(nth(x, at) < nth(y, at)) && !Number.isNaN(nth(y, at));
  }
});

describe("nonMaxSuppression", () => {
  const boxes = f32([0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, -0.1, 1, 0.9, 0, 10, 1, 11, 0, 10.1, 1, 11.1, 0, 100, 1, 101], [1, 6, 4]); // prettier-ignore
  const scores = f32([0.9, 0.75, 0.6, 0.95, 0.5, 0.3], [1, 1, 6]);
  const select = (most: number, iou: number, least: number) =>
    numbers(call("nonMaxSuppression", [boxes, scores, i64([most]), f32([iou]), f32([least])]));

  it("keeps the best of overlapping boxes", () => {
    expect(select(3, 0.5, 0)).toEqual([0, 0, 3, 0, 0, 0, 0, 0, 5]);
    expect(select(3, 0.5, 0.4)).toEqual([0, 0, 3, 0, 0, 0]);
    expect(select(2, 0.5, 0)).toEqual([0, 0, 3, 0, 0, 0]);
    expect(select(0, 0.5, 0)).toEqual([]);
    expect(call("nonMaxSuppression", [boxes, scores]).shape).toEqual([0, 3]);
  });

  it("keeps what the definition keeps, of negative, empty and huge boxes too", () => {
    const side = fc.oneof(fc.integer({ min: -6, max: 6 }), fc.constantFrom(-0, NaN, 1e30, -1e30, Infinity, 2 ** -140));
    const scored = fc.record({ sides: fc.tuple(side, side, side, side), score: fc.integer({ min: -3, max: 3 }) });
    const limits = fc.record({ most: fc.integer({ min: 0, max: 9 }), iou: fc.constantFrom(0, 0.25, 0.5, 1) });
    fc.assert(
      fc.property(fc.array(scored, { minLength: 1, maxLength: 14 }), limits, (list, { most, iou }) => {
        const rest = [i64([most]), f32([iou]), f32([-2])];
        const all = f32(list.flatMap(({ sides }) => sides), [1, list.length, 4]); // prettier-ignore
        const given = call("nonMaxSuppression", [all, f32(list.map(({ score }) => score), [1, 1, list.length]), ...rest]); // prettier-ignore
        const order = [...list.keys()].filter((i) => nth(list, i).score > -2);
        order.sort((i, j) => nth(list, j).score - nth(list, i).score || i - j);
        const kept: number[] = [];
        for (const i of order) {
          if (kept.length === most) break;
          if (!kept.some((j) => shareOf(nth(list, i).sides, nth(list, j).sides) > iou)) kept.push(i);
        }
        expect(numbers(given)).toEqual(kept.flatMap((i) => [0, 0, i]));
      }),
    );
  });

  /** Intersection over union of boxes in f32; 0 where they are apart, or it is not defined. */
  function shareOf(x: readonly number[], y: readonly number[]): number {
    const { fround, max, min } = Math;
    const [a, b] = [x, y].map((sides) => {
      const [t, l, d, r] = sides.map(fround) as [number, number, number, number];
      return [min(t, d), min(l, r), max(t, d), max(l, r)] as const;
    }) as [readonly [number, number, number, number], readonly [number, number, number, number]];
    const height = fround(min(a[2], b[2]) - max(a[0], b[0]));
    const width = fround(min(a[3], b[3]) - max(a[1], b[1]));
    if (!(height > 0 && width > 0)) return 0;
    const area = (box: typeof a): number => fround(fround(box[2] - box[0]) * fround(box[3] - box[1]));
    const common = fround(height * width);
    const union = fround(fround(area(a) + area(b)) - common);
    return union > 0 ? fround(common / union) : 0;
  }

  it("takes corners in any order, and centres with sizes", () => {
    const flipped = f32([1, 1, 0, 0, 0, 0.1, 1, 1.1], [1, 2, 4]);
    const two = f32([0.9, 0.8], [1, 1, 2]);
    const limits = [i64([5]), f32([0.5]), f32([0])];
    expect(numbers(call("nonMaxSuppression", [flipped, two, ...limits]))).toEqual([0, 0, 0]);
    const centred = f32([0.5, 0.5, 1, 1, 0.5, 0.6, 1, 1], [1, 2, 4]);
    expect(numbers(call("nonMaxSuppression", [centred, two, ...limits], { centerPointBox: true }))).toEqual([0, 0, 0]);
  });
});

describe("sequences", () => {
  const [a, b, c] = [f32([1]), f32([2, 3]), f32([4])];
  const sequence = sequenceOf([a, b]);

  it("insert, erase, look up and count", () => {
    expect(callAll("sequenceInsert", [sequence, c])).toEqual([sequenceOf([a, b, c])]);
    expect(callAll("sequenceInsert", [sequence, c, i64([-1], [])])).toEqual([sequenceOf([a, c, b])]);
    expect(callAll("sequenceErase", [sequence])).toEqual([sequenceOf([a])]);
    expect(callAll("sequenceErase", [sequence, i64([0], [])])).toEqual([sequenceOf([b])]);
    expect(callAll("sequenceAt", [sequence, i64([-1], [])])).toEqual([b]);
    expect(plain(call("sequenceLength", [sequence]))).toEqual([2n]);
    expect(callAll("sequenceConstruct", [a, b])).toEqual([sequence]);
    expect(callAll("sequenceEmpty", [])).toEqual([sequenceOf([])]);
    expect(sequence.elements).toEqual([a, b]);
  });

  it("refuse positions outside", () => {
    expect(() => callAll("sequenceAt", [sequence, i64([2], [])])).toThrow(/WSC7005.*position 2.*of 2/u);
    expect(() => callAll("sequenceErase", [sequenceOf([])])).toThrow(/WSC7005/u);
    expect(() => callAll("sequenceInsert", [sequence, c, i64([3], [])])).toThrow(/WSC7005/u);
  });

  it("split and join back", () => {
    const x = counting("f32", [4, 3]);
    const axes = fc.constantFrom(0, 1, -1, -2);
    fc.assert(
      fc.property(axes, fc.integer({ min: 1, max: 5 }), (axis, size) => {
        const [parts] = callAll("splitToSequence", [x, i64([size], [])], { axis });
        expect(call("concatFromSequence", [parts], { axis, newAxis: false })).toEqual(x);
      }),
    );
    const [rows] = callAll("splitToSequence", [x], { axis: 0, keepdims: 0 });
    expect(call("concatFromSequence", [rows], { axis: 0, newAxis: true })).toEqual(x);
    expect(call("concatFromSequence", [rows], { axis: -1, newAxis: true }).shape).toEqual([3, 4]);
    const [uneven] = callAll("splitToSequence", [x, i64([1, 3])], { axis: 0 });
    expect(call("concatFromSequence", [uneven], { axis: 0 })).toEqual(x);
    expect(() => callAll("splitToSequence", [x, i64([1, 1])], { axis: 0 })).toThrow(/WSC7005/u);
  });
});

describe("optionals", () => {
  const x = f32([1]);

  it("hold a value or nothing", () => {
    expect(callAll("optional", [x])).toEqual([optionalOf(x)]);
    expect(callAll("optional", [])).toEqual([optionalOf(null)]);
    expect(callAll("optionalGetElement", [optionalOf(x)])).toEqual([x]);
    expect(callAll("optionalGetElement", [x])).toEqual([x]);
    expect(() => callAll("optionalGetElement", [optionalOf(null)])).toThrow(/WSC7005/u);
    const has = [[optionalOf(x)], [x], [optionalOf(null)], []].map((inputs) => plain(call("optionalHasElement", inputs))); // prettier-ignore
    expect(has).toEqual([[1], [1], [0], [0]]);
  });
});

describe("strings", () => {
  it("concatenate, compare and choose with broadcasting", () => {
    const [column, row] = [text(["a", "b"], [2, 1]), text(["a", "ü"])];
    expect(plain(call("stringConcat", [column, row]))).toEqual(["aa", "aü", "ba", "bü"]);
    expect(plain(call("stringEqual", [column, row]))).toEqual([1, 0, 0, 0]);
    const condition = tensor("bool", [true, false]);
    expect(plain(call("stringWhere", [condition, column, row]))).toEqual(["a", "ü", "b", "ü"]);
    expect(() => call("stringConcat", [text(["a", "b"]), text(["a", "b", "c"])])).toThrow(/WSC3004/u);
  });

  it("split at delimiters or white space", () => {
    const split = (values: readonly string[], attributes: HostAttributes) => {
      const [parts, counts] = callAll("stringSplit", [text(values)], attributes);
      return [asTensor(parts).shape, plain(asTensor(parts)), numbers(asTensor(counts))];
    };
    expect(split(["a-b--c", ""], { delimiter: "-" })).toEqual([[2, 4], ["a", "b", "", "c", "", "", "", ""], [4, 1]]); // prettier-ignore
    expect(split([" a  b c "], { delimiter: null })).toEqual([[1, 3], ["a", "b", "c"], [3]]); // prettier-ignore
    expect(split(["a b c"], { delimiter: "", maxsplit: 1 })).toEqual([[1, 2], ["a", "b c"], [2]]); // prettier-ignore
    expect(split(["a.b.c"], { delimiter: ".", maxsplit: 1 })).toEqual([[1, 2], ["a", "b.c"], [2]]); // prettier-ignore
    expect(split([], {})).toEqual([[0, 0], [], []]);
  });

  it("normalize case and drop stopwords", () => {
    const normalize = (values: readonly string[], attributes: HostAttributes, shape?: readonly number[]) =>
      call("stringNormalizer", [text(values, shape)], attributes);
    const drop = { stopwords: ["Monday"], isCaseSensitive: 0, caseChangeAction: "UPPER" };
    expect(plain(normalize(["monday", "tue"], drop))).toEqual(["TUE"]);
    expect(plain(normalize(["monday", "tue"], { ...drop, isCaseSensitive: 1 }))).toEqual(["MONDAY", "TUE"]);
    const none = normalize(["Monday"], drop, [1, 1]);
    expect([none.shape, plain(none)]).toEqual([[1, 1], [""]]);
    expect(plain(normalize(["TITLE"], { caseChangeAction: "LOWER", locale: "tr_TR" }))).toEqual(["tıtle"]);
    expect(plain(normalize(["A"], { caseChangeAction: "LOWER", locale: "no such locale" }))).toEqual(["a"]);
  });

  it("match regular expressions as a whole", () => {
    const match = (pattern: string, ...values: string[]) => plain(call("regexFullMatch", [text(values)], { pattern }));
    expect(match("a+b", "aab", "aabc", "")).toEqual([1, 0, 0]);
    expect(match("a|ab", "ab")).toEqual([1]);
    expect(match("(?i)abc", "ABC")).toEqual([1]);
    expect(match("(?P<x>a)\\z", "a")).toEqual([1]);
    expect(match(String.raw`\\A`, String.raw`\A`)).toEqual([1]);
    expect(match("(\\W|^)[\\w.\\-]{0,25}@(yahoo|gmail)\\.com(\\W|$)", "a.b@gmail.com", "x@aol.com")).toEqual([1, 0]);
    expect(match("(?m)a$\\nb", "a\nb", "b\na\nb")).toEqual([1, 0]);
    expect(() => match("(", "x")).toThrow(/WSC3006/u);
  });

  it("encode labels", () => {
    const keys = text(["a", "b"]);
    const encoded = call("labelEncoder", [text(["b", "x"]), keys, i64([1, 2]), i64([-1], [])]);
    expect([encoded.dtype, ...plain(encoded)]).toEqual(["i64", 2n, -1n]);
    expect(plain(call("labelEncoder", [f32([NaN, 1]), f32([NaN]), text(["nan"]), text(["?"])]))).toEqual(["nan", "?"]);
  });
});

describe("casts", () => {
  const show = (dtype: DType, ...values: Plain[]) => plain(call("castToString", [tensor(dtype, values)]));
  const read = (to: DType, ...values: string[]) => plain(call("castFromString", [text(values)], { to }));

  it("write the shortest number that reads back", () => {
    expect(show("f32", 0.1, 1, -2.5, 16777216, 1e20, NaN, Infinity, -Infinity)).toEqual(["0.1", "1", "-2.5", "16777216", "100000000000000000000", "NaN", "INF", "-INF"]); // prettier-ignore
    expect(show("f64", 0.1 + 0.2)).toEqual(["0.30000000000000004"]);
    expect(show("i64", 2n ** 62n)).toEqual([String(2n ** 62n)]);
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        expect(read("f32", String(show("f32", value)[0]))).toEqual([value]);
      }),
    );
  });

  it("read numbers", () => {
    expect(read("f32", "3.14", "1e3", "-INF", "nan", " 7 ")).toEqual([Math.fround(3.14), 1000, -Infinity, NaN, 7]);
    expect(read("i64", "9223372036854775807", "-5", "+3", "2.9")).toEqual([2n ** 63n - 1n, -5n, 3n, 2n]);
    expect(read("f16", "1.5")).toEqual([0x3e00]);
    expect(() => read("i8", "200")).toThrow(/WSC7005.*"200".*i8/u);
    expect(() => read("f32", "12a")).toThrow(/WSC7005/u);
  });

  it("reinterpret bits", () => {
    expect(plain(call("bitCast", [f32([1])], { to: "i32" }))).toEqual([0x3f800000]);
    expect(plain(call("bitCast", [i64([-1])], { to: "u64" }))).toEqual([2n ** 64n - 1n]);
  });
});

describe("tfIdfVectorizer", () => {
  const pool = { minGramLength: 1, maxGramLength: 2, maxSkipCount: 0, ngramCounts: [0, 4], ngramIndexes: [0, 1, 2, 3, 4, 5, 6], poolInt64s: [2, 3, 5, 4, 5, 6, 7, 8, 6, 7] }; // prettier-ignore
  const x = tensor("i32", [1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8]);

  it("counts n-grams of the pool", () => {
    expect(numbers(call("tfIdfVectorizer", [x], { ...pool, mode: "TF" }))).toEqual([0, 3, 1, 0, 1, 1, 1]);
    const bigrams = { ...pool, minGramLength: 2, maxSkipCount: 5, mode: "TF" };
    expect(numbers(call("tfIdfVectorizer", [x], bigrams))).toEqual([0, 0, 0, 0, 1, 3, 1]);
  });

  it("weighs them, and takes strings by rows", () => {
    const attributes = { minGramLength: 1, maxGramLength: 1, maxSkipCount: 0, ngramCounts: [0], ngramIndexes: [1, 0], poolStrings: ["a", "b"], weights: [2, 3] }; // prettier-ignore
    const rows = text(["a", "a", "b", "c"], [2, 2]);
    const result = call("tfIdfVectorizer", [rows], { ...attributes, mode: "TFIDF" });
    expect([result.shape, numbers(result)]).toEqual([[2, 2], [0, 4, 3, 0]]); // prettier-ignore
    expect(numbers(call("tfIdfVectorizer", [rows], { ...attributes, mode: "IDF" }))).toEqual([0, 2, 3, 0]);
  });
});

describe("random functions", () => {
  const normal = { shape: [5000], dtype: "f32", mean: 3, scale: 2, seed: 7 };

  it("repeat for a seed and go on within a session", () => {
    const state = { calls: 0 };
    const draw = (attributes: HostAttributes, s?: HostState) =>
      numbers(asTensor(callAll("randomNormal", [], attributes, s)[0]));
    const first = draw(normal, state);
    expect(draw(normal)).toEqual(first);
    expect(draw(normal, state)).not.toEqual(first);
    expect(draw({ ...normal, seed: 8 })).not.toEqual(first);
  });

  it("have the moments asked for", () => {
    const moments = (values: readonly number[]) => {
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      return { mean, deviation: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) };
    };
    const gauss = moments(numbers(call("randomNormal", [], normal)));
    expect(Math.abs(gauss.mean - 3)).toBeLessThan(0.15);
    expect(Math.abs(gauss.deviation - 2)).toBeLessThan(0.15);
    const flat = numbers(call("randomUniform", [], { shape: [5000], dtype: "f64", low: -1, high: 1, seed: 1 }));
    expect(Math.abs(moments(flat).deviation - 1 / Math.sqrt(3))).toBeLessThan(0.03);
    expect(flat.every((v) => v >= -1 && v < 1)).toBe(true);
  });

  it("draw by probability", () => {
    const p = f32(new Array<number>(4000).fill(0.25));
    const ones = numbers(call("bernoulli", [p], { dtype: "bool", seed: 2 })).reduce((sum, v) => sum + v, 0);
    expect(Math.abs(ones / 4000 - 0.25)).toBeLessThan(0.04);
    const logits = f32([Math.log(0.1), Math.log(0.9), 0, -Infinity], [2, 2]);
    const drawn = call("multinomial", [logits], { sampleSize: 2000, dtype: "i64", seed: 3 });
    expect([drawn.dtype, drawn.shape]).toEqual(["i64", [2, 2000]]);
    const values = numbers(drawn);
    const share = values.slice(0, 2000).reduce((sum, v) => sum + v, 0) / 2000;
    expect(Math.abs(share - 0.9)).toBeLessThan(0.05);
    expect(values.slice(2000).every((v) => v === 0)).toBe(true);
  });
});

describe("fourier", () => {
  it.each([1, 3])("matches the definition for any length, of %d signals at once", (lanes) => {
    for (const length of [1, 2, 3, 4, 5, 8, 12, 16, 17, 32, 37, 60, 64, 74, 100, 128]) {
      const x = makeComplex(length * lanes);
      x.re.set(noise([length * lanes], length).elements as Float32Array);
      x.im.set(noise([length * lanes], length + 1).elements as Float32Array);
      const copy = { re: x.re.slice(), im: x.im.slice() };
      const spectrum = transformOf(length)(copy, makeComplex(length * lanes), lanes);
      for (let at = 0; at < length * lanes; at++) {
        const [k, lane] = [Math.floor(at / lanes), at % lanes];
        let [re, im] = [0, 0];
        for (let n = 0; n < length; n++) {
          const angle = (-2 * Math.PI * ((k * n) % length)) / length;
          const [a, b] = [x.re[n * lanes + lane] as number, x.im[n * lanes + lane] as number];
          re += a * Math.cos(angle) - b * Math.sin(angle);
          im += a * Math.sin(angle) + b * Math.cos(angle);
        }
        expect(Math.hypot((spectrum.re[at] as number) - re, (spectrum.im[at] as number) - im)).toBeLessThan(1e-11);
      }
    }
  });

  it("dft transforms along an axis and back", () => {
    const x = noise([2, 10, 3, 1], 11);
    const whole = call("dft", [x], { axis: 1, inverse: false, onesided: false });
    expect(whole.shape).toEqual([2, 10, 3, 2]);
    const half = call("dft", [x, i64([0], []), i64([1], [])], { onesided: true });
    expect(half.shape).toEqual([2, 6, 3, 2]);
    const back = call("dft", [half, i64([10], [])], { axis: 1, inverse: true, onesided: true });
    expect(back.shape).toEqual(x.shape);
    expect(Math.max(...numbers(back).map((v, i) => Math.abs(v - nth(numbers(x), i))))).toBeLessThan(1e-6);
    const there = call("dft", [whole], { axis: -3, inverse: true, onesided: false });
    expect(numbers(there).filter((_, i) => i % 2 === 0).every((v, i) => Math.abs(v - nth(numbers(x), i)) < 1e-6)).toBe(true); // prettier-ignore
  });

  it("dft of real signals of an even length goes by half of it, cut and filled up with zeros as any", () => {
    const lengths = fc.constantFrom(2, 4, 6, 10, 16, 22, 34, 40);
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 45 }), fc.integer({ min: 1, max: 3 }), (length, size, inner) => {
        const x = noise([2, size, inner, 1], length + size, "f64");
        const result = numbers(call("dft", [x, i64([length], []), i64([1], [])], { onesided: false }));
        for (let at = 0; at < 2 * length * inner; at++) {
          const [block, k, lane] = [Math.floor(at / (length * inner)), Math.floor(at / inner) % length, at % inner];
          let [re, im] = [0, 0];
          for (let n = 0; n < Math.min(size, length); n++) {
            const angle = (-2 * Math.PI * ((k * n) % length)) / length;
            const value = nth(numbers(x), (block * size + n) * inner + lane);
            re += value * Math.cos(angle);
            im += value * Math.sin(angle);
          }
          expect(Math.hypot(nth(result, 2 * at) - re, nth(result, 2 * at + 1) - im)).toBeLessThan(1e-11);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("stft transforms frames", () => {
    const signal = noise([1, 12, 1], 12);
    const result = call("stft", [signal, f32([0.5, 1, 1, 0.5])], { frameStep: 4, frameLength: 4, onesided: true });
    expect(result.shape).toEqual([1, 3, 3, 2]);
    const samples = numbers(signal);
    expect(numbers(result)[6]).toBeCloseTo(
      nth(samples, 4) / 2 + nth(samples, 5) + nth(samples, 6) + nth(samples, 7) / 2,
      6,
    );
    expect(() => call("stft", [signal], { frameStep: 1, frameLength: 13 })).toThrow(/WSC7005/u);
  });
});

describe("det", () => {
  it("multiplies pivots, with the sign of the permutation", () => {
    expect(numbers(call("det", [f32([0, 1, 1, 0, 2, 1, 1, 1], [2, 2, 2])]))).toEqual([-1, 1]);
    expect(numbers(call("det", [f32([2, 0, 1, 1, 3, 2, 1, 1, 1], [3, 3])]))[0]).toBeCloseTo(0, 6);
    expect(numbers(call("det", [f32([3], [1, 1])]))).toEqual([3]);
  });

  it("is that of the product of triangles, of any size", () => {
    for (const n of [5, 11, 12, 13, 15, 16, 17, 30]) {
      const lower = numbers(noise([n, n], n, "f64"));
      const upper = numbers(noise([n, n], n + 1, "f64"));
      let expected = 1;
      for (let i = 0; i < n; i++) expected *= 1 + nth(upper, i * n + i);
      const product = Array.from({ length: n * n }, (_, at) => {
        const [row, column] = [Math.floor(at / n), at % n];
        let sum = 0;
        for (let k = 0; k <= Math.min(row, column); k++)
          sum += (k === row ? 1 : nth(lower, row * n + k)) * (nth(upper, k * n + column) + Number(k === column));
        return sum;
      });
      const [found] = numbers(call("det", [tensor("f64", product, [n, n])]));
      expect(Math.abs((found as number) / expected - 1)).toBeLessThan(1e-8);
    }
    const twice = numbers(noise([14, 14], 3, "f64"));
    const equal = twice.map((value, at) => (at < 28 ? nth(twice, at % 14) : value));
    expect(Math.abs(nth(numbers(call("det", [tensor("f64", equal, [14, 14])])), 0))).toBeLessThan(1e-12);
  });

  it("of a product is the product", () => {
    const [a, b] = [noise([4, 4], 13), noise([4, 4], 14)];
    const ab = run({ kind: "matmul", transposeA: false, transposeB: false, epilogue: null }, a, b);
    const [of, left, right] = [ab, a, b].map((x) => nth(numbers(call("det", [x])), 0)) as [number, number, number];
    expect(of).toBeCloseTo(left * right, 5);
  });
});

describe("evaluate", () => {
  it("runs an op given as JSON", () => {
    const op = { kind: "transpose", perm: [1, 0] };
    expect(plain(call("evaluate", [text(["a", "b", "c", "d"], [2, 2])], { op }))).toEqual(["a", "c", "b", "d"]);
    expect(() => call("evaluate", [], { op: { kind: "loop" } })).toThrow("internal");
  });
});

describe("melWeightMatrix", () => {
  it("is made of triangles that peak at 1", () => {
    const scalars = [tensor("i32", [8], []), tensor("i32", [16], []), tensor("i32", [8192], []), f32([0], []), f32([4096], [])]; // prettier-ignore
    const weights = call("melWeightMatrix", scalars, { to: "f32" });
    expect(weights.shape).toEqual([9, 8]);
    const columns = Array.from({ length: 8 }, (_, c) => numbers(weights).filter((_value, i) => i % 8 === c));
    for (const column of columns) expect(Math.max(...column)).toBe(1);
  });
});

describe("MT19937", () => {
  // numpy: s = RandomState(7); s.rand(), s.rand(), s.randn(), s.randn(), s.randn(); RandomState([5, 2]).rand()
  it("gives numpy's streams", () => {
    const { uniform, normal } = randomState(7);
    const drawn = [uniform(), uniform(), normal(), normal(), normal()];
    expect(drawn).toEqual([0.07630828937395717, 0.7799187922401146, 1.690525703800356, -0.4659373705408328, 0.0328201636785844]); // prettier-ignore
    expect(randomState(5, 2).uniform()).toBe(0.7416304072852293);
  });

  // numpy: RandomState(3).binomial(1, p)
  it("draws Bernoulli trials as numpy's binomial", () => {
    const { bernoulli } = randomState(3);
    const chances = [0.2, 0.7, 0.5, 0.9, 0.01, 1, 0, 0.51, 0.3, 0.3];
    expect(chances.map(bernoulli)).toEqual([0, 0, 0, 1, 0, 1, 0, 1, 0, 0]);
  });

  it("has other streams for later calls, and reads seeds modulo 2^32", () => {
    expect(randomState(7, 1).uniform()).not.toBe(randomState(7).uniform());
    expect(randomState(-1).uniform()).toBe(randomState(2 ** 32 - 1).uniform());
  });
});
