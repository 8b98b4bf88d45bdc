/** Weights in files beside the model: read by range, and never from outside of the model's folder. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { filesInMemory } from "../../compiler/frontend/external-data.ts";
import { loadOnnxProto } from "../../compiler/frontend/proto.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { f32, floats, modelBytes, node } from "../helpers/onnx-builder.ts";

const root = await mkdtemp(path.join(tmpdir(), "wsc-external-"));
const folder = path.join(root, "model");
const file = path.join(folder, "model.onnx");
const weights = new Uint8Array(Float32Array.of(9, 9, 1, 2, 3).buffer);

beforeAll(async () => {
  await mkdir(path.join(folder, "sub"), { recursive: true });
  await writeFile(path.join(folder, "w.bin"), weights);
  await writeFile(path.join(folder, "sub", "w.bin"), weights);
  await writeFile(path.join(root, "outside.bin"), weights);
  await symlink(path.join(root, "outside.bin"), path.join(folder, "link.bin"));
  await symlink(path.join(folder, "w.bin"), path.join(folder, "inner-link.bin"));
  await symlink("loop.bin", path.join(folder, "loop.bin"));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/** A model with `w` of three floats in an external file. */
async function modelWith(entries: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const proto = await loadOnnxProto();
  const model = proto.ModelProto.decode(
    await modelBytes({
      opset: 13,
      inputs: { x: f32(3) },
      outputs: { y: f32(3) },
      nodes: [node("Add", ["x", "w"], ["y"])],
    }),
  );
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  const w = proto.TensorProto.create({
    name: "w",
    dims: [3],
    dataType: 1,
    dataLocation: proto.TensorProto.DataLocation.EXTERNAL,
    externalData,
  });
  model.graph?.initializer?.push(w);
  return proto.ModelProto.encode(model).finish();
}

async function read(entries: Readonly<Record<string, string>>): Promise<TensorData | undefined> {
  await writeFile(file, await modelWith(entries));
  return (await readModel(file)).graph.initializers.get("w");
}

describe("external data", () => {
  it.each<[string, Record<string, string>]>([
    ["at an offset", { location: "w.bin", offset: "8", length: "12" }],
    ["without a length", { location: "w.bin", offset: "8" }],
    ["in a folder below", { location: "sub/w.bin", offset: "8" }],
    ["by a link that stays inside", { location: "inner-link.bin", offset: "8" }],
    ["with a checksum that is not looked at", { location: "./w.bin", offset: "8", checksum: "00" }],
  ])("is read %s", async (_, entries) => {
    expect(await read(entries)).toEqual(floats(1, 2, 3));
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["a link that leads outside", { location: "link.bin" }, /leads outside/],
    ["a circle of links", { location: "loop.bin" }, /circle of links/],
    ["a path upwards", { location: "../outside.bin" }, /leads outside/],
    ["a path upwards from below", { location: "sub/../../outside.bin" }, /leads outside/],
    ["an absolute path", { location: "/etc/passwd" }, /absolute/],
    ["a Windows path", { location: "C:\\windows\\system.ini" }, /absolute/],
    ["backslashes upwards", { location: "..\\outside.bin" }, /leads outside/],
    ["a missing file", { location: "none.bin" }, /"none\.bin" does not exist/],
    ["a folder", { location: "sub" }, /"sub" is a directory/],
    ["no location", {}, /no location/],
    ["a range past the end", { location: "w.bin", offset: "12" }, /12 bytes at offset 12, runs past the end.*20 bytes/],
    ["a length of another size", { location: "w.bin", length: "16" }, /length of 16 bytes, its dims need 12/],
    ["an offset that is no number", { location: "w.bin", offset: "-4" }, /offset "-4"/],
    ["an offset beyond exact numbers", { location: "w.bin", offset: "99999999999999999999" }, /offset/],
  ])("is refused for %s", async (_, entries, message) => {
    await expect(read(entries)).rejects.toThrow(message);
    await expect(read(entries)).rejects.toThrow(/WSC1006: tensor "w"/);
  });

  it("may be given in memory, where there are no files", async () => {
    const bytes = await modelWith({ location: "w.bin", offset: "8" });
    const { read: readExternal } = filesInMemory(new Map([["w.bin", weights]]));
    const { graph } = await readModel({ bytes, name: "m", readExternal });
    expect(graph.initializers.get("w")).toEqual(floats(1, 2, 3));
    await expect(readModel({ bytes, name: "m" })).rejects.toThrow(/WSC1006.*"w\.bin", which was not given/);
  });
});
