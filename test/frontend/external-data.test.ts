/** Weights in files beside the model: read by range, and never from outside of the model's folder. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { givenFiles } from "../../compiler/frontend/external-data.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { externalModel } from "../helpers/external-model.ts";
import { floats } from "../helpers/onnx-builder.ts";

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

async function read(entries: Readonly<Record<string, string>>): Promise<TensorData | undefined> {
  await writeFile(file, await externalModel(entries));
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

  describe("in a cache of links to files by content", () => {
    /** `entries` are links by name, or null for the model itself; the model is read by its name in `at`. */
    async function readLinked(at: string, entries: Readonly<Record<string, string | null>>, location = "w.bin") {
      const cache = await mkdtemp(path.join(root, "cache-"));
      for (const [name, to] of Object.entries(entries)) {
        const entry = path.join(cache, name);
        await mkdir(path.dirname(entry), { recursive: true });
        if (to !== null) await symlink(to, entry);
        else await writeFile(entry, name.endsWith("model") ? await externalModel({ location, offset: "8" }) : weights);
      }
      return (await readModel(path.join(cache, at))).graph.initializers.get("w");
    }
    /** Where the data lies, seen from the model. */
    const locationOf = (at: string, entries: object): string => {
      const [data = "w.bin"] = Object.keys(entries).filter(
        (name) => name.startsWith(path.dirname(at)) && name.endsWith("w.bin"),
      );
      return data === "w.bin" ? data : path.relative(path.dirname(at), data);
    };
    const blobs = { "blobs/model": null, "blobs/weights": null };

    it.each<[string, string, Record<string, string | null>]>([
      [
        "both links",
        "snapshots/x/m.onnx",
        { ...blobs, "snapshots/x/m.onnx": "../../blobs/model", "snapshots/x/w.bin": "../../blobs/weights" },
      ],
      [
        "in folders below",
        "snapshots/x/onnx/m.onnx",
        {
          ...blobs,
          "snapshots/x/onnx/m.onnx": "../../../blobs/model",
          "snapshots/x/onnx/sub/w.bin": "../../../../blobs/weights",
        },
      ],
      [
        "data in a folder below the real model's",
        "x/m.onnx",
        { "blobs/model": null, "blobs/d/weights": null, "x/m.onnx": "../blobs/model", "x/w.bin": "../blobs/d/weights" },
      ],
      [
        "the model a link, the data beside the link",
        "x/m.onnx",
        { "blobs/model": null, "x/m.onnx": "../blobs/model", "x/w.bin": null },
      ],
      [
        "links to links",
        "y/m.onnx",
        {
          ...blobs,
          "x/m.onnx": "../blobs/model",
          "x/w.bin": "../blobs/weights",
          "y/m.onnx": "../x/m.onnx",
          "y/w.bin": "../x/w.bin",
        },
      ],
      [
        "the folder a link",
        "y/m.onnx",
        { ...blobs, "x/m.onnx": "../blobs/model", "x/w.bin": "../blobs/weights", y: "x" },
      ],
    ])("is read: %s", async (_, at, entries) => {
      expect(await readLinked(at, entries, locationOf(at, entries))).toEqual(floats(1, 2, 3));
    });

    it.each<[string, string, Record<string, string | null>]>([
      [
        "another folder than the real model's",
        "x/m.onnx",
        { ...blobs, "other/weights": null, "x/m.onnx": "../blobs/model", "x/w.bin": "../other/weights" },
      ],
      [
        "a folder whose name begins alike",
        "x/m.onnx",
        { "blobs/model": null, "blobs2/weights": null, "x/m.onnx": "../blobs/model", "x/w.bin": "../blobs2/weights" },
      ],
      [
        "the real folder's parent",
        "x/m.onnx",
        { "blobs/model": null, weights: null, "x/m.onnx": "../blobs/model", "x/w.bin": "../weights" },
      ],
      [
        "links, of a model that is none",
        "x/model",
        { "blobs/weights": null, "x/model": null, "x/w.bin": "../blobs/weights" },
      ],
    ])("is refused: %s", async (_, at, entries) => {
      await expect(readLinked(at, entries)).rejects.toThrow(/WSC1006: tensor "w".*leads outside/);
    });
  });

  it.each(["w.bin", "./w.bin", ".//w.bin", "sub/../w.bin", ".\\w.bin"])(
    "given as %s is the file that a model names w.bin or ./w.bin",
    async (given) => {
      for (const location of ["w.bin", "./w.bin", "././w.bin"]) {
        const bytes = await externalModel({ location, offset: "8" });
        const { graph } = await readModel({ bytes, name: "m" }, { externalData: new Map([[given, weights]]) });
        expect(graph.initializers.get("w")).toEqual(floats(1, 2, 3));
      }
      const bytes = await externalModel({ location: "sub/w.bin" });
      await expect(readModel({ bytes, name: "m" }, { externalData: new Map([[given, weights]]) })).rejects.toThrow(
        /was not given/,
      );
    },
  );

  it("that is given goes before the folder's", async () => {
    await writeFile(file, await externalModel({ location: "w.bin", offset: "8" }));
    const other = new Uint8Array(Float32Array.of(0, 0, 4, 5, 6).buffer);
    const valueOf = async (name: string) =>
      (await readModel(file, { externalData: new Map([[name, other]]) })).graph.initializers.get("w");
    expect(await valueOf("./w.bin")).toEqual(floats(4, 5, 6));
    expect(await valueOf("v.bin")).toEqual(floats(1, 2, 3));
  });

  it("may be given in memory, where there are no files", async () => {
    const bytes = await externalModel({ location: "w.bin", offset: "8" });
    const { read: readExternal } = givenFiles(new Map([["w.bin", weights]]));
    const { graph } = await readModel({ bytes, name: "m", readExternal });
    expect(graph.initializers.get("w")).toEqual(floats(1, 2, 3));
    await expect(readModel({ bytes, name: "m" })).rejects.toThrow(/WSC1006.*"w\.bin", which was not given/);
  });
});
