import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import path from "node:path";
import { WscError } from "../../ir/diagnostic.ts";
import type { TunedKernel } from "../../compiler/tuning/tuning.ts";
import { parseTuning, printTuning } from "../../compiler/tuning/tuning-file.ts";
import { tuningSchema } from "../../compiler/tuning/tuning-schema.ts";

async function messagesOf(text: string): Promise<string[]> {
  const error = await parseTuning(text, "my.json").then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WscError)) throw new Error("nothing was wrong with it");
  expect(new Set(error.diagnostics.map(({ code }) => code))).toEqual(new Set(["WSC6002"]));
  return error.diagnostics.map(({ message }) => message);
}

const tuned = (choices: Readonly<Record<string, string>>): TunedKernel => ({
  choices: new Map(Object.entries(choices)),
  microseconds: null,
});

describe("tuning files", () => {
  it("have the schema that docs show", () => {
    const file = path.join(import.meta.dirname, "../../docs/tuning.schema.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(tuningSchema);
  });

  it("are sorted text", () => {
    const timed = { ...tuned({ tile: "4x8", algorithm: "winograd F2xF4" }), microseconds: { model: 81.5, tuned: 60 } };
    const text = printTuning(new Map([["matmul b", tuned({})], ["conv a", timed]])); // prettier-ignore
    expect(text).toMatchGolden("tuning/file.json");
    expect(text).toBe(printTuning(new Map([["conv a", timed], ["matmul b", tuned({})]]))); // prettier-ignore
  });

  it("read back as they were printed", async () => {
    const words = fc.string({ minLength: 1, maxLength: 20, unit: "binary" });
    const time = fc.double({ min: 0, max: 1e9, noNaN: true }).map((value) => value + 0);
    const microseconds = fc.option(fc.record({ model: time, tuned: time }, { noNullPrototype: true }));
    const names = fc.oneof(words, fc.constantFrom("__proto__", "constructor", "toString"));
    const choices = fc.array(fc.tuple(names, words)).map((list) => new Map(list));
    const kernel = fc.record({ choices, microseconds }, { noNullPrototype: true });
    const tuning = fc.array(fc.tuple(names, kernel)).map((list) => new Map(list));
    await fc.assert(
      fc.asyncProperty(tuning, async (given) => {
        const text = printTuning(given);
        const { tuning: read, warnings } = await parseTuning(text, "file");
        expect(read).toEqual(given);
        expect(warnings).toEqual([]);
        expect(printTuning(read)).toBe(text);
      }),
    );
  });

  it("of another version are left out with a warning", async () => {
    const { tuning, warnings } = await parseTuning('{"format": "wsc tuning", "version": 2, "what": "ever"}', "my.json");
    expect(tuning.size).toBe(0);
    expect(warnings).toMatchObject([{ code: "WSC6003", severity: "warning", subject: "my.json" }]);
    expect(warnings[0]?.message).toContain("version 2");
  });

  const kernels = (entries: unknown): string => JSON.stringify({ format: "wsc tuning", version: 1, kernels: entries });

  it.each([
    ["no JSON", "{", "not JSON"],
    ["another document", "[]", "must be object"],
    ["a foreign format", '{"format": "tvm", "version": 1, "kernels": []}', "format must be equal to constant"],
    ["no kernels", '{"format": "wsc tuning", "version": 1}', "kernels"],
    ["a kernel without a name", kernels([{ choices: {} }]), "kernel"],
    ["a choice that is no text", kernels([{ kernel: "a", choices: { tile: 3 } }]), "kernels.0.choices.tile must be string"],
    ["a time that is none", kernels([{ kernel: "a", choices: {}, microseconds: { model: -1, tuned: 1 } }]), "must be >= 0"],
    ["an unknown property", kernels([{ kernel: "a", choices: {}, host: "me" }]), '"host"'],
    ["a kernel twice", kernels([{ kernel: "a", choices: {} }, { kernel: "a", choices: {} }]), "stands twice"],
    ["words of any length", kernels([{ kernel: "a", choices: { tile: "x".repeat(1000) } }]), "200"],
  ])("refuse %s", async (_, text, mention) => {
    expect((await messagesOf(text)).join("\n")).toContain(mention);
  }); // prettier-ignore

  it("say what is wrong in at most ten messages", async () => {
    expect(await messagesOf(kernels(new Array(1000).fill({})))).toHaveLength(10);
  });
});
