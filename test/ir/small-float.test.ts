import { describe, expect, it } from "@jest/globals";
import { getFloat16, setFloat16 } from "@petamoriken/float16";
import fc from "fast-check";
import {
  decodeSmallFloat,
  encodeSmallFloat,
  fromFloat32,
  isSmallFloat,
  type SmallFloat,
  toFloat32,
} from "../../ir/small-float.ts";

const scratch = new DataView(new ArrayBuffer(4));

function peerDecode(bits: number): number {
  scratch.setUint16(0, bits);
  return getFloat16(scratch, 0);
}

function peerEncode(value: number): number {
  scratch.setUint16(0, 0);
  setFloat16(scratch, 0, value);
  return scratch.getUint16(0);
}

const eightBit = ["f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "f8e8m0"] as const;
const all: readonly SmallFloat[] = ["f16", "bf16", ...eightBit, "f4e2m1"];
/** Where two lists differ; comparing long lists element by element in the matcher would take seconds. */
const differences = (a: ArrayLike<number>, b: ArrayLike<number>): number[] =>
  a.length === b.length ? Array.from(a, (_, i) => i).filter((i) => !Object.is(a[i], b[i])) : [-1];
const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b));
const patternsOf = (dtype: SmallFloat): number => (dtype.endsWith("16") ? 65_536 : dtype === "f4e2m1" ? 16 : 256);

describe("f16 against an independent implementation", () => {
  it("decodes all 65,536 patterns alike", () => {
    const patterns = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const expected = Float32Array.from(patterns, peerDecode);
    expect(expected.filter(Number.isNaN)).toHaveLength(2 * 1023);
    expect(differences(toFloat32("f16", patterns), expected)).toEqual([]);
  });

  it("rounds alike at, beside and between all neighbours", () => {
    const wrong: number[] = [];
    const check = (value: number): void => {
      if (encodeSmallFloat("f16", value) !== peerEncode(value)) wrong.push(value);
    };
    for (let pattern = 0; pattern < 0x7c00; pattern++) {
      const here = peerDecode(pattern);
      const next = pattern === 0x7bff ? 65_536 : peerDecode(pattern + 1);
      const middle = (here + next) / 2;
      for (const value of [here, middle, middle * (1 - 2 ** -52), middle * (1 + 2 ** -52)]) {
        check(value);
        check(-value);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("rounds any double alike", () => {
    fc.assert(fc.property(fc.double({ noNaN: true }), (x) => encodeSmallFloat("f16", x) === peerEncode(x)));
    fc.assert(fc.property(fc.double({ min: -70_000, max: 70_000, noNaN: true }), (x) => encodeSmallFloat("f16", x) === peerEncode(x))); // prettier-ignore
  });
});

describe("bf16", () => {
  it("is the upper half of f32", () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const halves = Uint32Array.from(bits, (b) => b * 65_536);
    expect(differences(toFloat32("bf16", bits), new Float32Array(halves.buffer))).toEqual([]);
  });

  it("rounds f32 to nearest even on its bits", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (x) => {
        scratch.setFloat32(0, x);
        const bits = scratch.getUint32(0);
        const expected = Math.abs(x) === Infinity ? bits >>> 16 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
        expect(encodeSmallFloat("bf16", x)).toBe(expected);
      }),
    );
  });
});

describe.each(all)("%s", (dtype) => {
  const patterns = Array.from({ length: patternsOf(dtype) }, (_, i) => i);

  it("encodes every value that it decodes to the same pattern", () => {
    const isExact = (value: number): boolean =>
      Number.isFinite(value) || (!Number.isNaN(value) && !dtype.startsWith("f8"));
    const exact = patterns.filter((pattern) => isExact(decodeSmallFloat(dtype, pattern)));
    expect(exact.length).toBeGreaterThan(patterns.length * 0.9);
    const again = exact.map((pattern) => encodeSmallFloat(dtype, decodeSmallFloat(dtype, pattern)));
    expect(differences(again, exact)).toEqual([]);
  });

  it("takes the nearest of all values", () => {
    const values = patterns.map((p) => decodeSmallFloat(dtype, p)).filter((x) => Math.abs(x) < 1100);
    const sample = fc.double({
      min: Math.max(least(values), -1000),
      max: Math.min(-least(values.map((x) => -x)), 1000),
      noNaN: true,
    });
    fc.assert(
      fc.property(sample, (x) => {
        const got = decodeSmallFloat(dtype, encodeSmallFloat(dtype, x, { round: "nearest" }));
        expect(Math.abs(got - x)).toBe(least(values.map((v) => Math.abs(v - x))));
      }),
      { numRuns: dtype.endsWith("16") ? 10 : 100 },
    );
  });

  it("converts in bulk as one by one", () => {
    const bits = dtype.endsWith("16") ? Uint16Array.from(patterns) : Uint8Array.from(patterns);
    const values = toFloat32(dtype, bits);
    expect(differences(values, patterns.map((pattern) => decodeSmallFloat(dtype, pattern)))).toEqual([]); // prettier-ignore
    expect(
      differences(
        fromFloat32(dtype, values),
        Array.from(values, (x) => encodeSmallFloat(dtype, x)),
      ),
    ).toEqual([]);
  });
});

describe("known values", () => {
  // largest finite and least positive value, from the formats' definitions
  it.each([
    ["f8e4m3fn", 448, 2 ** -9],
    ["f8e4m3fnuz", 240, 2 ** -10],
    ["f8e5m2", 57_344, 2 ** -16],
    ["f8e5m2fnuz", 57_344, 2 ** -17],
    ["f8e8m0", 2 ** 127, 2 ** -127],
    ["f4e2m1", 6, 0.5],
    ["f16", 65_504, 2 ** -24],
    ["bf16", 2 ** 128 - 2 ** 120, 2 ** -133],
  ] as const)("%s spans to %d from %d", (dtype, largest, least) => {
    const values = Array.from({ length: patternsOf(dtype) }, (_, p) => decodeSmallFloat(dtype, p));
    const finite = values.filter((x) => Number.isFinite(x) && x > 0);
    expect(finite.reduce((a, b) => Math.max(a, b))).toBe(largest);
    expect(finite.reduce((a, b) => Math.min(a, b))).toBe(least);
  });

  it("f4e2m1 has eight magnitudes", () => {
    const values = [0, 1, 2, 3, 4, 5, 6, 7].map((p) => decodeSmallFloat("f4e2m1", p));
    expect(values).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6]);
  });
});

// the tables of https://onnx.ai/onnx/technical/float8.html#cast
describe("what does not fit", () => {
  const decoded = (dtype: SmallFloat, value: number, saturate: boolean): number =>
    decodeSmallFloat(dtype, encodeSmallFloat(dtype, value, { saturate }));

  it.each([
    ["f8e4m3fn", 448, NaN],
    ["f8e4m3fnuz", 240, NaN],
    ["f8e5m2", 57_344, Infinity],
    ["f8e5m2fnuz", 57_344, NaN],
  ] as const)("%s saturates or does not", (dtype, largest, otherwise) => {
    for (const large of [1e6, Infinity]) {
      expect(decoded(dtype, large, true)).toBe(largest);
      expect(decoded(dtype, -large, true)).toBe(-largest);
      expect(decoded(dtype, large, false)).toBe(otherwise);
      expect(decoded(dtype, -large, false)).toBe(-otherwise);
    }
    expect(decoded(dtype, NaN, true)).toBeNaN();
  });

  it("is judged after rounding", () => {
    expect(decoded("f8e4m3fn", 464, false)).toBe(448);
    expect(decoded("f8e4m3fn", 464.1, false)).toBeNaN();
    expect(encodeSmallFloat("f16", 65_519.99)).toBe(0x7bff);
    expect(encodeSmallFloat("f16", 65_520)).toBe(0x7c00);
  });

  it("becomes infinity in 16 bits whatever is asked for", () => {
    expect(decoded("f16", 1e9, true)).toBe(Infinity);
    expect(decoded("bf16", -1e39, true)).toBe(-Infinity);
  });

  it("becomes 6 in f4e2m1, and NaN -0", () => {
    expect([1e9, -Infinity, NaN].map((x) => decoded("f4e2m1", x, false))).toEqual([6, -6, -0]);
  });

  it("has no negative zero in fnuz formats", () => {
    expect(encodeSmallFloat("f8e4m3fnuz", -0)).toBe(0);
    expect(encodeSmallFloat("f8e5m2fnuz", -1e-9)).toBe(0);
    expect(encodeSmallFloat("f8e5m2", -0)).toBe(0x80);
  });

  it("rounds powers of two as told in f8e8m0", () => {
    const round = (x: number, mode: "up" | "down" | "nearest"): number =>
      decodeSmallFloat("f8e8m0", encodeSmallFloat("f8e8m0", x, { round: mode }));
    expect((["up", "down", "nearest"] as const).map((mode) => round(1.25, mode))).toEqual([2, 1, 1]);
    expect((["up", "down", "nearest"] as const).map((mode) => round(-3, mode))).toEqual([4, 2, 4]);
    expect(round(2 ** 127 * 1.5, "up")).toBe(2 ** 127);
    expect(encodeSmallFloat("f8e8m0", 2 ** 127 * 1.5, { saturate: false })).toBe(0xff);
    expect(encodeSmallFloat("f8e8m0", 0)).toBe(0);
    expect(encodeSmallFloat("f8e8m0", Infinity)).toBe(0xff);
  });
});

it("knows its formats by name", () => {
  expect(all.every(isSmallFloat)).toBe(true);
  expect(["f32", "i8", "toString"].some(isSmallFloat)).toBe(false);
});
