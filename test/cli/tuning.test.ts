import { afterAll, describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { lowerSource } from "../../compiler/compile.ts";
import { tunableKernels } from "../../compiler/tuning/tunable-kernels.ts";
import { digitsModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { contentsOf, wsc } from "./run-cli.ts";

const scratch = scratchFolder("tuning");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

interface TuningFile {
  readonly kernels: readonly { readonly kernel: string; readonly choices: Readonly<Record<string, string>> }[];
}

interface RunSummary {
  readonly outputs: readonly { readonly max: number }[];
}

const readTuning = (name: string): TuningFile => JSON.parse(readFileSync(inScratch(name), "utf8")) as TuningFile;

describe("wsc compile --tune", () => {
  it("measures, writes its choices to a file, and the file gives the same program", async () => {
    const { code, stdout, stderr } = await wsc(["compile", digitsModel, "--tune", "0.7", "-o", "tuned"], scratch.path);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^tuning +(all \d+|\d+ of \d+) kernels tried, \d+ changed: .*\(digits\.tuning\.json\)$/m);
    expect(readTuning("digits.tuning.json").kernels.every(({ kernel }) => /^(conv|matmul|pool)\(/.test(kernel))).toBe(
      true,
    );
    const again = await wsc(
      ["compile", digitsModel, "--tuning", "digits.tuning.json", "-o", "again", "-q", "--no-keep"],
      scratch.path,
    );
    expect(again).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(contentsOf(inScratch("again"))).toEqual(contentsOf(inScratch("tuned")));
    const ran = await wsc(["run", "again", "--random", "1"], scratch.path);
    expect(ran.code).toBe(0);
  });

  it("goes on from a file, which need not be there yet", async () => {
    const args = ["compile", digitsModel, "--tune", "0.3", "--tuning", "mine.json", "-o", "mine", "--json"];
    const { stdout } = await wsc(args, scratch.path);
    expect(JSON.parse(stdout)).toMatchObject({ tuning: { file: "mine.json" } });
    const stranger = { kernel: "conv of another model", choices: { tile: "3x12" } };
    writeFileSync(inScratch("mine.json"), JSON.stringify({ format: "wsc tuning", version: 1, kernels: [stranger] }));
    const { code, stderr } = await wsc(args, scratch.path);
    expect(code).toBe(0);
    expect(stderr).toContain("warning WSC6003: conv of another model: ");
    expect(readTuning("mine.json").kernels).toContainEqual(stranger);
  });

  it("uses a file for every form of the program and for runs, and warns of what does not apply", async () => {
    const { graph } = await lowerSource(digitsModel);
    const conv = tunableKernels(graph).kernels.find(({ name }) => name.startsWith("conv("))?.name ?? "";
    const entry = { kernel: conv, choices: { tile: "1x4", magic: "on" } };
    writeFileSync(inScratch("some.json"), JSON.stringify({ format: "wsc tuning", version: 1, kernels: [entry] }));
    const emit = (...more: string[]) => wsc(["compile", digitsModel, "--emit", "wat", ...more], scratch.path);
    const [plain, tuned] = await Promise.all([emit(), emit("--tuning", "some.json")]);
    expect(tuned.code).toBe(0);
    expect(tuned.stdout).not.toBe(plain.stdout);
    expect(tuned.stderr).toMatch(/^warning WSC6003: conv\(.*the tuning wants magic to be "on"/);
    const run = async (...more: string[]): Promise<RunSummary> =>
      JSON.parse((await wsc(["run", digitsModel, "--random", "1", "--json", ...more], scratch.path)).stdout) as RunSummary;
    const [one, other] = await Promise.all([run(), run("--tuning", "some.json")]);
    expect(other.outputs.map(({ max }) => max)).toEqual(one.outputs.map(({ max }) => expect.closeTo(max, 4) as unknown));
    const missing = await wsc(["run", digitsModel, "--random", "1", "--tuning", "nowhere.json"], scratch.path);
    expect(missing.stderr).toMatch(/^error WSC1001: cannot read nowhere\.json: ENOENT/);
  }); // prettier-ignore

  it.each<readonly [string, readonly string[], number, RegExp]>([
    ["no time", ["--tune", "0"], 2, /^error WSC8001: --tune takes a number of seconds above 0/],
    ["a negative time", ["--tune=-3"], 2, /^error WSC8001: --tune/],
    ["a time that is none", ["--tune", "soon"], 2, /^error WSC8001: --tune takes a number/],
    ["a tuning without a program", ["--tune", "1", "--emit", "graph"], 2, /^error WSC8001: --tune and --emit/],
    ["a file that is not there", ["--tuning", "nowhere.json"], 1, /^error WSC6002: nowhere.json: the file cannot be read: ENOENT/],
    ["a file that is something else", ["--tuning", digitsModel], 1, /^error WSC6002: .*digits\.onnx: the file is not JSON/],
  ])("refuses %s", async (_, args, code, message) => {
    const outcome = await wsc(["compile", digitsModel, "-o", "refused", ...args], scratch.path);
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code, stdout: "" });
    expect(outcome.stderr).toMatch(message);
    expect(existsSync(inScratch("refused"))).toBe(false);
  }); // prettier-ignore

  it("leaves out a file of another version", async () => {
    writeFileSync(inScratch("next.json"), '{"format": "wsc tuning", "version": 99}');
    const { code, stderr } = await wsc(["compile", digitsModel, "--tuning", "next.json", "-o", "next"], scratch.path);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning WSC6003: next\.json: the tuning is of version 99/);
  });
});
