/** What a user's mistakes lead to: one line that says what and where, exit code 1, nothing left behind. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { encodeNpy } from "../../compiler/cli/npy.ts";
import { makeTensor, tensorFrom } from "../../ir/tensor.ts";
import { f32, modelBytes, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { digitsModel, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("cli");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

const models: Readonly<Record<string, ModelSpec>> = {
  unsupported: {
    opset: 17,
    inputs: { x: f32(2) },
    outputs: { y: f32(2) },
    nodes: [node("Frobnicate", ["x"], ["y"], {}, { name: "layer/odd" })],
  },
  mismatch: {
    opset: 17,
    inputs: { x: f32(2, 3), w: f32(4, 5) },
    outputs: { y: f32(2, 5) },
    nodes: [node("MatMul", ["x", "w"], ["y"], {}, { name: "layer/product" })],
  },
  future: { opset: 99, inputs: { x: f32(2) }, outputs: { y: f32(2) }, nodes: [node("Relu", ["x"], ["y"])] },
  open: {
    opset: 17,
    inputs: { x: f32("batch", 2) },
    outputs: { y: f32("batch", 2) },
    nodes: [node("Relu", ["x"], ["y"])],
  },
  huge: {
    opset: 17,
    inputs: { x: f32(1, 40_000) },
    outputs: { y: f32(1, 40_000) },
    nodes: [node("MatMul", ["x", "w"], ["y"], {}, { name: "layer/wide" })],
    initializers: { w: tensorFrom("f32", [1], [0]) },
  },
};

beforeAll(async () => {
  for (const [name, spec] of Object.entries(models)) writeFileSync(inScratch(`${name}.onnx`), await modelBytes(spec));
  writeFileSync(inScratch("text.onnx"), "hello, this is no model");
  writeFileSync(inScratch("empty.onnx"), "");
  writeFileSync(inScratch("wrong-shape.npy"), encodeNpy(makeTensor("f32", [1, 20, 20])) ?? "");
  writeFileSync(inScratch("wrong-type.npy"), encodeNpy(makeTensor("f64", [1, 1, 20, 20])) ?? "");
  writeFileSync(inScratch("broken.npy"), "no numpy");
  writeFileSync(inScratch("broken.pb"), Buffer.from([0x0a, 0xff, 0xff]));
  writeFileSync(inScratch("target.json"), JSON.stringify({ name: "tiny", cores: 4 }));
  writeFileSync(inScratch("no.json"), "{");
  await writeProgram(digitsModel, inScratch("digits"));
  mkdirSync(inScratch("empty-folder"));
  await writeProgram(digitsModel, inScratch("damaged"));
  writeFileSync(inScratch("damaged/weights.bin"), "short");
});

const compileFailures: readonly [string, readonly string[], RegExp][] = [
  ["a file that is not there", ["nowhere.onnx"], /^error WSC1001: .*nowhere\.onnx.*does not exist/],
  ["a folder instead of a file", ["empty-folder"], /^error WSC1\d\d\d: .*empty-folder/],
  ["a file that is no model", ["text.onnx"], /^error WSC1002: .*text\.onnx/],
  ["an empty file", ["empty.onnx"], /^error WSC1002: .*empty/],
  ["an operator that is not supported", ["unsupported.onnx"], /^error WSC3001: Frobnicate "layer\/odd"/],
  ["shapes that do not fit", ["mismatch.onnx"], /^error WSC3004: MatMul "layer\/product"/],
  ["an opset that does not exist", ["future.onnx"], /^error WSC1004: .*99/],
  ["a symbolic dim that is not bound, for a placement", ["open.onnx", "-t", "wse2"], /^error WSC2005: .*batch/],
  ["weights that lie about their size", ["huge.onnx"], /^error WSC\d{4}: .*layer\/wide/],
  ["a target that does not exist", [digitsModel, "-t", "wse9"], /^error WSC5001: .*wse9/],
  ["a target file that is not there", [digitsModel, "-t", "gone.json"], /^error WSC\d{4}: .*gone\.json/],
  ["a target file that is no JSON", [digitsModel, "-t", "no.json"], /^error WSC5001: .*no\.json/],
  ["a target description with faults", [digitsModel, "-t", "target.json"], /^error WSC5001: /],
];

const runFailures: readonly [string, readonly string[], RegExp][] = [
  ["a missing input", ["digits"], /^error WSC7001: input "image" is missing/],
  [
    "a wrong shape",
    ["digits", "-i", "image=wrong-shape.npy"],
    /^error WSC7002: input "image".*\[1,20,20\].*\[1,1,20,20\]/,
  ],
  ["a wrong type", ["digits", "-i", "image=wrong-type.npy"], /^error WSC7002: input "image".*float64.*float32/],
  ["an unknown input", ["digits", "--random", "1", "-i", "picture=wrong-type.npy"], /^error WSC7003: .*picture/],
  ["an input file that is not there", ["digits", "-i", "image=gone.npy"], /^error WSC1001: .*gone\.npy/],
  ["an input file that is no .npy", ["digits", "-i", "image=broken.npy"], /^error WSC1001: .*broken\.npy/],
  ["an input file that is no tensor", ["digits", "-i", "image=broken.pb"], /^error WSC100\d: .*broken\.pb/],
  ["a folder that is no program", ["empty-folder", "--random", "1"], /^error WSC\d{4}: .*empty-folder/],
  ["a program that is damaged", ["damaged", "--random", "1"], /^error WSC7004: .*weights\.bin/],
  ["a model that is no model", ["text.onnx", "--random", "1"], /^error WSC1002: .*text\.onnx/],
  ["an operator that is not supported", ["unsupported.onnx", "--random", "1"], /^error WSC3001: .*layer\/odd/],
];

async function expectFailure(args: readonly string[], message: RegExp): Promise<void> {
  const before = readdirSync(scratch.path).toSorted();
  const { code, stdout, stderr } = await wsc(args, scratch.path);
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).not.toMatch(/^\s*at /m);
  expect(stderr).not.toMatch(/\b(TypeError|RangeError|undefined|internal:)/);
  expect(readdirSync(scratch.path).toSorted()).toEqual(before);
}

describe("wsc compile refuses", () => {
  it.each(compileFailures)("%s", async (_, args, message) => {
    await expectFailure(["compile", ...args, "-o", "refused"], message);
  });

  it.each(["graph", "wat"])("to print the %s of a bad model", async (stage) => {
    await expectFailure(["compile", "unsupported.onnx", "--emit", stage, "-o", "refused.txt"], /WSC3001/);
  });

  it("a place where it may not write", async () => {
    await expectFailure(["compile", digitsModel, "-o", "text.onnx/digits"], /^error WSC8002: .*text\.onnx/);
    await expectFailure(["compile", digitsModel, "-o", "text.onnx"], /^error WSC8002: .*text\.onnx/);
    await expectFailure(["compile", digitsModel, "--emit", "graph", "-o", "gone/graph"], /^error WSC8002: .*gone/);
  });

  it("and keeps an earlier program where the new model is bad", async () => {
    await writeProgram(digitsModel, inScratch("kept"));
    const before = readdirSync(inScratch("kept"));
    await expectFailure(["compile", "unsupported.onnx", "-o", "kept"], /WSC3001/);
    expect(readdirSync(inScratch("kept"))).toEqual(before);
  });
});

describe("wsc run refuses", () => {
  it.each(runFailures)("%s", async (_, args, message) => {
    await expectFailure(["run", ...args, "-o", "refused"], message);
  });
});
