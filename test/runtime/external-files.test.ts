/** The option `externalData` in the forms that onnxruntime's API takes. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { loadOnnxProto } from "../../compiler/frontend/proto.ts";
import { InferenceSession, type SessionOptions, Tensor } from "../../runtime/index.ts";
import { serve } from "../browser/static-server.ts";
import { f32, modelBytes, node } from "../helpers/onnx-builder.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "./codes.ts";

const scratch = scratchFolder("external-files");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

const weights = Float32Array.of(10, 20, 30);
const bytes = new Uint8Array(weights.buffer);
let model: Uint8Array;

/** y = x + w, where w lies in weights.bin */
async function externalModel(offset = 0): Promise<Uint8Array> {
  const proto = await loadOnnxProto();
  const spec = { opset: 17, inputs: { x: f32(3) }, outputs: { y: f32(3) }, nodes: [node("Add", ["x", "w"], ["y"])] };
  const decoded = proto.ModelProto.decode(await modelBytes(spec));
  decoded.graph?.initializer?.push(
    proto.TensorProto.create({
      name: "w",
      dims: [3],
      dataType: 1,
      dataLocation: proto.TensorProto.DataLocation.EXTERNAL,
      externalData: [
        { key: "location", value: "weights.bin" },
        { key: "offset", value: String(offset) },
      ],
    }),
  );
  return proto.ModelProto.encode(decoded).finish();
}

beforeAll(async () => {
  model = await externalModel();
  mkdirSync(inScratch("data"));
  writeFileSync(inScratch("data/weights.bin"), bytes);
  writeFileSync(inScratch("data/other.bin"), bytes);
  mkdirSync(inScratch("bare"));
  writeFileSync(inScratch("bare/model.onnx"), model);
  writeFileSync(inScratch("bare/renamed.bin"), bytes);
});

async function resultWith(externalData: unknown, source: string | Uint8Array = model): Promise<number[]> {
  const session = await InferenceSession.create(source as Uint8Array, { externalData } as SessionOptions);
  const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3), [3]) });
  return [...(y?.data as Float32Array)];
}

describe("externalData", () => {
  it.each<[string, () => unknown]>([
    ["a Uint8Array", () => bytes],
    ["a part of a buffer", () => new Uint8Array([...new Uint8Array(4), ...bytes]).subarray(4)],
    ["a Buffer", () => Buffer.from(bytes)],
    ["an ArrayBuffer", () => bytes.slice().buffer],
    [
      "a SharedArrayBuffer",
      () => {
        const shared = new SharedArrayBuffer(bytes.length);
        new Uint8Array(shared).set(bytes);
        return shared;
      },
    ],
    ["a Blob", () => new Blob([bytes])],
    ["a path", () => inScratch("data/other.bin")],
    ["a URL", () => pathToFileURL(inScratch("data/other.bin"))],
    ["a URL as text", () => pathToFileURL(inScratch("data/other.bin")).href],
  ])("may be %s", async (_, data) => {
    expect(await resultWith([{ path: "weights.bin", data: data() }])).toEqual([11, 22, 33]);
    expect(await resultWith([{ path: "./weights.bin", data: data() }])).toEqual([11, 22, 33]);
  });

  it("may be the path of a file that is larger than any buffer, of which it reads what the model needs", async () => {
    const offset = 5 * 2 ** 30;
    const file = inScratch("data/large.bin");
    const handle = openSync(file, "w");
    // a hole that takes no place on the disk
    writeSync(handle, bytes, 0, bytes.length, offset);
    closeSync(handle);
    const far = await externalModel(offset);
    expect(await resultWith([{ path: "weights.bin", data: file }], far)).toEqual([11, 22, 33]);
    expect(await resultWith([{ path: "weights.bin", data: pathToFileURL(file) }], far)).toEqual([11, 22, 33]);
    const beyond = await externalModel(offset + 4);
    expect(await codesOf(resultWith([{ path: "weights.bin", data: file }], beyond))).toEqual(["WSC1006"]);
  });

  it("may be a path or URL alone, whose last part is the model's name for it", async () => {
    expect(await resultWith([inScratch("data/weights.bin")])).toEqual([11, 22, 33]);
    const server = await serve(new Map([["data", inScratch("data")]]), "");
    try {
      expect(await resultWith([`${server.origin}data/weights.bin?v=1`])).toEqual([11, 22, 33]);
    } finally {
      await server.close();
    }
  });

  it("may be named beside the model", async () => {
    const file = inScratch("bare/model.onnx");
    expect(await resultWith([{ path: "weights.bin", data: "./renamed.bin" }], file)).toEqual([11, 22, 33]);
    expect(await codesOf(resultWith([{ path: "weights.bin", data: "none.bin" }], file))).toEqual(["WSC1001"]);
  });

  it.each<[string, unknown]>([
    ["no array", { path: "weights.bin", data: bytes }],
    ["an entry without a path", [{ data: bytes }]],
    ["an entry without data", [{ path: "weights.bin" }]],
    ["numbers", [{ path: "weights.bin", data: [1, 2, 3] }]],
    ["null", [null]],
  ])("is refused: %s", async (_, externalData) => {
    expect(await codesOf(resultWith(externalData))).toEqual(["WSC7007"]);
  });
});
