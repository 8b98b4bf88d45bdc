/** Whole folders: an earlier one of wsc's is replaced, anything else stays as it is, and the old one stays until the new one is there. */
import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { claimFolder } from "../../compiler/files/output-folder.ts";
import type { OutputOptions } from "../../compiler/files/output-files.ts";
import { manifestFile, parseManifest } from "../../ir/manifest.ts";
import { digestOfBytes } from "../../runtime/digest/digest.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "../runtime/codes.ts";

const scratch = scratchFolder("folders");
afterAll(scratch.remove);
let parent = "";
let count = 0;
beforeEach(() => {
  parent = path.join(scratch.path, String(count++));
  mkdirSync(parent);
});
const at = (...names: readonly string[]): string => path.join(parent, ...names);

type Files = Readonly<Record<string, string>>;

async function write(name: string, files: Files, options: OutputOptions = {}): Promise<void> {
  const folder = await claimFolder(at(name), Object.keys(files), options);
  await folder.write((draft) => {
    const manifest = Object.entries(files).map(([file, text]) => {
      writeFileSync(path.join(draft, file), text);
      return { file, bytes: text.length, digest: digestOfBytes(new TextEncoder().encode(text)) };
    });
    return Promise.resolve(manifest);
  });
}

const old: Files = { "program.json": "old program", "weights.bin": "old weights", "more.json": "old" };
const fresh: Files = { "program.json": "new program", "weights.bin": "new weights" };

function contents(name: string): Record<string, string> {
  const names = readdirSync(at(name)).filter((file) => file !== manifestFile);
  return Object.fromEntries(names.map((file) => [file, readFileSync(at(name, file), "utf8")]));
}

describe("a folder", () => {
  it("is made, with a manifest", async () => {
    await write("a/b", old);
    expect(contents("a/b")).toEqual(old);
    const manifest = parseManifest(readFileSync(at("a/b", manifestFile), "utf8"));
    expect(manifest.map(({ file }) => file)).toEqual(Object.keys(old).toSorted());
    expect(readdirSync(at("a"))).toEqual(["b"]);
  });

  it("is filled where it is empty", async () => {
    mkdirSync(at("out"));
    await write("out", old);
    expect(contents("out")).toEqual(old);
  });

  it("is replaced, and what the old one had more goes with it", async () => {
    await write("out", old);
    await write("out", fresh);
    expect(contents("out")).toEqual(fresh);
    expect(readdirSync(parent)).toEqual(["out"]);
  });

  it("is replaced where a file is missing, or a killed process has left its draft", async () => {
    await write("out", old);
    rmSync(at("out/weights.bin"));
    mkdirSync(at("out/.wsc-draft-aBcDeF"));
    await write("out", fresh);
    expect(contents("out/.wsc-draft-aBcDeF")).toEqual({});
    rmSync(at("out/.wsc-draft-aBcDeF"), { recursive: true });
    expect(contents("out")).toEqual(fresh);
  });

  it("stays as it is with anything else in it", async () => {
    await write("out", old);
    mkdirSync(at("out/.git"));
    writeFileSync(at("out/notes.txt"), "mine");
    await expect(write("out", fresh)).rejects.toThrow(/WSC8002: .*out" holds ".git", "notes.txt", which wsc did not/);
    expect(readFileSync(at("out/program.json"), "utf8")).toBe("old program");
  });

  it("gets new files by force, and keeps what else is in it", async () => {
    await write("out", old);
    mkdirSync(at("out/.git"));
    writeFileSync(at("out/.git/HEAD"), "ref");
    writeFileSync(at("out/notes.txt"), "mine");
    await write("out", fresh, { force: true });
    expect(readFileSync(at("out/.git/HEAD"), "utf8")).toBe("ref");
    rmSync(at("out/.git"), { recursive: true });
    expect(contents("out")).toEqual({ ...fresh, "notes.txt": "mine" });
  });

  it("never loses a file of its names that is not in the manifest", async () => {
    await write("out", fresh);
    writeFileSync(at("out/more.json"), "mine");
    for (const force of [false, true]) {
      await expect(write("out", old, { force })).rejects.toThrow(/WSC8002: .*holds "more.json"/);
    }
    expect(contents("out")).toEqual({ ...fresh, "more.json": "mine" });
  });

  it.each([
    ["no manifest", () => undefined],
    [
      "a manifest that is none",
      () => {
        writeFileSync(at("out", manifestFile), "{}");
      },
    ],
    [
      "a manifest that is a link",
      () => {
        symlinkSync("../real", at("out", manifestFile));
      },
    ],
  ])("with a program.json and %s is somebody else's", async (_, prepare) => {
    await write("out", old);
    renameSync(at("out", manifestFile), at("real"));
    prepare();
    await expect(write("out", fresh, { force: true })).rejects.toThrow(/WSC8002: .*which wsc did not write/);
    expect(readFileSync(at("out/program.json"), "utf8")).toBe("old program");
  });

  it("whose files have been changed stays, all of them named, unless by force", async () => {
    await write("out", old);
    writeFileSync(at("out/program.json"), "new ProgRam");
    rmSync(at("out/weights.bin"));
    symlinkSync("../elsewhere", at("out/weights.bin"));
    writeFileSync(at("elsewhere"), old["weights.bin"] ?? "");
    const refused = write("out", fresh);
    await expect(refused).rejects.toThrow(/program\.json" has been changed since wsc wrote it/);
    await expect(refused).rejects.toThrow(/weights\.bin" has been changed since wsc wrote it/);
    // a link is none of wsc's files, whatever it leads to
    await expect(write("out", fresh, { force: true })).rejects.toThrow(/weights\.bin" has been changed/);
    rmSync(at("out/weights.bin"));
    await write("out", fresh, { force: true });
    expect(contents("out")).toEqual(fresh);
    expect(readFileSync(at("elsewhere"), "utf8")).toBe("old weights");
  });

  it("that holds an input is never replaced", async () => {
    await write("out", old);
    symlinkSync("out/weights.bin", at("data"));
    for (const force of [false, true]) {
      await expect(write("out", fresh, { force, inputs: [at("data")] })).rejects.toThrow(/is an input of this command/);
    }
    expect(contents("out")).toEqual(old);
  });

  it("that is a link or a file is not written through", async () => {
    mkdirSync(at("real"));
    symlinkSync("real", at("link"));
    symlinkSync("nowhere", at("dangling"));
    writeFileSync(at("file"), "mine");
    expect(await codesOf(write("link", fresh))).toEqual(["WSC8002"]);
    expect(await codesOf(write("dangling", fresh))).toEqual(["WSC8002"]);
    expect(await codesOf(write("file", fresh))).toEqual(["WSC8002"]);
    expect(await codesOf(write("file/inside", fresh))).not.toEqual([]);
    expect(readdirSync(at("real"))).toEqual([]);
    expect(existsSync(at("nowhere"))).toBe(false);
  });
});

describe("a folder that cannot be filled", () => {
  const failing = async (name: string, error: Error): Promise<void> => {
    const folder = await claimFolder(at(name), ["program.json"]);
    await folder.write((draft) => {
      writeFileSync(path.join(draft, "program.json"), "half");
      return Promise.reject(error);
    });
  };
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });

  it("leaves nothing, the old one as it was, and says what the file system said", async () => {
    await expect(failing("a/b/out", full)).rejects.toThrow(/WSC8003: .*out" cannot be written: no space is left/);
    expect(readdirSync(parent)).toEqual([]);
    await write("out", old);
    await expect(failing("out", full)).rejects.toThrow("WSC8003");
    expect(contents("out")).toEqual(old);
    expect(readdirSync(parent)).toEqual(["out"]);
  });

  it("is put together again when a file cannot be moved to its place", async () => {
    await write("out", old);
    const folder = await claimFolder(at("out"), []);
    const writing = folder.write((draft) => {
      writeFileSync(path.join(draft, "a.json"), "a");
      // said to be there, and is not
      const entry = { bytes: 1, digest: digestOfBytes(new Uint8Array(1)) };
      return Promise.resolve([
        { file: "a.json", ...entry },
        { file: "b.json", ...entry },
      ]);
    });
    await expect(writing).rejects.toThrow("WSC8003");
    expect(contents("out")).toEqual(old);
  });
});
