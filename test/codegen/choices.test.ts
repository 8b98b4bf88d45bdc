/** Everything that kernel emitters offer to choose from is right: each candidate of each family against float64, in both SIMD modes. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type AskedChoice, type Choose, chooseWished, distinct, modelChoice } from "../../compiler/codegen/choice.ts";
import { expectKernels, randomNumbers } from "./harness.ts";
import { attention, conv, convTranspose, matmul, pool, randomShape, type Subject, subjectOfShape } from "./subjects.ts";
import { nth } from "./tensor-index.ts";

function askedOf({ emit }: Subject, wishes: ReadonlyMap<string, string>): readonly AskedChoice[] {
  const asked: AskedChoice[] = [];
  emit(chooseWished(wishes, asked));
  return asked;
}

function checkWishes(subject: Subject, wishes: ReadonlyMap<string, string>): void {
  const stages = subject.emit(chooseWished(wishes, []));
  try {
    expectKernels({ ...subject, stages }, subject.expected, subject.tolerance);
  } catch (error) {
    throw new Error(`with ${JSON.stringify([...wishes])}: ${String(error)}`, { cause: error });
  }
}

/** Every candidate of every choice, one changed at a time; what several forms of an algorithm offer is tried in one of them. */
function checkAll(subject: Subject): string[] {
  const algorithms = askedOf(subject, new Map()).filter(({ aspect }) => aspect === "algorithm");
  const starts = algorithms.flatMap(({ aspect, candidates }) => candidates.map((name) => new Map([[aspect, name]])));
  const tried = new Set<string>();
  for (const under of starts.length === 0 ? [new Map<string, string>()] : starts) {
    checkWishes(subject, under);
    for (const [aspect, name] of under) tried.add(`${aspect}: ${name}`);
    const family = [...under.values()].join().split(" ")[0] ?? "";
    for (const { aspect, candidates } of askedOf(subject, under).filter((asked) => asked.aspect !== "algorithm")) {
      for (const candidate of candidates.slice(1)) {
        const name = `${family} ${aspect}: ${candidate}`.trimStart();
        if (!tried.has(name)) checkWishes(subject, new Map([...under, [aspect, candidate]]));
        tried.add(name);
      }
    }
  }
  return [...tried];
}

describe("every candidate is right", () => {
  it.each<readonly [string, Subject, readonly string[]]>([
    ["matrix product", matmul({ a: [40, 37], b: [37, 29], bias: true }), ["tile: 3x12", "tile: 5x4", "rest tile: 1x16", "rows: 20 at once", "B: packed, a stream for each vector"]],
    ["product in parts", matmul({ a: [40, 1600], b: [1600, 17] }), ["run: 2 parts", "run: whole"]],
    ["product of one row", matmul({ a: [1, 66], b: [66, 21] }), ["B: packed", "B: packed, a stream for each vector"]],
    ["product with a variable B", matmul({ a: [9, 20], b: [20, 24], variable: true }), ["B: packed"]],
    ["product in blocks of rows", matmul({ a: [2, 150, 8], b: [8, 12] }), ["rows: 75 at once"]],
    ["product of bytes", matmul({ a: [9, 33], b: [33, 10], dtypes: ["u8", "i8"] }), ["tile: 1x4"]],
    ["product in float64", matmul({ a: [7, 9], b: [9, 11], dtypes: ["f64", "f64"] }), ["tile: 3x6"]],
    ["convolution", conv({ x: [1, 9, 11, 3], w: [3, 2, 3, 10], stride: 2 }), ["tile: 4x8", "rest tile: 2x12"]],
    ["3x3 convolution", conv({ x: [1, 14, 13, 9], w: [3, 3, 9, 14] }), ["algorithm: direct", "algorithm: winograd F(4,3)xF(4,3)", "algorithm: winograd F(2,3)xF(4,3)", "direct tile: 3x12", "winograd tile: 3x12", "winograd block: 9 tiles"]],
    ["3x3 convolution in groups", conv({ x: [2, 6, 6, 6], w: [3, 3, 3, 8], groups: 2 }), ["algorithm: winograd F(2,3)xF(2,3)"]],
    ["1x1 convolution", conv({ x: [1, 12, 12, 20], w: [1, 1, 20, 21], pad: 0 }), ["tile: 4x8", "rows: 72 at once"]],
    ["channels-first convolution", conv({ x: [1, 5, 7, 8], w: [13, 5, 3, 3], layout: "nchw" }), ["tile: 2x12"]],
    ["depthwise convolution", conv({ x: [1, 8, 13, 6], w: [3, 3, 1, 6], groups: 6 }), ["columns: 1", "columns: 3", "columns: 6"]],
    ["transposed convolution", convTranspose(), ["phase 0 tile: 3x4", "phase 3 rest tile: 1x8"]],
    ["maximum pooling", pool("max"), ["columns: 1", "columns: 6"]],
    ["average pooling", pool("average"), ["columns: 1", "columns: 4"]],
    ["attention", attention({ rows: 25, keys: 21, depth: 8, width: 16 }), ["scores tile: 4x8", "result tile: 3x12", "V: as it is"]],
    ["attention over many keys", attention({ rows: 20, keys: 2100, depth: 4, width: 5 }), ["rows: all", "result run: whole"]],
  ])("%s", (_, subject, some) => {
    expect(checkAll(subject)).toEqual(expect.arrayContaining([...some]));
  });
}); // prettier-ignore

/** Takes any candidate. */
function chooseRandom(seed: number): Choose {
  const random = randomNumbers(seed);
  return ({ candidates }) => nth(candidates, Math.min(candidates.length - 1, Math.floor(((random() + 1) / 2) * candidates.length))); // prettier-ignore
}

it("random choices together are right on random shapes", () => {
  fc.assert(
    fc.property(randomShape(40), (shape) => {
      const subject = subjectOfShape(shape);
      expectKernels(
        { ...subject, stages: subject.emit(chooseRandom(shape.seed)) },
        subject.expected,
        subject.tolerance,
      );
    }),
    { numRuns: 40 },
  );
});

describe("choices", () => {
  it("take the first candidate unless another one is wished", () => {
    const choice = { aspect: "tile", candidates: [3, 2, 1], words: String };
    const asked: AskedChoice[] = [];
    expect(modelChoice(choice)).toBe(3);
    expect(chooseWished(new Map([["tile", "2"]]), asked)(choice)).toBe(2);
    expect(chooseWished(new Map([["tile", "7"]]), asked)(choice)).toBe(3);
    expect(asked).toEqual([
      { aspect: "tile", candidates: ["3", "2", "1"], taken: "2" },
      { aspect: "tile", candidates: ["3", "2", "1"], taken: "3" },
    ]);
    expect(() => modelChoice<number>({ ...choice, candidates: [] })).toThrow("internal");
    expect(distinct([1, 11, 2], (value) => String(value)[0] ?? "")).toEqual([1, 2]);
  });

  it("have an aspect and words of their own", () => {
    const subjects = [matmul({ a: [40, 1600], b: [1600, 29] }), conv({ x: [1, 14, 13, 9], w: [3, 3, 9, 14] }), convTranspose(), attention({ rows: 25, keys: 21, depth: 8, width: 16 })]; // prettier-ignore
    for (const subject of subjects) {
      const asked = askedOf(subject, new Map());
      expect(new Set(asked.map(({ aspect }) => aspect)).size).toBe(asked.length);
      for (const { candidates } of asked) expect(new Set(candidates).size).toBe(candidates.length);
    }
  });
});
