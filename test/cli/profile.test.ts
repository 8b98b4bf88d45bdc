/** `wsc profile`: every layer with its time, what it does and touches, and the limit that follows from both. */
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import path from "node:path";
import { digitsModel, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("profile");
afterAll(scratch.remove);
beforeAll(() => writeProgram(digitsModel, path.join(scratch.path, "digits")));

interface Layer {
  readonly nodes: readonly string[];
  readonly functions: readonly string[];
  readonly milliseconds: number;
  readonly share: number;
  readonly operations: number;
  readonly bytes: number;
  readonly limit: { readonly milliseconds: number; readonly of: "arithmetic" | "memory" };
  readonly reached: number;
  readonly boundBy: string;
}

interface Profile {
  readonly limits: {
    readonly multiplyAdds: number;
    readonly reads: readonly { readonly bytes: number; readonly bytesPerSecond: number }[];
  };
  readonly run: { readonly median: number; readonly inSteps: number; readonly runs: number };
  readonly layers: readonly Layer[];
}

async function profileOf(...args: readonly string[]): Promise<Profile> {
  const { code, stdout, stderr } = await wsc(["profile", ...args, "--seconds", "0.1", "--json"], scratch.path);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Profile;
}

it("gives every layer of a folder its time, work, bytes and limit", async () => {
  const { limits, run, layers } = await profileOf("digits");
  expect(layers.map(({ nodes }) => nodes.join("+"))).toEqual([
    "features1+active1",
    "pooled1",
    "features2+active2",
    "pooled2",
    "logits",
    "probabilities",
  ]);
  expect(layers.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
  expect(layers.reduce((sum, { milliseconds }) => sum + milliseconds, 0)).toBeCloseTo(run.inSteps, 9);
  const logits = layers[4];
  // 400 values by 10 columns, which are packed to whole vectors, and a bias
  expect(logits?.operations).toBeGreaterThanOrEqual(2 * 400 * 10);
  expect(logits?.bytes).toBeGreaterThanOrEqual(4 * (400 + 400 * 10 + 10 + 10));
  expect(logits?.bytes).toBeLessThan(4 * (400 + 400 * 16 + 64));
  const [smallest] = limits.reads;
  for (const { limit, operations, milliseconds, reached } of layers) {
    expect(limit.milliseconds).toBeGreaterThanOrEqual((operations / 2 / limits.multiplyAdds) * 1000 * 0.999);
    expect(reached).toBeCloseTo(limit.milliseconds / milliseconds, 9);
  }
  expect(smallest?.bytesPerSecond).toBeGreaterThan(0);
});

it("takes models, and prints the longest layers as a table", async () => {
  const { code, stdout } = await wsc(["profile", digitsModel, "--seconds", "0.1", "--top", "2"]);
  expect(code).toBe(0);
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(/^layer +kernels +ms +share +G madd\/s +GB\/s +of limit +bound by$/);
  expect(lines[1]).toMatch(/ (arithmetic|memory|neither)$/);
  expect(lines[3]).toBe("");
  expect(lines[4]).toMatch(/^run: median [\d.]+ ms of \d+/);
});

it("refuses what is no time and no number of layers", async () => {
  expect((await wsc(["profile", digitsModel, "--seconds", "0"])).code).toBe(2);
  expect((await wsc(["profile", digitsModel, "--top", "0"])).stderr).toMatch(/WSC8001.*--top takes a number/);
});
