/** What programs for onnxruntime find here: names, values of options, arguments, tensors of its own class, and types. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import * as common from "onnxruntime-common";
import * as ort from "onnxruntime-web";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import vm from "node:vm";
import runtime, * as names from "../../runtime/index.ts";
import { dist } from "../helpers/programs.ts";
import { f32, modelBytes, node } from "../helpers/onnx-builder.ts";
import { codesOf } from "./codes.ts";

const { InferenceSession, Tensor, env } = names;
let model: Uint8Array;

beforeAll(async () => {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "fatal";
  model = await modelBytes({
    opset: 17,
    inputs: { x: f32("n", 2) },
    outputs: { y: f32("n", 2) },
    nodes: [node("Neg", ["x"], ["y"])],
  });
});

const accepts = async (action: Promise<unknown>): Promise<boolean> =>
  action.then(
    () => true,
    () => false,
  );

describe("the module", () => {
  it("has onnxruntime-common's names, and a default export with all of them", () => {
    const missing = Object.keys(common).filter((name) => !(name in names) && name !== "registerBackend");
    expect(missing).toEqual([]);
    expect(runtime.InferenceSession).toBe(InferenceSession);
    expect(Object.keys(runtime).toSorted()).toEqual(
      Object.keys(names)
        .filter((name) => name !== "default")
        .toSorted(),
    );
  });

  it("has members of onnxruntime-common's classes", () => {
    const members = (value: object) =>
      Object.getOwnPropertyNames(value).filter((name) => !/^(_|ensure|cpu|handler)/.test(name));
    for (const [theirs, ours] of [
      [common.Tensor, Tensor],
      [common.Tensor.prototype, Tensor.prototype],
      [common.InferenceSession, InferenceSession],
    ] as unknown as readonly (readonly [object, object])[]) {
      expect(members(theirs).filter((name) => !(name in ours))).toEqual([]);
    }
  });

  it("has settings that may be read and set", () => {
    expect(env.versions.common).toBe(common.env.versions.common);
    expect(Object.keys(env).toSorted()).toEqual(Object.keys(common.env).toSorted());
    expect(env.logLevel).toBe("warning");
    env.logLevel = "error";
    expect({ ...env }.logLevel).toBe("error");
    env.logLevel = "warning";
    expect(() => (env.logLevel = "loud" as "info")).toThrow("WSC7007");
    expect(env.logLevel).toBe("warning");
  });

  it("may be required", () => {
    const file = JSON.stringify(path.join(dist, "runtime", "index.js"));
    const text = `const { Tensor, default: all } = require(${file}); console.log(new Tensor([true]).type, all.Tensor === Tensor)`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=commonjs", "--eval", text], { encoding: "utf8" });
    expect(stdout).toBe("bool true\n");
  });

  it("marks profiles while it is told to", () => {
    const said: unknown[] = [];
    const own = Object.getOwnPropertyDescriptor(console, "timeStamp");
    console.timeStamp = (label) => said.push(label);
    try {
      names.TRACE("CPU", "unsaid");
      env.trace = true;
      names.TRACE("CPU", "said");
      names.TRACE_FUNC_BEGIN("more");
    } finally {
      if (own === undefined) delete (console as Partial<Console>).timeStamp;
      else Object.defineProperty(console, "timeStamp", own);
      delete env.trace;
    }
    expect(said).toEqual(["CPU::ORT::said", expect.stringMatching(/^CPU::ORT::FUNC_BEGIN::.*::more$/)]);
  });
});

describe("values of options", () => {
  it.each<[string, unknown]>([
    ["no provider", { executionProviders: [] }],
    ["providers of which one is there", { executionProviders: ["nowhere", "wasm"] }],
    ["a provider with options", { executionProviders: [{ name: "wasm" }] }],
    ["an unknown provider", { executionProviders: ["nowhere"] }],
    ["providers that are no array", { executionProviders: "wasm" }],
    ["a level of optimization", { graphOptimizationLevel: "layout" }],
    ["an unknown level", { graphOptimizationLevel: "max" }],
    ["an execution mode", { executionMode: "parallel" }],
    ["an unknown mode", { executionMode: "both" }],
    ["severity 4", { logSeverityLevel: 4 }],
    ["severity 5", { logSeverityLevel: 5 }],
    ["a severity in text", { logSeverityLevel: "2" }],
    ["verbosity", { logVerbosityLevel: 1 }],
    ["negative verbosity", { logVerbosityLevel: -1 }],
    ["a graph capture", { enableGraphCapture: false }],
    ["a graph capture in text", { enableGraphCapture: "no" }],
    ["dims", { freeDimensionOverrides: { n: 2 } }],
    ["negative dims", { freeDimensionOverrides: { n: -1 } }],
    ["dims in text", { freeDimensionOverrides: { n: "1" } }],
    ["broken dims", { freeDimensionOverrides: { n: 1.5 } }],
    ["a number", 5],
  ])("are taken or refused as in onnxruntime: %s", async (_, options) => {
    const taken = await accepts(ort.InferenceSession.create(model.slice(), options as object));
    const found = await codesOf(InferenceSession.create(model, options as object));
    expect(found).toEqual(taken ? [] : ["WSC7007"]);
  });

  it("are those of runs, too", async () => {
    const session = await InferenceSession.create(model);
    const feeds = { x: new Tensor("float32", [1, 2], [1, 2]) };
    for (const options of [{ terminate: true }, { logSeverityLevel: 9 }, { logVerbosityLevel: -1 }, 5]) {
      const given = options as { readonly terminate?: boolean };
      expect(await codesOf(session.run(feeds, ["y"], given))).toEqual(["WSC7007"]);
      if (typeof options === "object") expect(await codesOf(session.run(feeds, given))).toEqual(["WSC7007"]);
    }
    expect(await codesOf(session.run(feeds, { terminate: false, tag: "t" }))).toEqual([]);
  });
});

describe("arguments", () => {
  it.each<[string, (make: typeof InferenceSession.create) => Promise<unknown>]>([
    ["a number", (make) => make(5 as unknown as string)],
    ["nothing", (make) => make(undefined as unknown as string)],
    ["an offset beyond the buffer", (make) => make(model.slice().buffer, 1e9)],
    ["a negative offset", (make) => make(model.slice().buffer, -1)],
    ["a length beyond the buffer", (make) => make(model.slice().buffer, 0, 1e9)],
    ["a broken length", (make) => make(model.slice().buffer, 0, 1.5)],
  ])("of create are refused: %s", async (_, create) => {
    const theirs = ort.InferenceSession.create.bind(ort.InferenceSession) as typeof InferenceSession.create;
    expect(await accepts(create(theirs))).toBe(false);
    expect(await codesOf(create(InferenceSession.create.bind(InferenceSession)))).toEqual(["WSC7007"]);
  });

  it("of run are refused", async () => {
    const session = await InferenceSession.create(model);
    const x = new Tensor("float32", [1, 2], [1, 2]);
    for (const feeds of [null, undefined, [x], x, "x"]) {
      expect(await codesOf(session.run(feeds as unknown as { x: names.Tensor }))).toEqual(["WSC7002"]);
    }
    for (const fetches of ["y", 5, x]) {
      expect(await codesOf(session.run({ x }, fetches as unknown as string[]))).toEqual(["WSC7002"]);
    }
  });
});

describe("tensors", () => {
  it("of onnxruntime-common are fed and written to", async () => {
    const session = await InferenceSession.create(model);
    const x = new common.Tensor("float32", [1, 2], [1, 2]);
    const y = new common.Tensor("float32", new Float32Array(2), [1, 2]);
    const results = await session.run({ x }, { y });
    expect(results["y"]).toBeInstanceOf(Tensor);
    expect([...y.data]).toEqual([-1, -2]);
    expect(results["y"]?.data).toBe(y.data);
    x.dispose();
    expect(await codesOf(session.run({ x }))).toEqual(["WSC7002"]);
  });

  it("take a Buffer, a clamped array and arrays of other realms", () => {
    const elsewhere = vm.runInNewContext(
      "({ floats: Float32Array.of(1, 2), bytes: Uint8Array.of(7), longs: BigInt64Array.of(3n) })",
    ) as {
      readonly floats: Float32Array;
      readonly bytes: Uint8Array;
      readonly longs: BigInt64Array;
    };
    const buffer = Buffer.from([7, 0, 255]);
    const bytes = new Tensor("uint8", buffer, [3]);
    buffer[0] = 8;
    expect([...bytes.data]).toEqual([8, 0, 255]);
    expect(new Tensor(buffer).type).toBe("uint8");
    expect(new Tensor("bool", Buffer.from([1])).data).toHaveLength(1);
    const clamped = Uint8ClampedArray.of(300, 5);
    const copied = new Tensor("uint8", clamped);
    clamped[1] = 6;
    expect(copied.data).toEqual(Uint8Array.of(255, 5));
    expect(() => new Tensor("bool", clamped as unknown as Uint8Array)).toThrow("WSC7002");
    expect([...new Tensor(elsewhere.floats).data]).toEqual([1, 2]);
    expect(new Tensor("uint8", elsewhere.bytes).type).toBe("uint8");
    expect(new Tensor("int64", elsewhere.longs).data).toEqual(BigInt64Array.of(3n));
  });

  it("are not made of numbers where elements are bit patterns", () => {
    const half = (globalThis as { readonly Float16Array?: unknown }).Float16Array;
    if (half === undefined) expect(() => new Tensor("float16", [1.5, 2], [2])).toThrow("WSC7002");
    else expect(Array.from(new Tensor("float16", [1.5, 2], [2]).data as unknown as number[])).toEqual([1.5, 2]);
    for (const type of ["int4", "uint4"] as const) expect(() => new Tensor(type, [1], [2])).toThrow("WSC7002");
    expect(() => new Tensor("bfloat16", [1] as unknown as Uint16Array)).toThrow("WSC7002");
  });

  it("lie in other places, as onnxruntime-common has them", async () => {
    for (const make of [common.Tensor, Tensor] as unknown as readonly (typeof Tensor)[]) {
      const buffer = { size: 4, mapState: "unmapped" } as unknown as names.Tensor.GpuBufferType;
      const calls: string[] = [];
      const download = () => {
        calls.push("download");
        return Promise.resolve(Float32Array.of(5));
      };
      const tensor = make.fromGpuBuffer(buffer, {
        dims: [1],
        dataType: "float32",
        download,
        dispose: () => calls.push("dispose"),
      });
      expect([tensor.location, tensor.gpuBuffer, tensor.type]).toEqual(["gpu-buffer", buffer, "float32"]);
      expect(() => tensor.data).toThrow();
      expect(() => tensor.texture).toThrow();
      expect(() => tensor.reshape([1, 1])).toThrow();
      const both = [tensor.getData(true), tensor.getData()];
      await expect(both[1]).rejects.toThrow();
      expect([...((await both[0]) as Float32Array), tensor.location, ...calls]).toEqual([
        5,
        "cpu",
        "download",
        "dispose",
      ]);
      tensor.dispose();
      expect([tensor.location, ...calls]).toEqual(["none", "download", "dispose"]);

      const plain = make.fromGpuBuffer(buffer, { dims: [2, 3] });
      expect(plain.reshape([6])).toMatchObject({ dims: [6], location: "gpu-buffer", gpuBuffer: buffer });
      await expect(plain.getData()).rejects.toThrow();
      expect(make.fromTexture({}, { width: 3, height: 2 }).dims).toEqual([1, 2, 3, 4]);
      expect(make.fromMLTensor({ destroy: () => undefined }, { dims: [1], dataType: "int8" }).location).toBe(
        "ml-tensor",
      );
      expect(make.fromPinnedBuffer("int32", new Int32Array(2)).reshape([1, 2]).location).toBe("cpu-pinned");
      expect(() => make.fromGpuBuffer(buffer, { dims: [1], dataType: "float64" as "float32" })).toThrow();
    }
  });
});

describe("types", () => {
  const program = readFileSync(path.join(import.meta.dirname, "types", "program.ts"), "utf8");
  const settings: readonly (readonly [string, ts.CompilerOptions])[] = [
    ["strictly", {}],
    ["most strictly", { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true }],
  ];

  it.each(settings)("let a program for onnxruntime compile %s", (_, more) => {
    const file = path.join(import.meta.dirname, "types", "replaced.ts");
    const text = program.replaceAll('"onnxruntime-common"', JSON.stringify(path.join(dist, "runtime", "index.js")));
    expect(text).not.toBe(program);
    const options: ts.CompilerOptions = {
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
      module: ts.ModuleKind.NodeNext,
      types: [],
      ...more,
    };
    const host = ts.createCompilerHost(options);
    const getSourceFile = host.getSourceFile.bind(host);
    const fileExists = host.fileExists.bind(host);
    host.fileExists = (name) => name === file || fileExists(name);
    host.getSourceFile = (name, version) =>
      name === file ? ts.createSourceFile(name, text, version) : getSourceFile(name, version);
    const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  });
});
