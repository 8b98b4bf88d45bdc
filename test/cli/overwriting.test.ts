/** What verbs may not overwrite, from the command line; and what Ctrl-C leaves behind. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { digitsModel, dist } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("overwriting");
afterAll(scratch.remove);
const at = (name: string): string => path.join(scratch.path, name);
const model = readFileSync(digitsModel);

beforeAll(() => {
  copyFileSync(digitsModel, at("me.onnx"));
  symlinkSync("me.onnx", at("link.onnx"));
});

async function expectRefusal(args: readonly string[], message: RegExp, exitCode = 1): Promise<void> {
  const { code, stdout, stderr } = await wsc(args, scratch.path);
  expect(stderr).toMatch(message);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: "" });
}

describe("wsc does not overwrite", () => {
  it("the model, also by a link to it, nor by force", async () => {
    for (const output of ["me.onnx", "link.onnx"]) {
      const args = ["compile", "me.onnx", "--emit", "graph", "-o", output, "--force"];
      await expectRefusal(args, /^error WSC8002: .* is an input of this command/);
    }
    expect(readFileSync(at("me.onnx")).equals(model)).toBe(true);
  });

  it("a file by the name of standard output: one text goes there, anything else is refused", async () => {
    const printed = await wsc(["compile", "me.onnx", "--emit", "graph"], scratch.path);
    expect(await wsc(["compile", "me.onnx", "--emit", "graph", "-o", "-"], scratch.path)).toEqual(printed);
    await expectRefusal(["compile", "me.onnx", "-o", "-"], /^error WSC8001: "-" stands for standard output/, 2);
    await expectRefusal(
      ["run", "me.onnx", "--random", "1", "-o", "-"],
      /^error WSC8001: "-" stands for standard output/,
      2,
    );
    expect(readdirSync(scratch.path)).not.toContain("-");
  });

  it("a folder with a program.json and what else is in it", async () => {
    mkdirSync(at("web/.git"), { recursive: true });
    writeFileSync(at("web/program.json"), "{}");
    await expectRefusal(["compile", "me.onnx", "-o", "web"], /^error WSC8002: "web" holds ".git", "program.json"/);
    expect(readdirSync(at("web")).toSorted()).toEqual([".git", "program.json"]);
  });

  it("a tuning file that it did not go on from, a result that was edited, and a split of somebody else", async () => {
    writeFileSync(at("me.tuning.json"), "notes");
    await expectRefusal(["compile", "me.onnx", "--tune", "1"], /^error WSC8002: "me\.tuning\.json" was not written/);
    expect((await wsc(["run", "me.onnx", "--random", "1", "-o", "results"], scratch.path)).code).toBe(0);
    writeFileSync(at("results/probabilities.npy"), "edited");
    const again = ["run", "me.onnx", "--random", "1", "-o", "results"];
    await expectRefusal(again, /^error WSC8002: "results\/probabilities\.npy" has been changed since wsc wrote it/);
    expect((await wsc([...again, "--force"], scratch.path)).code).toBe(0);
    writeFileSync(at("split.json"), "mine");
    const split = ["partition", "me.onnx", "--wafers", "1", "-o", "split.json"];
    await expectRefusal(split, /^error WSC8002: "split\.json" was not written by wsc/);
  });
});

it("Ctrl-C leaves nothing of what was being written, and ends the command", async () => {
  const files = pathToFileURL(path.join(dist, "compiler", "files", "output-folder.js")).href;
  const script = `
    const { claimFolder } = await import(${JSON.stringify(files)});
    const folder = await claimFolder("deep/er/out", []);
    setInterval(() => {}, 1000);
    await folder.write(() => { console.log("writing"); return new Promise(() => {}); });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { cwd: scratch.path });
  await new Promise((writing) => child.stdout.once("data", writing));
  expect(readdirSync(at("deep/er"))).toHaveLength(1);
  child.kill("SIGINT");
  const signal = await new Promise((ended) =>
    child.once("exit", (_code, by) => {
      ended(by);
    }),
  );
  expect(signal).toBe("SIGINT");
  expect(readdirSync(scratch.path)).not.toContain("deep");
});
