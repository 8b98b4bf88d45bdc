/** `InferenceSession` as in onnxruntime's API: what it takes, what it says of a model, what it refuses. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { WscError } from "../../ir/diagnostic.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import { f32, float, floats, graph, i64, modelBytes, type ModelSpec, node, typed } from "../helpers/onnx-builder.ts";
import { writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { serve } from "../browser/static-server.ts";
import { codesOf } from "./codes.ts";

const scratch = scratchFolder("session");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

/** y = w x + 1, z = -x */
const affine: ModelSpec = {
  opset: 17,
  inputs: { x: f32(2, 3) },
  outputs: { y: f32(2, 3), z: f32(2, 3) },
  nodes: [node("Mul", ["x", "w"], ["t"]), node("Add", ["t", "one"], ["y"]), node("Neg", ["x"], ["z"])],
  initializers: { w: floats(2, 4, 8), one: floats(1) },
};
/** Rows of x times w, over an open batch. */
const open: ModelSpec = {
  opset: 17,
  inputs: { x: f32("batch", 2) },
  outputs: { y: f32("batch", 2) },
  nodes: [node("Mul", ["x", "w"], ["y"])],
  initializers: { w: floats(10, 100) },
};

let bytes: Uint8Array;
const x = (): Tensor => new Tensor("float32", Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
const expected = [3, 9, 25, 9, 21, 49];
const dataOf = (tensor: Tensor | undefined): number[] => Array.from(tensor?.data as ArrayLike<number>);

beforeAll(async () => {
  bytes = await modelBytes(affine);
  writeFileSync(inScratch("affine.onnx"), bytes);
  await writeProgram(inScratch("affine.onnx"), inScratch("affine"));
});

async function expectAffine(session: InferenceSession): Promise<void> {
  const { y } = await session.run({ x: x() });
  expect(y).toBeInstanceOf(Tensor);
  expect(y).toMatchObject({ type: "float32", dims: [2, 3] });
  expect(dataOf(y)).toEqual(expected);
}

describe("InferenceSession.create", () => {
  it("takes a path or a file URL of a model", async () => {
    await expectAffine(await InferenceSession.create(inScratch("affine.onnx")));
    await expectAffine(await InferenceSession.create(pathToFileURL(inScratch("affine.onnx"))));
    await expectAffine(await InferenceSession.create(pathToFileURL(inScratch("affine.onnx")).href));
  });

  it("takes bytes, whole or as a part of a buffer", async () => {
    await expectAffine(await InferenceSession.create(bytes));
    const buffer = new ArrayBuffer(bytes.length + 24);
    new Uint8Array(buffer).set(bytes, 16);
    await expectAffine(await InferenceSession.create(buffer, 16, bytes.length));
    await expectAffine(await InferenceSession.create(new Uint8Array(buffer, 16, bytes.length)));
    await expectAffine(await InferenceSession.create(buffer.slice(16, 16 + bytes.length)));
  });

  it("takes a compiled folder, its program or its URL", async () => {
    await expectAffine(await InferenceSession.create(inScratch("affine")));
    await expectAffine(await InferenceSession.create(`${inScratch("affine")}/`));
    await expectAffine(await InferenceSession.create(inScratch("affine/program.json")));
    await expectAffine(await InferenceSession.create(pathToFileURL(`${inScratch("affine")}/`)));
  });

  it("accepts the options of onnxruntime", async () => {
    const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all", intraOpNumThreads: 1 } as const;
    await expectAffine(await InferenceSession.create(bytes, options));
    await expectAffine(await InferenceSession.create(inScratch("affine"), options));
  });

  it("refuses what is no model", async () => {
    expect(await codesOf(InferenceSession.create(inScratch("nowhere.onnx")))).toEqual(["WSC1001"]);
    expect(await codesOf(InferenceSession.create(new Uint8Array(0)))).toEqual(["WSC1002"]);
    expect(await codesOf(InferenceSession.create(new TextEncoder().encode("no model at all")))).toEqual(["WSC1002"]);
    expect(await codesOf(InferenceSession.create(scratch.path))).toEqual(["WSC1001"]);
  });
});

describe("a session", () => {
  it("describes inputs and outputs", async () => {
    const session = await InferenceSession.create(await modelBytes({ ...open, inputs: { x: f32("batch", 2) } }));
    expect(session.inputNames).toEqual(["x"]);
    expect(session.outputNames).toEqual(["y"]);
    expect(session.inputMetadata).toEqual([{ name: "x", isTensor: true, type: "float32", shape: ["batch", 2] }]);
    expect(session.outputMetadata).toMatchObject([{ name: "y", isTensor: true, type: "float32" }]);
  });

  it("gives the outputs that are asked for", async () => {
    const session = await InferenceSession.create(bytes);
    expect(Object.keys(await session.run({ x: x() })).toSorted()).toEqual(["y", "z"]);
    expect(Object.keys(await session.run({ x: x() }, ["z"]))).toEqual(["z"]);
    expect(Object.keys(await session.run({ x: x() }, { z: null }))).toEqual(["z"]);
    expect(Object.keys(await session.run({ x: x() }, [], {}))).toEqual([]);
  });

  it("takes run options in either place", async () => {
    const session = await InferenceSession.create(bytes);
    expect(Object.keys(await session.run({ x: x() }, { logSeverityLevel: 2 }))).toHaveLength(2);
    expect(Object.keys(await session.run({ x: x() }, ["y"], { logSeverityLevel: 2 }))).toEqual(["y"]);
    session.startProfiling();
    session.endProfiling();
  });

  it("takes another library's tensors, and plain objects", async () => {
    const session = await InferenceSession.create(bytes);
    const plain = { type: "float32", data: Float32Array.of(1, 2, 3, 4, 5, 6), dims: [2, 3] };
    expect(dataOf((await session.run({ x: plain as unknown as Tensor }))["y"])).toEqual(expected);
  });

  it("keeps results apart from later runs", async () => {
    const session = await InferenceSession.create(bytes);
    const first = await session.run({ x: x() });
    await session.run({ x: new Tensor("float32", new Float32Array(6), [2, 3]) });
    expect(dataOf(first["y"])).toEqual(expected);
  });

  it("runs one after the other when called at once", async () => {
    const session = await InferenceSession.create(bytes);
    const runs = [1, 2, 3].map((value) =>
      session.run({ x: new Tensor("float32", new Float32Array(6).fill(value), [2, 3]) }),
    );
    expect((await Promise.all(runs)).map(({ y }) => dataOf(y)[0])).toEqual([3, 5, 7]);
  });

  it("goes on after a run that failed", async () => {
    const session = await InferenceSession.create(bytes);
    expect(await codesOf(session.run({}))).toEqual(["WSC7001"]);
    await expectAffine(session);
  });

  it("is of no use after its release", async () => {
    const session = await InferenceSession.create(bytes);
    await session.release();
    await session.release();
    expect(await codesOf(session.run({ x: x() }))).toEqual(["WSC7006"]);
  });
});

describe("feeds", () => {
  const feedCodes = async (feeds: Record<string, unknown>, fetches?: readonly string[]): Promise<readonly string[]> => {
    const session = await InferenceSession.create(bytes);
    return codesOf(session.run(feeds as Record<string, Tensor>, fetches ?? null));
  };

  it.each<[string, Record<string, unknown>, readonly string[]]>([
    ["nothing", {}, ["WSC7001"]],
    ["an unknown name besides", { x: x(), w: x() }, ["WSC7003"]],
    ["another name instead", { X: x() }, ["WSC7003", "WSC7001"]],
    ["undefined", { x: undefined }, ["WSC7001"]],
    ["a wrong rank", { x: new Tensor("float32", new Float32Array(6), [6]) }, ["WSC7002"]],
    ["a wrong dim", { x: new Tensor("float32", new Float32Array(8), [2, 4]) }, ["WSC7002"]],
    ["a wrong type", { x: new Tensor("float64", new Float64Array(6), [2, 3]) }, ["WSC7002"]],
    ["null", { x: null }, ["WSC7002"]],
    ["an array", { x: [x()] }, ["WSC7002"]],
    ["a number", { x: 5 }, ["WSC7002"]],
    ["bare data", { x: new Float32Array(6) }, ["WSC7002"]],
    ["a tensor that lies", { x: { type: "float32", dims: [2, 3], data: new Float32Array(5) } }, ["WSC7002"]],
    ["a tensor of no type", { x: { type: "float33", dims: [2, 3], data: new Float32Array(6) } }, ["WSC7002"]],
    [
      "a tensor whose data is of another type",
      { x: { type: "float32", dims: [2, 3], data: new Int32Array(6) } },
      ["WSC7002"],
    ],
  ])("of %s are refused", async (_, feeds, codes) => {
    expect(await feedCodes(feeds)).toEqual(codes);
  });

  it("for unknown outputs are refused", async () => {
    expect(await feedCodes({ x: x() }, ["w"])).toEqual(["WSC7003"]);
    expect(await feedCodes({ x: x() }, ["y", "__proto__"])).toEqual(["WSC7003"]);
  });

  it("are refused in words", async () => {
    const session = await InferenceSession.create(bytes);
    await expect(session.run({ x: new Tensor("float32", new Float32Array(8), [2, 4]) })).rejects.toThrow(
      'error WSC7002: input "x": shape [2,4] given, [2,3] expected (index: 1 Got: 4 Expected: 3)',
    );
    await expect(session.run({})).rejects.toThrow(/input "x" is missing\n {2}help: it takes float32\[2,3\]/);
    await expect(session.run({ x: x() }, ["w"])).rejects.toThrow(/no output "w"\n {2}help: outputs: y, z/);
    await expect(session.run({})).rejects.toBeInstanceOf(WscError);
  });
});

describe("names that JavaScript knows", () => {
  const hostile = ["__proto__", "constructor", "toString", "hasOwnProperty", "a\nb", "1"];

  it("are names like any other", async () => {
    const session = await InferenceSession.create(
      await modelBytes({
        opset: 17,
        inputs: Object.fromEntries(hostile.map((name) => [`in ${name}`, f32(1)])),
        outputs: { y: f32(1) },
        nodes: [
          node(
            "Sum",
            hostile.map((name) => `in ${name}`),
            ["y"],
          ),
        ],
      }),
    );
    const feeds = Object.fromEntries(hostile.map((name) => [`in ${name}`, new Tensor("float32", [1], [1])]));
    expect(dataOf((await session.run(feeds))["y"])).toEqual([hostile.length]);
  });

  it.each(["__proto__", "constructor", "toString"])("such as %s come in and go out", async (name) => {
    const port = () => Object.fromEntries([[name, f32(1)]]);
    const session = await InferenceSession.create(
      await modelBytes({
        opset: 17,
        inputs: { x: f32(1) },
        outputs: port(),
        nodes: [node("Neg", ["x"], [name])],
      }),
    );
    expect(session.outputNames).toEqual([name]);
    const results = await session.run({ x: new Tensor("float32", [5], [1]) });
    expect(Object.keys(results)).toEqual([name]);
    expect(dataOf(Object.getOwnPropertyDescriptor(results, name)?.value as Tensor)).toEqual([-5]);
    expect(await codesOf(session.run({}))).toEqual(["WSC7001"]);

    const named = await InferenceSession.create(
      await modelBytes({ opset: 17, inputs: port(), outputs: { y: f32(1) }, nodes: [node("Neg", [name], ["y"])] }),
    );
    expect(await codesOf(named.run({}))).toEqual(["WSC7001"]);
    const feeds = Object.fromEntries([[name, new Tensor("float32", [5], [1])]]);
    expect(dataOf((await named.run(feeds))["y"])).toEqual([-5]);
  });
});

describe("symbolic dims", () => {
  it("take the sizes of the feeds, run by run", async () => {
    const session = await InferenceSession.create(await modelBytes(open));
    for (const batch of [1, 3, 2, 7, 4, 5, 1]) {
      const { y } = await session.run({ x: new Tensor("float32", new Float32Array(2 * batch).fill(1), [batch, 2]) });
      expect(y?.dims).toEqual([batch, 2]);
      expect(dataOf(y)).toEqual(Array.from({ length: batch }, () => [10, 100]).flat());
    }
  });

  it("may be zero", async () => {
    const session = await InferenceSession.create(await modelBytes(open));
    const { y } = await session.run({ x: new Tensor("float32", new Float32Array(0), [0, 2]) });
    expect(y).toMatchObject({ dims: [0, 2], size: 0 });
  });

  it("are bound by an option", async () => {
    const session = await InferenceSession.create(await modelBytes(open), { freeDimensionOverrides: { batch: 2 } });
    expect(session.inputMetadata[0]?.shape).toEqual([2, 2]);
    expect(await codesOf(session.run({ x: new Tensor("float32", new Float32Array(6), [3, 2]) }))).toEqual(["WSC7002"]);
  });

  it("of one name may have several sizes, which operators must take", async () => {
    const session = await InferenceSession.create(
      await modelBytes({
        opset: 17,
        inputs: { a: f32("n"), b: f32("n") },
        outputs: { y: f32("n") },
        nodes: [node("Add", ["a", "b"], ["y"])],
      }),
    );
    const feeds = { a: new Tensor("float32", [1, 2], [2]), b: new Tensor("float32", [1], [1]) };
    expect(dataOf((await session.run(feeds))["y"])).toEqual([2, 3]);
    const three = new Tensor("float32", [1, 2, 3], [3]);
    expect(await codesOf(session.run({ ...feeds, b: three }))).toEqual(["WSC3004"]);
    await expect(session.run({ ...feeds, b: three })).rejects.toThrow(/Add.*\n.*"a" f32\[2\], "b" f32\[3\]/);
    expect(dataOf((await session.run({ ...feeds, b: feeds.a }))["y"])).toEqual([2, 4]);
  });
});

describe("element types", () => {
  it.each(["float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])(
    "%s goes through a model",
    async (type) => {
      const dtype = type.replace("float", "f").replace("uint", "u").replace("int", "i") as "f64";
      const session = await InferenceSession.create(
        await modelBytes({
          opset: 17,
          inputs: { x: typed(dtype, 3) },
          outputs: { y: typed(dtype, 3) },
          nodes: [node("Add", ["x", "x"], ["y"])],
        }),
      );
      const { y } = await session.run({ x: new Tensor(type as Tensor.Type, [1, 2, 50], [3]) });
      expect(y?.type).toBe(type);
      expect(Array.from(y?.data as ArrayLike<number | bigint>, Number)).toEqual([2, 4, 100]);
    },
  );

  it("bool, and comparisons with it", async () => {
    const session = await InferenceSession.create(
      await modelBytes({
        opset: 17,
        inputs: { x: f32(3), i: i64(1) },
        outputs: { y: typed("bool", 3), h: typed("f16", 3), t: f32(1) },
        nodes: [
          node("Greater", ["x", "limit"], ["y"]),
          node("Cast", ["x"], ["h"], { to: 10 }),
          node("Gather", ["x", "i"], ["g"]),
          node("LeakyRelu", ["g"], ["t"], { alpha: float(0.5) }),
        ],
        initializers: { limit: floats(1) },
      }),
    );
    const results = await session.run({
      x: new Tensor("float32", [0, 1, 2], [3]),
      i: new Tensor("int64", [-1], [1]),
    });
    expect(results["y"]).toMatchObject({ type: "bool", data: Uint8Array.of(0, 0, 1) });
    // a Float16Array where the engine has one, else bit patterns
    const { type, data } = results["h"] as Tensor;
    const halves = data as Uint16Array;
    const bits = new Uint16Array(halves.buffer, halves.byteOffset, halves.length);
    expect([type, ...bits]).toEqual(["float16", 0, 0x3c00, 0x4000]);
    expect(dataOf(results["t"])).toEqual([2]);
  });
});

describe("a compiled folder", () => {
  it("is refused when a part is missing or damaged", async () => {
    await writeProgram(inScratch("affine.onnx"), inScratch("damaged"));
    writeFileSync(inScratch("damaged/weights.bin"), new Uint8Array(3));
    expect(await codesOf(InferenceSession.create(inScratch("damaged")))).toEqual(["WSC7004"]);
    writeFileSync(inScratch("damaged/program.json"), "{}");
    expect(await codesOf(InferenceSession.create(inScratch("damaged")))).toEqual(["WSC7004"]);
    writeFileSync(inScratch("damaged/program.json"), "not JSON");
    expect(await codesOf(InferenceSession.create(inScratch("damaged")))).toEqual(["WSC7004"]);
  });

  it.each([{}, { threads: 2 }])("is refused when its weights are not there as they should be (%o)", async (options) => {
    await writeProgram(inScratch("affine.onnx"), inScratch("weights"));
    const weights = inScratch("weights/weights.bin");
    const bytes = readFileSync(weights);
    await expectAffine(await InferenceSession.create(inScratch("weights"), options));
    for (const damaged of [bytes.subarray(1), Buffer.concat([bytes, Buffer.alloc(1)]), Buffer.alloc(0)]) {
      writeFileSync(weights, damaged);
      expect(await codesOf(InferenceSession.create(inScratch("weights"), options))).toEqual(["WSC7004"]);
    }
    rmSync(weights);
    expect(await codesOf(InferenceSession.create(inScratch("weights"), options))).toEqual(["WSC1001"]);
  });

  /** A product of rows of ones: it has kernels with and without relaxed SIMD. */
  const product: ModelSpec = {
    opset: 17,
    inputs: { x: f32(8, 16) },
    outputs: { y: f32(8, 16) },
    nodes: [node("MatMul", ["x", "w"], ["y"])],
    initializers: { w: tensorFrom("f32", [16, 16], new Array<number>(256).fill(0.5)) },
  };
  const writeProduct = async (name: string): Promise<void> => {
    writeFileSync(inScratch(`${name}.onnx`), await modelBytes(product));
    await writeProgram(inScratch(`${name}.onnx`), inScratch(name));
  };
  const expectProduct = async (session: InferenceSession): Promise<void> => {
    const { y } = await session.run({ x: new Tensor("float32", new Float32Array(128).fill(1), [8, 16]) });
    expect(dataOf(y)).toEqual(new Array(128).fill(8));
  };

  it("comes from a server, with one of its modules only", async () => {
    await writeProduct("served");
    const server = await serve(new Map([["served", inScratch("served")]]), "");
    for (const options of [{}, { threads: 2 }, { deterministic: true }]) {
      const session = await InferenceSession.create(`${server.origin}served/`, options);
      await expectProduct(session);
      await session.release();
    }
    await server.close();
    const names = server.requests.map((name) => path.basename(name));
    expect(names.filter((name) => name === "weights.bin")).toHaveLength(3);
    expect(names.filter((name) => name.endsWith(".wasm"))).toHaveLength(3);
    expect(names.at(-1)).toBe("kernels.wasm");
  });

  it("runs without the modules that it does not choose", async () => {
    await writeProduct("plain");
    rmSync(inScratch("plain/kernels.relaxed.wasm"));
    await expectProduct(await InferenceSession.create(inScratch("plain"), { deterministic: true }));
    rmSync(inScratch("plain/kernels.wasm"));
    const without = InferenceSession.create(inScratch("plain"), { deterministic: true });
    expect(await codesOf(without)).toEqual(["WSC1001"]);
  });

  it("loads the functions of steps on the host, also inside of branches", async () => {
    const places: ModelSpec = {
      opset: 17,
      inputs: { x: f32(4), c: typed("bool") },
      outputs: { y: null },
      nodes: [
        node("If", ["c"], ["y"], {
          then_branch: graph({ inputs: {}, outputs: { a: null }, nodes: [node("NonZero", ["x"], ["a"])] }),
          else_branch: graph({ inputs: {}, outputs: { b: null }, nodes: [node("NonZero", ["n"], ["b"])] }),
        }),
      ],
      initializers: { n: floats(0, 1) },
    };
    writeFileSync(inScratch("places.onnx"), await modelBytes(places));
    await writeProgram(inScratch("places.onnx"), inScratch("places"));
    const session = await InferenceSession.create(inScratch("places"));
    const c = new Tensor("bool", [true], []);
    const { y } = await session.run({ x: new Tensor("float32", [0, 5, 0, 7], [4]), c });
    expect(y?.dims).toEqual([1, 2]);
    expect(Array.from(y?.data as BigInt64Array)).toEqual([1n, 3n]);
  });

  it("is refused when its kernels are no WebAssembly", async () => {
    await writeProgram(inScratch("affine.onnx"), inScratch("kernels"));
    for (const name of ["kernels.wasm", "kernels.relaxed.wasm"]) writeFileSync(inScratch(`kernels/${name}`), "junk");
    expect(await codesOf(InferenceSession.create(inScratch("kernels")))).toEqual(["WSC7004"]);
  });
});
