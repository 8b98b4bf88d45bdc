/** wsc.config.*: what it may say, and `wsc compile` by it. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readConfig } from "../../compiler/project/config.ts";
import { wsc } from "../cli/run-cli.ts";
import { digitsModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("config");
afterAll(scratch.remove);

const write = (name: string, text: string): string => {
  const folder = path.join(scratch.path, name);
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name === "typed" ? "wsc.config.ts" : "wsc.config.json");
  writeFileSync(file, text);
  return file;
};

const json = (config: unknown): string => JSON.stringify(config);

describe("readConfig", () => {
  it("fills in defaults and folders", async () => {
    const config = { defaults: { target: "wse3", seed: 3 }, models: { a: { source: "a.onnx", seed: 4 } } };
    const file = write("plain", json(config));
    expect(await readConfig(file)).toEqual([
      {
        name: "a",
        source: path.join(path.dirname(file), "a.onnx"),
        output: path.join(path.dirname(file), "build", "a"),
        options: { target: "wse3", seed: 4 },
        passes: [],
      },
    ]);
  });

  it.each([
    ["no models", { models: {} }, "models names no model"],
    ["an unknown property", { models: { a: { source: "a", tarket: "wse2" } } }, 'has an unknown property "tarket"'],
    ["a value of another kind", { models: { a: { source: "a", dims: { n: "1" } } } }, "models.a.dims.n"],
    ["constraints", { models: { a: { source: "a", constraints: { pins: [{ x: 0 }] } } } }, 'pins[0] lacks "layer"'],
  ])("refuses %s by name", async (name, config, message) => {
    await expect(readConfig(write(name.replaceAll(" ", "-"), json(config)))).rejects.toThrow(message);
  });

  it("refuses what is no configuration", async () => {
    await expect(readConfig(write("broken", "{"))).rejects.toThrow("cannot be loaded");
    await expect(readConfig(path.join(scratch.path, "none.json"))).rejects.toThrow("cannot be read (ENOENT)");
  });
});

describe("wsc compile in a project", () => {
  it("compiles the models of wsc.config.ts, keeps them, and names what there is", async () => {
    const file = write(
      "typed",
      `const target: string = "wse3";
       export default { models: { digits: { source: "digits.onnx", target, fuse: false } } };`,
    );
    const folder = path.dirname(file);
    copyFileSync(digitsModel, path.join(folder, "digits.onnx"));
    const first = await wsc(["compile", "--json"], folder);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(first.stdout)).toMatchObject([{ model: "digits", target: "wse3", isKept: false }]);
    expect(existsSync(path.join(folder, "build", "digits", "program.json"))).toBe(true);
    const second = await wsc(["compile", "digits"], folder);
    expect(second.stdout).toContain("unchanged ");
    expect((await wsc(["compile", "digit"], folder)).stderr).toContain('did you mean "digits"');
    // the script that stood in for the typed one is gone
    expect(readdirSync(folder).toSorted()).toEqual(["build", "digits.onnx", "wsc.config.ts"]);
  });

  it("asks for a model where there is no project", async () => {
    const empty = path.join(scratch.path, "empty");
    mkdirSync(empty);
    const { code, stderr } = await wsc(["compile"], empty);
    expect(code).toBe(2);
    expect(stderr).toContain("a model is needed, or a configuration in this folder");
  });
});
