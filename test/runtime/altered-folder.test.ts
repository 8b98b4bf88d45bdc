/** A compiled folder is loaded as it was compiled, or not at all: whatever was altered is named. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { manifestFile, parseManifest, printManifest } from "../../ir/manifest.ts";
import { digestOfBytes } from "../../runtime/digest/digest.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { digitsModel, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("altered");
afterAll(scratch.remove);
const original = path.join(scratch.path, "original");
const folder = path.join(scratch.path, "altered");
const at = (name: string): string => path.join(folder, name);

beforeAll(() => writeProgram(digitsModel, original));
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  cpSync(original, folder, { recursive: true });
});

const changeByte = (name: string, position: number): void => {
  const bytes = readFileSync(at(name));
  const index = position < 0 ? bytes.length + position : position;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  writeFileSync(at(name), bytes);
};
const changeText = (name: string, change: (text: string) => string): void => {
  const text = readFileSync(at(name), "utf8");
  const changed = change(text);
  expect(changed).not.toBe(text);
  writeFileSync(at(name), changed);
};
/** A program with those of its steps that are left. */
function withSteps(text: string, choose: (steps: readonly unknown[]) => readonly unknown[]): string {
  const program = JSON.parse(text) as { readonly steps: readonly unknown[] };
  return JSON.stringify({ ...program, steps: choose(program.steps) });
}

const image = new Tensor(
  "float32",
  Float32Array.from({ length: 400 }, (_, i) => (i % 7) / 7),
  [1, 1, 20, 20],
);
const probabilities = async (session: InferenceSession): Promise<readonly unknown[]> => [
  ...((await session.run({ image }))["probabilities"]?.data as Float32Array),
];

describe("a compiled folder", () => {
  it("that nobody has touched is loaded, from a path and from a server, with threads and without", async () => {
    const expected = await probabilities(await InferenceSession.create(folder));
    expect(expected).toHaveLength(10);
    const server: Server = createServer(({ url }, response) => {
      response.end(readFileSync(path.join(scratch.path, url ?? "")));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    try {
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      expect(await probabilities(await InferenceSession.create(`${origin}/altered/`))).toEqual(expected);
      const threaded = await InferenceSession.create(folder, { threads: 2, deterministic: true });
      expect(await probabilities(threaded)).toHaveLength(10);
      await threaded.release();
      changeByte("weights.bin", 5000);
      await expect(InferenceSession.create(`${origin}/altered/`)).rejects.toThrow(/WSC7004: weights\.bin: .*digest/);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it.each([
    ["the first weight", "weights.bin", 0],
    ["a weight", "weights.bin", 12_345],
    ["the last weight", "weights.bin", -1],
    ["the kernels", "kernels.wasm", -2],
  ])("is refused by name when %s has been altered", async (_, name, position) => {
    changeByte(name, position);
    const loading = InferenceSession.create(folder, { deterministic: true });
    await expect(loading).rejects.toThrow(new RegExp(`WSC7004: ${name.replace(".", "\\.")}: .*its digest differs`));
  });

  it.each<[string, (text: string) => string]>([
    ["no steps", (text) => withSteps(text, () => [])],
    ["one step less", (text) => withSteps(text, (steps) => steps.slice(1))],
    ["another name", (text) => text.replace("probabilities", "Probabilities")],
    ["one blank more", (text) => `${text} `],
    ["nothing", () => ""],
    ["something else", () => "[]"],
  ])("is refused when program.json has %s", async (_, change) => {
    changeText("program.json", change);
    await expect(InferenceSession.create(folder)).rejects.toThrow(/WSC7004: program\.json: /);
  });

  it("is refused by the reader of programs, too, when digests are not looked at", async () => {
    changeText("program.json", (text) => text.replace('"version": 1', '"version": 99'));
    await expect(InferenceSession.create(folder, { verify: false })).rejects.toThrow(
      /WSC7004: program\.json: version is 99, but this runtime reads 1/,
    );
  });

  it.each<[string, (text: string) => string]>([
    ["is none", () => "{}"],
    ["is not JSON", () => "manifest"],
    ["is of another version", (text) => text.replace('"version": 1', '"version": 2')],
    ["names files elsewhere", (text) => text.replace('"weights.bin"', '"../weights.bin"')],
    ["names a file twice", (text) => text.replace('"report.html"', '"weights.bin"')],
    ["has a digest of another kind", (text) => text.replace("w128:", "md5:")],
  ])("is refused when its manifest %s", async (_, change) => {
    changeText(manifestFile, change);
    await expect(InferenceSession.create(folder)).rejects.toThrow(/WSC7004: manifest\.json: /);
  });

  it("is refused without a manifest, and when the manifest leaves a file out", async () => {
    const manifest = parseManifest(readFileSync(at(manifestFile), "utf8"));
    writeFileSync(at(manifestFile), printManifest(manifest.filter(({ file }) => file !== "weights.bin")));
    await expect(InferenceSession.create(folder)).rejects.toThrow(
      /WSC7004: weights\.bin: manifest\.json does not name/,
    );
    rmSync(at(manifestFile));
    await expect(InferenceSession.create(folder)).rejects.toThrow(/WSC7004: manifest\.json: nothing says/);
  });

  it("is loaded all the same by those who ask for it", async () => {
    const expected = await probabilities(await InferenceSession.create(folder, { verify: false }));
    rmSync(at(manifestFile));
    changeByte("weights.bin", 3);
    const altered = await probabilities(await InferenceSession.create(folder, { verify: false }));
    expect(altered).toHaveLength(expected.length);
  });

  it("has the shapes that it was compiled for", async () => {
    const options = { freeDimensionOverrides: { batch: 2 }, logSeverityLevel: 4 } as const;
    const loading = InferenceSession.create(folder, { ...options, strict: true });
    await expect(loading).rejects.toThrow(/WSC7007: dim "batch" cannot be bound: a compiled folder has its shapes/);
    const expected = await probabilities(await InferenceSession.create(folder));
    expect(await probabilities(await InferenceSession.create(folder, options))).toEqual(expected);
  });

  it("has a manifest of all its files", () => {
    const manifest = parseManifest(readFileSync(at(manifestFile), "utf8"));
    expect(manifest.map(({ file }) => file)).toContain("placement.json");
    for (const { file, bytes, digest } of manifest) {
      const content = readFileSync(at(file));
      expect({ file, bytes, digest }).toEqual({ file, bytes: content.length, digest: digestOfBytes(content) });
    }
  });
});
