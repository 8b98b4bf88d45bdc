/** Tensors and files: every way in which ONNX may hold elements, and what is refused before memory is taken. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodeSparse, decodeTensor } from "../../compiler/frontend/decode-tensor.ts";
import { encodeTensor } from "../../compiler/frontend/encode.ts";
import { loadOnnxProto, type Onnx } from "../../compiler/frontend/proto.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { type DType, dtypeInfo, dtypeTable } from "../../ir/dtype.ts";
import { allocateElements, elementCount, makeTensor, tensorFrom } from "../../ir/tensor.ts";
import { f32, floats, model, modelBytes, node } from "../helpers/onnx-builder.ts";

const still = { movable: false };
const proto = await loadOnnxProto();
const kinds = proto.AttributeProto.AttributeType;

/** Through the bytes of a file, as a real one would come. */
const throughFile = (tensor: Onnx.ITensorProto): Onnx.ITensorProto =>
  proto.TensorProto.decode(proto.TensorProto.encode(tensor).finish());

const idOf = (dtype: DType): number => dtypeInfo(dtype).onnxId;
const typed = (dtype: DType, dims: number[], fields: Onnx.ITensorProto): Onnx.ITensorProto =>
  throughFile({ name: "w", dims, dataType: idOf(dtype), ...fields });

describe("elements of a tensor", () => {
  it.each(dtypeTable.map(({ dtype }) => dtype))("of type %s survive a file", (dtype) => {
    const bits = dtypeInfo(dtype).bits;
    const count = 7;
    const elements = allocateElements(dtype, count);
    for (let i = 0; i < elements.length; i++) {
      if (dtype === "string") (elements as string[])[i] = `é${i}`;
      else if (elements instanceof BigInt64Array || elements instanceof BigUint64Array)
        elements[i] = 2n ** 62n + BigInt(i);
      else
        (elements as Uint8Array)[i] =
          bits < 8 && dtypeInfo(dtype).class === "signed" ? i - 2 ** (bits - 1) : i % 2 ** Math.min(bits, 8);
    }
    const tensor = makeTensor(dtype, [count], elements);
    const back = decodeTensor(throughFile(encodeTensor(tensor, "w")), still);
    if (bits >= 8 || dtype === "string") expect(back).toEqual(tensor);
    else expect(Array.from(back.elements as Int8Array, (v) => v & (2 ** bits - 1))).toEqual(Array.from(elements as Int8Array, (v) => v & (2 ** bits - 1))); // prettier-ignore
  });

  it("come from the typed fields", () => {
    expect(decodeTensor(typed("f32", [2], { floatData: [1.5, -2] }), still).elements).toEqual(Float32Array.of(1.5, -2));
    expect(decodeTensor(typed("f64", [1], { doubleData: [0.1] }), still).elements).toEqual(Float64Array.of(0.1));
    expect(decodeTensor(typed("i8", [2], { int32Data: [-1, 127] }), still).elements).toEqual(Int8Array.of(-1, 127));
    expect(decodeTensor(typed("f16", [1], { int32Data: [0x3c00] }), still).elements).toEqual(Uint16Array.of(0x3c00));
    expect(decodeTensor(typed("bool", [2], { int32Data: [0, 1] }), still).elements).toEqual(Uint8Array.of(0, 1));
    expect(decodeTensor(typed("u32", [1], { uint64Data: [4294967295] }), still).elements).toEqual(
      Uint32Array.of(4294967295),
    );
    expect(decodeTensor(typed("c64", [1], { floatData: [1, 2] }), still).elements).toEqual(Float32Array.of(1, 2));
  });

  it("keep 64-bit integers exact", () => {
    const values = [2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n];
    const bytes = proto.TensorProto.encode({ dims: [3], dataType: idOf("i64"), int64Data: values.map((v) => ({ low: Number(BigInt.asIntN(32, v)), high: Number(BigInt.asIntN(32, v >> 32n)), unsigned: false }) as never) }).finish(); // prettier-ignore
    expect(decodeTensor(proto.TensorProto.decode(bytes), still).elements).toEqual(BigInt64Array.from(values));
  });

  it("unpack several to a byte, lowest bits first", () => {
    const i4 = decodeTensor(typed("i4", [3], { rawData: Uint8Array.of(0x8f, 0x07) }), still);
    expect(i4.elements).toEqual(Int8Array.of(-1, -8, 7));
    const u2 = decodeTensor(typed("u2", [5], { int32Data: [0b11100100, 0b01] }), still);
    expect(u2.elements).toEqual(Uint8Array.of(0, 1, 2, 3, 1));
  });

  it.each<[string, Onnx.ITensorProto, RegExp]>([
    ["raw data too short", typed("f32", [2, 3], { rawData: new Uint8Array(20) }), /20 bytes instead of 24/],
    ["no data", typed("f32", [2], {}), /no data at all/],
    ["a negative dim", typed("f32", [-2, -3], { rawData: new Uint8Array(24) }), /negative dim -2/],
    ["huge dims", typed("f32", [2 ** 31, 2 ** 31], { rawData: new Uint8Array(24) }), /memory/],
    ["the wrong field", typed("f32", [1], { int32Data: [1] }), /int32_data.*float_data/],
    ["two fields", typed("f32", [1], { floatData: [1], rawData: new Uint8Array(4) }), /raw_data and in float_data/],
    ["values beyond the type", typed("i8", [1], { int32Data: [300] }), /300 does not fit i8/],
    ["an unknown type", throughFile({ name: "w", dims: [1], dataType: 99 }), /data type 99/],
    ["no type", throughFile({ name: "w", dims: [1] }), /no data type/],
  ])("are refused with %s", (_, tensor, message) => {
    expect(() => decodeTensor(tensor, still)).toThrow(WscError);
    expect(() => decodeTensor(tensor, still)).toThrow(message);
  });
});

describe("sparse tensors", () => {
  const sparse = (indices: readonly number[], shape: number[], dims: number[]): Onnx.ISparseTensorProto => ({
    dims,
    values: encodeTensor(floats(1, 2), "w"),
    indices: encodeTensor(tensorFrom("i64", shape, indices), ""),
  });

  it("are written out from linear and from coordinate indices", () => {
    const expected = tensorFrom("f32", [2, 3], [0, 1, 0, 0, 0, 2]);
    expect(decodeSparse(sparse([1, 5], [2], [2, 3]), still)).toEqual(expected);
    expect(decodeSparse(sparse([0, 1, 1, 2], [2, 2], [2, 3]), still)).toEqual(expected);
  });

  it("may not write outside, nor take memory that nothing justifies", () => {
    expect(() => decodeSparse(sparse([1, 6], [2], [2, 3]), still)).toThrow(/index 6 is out of range/);
    expect(() => decodeSparse(sparse([0, 1], [2], [2 ** 20, 2 ** 20]), still)).toThrow(/WSC1009/);
    expect(() => decodeSparse(sparse([0, 1, 2], [3], [2, 3]), still)).toThrow(/indices/);
  });
});

describe("a model file", () => {
  const weights = tensorFrom(
    "f32",
    [40_000],
    Array.from({ length: 40_000 }, (_, i) => i / 7),
  );
  const spec = {
    opset: 13,
    inputs: { x: f32(40_000) },
    outputs: { y: f32(40_000) },
    nodes: [node("Add", ["x", "w"], ["y"])],
    initializers: { w: weights },
  };

  it("gives its weights as views of the file where it may move them, whatever their alignment", async () => {
    const bytes = await modelBytes(spec);
    for (let shift = 0; shift < 4; shift++) {
      const own = new Uint8Array(bytes.length + shift).subarray(shift);
      own.set(bytes);
      const { graph } = await readModel({ bytes: own, name: "m", owned: true });
      const elements = graph.initializers.get("w")?.elements as Float32Array;
      expect(elements.buffer).toBe(own.buffer);
      expect(elements).toEqual(weights.elements);
    }
  });

  it("leaves bytes that are not its own as they were", async () => {
    const bytes = await modelBytes(spec);
    const before = bytes.slice();
    const { graph } = await readModel({ bytes, name: "m" });
    expect(graph.initializers.get("w")?.elements).toEqual(weights.elements);
    expect(bytes).toEqual(before);
  });

  it("may hold its floats one by one", async () => {
    const count = 1000;
    const values = Array.from({ length: count }, (_, i) => Math.fround(i * 0.1));
    const bytes = proto.ModelProto.encode({
      irVersion: 8,
      opsetImport: [{ domain: "", version: 13 }],
      graph: { name: "g", initializer: [{ name: "w", dims: [count], dataType: 1, floatData: values }] },
    }).finish();
    const before = bytes.slice();
    const { graph } = await readModel({ bytes, name: "m" });
    expect(Array.from(graph.initializers.get("w")?.elements as Float32Array)).toEqual(values);
    expect(bytes).toEqual(before);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /empty/],
    [
      "an LFS pointer",
      new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:00"),
      /Git LFS/,
    ],
    ["a zip archive", new TextEncoder().encode("PK\x03\x04 and so on"), /zip/],
    ["a web page", new TextEncoder().encode("<!DOCTYPE html><html>"), /HTML/],
    ["text", new TextEncoder().encode("hello world, this is no model"), /text/],
  ])("is not %s", async (_, bytes, message) => {
    await expect(readModel({ bytes, name: "m.onnx" })).rejects.toThrow(message);
    await expect(readModel({ bytes, name: "m.onnx" })).rejects.toThrow(/WSC1002: m\.onnx/);
  });

  it("must be there", async () => {
    await expect(readModel("/no/such/model.onnx")).rejects.toThrow(/WSC1001.*does not exist/);
    await expect(readModel("/")).rejects.toThrow(/WSC1001.*directory/);
  });

  it("with thousands of nested subgraphs is refused without a stack overflow", async () => {
    let graph: Uint8Array = new Uint8Array(0);
    const wrap = (field: number, body: Uint8Array): Uint8Array => {
      const length: number[] = [];
      for (let rest = body.length; ; rest >>>= 7) {
        length.push(rest < 128 ? rest : (rest & 127) | 128);
        if (rest < 128) break;
      }
      return Uint8Array.of((field << 3) | 2, ...length, ...body);
    };
    for (let depth = 0; depth < 600; depth++) graph = wrap(1, wrap(5, wrap(6, graph)));
    await expect(readModel({ bytes: wrap(7, graph), name: "deep" })).rejects.toThrow(/nested deeper/);
  });

  it("with any byte changed is read or refused with a diagnostic", async () => {
    const bytes = await modelBytes({
      ...spec,
      initializers: { w: floats(1, 2, 3) },
      inputs: { x: f32("n", 3) },
      outputs: { y: f32("n", 3) },
    });
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), async (at, byte, cut) => {
        const changed = bytes.slice(0, cut < bytes.length / 4 ? bytes.length - cut : bytes.length);
        changed[Math.min(at, changed.length - 1)] = byte;
        const error: unknown = await readModel({ bytes: changed, name: "m" }).then(() => null, (reason: unknown) => reason); // prettier-ignore
        expect(error === null || error instanceof WscError).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("gives an output once that it lists twice", async () => {
    const bytes = (await modelBytes(spec)).slice();
    const decoded = proto.ModelProto.decode(bytes);
    const outputs = decoded.graph?.output ?? [];
    outputs.push(...outputs);
    const { graph } = await readModel({ bytes: proto.ModelProto.encode(decoded).finish(), name: "m" });
    expect(graph.outputs.map(({ name }) => name)).toEqual(Object.keys(spec.outputs));
  });

  it.each<[string, (attribute: Onnx.IAttributeProto) => void, RegExp]>([
    [
      "no type",
      (a) => {
        a.type = kinds.UNDEFINED;
      },
      /WSC3002: Elu "e": attribute "alpha" has no type/,
    ],
    [
      "an unknown type",
      (a) => {
        a.type = 99 as never;
      },
      /attribute "alpha" has the unknown type 99/,
    ],
    [
      "another type than its value",
      (a) => {
        a.type = kinds.INT;
      },
      /attribute "alpha" is declared to be of kind int, but its value is of kind float/,
    ],
    [
      "two values",
      (a) => {
        a.ints = [1];
      },
      /declared to be of kind float, but its value is of kind ints/,
    ],
  ])("whose attribute has %s is refused", async (_, spoil, message) => {
    const elu = { ...spec, nodes: [node("Elu", ["x"], ["y"], { alpha: { kind: "float", value: 1 } }, { name: "e" })] };
    const decoded = proto.ModelProto.decode(await modelBytes(elu));
    spoil(decoded.graph?.node?.[0]?.attribute?.[0] ?? {});
    const bytes = proto.ModelProto.encode(decoded).finish();
    await expect(readModel({ bytes, name: "m" })).rejects.toThrow(message);
    if (!message.source.includes("has no type")) return;
    decoded.irVersion = 1;
    const { graph } = await readModel({ bytes: proto.ModelProto.encode(decoded).finish(), name: "m" });
    expect(graph.nodes[0]?.attributes.get("alpha")).toEqual({ kind: "float", value: 1 });
  });

  it.each([
    [9999, /ir_version is 9999; 14 is the newest/],
    [0, /no ir_version/],
  ] as const)("of ir_version %d is refused", async (irVersion, message) => {
    await expect(model({ ...spec, irVersion })).rejects.toThrow(message);
    await expect(model({ ...spec, irVersion })).rejects.toThrow(/WSC1003: test\.onnx/);
  });

  it.each(["x", "Relu", "nodename", "dimname"])("with a name that is no UTF-8 is refused: %s", async (name) => {
    const named = {
      ...spec,
      inputs: { x: f32("dimname") },
      outputs: { y: f32("dimname") },
      nodes: [node("Relu", ["x"], ["y"], {}, { name: "nodename" })],
    };
    const bytes = (await modelBytes(named)).slice();
    const text = new TextEncoder().encode(name);
    const at = bytes.findIndex(
      (_, i) => bytes[i - 1] === text.length && text.every((byte, k) => bytes[i + k] === byte),
    );
    bytes[at] = 0xff;
    const shown = `"\ufffd${name.slice(1)}", is not UTF-8`;
    await expect(readModel({ bytes, name: "m" })).rejects.toThrow(shown);
  });

  it("keeps names that are hostile to objects", async () => {
    const names = ["__proto__", "constructor", "toString"] as const;
    const { graph } = await model({
      opset: 13,
      inputs: Object.fromEntries(names.map((name) => [name, f32(1)])),
      outputs: { y: f32(1) },
      nodes: [node("Sum", ["constructor", "toString", "w"], ["y"])],
      initializers: { w: floats(1) },
    });
    expect(elementCount(graph.initializers.get("w")?.shape ?? [])).toBe(1);
    expect(graph.nodes[0]?.inputs).toEqual(["constructor", "toString", "w"]);
  });
});
