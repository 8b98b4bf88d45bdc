/** What wsc/testing gives to tests of others: texts for snapshots, and golden files. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { certificateText, matchers, outputsText, placementText } from "../../compiler/project/testing.ts";
import { digitsModel, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("testing");
afterAll(scratch.remove);

type Mode = "all" | "new" | "none";

const compare = (text: unknown, file: string, mode: Mode): { readonly pass: boolean; readonly said: string } => {
  const state = { testPath: path.join(scratch.path, "a.test.ts"), snapshotState: { _updateSnapshot: mode } };
  const { pass, message } = matchers.toMatchGolden.call(state, text, file);
  return { pass, said: message() };
};

describe("toMatchGolden", () => {
  const golden = path.join(scratch.path, "golden", "a.txt");

  it("writes what is not there, but not on CI", () => {
    expect(compare("one\n", "golden/a.txt", "none").pass).toBe(false);
    expect(existsSync(golden)).toBe(false);
    expect(compare("one\n", "golden/a.txt", "new").pass).toBe(true);
    expect(readFileSync(golden, "utf8")).toBe("one\n");
  });

  it("says where texts differ, and accepts by -u", () => {
    writeFileSync(golden, "one\ntwo\n");
    const { pass, said } = compare("one\nzwei\n", "golden/a.txt", "new");
    expect(pass).toBe(false);
    expect(said).toContain("differs in line 2:\n- two\n+ zwei");
    expect(compare("one\nzwei\n", "golden/a.txt", "all").pass).toBe(true);
    expect(compare("one\nzwei\n", "golden/a.txt", "none").pass).toBe(true);
    expect(() => compare(3, "golden/a.txt", "new")).toThrow("compares texts");
  });
});

describe("texts", () => {
  const folder = path.join(scratch.path, "digits");
  beforeAll(() => writeProgram(digitsModel, folder, { fuse: false }));

  it("are a placement and its certificate", async () => {
    expect(await placementText(folder)).toMatch(/^placement/);
    const lines = (await certificateText(folder)).trimEnd().split("\n");
    expect(lines.map((line) => line.split(/\s+/)[0])).toEqual(["objective", "bound", "gap", "status", "latencyCycles"]);
  });

  it("are outputs to so many digits", () => {
    const outputs = {
      y: { type: "float32", dims: [2, 2], data: Float32Array.of(1 / 3, -1e-7, 2, NaN) },
      'odd "name"': { type: "int64", dims: [10], data: BigInt64Array.from({ length: 10 }, (_, i) => BigInt(i)) },
    };
    expect(outputsText(outputs, { digits: 3, most: 9 })).toBe(
      '"y" float32 [2, 2]\n  0.333 -1e-7 2 NaN\n"odd \\"name\\"" int64 [10]\n  0 1 2 3 4 5 6 7\n  8\n  … 1 more\n',
    );
  });
});
