/** Folders for all shapes of a model: each shape gives what a session for it alone gives, nothing is compiled, and nothing in a folder is trusted. */
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { compileFolder } from "../../compiler/project/compile-folder.ts";
import { parseFamily, printFamily } from "../../ir/open/family-text.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { modelBytes } from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { cases, type OpenCase, type Sizes } from "./cases.ts";

const scratch = scratchFolder("families");
afterAll(scratch.remove);

const names = ["perceptron", "encoder", "decoder", "decoder with a mask", "deep", "pyramid"] as const;
const caseOf = (name: string): OpenCase => {
  const found = cases[name];
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
};
const folderOf = (name: string): string => path.join(scratch.path, name.replaceAll(" ", "-"));
const modelOf = (name: string): string => `${folderOf(name)}.onnx`;

beforeAll(async () => {
  for (const name of names) {
    writeFileSync(modelOf(name), await modelBytes(caseOf(name).model));
    expect((await compileFolder(modelOf(name), folderOf(name))).kind).toBe("open");
  }
});

const tensors = (feeds: Record<string, TensorData>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape, elements }]) => [
      name,
      new Tensor(dtype === "i64" ? "int64" : "float32", elements as Float32Array, shape),
    ]),
  );

const shapes: Readonly<Record<(typeof names)[number], readonly Sizes[]>> = {
  perceptron: [{ batch: 1 }, { batch: 4 }, { batch: 1 }, { batch: 61 }, { batch: 7 }],
  encoder: [
    { batch: 2, seq: 3 },
    { batch: 1, seq: 1 },
    { batch: 1, seq: 7 },
    { batch: 3, seq: 1 },
    { batch: 2, seq: 33 },
  ],
  decoder: [
    { batch: 1, seq: 5, past: 0 },
    { batch: 1, seq: 1, past: 5 },
    { batch: 1, seq: 1, past: 0 },
    { batch: 1, seq: 1, past: 1 },
    { batch: 3, seq: 4, past: 1 },
    { batch: 2, seq: 3, past: 9 },
    { batch: 2, seq: 1, past: 60 },
  ],
  "decoder with a mask": [
    { batch: 1, seq: 5, past: 0 },
    { batch: 1, seq: 1, past: 5 },
    { batch: 2, seq: 1, past: 0 },
    { batch: 2, seq: 3, past: 9 },
  ],
  deep: [
    { batch: 2, height: 9, width: 11 },
    { batch: 1, height: 2, width: 3 },
    { batch: 1, height: 40, width: 31 },
  ],
  pyramid: [
    { batch: 1, height: 8, width: 12 },
    { batch: 1, height: 32, width: 40 },
  ],
};

test.each(names)("%s: a folder runs all shapes, and compiles nothing", async (name) => {
  const one = caseOf(name);
  const session = await InferenceSession.create(folderOf(name));
  const bytes = await modelBytes(one.model);
  for (const sizes of shapes[name]) {
    const feeds = tensors(one.feeds(sizes));
    const spies = [jest.spyOn(WebAssembly, "Module"), jest.spyOn(WebAssembly, "compile")];
    const results = await session.run(feeds);
    for (const spy of spies) expect(spy.mock.calls).toEqual([]);
    jest.restoreAllMocks();
    const alone = await InferenceSession.create(bytes);
    const expected = await alone.run(feeds);
    await alone.release();
    for (const [output, { data, dims }] of Object.entries(expected)) {
      expect(results[output]?.dims).toEqual(dims);
      expect(relativeError(results[output]?.data as Float32Array, data as Float32Array)).toBeLessThan(1e-5);
    }
  }
  await session.release();
});

test("a decoder's cache goes from program to program, and an older one may be fed again", async () => {
  const one = caseOf("decoder");
  const fromFolder = await InferenceSession.create(folderOf("decoder"));
  const fromModel = await InferenceSession.create(await modelBytes(one.model));
  const ids = (...tokens: number[]): Tensor => new Tensor("int64", tokens, [1, tokens.length]);
  const empty = (): Tensor => new Tensor("float32", new Float32Array(0), [1, 2, 0, 8]);
  const generate = async (session: InferenceSession): Promise<number[]> => {
    let results = await session.run({ ids: ids(3, 1, 4, 1), pastK: empty(), pastV: empty() });
    const prompt = results;
    const seen: number[] = [];
    const feed = async (from: typeof results, ...tokens: number[]): Promise<void> => {
      const { presentK, presentV } = from;
      results = await session.run({ ids: ids(...tokens), pastK: presentK as Tensor, pastV: presentV as Tensor });
      seen.push(...(results["y"]?.data as Float32Array));
    };
    for (const token of [5, 9, 2, 6]) await feed(results, token);
    // two tokens at once are another program's, the prompt's cache is as it was
    await feed(results, 5, 3);
    await feed(prompt, 5);
    await feed(prompt, 8, 9, 7);
    seen.push(...(prompt["presentK"]?.data as Float32Array));
    return seen;
  };
  expect(relativeError(await generate(fromFolder), await generate(fromModel))).toBeLessThan(1e-5);
});

describe("what a folder is not for is refused", () => {
  test("by the dim's name and its range", async () => {
    const folder = path.join(scratch.path, "bounded");
    const range = { least: 1, most: 20 };
    await compileFolder(modelOf("encoder"), folder, { ranges: new Map([["seq", range]]) });
    const session = await InferenceSession.create(folder);
    const { feeds } = caseOf("encoder");
    await session.run(tensors(feeds({ batch: 2, seq: 20 })));
    await expect(session.run(tensors(feeds({ batch: 2, seq: 21 })))).rejects.toThrow(
      /WSC7002: input "ids": dim seq is 21, must be 1 to 20\n {2}help: .*--dim seq=1\.\.21/,
    );
    await expect(session.run(tensors(feeds({ batch: 0, seq: 3 })))).rejects.toThrow(
      /dim batch is 0, must be at least 1/,
    );
    const { ids } = tensors(feeds({ batch: 2, seq: 4 }));
    const { mask } = tensors(feeds({ batch: 3, seq: 4 }));
    await expect(session.run({ ids: ids as Tensor, mask: mask as Tensor })).rejects.toThrow(
      /input "mask": dim batch is 3 here and 2 before/,
    );
  });

  test("by the condition that its sizes break", async () => {
    const session = await InferenceSession.create(folderOf("decoder"));
    const { feeds } = caseOf("decoder");
    await expect(session.run(tensors(feeds({ batch: 2, seq: 3, past: 70 })))).rejects.toThrow(
      /WSC7002: decoder: no program of the folder admits batch=2, seq=3, past=70: 64 >= past must hold/,
    );
  });

  test("dims may be bound when it is opened", async () => {
    const bound = (freeDimensionOverrides: Record<string, number>): Promise<InferenceSession> =>
      InferenceSession.create(folderOf("encoder"), { freeDimensionOverrides });
    const session = await bound({ seq: 4 });
    expect(session.inputMetadata[0]).toMatchObject({ shape: ["batch", 4] });
    await expect(session.run(tensors(caseOf("encoder").feeds({ batch: 1, seq: 5 })))).rejects.toThrow(
      /WSC7002: input "ids": shape \[1,5\] given, \[batch,4\] expected/,
    );
    await expect(bound({ sequence: 4 })).rejects.toThrow(/WSC7003: the folder has no dim "sequence" to bind/);
    await expect(bound({ seq: 0 })).rejects.toThrow(/WSC7002: dim seq is 0, must be at least 1/);
  });
});

describe("the text form", () => {
  const textOf = (name: string): string => readFileSync(path.join(folderOf(name), "program.json"), "utf8");

  test.each(names)("of %s prints as it was parsed", (name) => {
    const text = textOf(name);
    expect(printFamily(parseFamily(text))).toBe(text);
  });

  type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

  /** Ways to all values in a document. */
  function waysIn(value: Json, way: readonly string[] = []): readonly (readonly string[])[] {
    if (typeof value !== "object" || value === null) return [way];
    return [way, ...Object.entries(value).flatMap(([key, item]) => waysIn(item, [...way, key]))];
  }

  function changed(value: Json, [key, ...way]: readonly string[], to: Json): Json {
    if (key === undefined) return to;
    if (Array.isArray(value)) return value.map((item, at) => (String(at) === key ? changed(item, way, to) : item));
    if (typeof value !== "object" || value === null) throw new Error("no way");
    return { ...value, [key]: changed(value[key] ?? null, way, to) };
  }

  test("of a document with anything changed is refused, or gives no trace when it runs", async () => {
    const document = JSON.parse(textOf("decoder")) as Json;
    const ways = waysIn(document);
    const folder = folderOf("decoder");
    const altered = path.join(scratch.path, "altered");
    const { cpSync } = await import("node:fs");
    cpSync(folder, altered, { recursive: true });
    const { feeds } = caseOf("decoder");
    const values = fc.oneof(
      fc.constantFrom<Json>(null, true, -1, 0, 1, 7, 2 ** 31, 2 ** 40, 1e300, 0.5, "", "nobody", "past*past*1000000"),
      fc.constantFrom<Json>([], {}, "-64*seq", "floor((seq)/0)", "seq+", "9007199254740993*seq", "weights"),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(ways.length - 1), values, async (at, value) => {
        const way = ways[at] as readonly string[];
        writeFileSync(path.join(altered, "program.json"), JSON.stringify(changed(document, way, value)));
        try {
          const session = await InferenceSession.create(altered, { verify: false });
          for (const sizes of shapes.decoder.slice(0, 3)) await session.run(tensors(feeds(sizes)));
        } catch (error) {
          if (!(error instanceof WscError)) throw error;
        }
      }),
      { numRuns: 60 },
    );
  });
});
