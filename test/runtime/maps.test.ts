/** Maps of ai.onnx.ml: what a session gives and takes. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { DType } from "../../ir/dtype.ts";
import { InferenceSession, Tensor } from "../../runtime/index.ts";

import {
  f32,
  floatList,
  mapped,
  modelBytes,
  type ModelSpec,
  node,
  type NodeSpec,
  sequence,
  typed,
  unranked,
} from "../helpers/onnx-builder.ts";
import { writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "./codes.ts";

const scratch = scratchFolder("maps");
afterAll(scratch.remove);

const domain = "ai.onnx.ml";
const ml = { opset: 15, opsets: { [domain]: 1 } };

/** A classifier of rows of two, whose probabilities end as maps. */
const classifier = (rows: number | string, names: NodeSpec["attributes"]): ModelSpec => ({
  ...ml,
  inputs: { x: f32(rows, 2) },
  outputs: {
    label: typed("i64", rows),
    maps: sequence(mapped("classlabels_strings" in names ? "string" : "i64", "f32")),
  },
  nodes: [
    node(
      "LinearClassifier",
      ["x"],
      ["label", "scores"],
      { coefficients: floatList(1, 0, 0, 1), intercepts: floatList(0, 0), classlabels_ints: [4, 5] },
      { domain },
    ),
    node("ZipMap", ["scores"], ["maps"], names, { domain }),
  ],
});

const rows = (...data: readonly number[]): Tensor =>
  new Tensor("float32", Float32Array.from(data), [data.length / 2, 2]);
const opened = async (spec: ModelSpec): Promise<InferenceSession> => InferenceSession.create(await modelBytes(spec));

describe("ZipMap", () => {
  it("gives an object for each row, for any number of rows", async () => {
    const session = await opened(classifier("n", { classlabels_int64s: [9, -3] }));
    expect(session.outputMetadata[1]).toMatchObject({ type: "sequence(map(int64, float32))", isTensor: false });
    const { label, maps } = await session.run({ x: rows(1, 2, 4, 3) });
    expect(label?.data).toEqual(BigInt64Array.of(5n, 4n));
    expect(JSON.stringify(maps)).toBe('[{"9":1,"-3":2},{"9":4,"-3":3}]');
    expect((await session.run({ x: rows(7, 8) }))["maps"]).toEqual([{ "-3": 8, 9: 7 }]);
  });

  it("leaves the other outputs alone", async () => {
    const session = await opened(classifier("n", { classlabels_strings: ["x", "y"] }));
    const results = await session.run({ x: rows(1, 2) }, ["label"]);
    expect(Object.keys(results)).toEqual(["label"]);
    expect(results["label"]?.data).toEqual(BigInt64Array.of(5n));
  });

  it("takes any string for a key", async () => {
    const session = await opened(classifier(1, { classlabels_strings: ["__proto__", "toString"] }));
    const [map] = (await session.run({ x: rows(1, 2) }))["maps"] as unknown as [Record<string, number>];
    expect(Object.entries(map)).toEqual([
      ["__proto__", 1],
      ["toString", 2],
    ]);
    expect(Object.getPrototypeOf(map)).toBeNull();
  });

  it("runs from a compiled folder", async () => {
    const folder = path.join(scratch.path, "zipped");
    const file = path.join(scratch.path, "zipped.onnx");
    writeFileSync(file, await modelBytes(classifier(1, { classlabels_strings: ["b", "a"] })));
    await writeProgram(file, folder);
    const session = await InferenceSession.create(folder);
    expect(JSON.stringify((await session.run({ x: rows(1, 2) }))["maps"])).toBe('[{"a":2,"b":1}]');
  });

  it("refuses names that do not fit", async () => {
    expect(await codesOf(opened(classifier(1, { classlabels_int64s: [1] })))).toEqual(["WSC3004"]);
    expect(
      await codesOf(opened(classifier(1, { classlabels_int64s: [1, 2], classlabels_strings: ["a", "b"] }))),
    ).toEqual(["WSC3006"]);
  });
});

/** One node that takes a map. */
async function runMap(
  op: string,
  attributes: NodeSpec["attributes"],
  key: DType,
  value: DType,
  to: DType,
  map: unknown,
) {
  const spec: ModelSpec = {
    ...ml,
    inputs: { m: mapped(key, value) },
    outputs: { y: unranked(to) },
    nodes: [node(op, ["m"], ["y"], attributes, { domain })],
  };
  const session = await opened(spec);
  const { y } = await session.run({ m: map as Tensor });
  return [y?.dims, y?.data];
}

describe("maps as inputs", () => {
  it("DictVectorizer gives the values of its vocabulary", async () => {
    const words = { string_vocabulary: ["b", "a", "b", "q"] };
    const expected = [[1, 4], Float32Array.of(2.5, 1.5, 2.5, 0)];
    expect(await runMap("DictVectorizer", words, "string", "f32", "f32", { a: 1.5, b: 2.5, z: 9 })).toEqual(expected);
    expect(
      await runMap(
        "DictVectorizer",
        words,
        "string",
        "f32",
        "f32",
        new Map([
          ["b", 2.5],
          ["a", 1.5],
        ]),
      ),
    ).toEqual(expected);
    const numbers = { int64_vocabulary: [3, 1] };
    expect(await runMap("DictVectorizer", numbers, "i64", "string", "string", { 1: "x" })).toEqual([
      [1, 2],
      ["", "x"],
    ]);
    expect(
      await runMap("DictVectorizer", { string_vocabulary: ["k"] }, "string", "i64", "i64", { k: 2 ** 40 }),
    ).toEqual([[1, 1], BigInt64Array.of(1099511627776n)]);
  });

  it.each([
    // onnxruntime 1.32; for values that are strings what the C functions that it calls give
    [
      "TO_STRING",
      "f32",
      { map_form: "SPARSE", max_map: 4 },
      { 1: 1.25, 2: 1e-7 },
      ["0.f", "1.250000", "0.000000", "0.f"],
    ],
    [
      "TO_STRING",
      "f32",
      {},
      { 1: 2 ** 73, 2: -2.5, 3: Infinity },
      ["9444732965739290427392.000000", "-2.500000", "inf"],
    ],
    ["TO_INT64", "f32", {}, { 1: -2.7, 0: 2.7 }, BigInt64Array.of(2n, -2n)],
    ["TO_FLOAT", "string", {}, { 9: "inf", 5: "1.5x", 2: " -3" }, Float32Array.of(-3, 1.5, Infinity)],
    ["TO_INT64", "string", { map_form: "SPARSE", max_map: 3 }, { 1: "+12abc" }, BigInt64Array.of(0n, 12n, 0n)],
  ] as const)("CastMap %s of %s, %j", async (cast_to, value, form, map, expected) => {
    const to = { TO_STRING: "string", TO_INT64: "i64", TO_FLOAT: "f32" } as const;
    const found = await runMap("CastMap", { cast_to, ...form }, "i64", value, to[cast_to], map);
    expect(found).toEqual([[1, expected.length], expected]);
  });

  it("are checked", async () => {
    const words = (map: unknown): Promise<unknown> =>
      runMap("DictVectorizer", { string_vocabulary: ["a"] }, "string", "f32", "f32", map);
    expect(await codesOf(words({ a: "1" }))).toEqual(["WSC7002"]);
    expect(await codesOf(words([1, 2]))).toEqual(["WSC7002"]);
    expect(await codesOf(words(new Tensor("float32", [1], [1])))).toEqual(["WSC7002"]);
    expect(await codesOf(runMap("CastMap", {}, "i64", "f32", "f32", { x: 1 }))).toEqual(["WSC7002"]);
    expect(await codesOf(runMap("CastMap", {}, "i64", "string", "f32", { 1: "x" }))).toEqual(["WSC7005"]);
    const negative = runMap("CastMap", { map_form: "SPARSE", max_map: 2 }, "i64", "f32", "f32", { "-1": 1 });
    expect(await codesOf(negative)).toEqual(["WSC7005"]);
    expect(await codesOf(runMap("CastMap", {}, "string", "f32", "f32", { x: 1 }))).toEqual(["WSC3005"]);
  });
});
