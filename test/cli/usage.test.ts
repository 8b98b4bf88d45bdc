import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import path from "node:path";
import { digitsModel, root } from "../helpers/programs.ts";
import { wsc } from "./run-cli.ts";

const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { readonly version: string };

describe("wsc", () => {
  it.each(["--version", "-V"])("%s prints the version and nothing else", async (flag) => {
    expect(await wsc([flag])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("--help names every command", async () => {
    const { code, stdout, stderr } = await wsc(["--help"]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    for (const command of ["compile", "run", "inspect", "targets", "ops"]) expect(stdout).toContain(`wsc ${command}`);
  });

  it("compile --help names every option", async () => {
    const { code, stdout } = await wsc(["compile", "--help"]);
    expect(code).toBe(0);
    for (const option of ["--output", "--target", "--emit", "--print-after", "--dim", "--time-limit", "--json"]) {
      expect(stdout).toContain(option);
    }
  });

  it.each<[string, readonly string[], string]>([
    ["no command", [], "a command is needed"],
    ["an unknown command", ["complie", "model.onnx"], 'did you mean "compile"?'],
    ["an unknown option", ["compile", digitsModel, "--fast"], "--fast"],
    ["a mistyped option", ["compile", digitsModel, "--time-limt", "3"], "did you mean --time-limit?"],
    ["a mistyped option that is turned off", ["run", digitsModel, "--no-verfy"], "did you mean --verify?"],
    ["an option of another command", ["inspect", digitsModel, "--emit", "graph"], "--emit"],
    ["too many arguments", ["compile", digitsModel, "model.onnx"], "model.onnx"],
    ["a missing argument", ["run"], "Not enough"],
    ["an unknown choice", ["compile", digitsModel, "--emit", "poetry"], "poetry"],
    ["a mistyped choice", ["compile", digitsModel, "--emit", "grpah"], 'did you mean "graph"?'],
    ["an option without its value", ["compile", digitsModel, "--target"], "target"],
    ["a dim without a number", ["compile", digitsModel, "--dim", "batch=two"], "two"],
    ["a dim without a name", ["compile", digitsModel, "--dim", "=1"], "NAME=VALUE"],
    ["a dim without a value", ["run", digitsModel, "--dim", "batch"], "NAME=VALUE"],
    ["a pass that does not exist", ["compile", digitsModel, "--print-after", "fold-dough"], "fold-dough"],
    ["a mistyped pass", ["compile", digitsModel, "--print-after", "dead-cod"], 'did you mean "dead-code"?'],
    ["a repeat below one", ["run", digitsModel, "--random", "1", "--repeat", "0"], "--repeat"],
    ["an input without a name", ["run", digitsModel, "-i", "image.npy"], "NAME=VALUE"],
    ["a seed that is no number", ["run", digitsModel, "--random", "lucky"], "random"],
    ["a time limit that is no number", ["compile", digitsModel, "--time-limit", "soon"], "time-limit"],
  ])("refuses %s", async (_, args, mention) => {
    const { code, stdout, stderr } = await wsc(args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error WSC8001: /);
    expect(stderr).toContain(mention);
    expect(stderr).not.toMatch(/^\s*at /m);
  });
});

describe("wsc targets", () => {
  it("lists the machines", async () => {
    const { code, stdout } = await wsc(["targets"]);
    expect(code).toBe(0);
    for (const name of ["wse2", "wse3", "dojo-tile"]) expect(stdout).toMatch(new RegExp(`^${name} `, "m"));
  });

  it("prints one machine as a description that it takes back", async () => {
    const { stdout } = await wsc(["targets", "wse3"]);
    const described = JSON.parse(stdout) as { readonly name: string };
    expect(described.name).toBe("wse3");
    const list = JSON.parse((await wsc(["targets", "--json"])).stdout) as readonly { readonly name: string }[];
    expect(list).toContainEqual(described);
  });

  it("refuses a machine that it does not know", async () => {
    const { code, stderr } = await wsc(["targets", "wse9"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error WSC5001: .*wse9/);
  });
});

describe("wsc ops", () => {
  it("lists the operators with their versions", async () => {
    const { code, stdout } = await wsc(["ops"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Conv +ai\.onnx +\d/m);
    expect(stdout).toMatch(/^\d{3} operators; ai\.onnx opset 7 to \d+$/m);
  });

  it("lists them as JSON", async () => {
    const { stdout } = await wsc(["ops", "--json"]);
    const { opsets, operators } = JSON.parse(stdout) as {
      readonly opsets: { readonly oldest: number };
      readonly operators: readonly { readonly name: string; readonly domain: string }[];
    };
    expect(opsets.oldest).toBe(7);
    expect(operators.length).toBeGreaterThan(150);
    expect(operators).toContainEqual(expect.objectContaining({ name: "Softmax", domain: "ai.onnx" }));
  });

  it("says of operators by name whether they are supported", async () => {
    const { code, stdout } = await wsc(["ops", "Conv", "com.microsoft::Gelu", "--json"]);
    expect(code).toBe(0);
    const { operators } = JSON.parse(stdout) as {
      readonly operators: readonly { readonly domain: string; readonly name: string }[];
    };
    const names = operators.map(({ domain, name }) => `${domain}::${name}`);
    expect(names).toEqual(["ai.onnx::Conv", "com.microsoft::Gelu", "com.microsoft.nchwc::Conv"]);
    const unknown = await wsc(["ops", "Cnv", "Relu"]);
    expect(unknown).toMatchObject({ code: 1, stdout: "" });
    expect(unknown.stderr).toMatch(/^error WSC3001: operator "Cnv" is not supported\n {2}help: did you mean "Conv"\?/);
  });
});
