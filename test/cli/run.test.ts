import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { decodeNpy, encodeNpy } from "../../compiler/cli/npy.ts";
import { decodeTensorFile } from "../../compiler/frontend/tensor-file.ts";
import { makeDigits } from "../../examples/digits/digits.mjs";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import {
  bool,
  f32,
  floatList,
  graph,
  i64,
  mapped,
  modelBytes,
  node,
  sequence,
  tensorBytes,
} from "../helpers/onnx-builder.ts";
import { digitsModel, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("cli");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

interface Summary {
  readonly outputs: readonly {
    readonly name: string;
    readonly type: string;
    readonly dims: readonly number[];
    readonly argmax: number;
    readonly max: number;
  }[];
  readonly written: readonly string[];
}

const [shown] = makeDigits(1, 5);
const image = makeTensor("f32", [1, 1, 20, 20], shown?.image ?? new Float32Array(400));

beforeAll(async () => {
  await writeProgram(digitsModel, inScratch("digits"));
  writeFileSync(inScratch("image.npy"), encodeNpy(image) ?? "");
  writeFileSync(inScratch("image.pb"), await tensorBytes(image));
});

async function summaryOf(...args: readonly string[]): Promise<Summary> {
  const { code, stdout, stderr } = await wsc(["run", ...args, "--json"], scratch.path);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout) as Summary;
}

const withoutTimes = (text: string): string => text.replace(/^.*\bms$/m, "");

describe("wsc run", () => {
  it("gives the same for the same seed, and something else for another", async () => {
    const [first, again, other] = await Promise.all(
      ["7", "7", "8"].map((seed) => wsc(["run", "digits", "--random", seed], scratch.path)),
    );
    expect(first?.code).toBe(0);
    expect(first?.stdout).toMatch(/^probabilities: float32\[1,10\] {2}\[/);
    expect(withoutTimes(again?.stdout ?? "")).toBe(withoutTimes(first?.stdout ?? ""));
    expect(withoutTimes(other?.stdout ?? "")).not.toBe(withoutTimes(first?.stdout ?? ""));
  });

  it("reads and writes maps as JSON", async () => {
    const spec = {
      opset: 15,
      opsets: { "ai.onnx.ml": 1 },
      inputs: { words: mapped("string", "f32") },
      outputs: { row: f32(1, 2), pairs: sequence(mapped("i64", "f32")) },
      nodes: [
        node("DictVectorizer", ["words"], ["row"], { string_vocabulary: ["a", "b"] }, { domain: "ai.onnx.ml" }),
        node("ZipMap", ["row"], ["pairs"], { classlabels_int64s: [7, 8] }, { domain: "ai.onnx.ml" }),
      ],
    };
    writeFileSync(inScratch("words.onnx"), await modelBytes(spec));
    writeFileSync(inScratch("words.json"), JSON.stringify({ b: 2.5, c: 9 }));
    const { outputs, written } = await summaryOf("words.onnx", "-i", "words=words.json", "-o", "mapped");
    expect(outputs[1]).toEqual({
      name: "pairs",
      type: "sequence(map(int64, float32))",
      dims: [1],
      head: [{ 7: 0, 8: 2.5 }],
    });
    expect(written).toEqual(["row.npy", "pairs.json"]);
    expect(JSON.parse(readFileSync(inScratch("mapped/pairs.json"), "utf8"))).toEqual([{ 7: 0, 8: 2.5 }]);
    writeFileSync(inScratch("words.json"), "{");
    expect((await wsc(["run", "words.onnx", "-i", "words=words.json"], scratch.path)).stderr).toContain("WSC1007");
  });

  it("gives the same with any number of threads, and ends", async () => {
    const wide = inScratch("wide.onnx");
    const w = makeTensor(
      "f32",
      [256, 192],
      Float32Array.from({ length: 256 * 192 }, (_, i) => Math.cos(i)),
    );
    const layer = { nodes: [node("MatMul", ["x", "w"], ["y"])], initializers: { w } };
    const model = { opset: 17, inputs: { x: f32(48, 256) }, outputs: { y: f32(48, 192) }, ...layer };
    writeFileSync(wide, await modelBytes(model));
    const [one, ...others] = await Promise.all(
      ["1", "3", "0"].map((threads) => summaryOf(wide, "--random", "5", "--threads", threads)),
    );
    for (const other of others) expect(other.outputs).toEqual(one?.outputs);
    for (const threads of ["-1", "1.5", "65"]) {
      const { code, stderr } = await wsc(["run", wide, "--random", "1", `--threads=${threads}`], scratch.path);
      expect([code, stderr]).toEqual([2, expect.stringContaining("--threads takes a number from 0 to 64")]);
    }
  });

  it.each(["image.npy", "image.pb"])("reads %s, from a folder or the model itself", async (file) => {
    const compiled = await summaryOf("digits", "-i", `image=${file}`, "--deterministic");
    const direct = await summaryOf(digitsModel, "-i", `image=${file}`, "--deterministic");
    expect(compiled.outputs).toHaveLength(1);
    expect(compiled.outputs[0]).toMatchObject({ name: "probabilities", dims: [1, 10], argmax: shown?.digit });
    expect(direct.outputs).toEqual(compiled.outputs);
  });

  it("writes outputs that read back to what it showed", async () => {
    const npy = await summaryOf("digits", "-i", "image=image.npy", "-o", "results");
    const pb = await summaryOf("digits", "-i", "image=image.npy", "-o", "results", "--output-format", "pb");
    expect([...npy.written, ...pb.written]).toEqual(["probabilities.npy", "output_0.pb"]);
    expect(readdirSync(inScratch("results")).toSorted()).toEqual([
      ".wsc-manifest.jsonl",
      "output_0.pb",
      "probabilities.npy",
    ]);
    const fromNpy = decodeNpy(readFileSync(inScratch("results/probabilities.npy")), "probabilities.npy");
    const fromPb = await decodeTensorFile(readFileSync(inScratch("results/output_0.pb")), "output_0.pb");
    expect(fromPb).toEqual(fromNpy);
    expect(fromNpy.shape).toEqual([1, 10]);
    expect(Math.max(...(fromNpy.elements as Float32Array))).toBe(npy.outputs[0]?.max);
  });

  it("takes the inputs of a folder by position or by name", async () => {
    mkdirSync(inScratch("by-position"));
    mkdirSync(inScratch("by-name"));
    writeFileSync(inScratch("by-position/input_0.pb"), await tensorBytes(image));
    writeFileSync(inScratch("by-name/image.npy"), encodeNpy(image) ?? "");
    const given = await summaryOf("digits", "-i", "image=image.npy");
    expect((await summaryOf("digits", "--input-dir", "by-position")).outputs).toEqual(given.outputs);
    expect((await summaryOf("digits", "--input-dir", "by-name")).outputs).toEqual(given.outputs);
  });

  it("runs several times and says so", async () => {
    const { stdout } = await wsc(["run", "digits", "--random", "1", "--repeat", "3"], scratch.path);
    expect(stdout).toMatch(/^3 runs, median: \d+\.\d\d ms$/m);
  });

  it("binds symbolic dims", async () => {
    const spec = {
      opset: 17,
      inputs: { x: f32("batch", 3), ids: i64("batch") },
      outputs: { y: f32("batch", 3), picked: f32("batch", 3) },
      nodes: [node("Relu", ["x"], ["y"]), node("Gather", ["x", "ids"], ["picked"])],
    };
    writeFileSync(inScratch("open.onnx"), await modelBytes(spec));
    const { outputs } = await summaryOf("open.onnx", "--random", "3", "--dim", "batch=4");
    expect(outputs.map(({ name, dims }) => [name, dims])).toEqual([
      ["y", [4, 3]],
      ["picked", [4, 3]],
    ]);
    const unbound = await wsc(["run", "open.onnx", "--random", "3"], scratch.path);
    expect(unbound.code).toBe(1);
    expect(unbound.stderr).toMatch(/^error WSC2005: .*batch/);
  });
});

describe("wsc inspect", () => {
  it("says what is in a model", async () => {
    const { code, stdout } = await wsc(["inspect", digitsModel]);
    expect(code).toBe(0);
    expect(stdout).toContain('input   "image" : f32[1,1,20,20]');
    expect(stdout).toContain("Conv 2");
    expect(stdout).toMatch(/^supported$/m);
  });

  it("says it as JSON, with where the ops run", async () => {
    const { stdout } = await wsc(["inspect", digitsModel, "--json", "--coverage"]);
    const report = JSON.parse(stdout) as { readonly coverage: readonly { readonly kind: string; where: string }[] };
    expect(report).toMatchObject({ supported: true, problems: [], operators: { Conv: 2 }, opsets: { "ai.onnx": 13 } });
    expect(report.coverage).toContainEqual(expect.objectContaining({ kind: "conv", where: "wafer" }));
  });

  it("names every node that is not supported", async () => {
    const spec = {
      opset: 17,
      inputs: { x: f32(2) },
      outputs: { z: f32(2) },
      nodes: [
        node("Frobnicate", ["x"], ["y"], {}, { name: "first" }),
        node("Defenestrate", ["y"], ["z"], {}, { name: "second" }),
      ],
    };
    writeFileSync(inScratch("odd.onnx"), await modelBytes(spec));
    const { code, stdout, stderr } = await wsc(["inspect", "odd.onnx"], scratch.path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/WSC3001: Frobnicate "first"/);
    expect(stderr).toMatch(/WSC3001: Defenestrate "second"/);
    expect(stdout).toContain("not supported: 2 problems");
  });

  it("warns of what only a branch needs, and counts what functions and Constant nodes hold", async () => {
    const branch = (op: string) => graph({ outputs: { t: f32(2) }, nodes: [node(op, ["x"], ["t"], {}, { name: op })] });
    const spec = {
      opset: 17,
      opsets: { local: 1 },
      inputs: { x: f32(2), c: bool() },
      outputs: { z: f32(2) },
      nodes: [
        node("If", ["c"], ["y"], { then_branch: branch("Neg"), else_branch: branch("Frobnicate") }),
        node("Shifted", ["y"], ["z"], {}, { domain: "local" }),
      ],
      functions: [
        {
          domain: "local",
          name: "Shifted",
          inputs: ["a"],
          outputs: ["b"],
          nodes: [node("Constant", [], ["w"], { value_floats: floatList(1, 2) }), node("Add", ["a", "w"], ["b"])],
        },
      ],
    };
    writeFileSync(inScratch("branch.onnx"), await modelBytes(spec));
    const { code, stdout, stderr } = await wsc(["inspect", "branch.onnx"], scratch.path);
    expect(stderr).toMatch(/^warning WSC3001: Frobnicate "Frobnicate": a run that comes here fails: /);
    expect(stdout).toContain("2 parameters (0.0 MiB)");
    expect(stdout).toMatch(/^supported$/m);
    expect(code).toBe(0);
  });
});

describe("a loop that does not end", () => {
  it("is told of by name, with the option that allows more", async () => {
    const body = graph({
      inputs: { i: i64(), go: bool(), s: f32(2) },
      outputs: { go_on: bool(), s_out: f32(2) },
      nodes: [node("Identity", ["go"], ["go_on"]), node("Neg", ["s"], ["s_out"])],
    });
    const nodes = [node("Loop", ["", "", "x"], ["y"], { body }, { name: "forever" })];
    const bytes = await modelBytes({ opset: 17, inputs: { x: f32(2) }, outputs: { y: f32(2) }, nodes });
    writeFileSync(inScratch("forever.onnx"), bytes);
    const run = ["run", "forever.onnx", "--random", "1", "--max-loop-iterations"];
    const ended = await wsc([...run, "50"], scratch.path);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      /WSC7008: loop "forever": it would go on after 50 iterations\n.*--max-loop-iterations/,
    );
    const wrong = await wsc([...run, "0"], scratch.path);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("WSC8001")]);
  });
});

describe("the .npy files", () => {
  it.each<[string, TensorData]>([
    ["i64", makeTensor("i64", [2], BigInt64Array.of(-1n, 2n ** 60n))],
    ["f16", makeTensor("f16", [2, 1], Uint16Array.of(0x3c00, 0x7c01))],
    ["bool", makeTensor("bool", [3], Uint8Array.of(1, 0, 1))],
    ["no elements", makeTensor("f32", [0, 4])],
    ["a scalar", makeTensor("f64", [], Float64Array.of(0.1))],
  ])("keep %s", (_, tensor) => {
    const { dtype, shape, elements } = decodeNpy(encodeNpy(tensor) ?? new Uint8Array(0), "x.npy");
    expect({ dtype, shape, elements: [...elements] }).toEqual({ ...tensor, elements: [...tensor.elements] });
  });

  it("in Fortran order are put into row-major order", () => {
    const header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }".padEnd(117) + "\n";
    const bytes = Buffer.concat([
      Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]),
      Buffer.from(header),
      Buffer.from(Float32Array.of(1, 4, 2, 5, 3, 6).buffer),
    ]);
    expect(decodeNpy(bytes, "x.npy")).toEqual(makeTensor("f32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)));
    expect(() => decodeNpy(bytes.subarray(0, -4), "x.npy")).toThrow(/WSC1005: x\.npy/);
  });
});
