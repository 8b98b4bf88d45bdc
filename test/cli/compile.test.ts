import { afterAll, describe, expect, it } from "@jest/globals";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { digitsModel, transformerModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { contentsOf, wsc } from "./run-cli.ts";
import { optimumOf } from "../helpers/lp-reader.ts";

const scratch = scratchFolder("cli");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

const artifactFiles = [
  "build.json",
  "fabric.bin",
  "graph.txt",
  "index.d.ts",
  "index.js",
  "kernels.relaxed.wasm",
  "kernels.txt",
  "kernels.wasm",
  "manifest.json",
  "placement.json",
  "program.json",
  "report.html",
  "weights.bin",
];

describe("wsc compile", () => {
  it("writes a folder and says what happened", async () => {
    const { code, stdout, stderr } = await wsc(["compile", digitsModel, "-o", "digits"], scratch.path);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(readdirSync(inScratch("digits")).toSorted()).toEqual(artifactFiles);
    expect(stdout).toMatch(/^digits on wse2: \d+ kernels on \d+ cores/);
    expect(stdout).toContain(path.join("digits", "report.html"));
    expect(stdout).not.toContain(scratch.path);
  });

  it("gives the same bytes again", async () => {
    await wsc(["compile", digitsModel, "-o", inScratch("first"), "-q"]);
    const { stdout } = await wsc(["compile", digitsModel, "-o", inScratch("second"), "-q"]);
    expect(stdout).toBe("");
    const first = contentsOf(inScratch("first"));
    expect([...first.keys()]).toEqual(artifactFiles);
    expect(contentsOf(inScratch("second"))).toEqual(first);
  });

  it("names the folder after the model, with the permissions that folders have", async () => {
    const { code } = await wsc(["compile", digitsModel, "-q"], scratch.path);
    expect(code).toBe(0);
    mkdirSync(inScratch("usual"));
    expect(statSync(inScratch("digits.wsc")).mode).toBe(statSync(inScratch("usual")).mode);
  });

  it("prints a summary as JSON", async () => {
    const { stdout, stderr } = await wsc(["compile", digitsModel, "-o", "json", "-t", "wse3", "--json"], scratch.path);
    expect(stderr).toBe("");
    const summary = JSON.parse(stdout) as Record<string, unknown>;
    expect(summary).toMatchObject({ model: "digits", target: "wse3", folder: "json", hostOps: 0, status: "optimal" });
    expect(summary["report"]).toBe(path.join("json", "report.html"));
    expect(summary["bound"]).toBeLessThanOrEqual(summary["intervalCycles"] as number);
    expect(summary["cores"]).toBeLessThanOrEqual(summary["coresUsable"] as number);
    expect(summary["kernels"]).toBeGreaterThan(4);
  });

  it("places copies side by side", async () => {
    const run = await wsc(["compile", digitsModel, "--replicas", "3", "-o", "copies", "--json", "-q"], scratch.path);
    expect(run.stderr).toBe("");
    const summary = JSON.parse(run.stdout) as { replicas: number; intervalCycles: number };
    expect(summary.replicas).toBe(3);
    expect(readFileSync(inScratch("copies/report.html"), "utf8")).toContain('"copies":{"count":3,');
    const simulated = await wsc(["simulate", "copies"], scratch.path);
    expect(simulated.stderr).toContain("the model stands on the wafer 3 times");
  });

  it.each([
    [["--replicas", "many"], 'a whole number or auto, not "many"'],
    [["--replicas", "2", "--explain"], "--explain is about a model that stands on the wafer once"],
    [["--replicas", "2", "--emit", "ilp"], "--emit ilp is about a model that stands on the wafer once"],
  ])("refuses %j", async (given, message) => {
    const { code, stderr } = await wsc(["compile", digitsModel, ...given], scratch.path);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("replaces an earlier program, and nothing else", async () => {
    await wsc(["compile", digitsModel, "-o", inScratch("again"), "-q"]);
    expect((await wsc(["compile", digitsModel, "-o", inScratch("again"), "-q", "--no-keep"])).code).toBe(0);
    mkdirSync(inScratch("precious"));
    writeFileSync(inScratch("precious/letter.txt"), "dear");
    const { code, stderr } = await wsc(["compile", digitsModel, "-o", inScratch("precious"), "-q"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error WSC8002: .*precious/);
    expect(readdirSync(inScratch("precious"))).toEqual(["letter.txt"]);
  });

  it("compiles for a machine that a file describes", async () => {
    const described = JSON.parse((await wsc(["targets", "wse2"])).stdout) as Record<string, unknown>;
    const mesh = { ...described, name: "mesh", fabric: { width: 300, height: 200 } };
    writeFileSync(inScratch("mesh.json"), JSON.stringify(mesh));
    const { stdout } = await wsc(["compile", digitsModel, "-o", "mesh", "-t", "mesh.json", "--json"], scratch.path);
    expect(JSON.parse(stdout)).toMatchObject({ target: "mesh", status: "optimal" });
  });

  it("prints the graph after a pass on stderr", async () => {
    const { code, stdout, stderr } = await wsc(
      ["compile", digitsModel, "--emit", "kernels", "--print-after", "dead-code"],
      scratch.path,
    );
    expect(code).toBe(0);
    expect(stderr).toContain("// after dead-code");
    expect(stdout).not.toContain("// after");
  });
});

describe("wsc compile --emit", () => {
  it.each(["graph", "kernels", "placement", "program", "wat", "ilp"])("prints the %s", async (stage) => {
    const { code, stdout, stderr } = await wsc(["compile", digitsModel, "--emit", stage], scratch.path);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatchGolden(`cli/digits.${stage}`);
  });

  it.each(["graph", "kernels", "placement", "program"])("prints the %s of a transformer", async (stage) => {
    const { code, stdout } = await wsc(["compile", transformerModel, "--emit", stage], scratch.path);
    expect(code).toBe(0);
    expect(stdout).toMatchGolden(`cli/transformer.${stage}`);
  });

  it("prints an integer program whose optimum is the interval, for few layers", async () => {
    const { stdout } = await wsc(["compile", digitsModel, "--emit", "ilp"], scratch.path);
    const optimum = await optimumOf(stdout);
    const placed = await wsc(["compile", digitsModel, "--emit", "placement"], scratch.path);
    expect(placed.stdout).toContain(`objective=${optimum} bound=${optimum}`);
  });

  it("writes a file, and no folder", async () => {
    const { code, stdout } = await wsc(["compile", digitsModel, "--emit", "ilp", "-o", "sizing.lp"], scratch.path);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(readFileSync(inScratch("sizing.lp"), "utf8")).toContain("Subject To");
    expect(existsSync(inScratch("digits.wsc/sizing.lp"))).toBe(false);
  });
});
