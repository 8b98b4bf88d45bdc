/** A compiled folder read back: what was compiled, checked part by part. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { CompiledModel } from "../../compiler/compile.ts";
import { readArtifact } from "../../compiler/read-artifact.ts";
import { printKernelGraph } from "../../ir/kernel-graph-text.ts";
import { printPlacementJson } from "../../ir/placement-json.ts";
import { printGraph } from "../../ir/print.ts";
import { printProgram } from "../../ir/program-text.ts";
import { stepsIn } from "../../runtime/steps.ts";
import { digitsModel, transformerModel, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("read-back");
afterAll(scratch.remove);
const folderOf = (name: string): string => path.join(scratch.path, name);
const at = (name: string): string => path.join(folderOf("altered"), name);
let compiled: CompiledModel;
beforeAll(async () => {
  compiled = await writeProgram(transformerModel, folderOf("original"));
  await writeProgram(digitsModel, folderOf("other"));
});
beforeEach(() => {
  rmSync(folderOf("altered"), { recursive: true, force: true });
  cpSync(folderOf("original"), folderOf("altered"), { recursive: true });
});

describe("a compiled folder", () => {
  it("gives back graph, layers, placement and program", async () => {
    const { graph, kernels, placement, program } = await readArtifact(folderOf("original"));
    expect(printGraph(graph)).toBe(printGraph(compiled.graph));
    expect(printKernelGraph(kernels)).toBe(printKernelGraph(compiled.kernels));
    expect(printPlacementJson(placement)).toBe(printPlacementJson(compiled.placement));
    expect(printProgram(program)).toBe(printProgram(compiled.compiled.program));
  });

  it("has no weights in its texts: their digests stand for them", () => {
    const text = readFileSync(path.join(folderOf("original"), "graph.txt"), "utf8");
    expect(text).toMatch(/constant blob "h128:[0-9a-f]{32}"/);
    expect(text.length).toBeLessThan(100_000);
  });

  it("has steps that name the ops that they stand for", async () => {
    const { graph, program } = await readArtifact(folderOf("original"));
    const names = new Set(graph.ops.flatMap(({ origin }) => origin));
    const steps = [...stepsIn(program)];
    expect(steps.length).toBeGreaterThan(5);
    for (const { origin } of steps) {
      expect(origin.length).toBeGreaterThan(0);
      for (const name of origin) expect(names).toContain(name);
    }
  });

  it.each(["graph.txt", "kernels.txt", "placement.json", "program.json", "weights.bin", "kernels.wasm", "report.html"])(
    "is refused by name when %s has been altered or is missing",
    async (name) => {
      writeFileSync(at(name), Buffer.concat([readFileSync(at(name)), Buffer.from(" ")]));
      const message = new RegExp(`WSC7004: ${name.replace(".", "\\.")}: .*`);
      await expect(readArtifact(folderOf("altered"))).rejects.toThrow(message);
      rmSync(at(name));
      await expect(readArtifact(folderOf("altered"))).rejects.toThrow(message);
    },
  );

  it.each(["graph.txt", "kernels.txt", "placement.json", "program.json"])(
    "is refused by name when %s is another model's or none, also without a look at digests",
    async (name) => {
      for (const content of [readFileSync(path.join(folderOf("other"), name)), "", "{}"]) {
        writeFileSync(at(name), content);
        await expect(readArtifact(folderOf("altered"), { verify: false })).rejects.toThrow("WSC7004");
      }
    },
  );
});
