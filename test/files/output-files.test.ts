/** Single files: only what wsc wrote is replaced, inputs never, and nothing is left behind by what fails. */
import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { claimFile, claimFiles, type FileOptions } from "../../compiler/files/output-files.ts";
import { recordFile } from "../../compiler/files/record.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "../runtime/codes.ts";

const scratch = scratchFolder("files");
afterAll(scratch.remove);
let folder = "";
let count = 0;
const at = (name: string): string => path.join(folder, name);
beforeEach(() => {
  folder = path.join(scratch.path, String(count++));
  mkdirSync(folder);
});

const write = async (name: string, text: string, options: FileOptions = {}): Promise<void> =>
  (await claimFile(at(name), options)).write(text);
const textOf = (name: string): string => readFileSync(at(name), "utf8");

describe("a file", () => {
  it("is written, and written again", async () => {
    await write("a.txt", "first");
    await write("a.txt", "second");
    expect(textOf("a.txt")).toBe("second");
    expect(readdirSync(folder).toSorted()).toEqual([recordFile, "a.txt"]);
  });

  it("that somebody else wrote stays, also by force", async () => {
    writeFileSync(at("a.txt"), "mine");
    await expect(write("a.txt", "new")).rejects.toThrow(/WSC8002: .*a\.txt" was not written by wsc/);
    await expect(write("a.txt", "new", { force: true })).rejects.toThrow(/WSC8002: .*a\.txt" was not written by wsc/);
    expect(textOf("a.txt")).toBe("mine");
  });

  it("that has been changed since stays, unless by force", async () => {
    await write("a.txt", "ours");
    writeFileSync(at("a.txt"), "ours and mine");
    await expect(write("a.txt", "new")).rejects.toThrow(/WSC8002: .*a\.txt" has been changed since wsc wrote it/);
    expect(textOf("a.txt")).toBe("ours and mine");
    await write("a.txt", "new", { force: true });
    expect(textOf("a.txt")).toBe("new");
  });

  it("that changes while the work is done stays", async () => {
    const file = await claimFile(at("a.txt"));
    writeFileSync(at("a.txt"), "mine");
    await expect(file.write("new")).rejects.toThrow("WSC8002");
    expect(textOf("a.txt")).toBe("mine");
    expect(readdirSync(folder)).toEqual(["a.txt"]);
  });

  it("is told from others' also where commands write to one folder at the same time", async () => {
    const names = Array.from({ length: 20 }, (_, i) => `${i}.txt`);
    await Promise.all(names.map((name) => write(name, name)));
    await Promise.all(names.map((name) => write(name, `${name} again`)));
    for (const name of names) expect(textOf(name)).toBe(`${name} again`);
  });

  it("keeps its permissions", async () => {
    await write("a.txt", "first");
    chmodSync(at("a.txt"), 0o640);
    await write("a.txt", "second");
    expect(statSync(at("a.txt")).mode & 0o777).toBe(0o640);
  });

  it("that was read is replaced where what is written goes on from it, and only as it was read", async () => {
    writeFileSync(at("a.txt"), "choices");
    await write("a.txt", "better choices", { goesOnFrom: "choices" });
    expect(textOf("a.txt")).toBe("better choices");
    writeFileSync(at("a.txt"), "edited meanwhile");
    expect(await codesOf(write("a.txt", "new", { goesOnFrom: "choices" }))).toEqual(["WSC8002"]);
  });

  it("is not replaced on the word of a record that was cut short", async () => {
    await write("a.txt", "ours");
    const record = textOf(recordFile);
    writeFileSync(at(recordFile), record.slice(0, -5));
    expect(await codesOf(write("a.txt", "new"))).toEqual(["WSC8002"]);
    writeFileSync(at(recordFile), `${record.slice(0, -5)}\n${record}`);
    await write("a.txt", "new");
    expect(textOf("a.txt")).toBe("new");
  });
});

describe("an input", () => {
  const spellings: readonly [string, () => string][] = [
    ["by its name", () => "in.txt"],
    ["spelled in another way", () => `../${path.basename(folder)}/./in.txt`],
    [
      "by a link",
      () => {
        symlinkSync("in.txt", at("soft"));
        return "soft";
      },
    ],
    [
      "by another name of the same file",
      () => {
        linkSync(at("in.txt"), at("hard"));
        return "hard";
      },
    ],
    [
      "through a link to its folder",
      () => {
        symlinkSync(folder, `${folder}-link`);
        return `../${path.basename(folder)}-link/in.txt`;
      },
    ],
  ];

  it.each(spellings)("is never overwritten: %s", async (_, spell) => {
    // one that wsc wrote itself, which it would otherwise replace
    await write("in.txt", "input");
    const name = spell();
    for (const force of [false, true]) {
      const writing = write(name, "output", { inputs: [at("other.txt"), at("in.txt")], force });
      await expect(writing).rejects.toThrow(/WSC8002: .* is an input of this command/);
    }
    expect(textOf("in.txt")).toBe("input");
  });
});

describe("what stands in the way", () => {
  it("is said: a folder, a link, a dangling link, a missing folder, a file for a folder", async () => {
    mkdirSync(at("folder"));
    writeFileSync(at("elsewhere"), "mine");
    symlinkSync("elsewhere", at("link"));
    symlinkSync("nowhere", at("dangling"));
    await expect(write("folder", "x")).rejects.toThrow(/WSC8002: .*folder" is a folder/);
    await expect(write("link", "x", { force: true })).rejects.toThrow(/WSC8002: .*link" is a link/);
    await expect(write("dangling", "x")).rejects.toThrow(/WSC8002: .*dangling" is a link/);
    await expect(write("gone/a.txt", "x")).rejects.toThrow(/WSC8002: the folder of .*a\.txt" does not exist/);
    await expect(write("elsewhere/a.txt", "x")).rejects.toThrow(/WSC8002: .*elsewhere/);
    expect(textOf("elsewhere")).toBe("mine");
    expect(existsSync(at("nowhere"))).toBe(false);
    expect(readdirSync(folder).toSorted()).toEqual(["dangling", "elsewhere", "folder", "link"]);
  });

  it("is said of a record that is a link: nothing is written through it", async () => {
    writeFileSync(at("precious"), "mine");
    symlinkSync("precious", at(recordFile));
    expect(await codesOf(write("a.txt", "x"))).toEqual(["WSC8002"]);
    expect(textOf("precious")).toBe("mine");
    expect(existsSync(at("a.txt"))).toBe(false);
  });

  it("is the path itself", async () => {
    expect(await codesOf(claimFile(""))).toEqual(["WSC8001"]);
    expect(await codesOf(claimFile("a\0b"))).toEqual(["WSC8001"]);
    await expect(claimFile(at("a".repeat(300)))).rejects.toThrow(/WSC8003: .*the name is too long \(ENAMETOOLONG\)/);
  });

  const itOnLinux = existsSync("/dev/full") && existsSync("/proc/self") ? it : it.skip;
  itOnLinux("is said by the file system: a full device, a place that takes no files", async () => {
    await expect((await claimFile("/dev/full")).write("x")).rejects.toThrow(/WSC8003: .*no space is left.*ENOSPC/);
    await (await claimFile("/dev/null")).write("x");
    await expect(claimFile("/proc/wsc.txt")).rejects.toThrow("WSC8003");
    await expect(claimFiles("/proc/wsc", ["a"])).rejects.toThrow("WSC8003");
  });

  const itForUsers = process.getuid?.() === 0 ? it.skip : it;
  itForUsers("is a missing permission", async () => {
    chmodSync(folder, 0o555);
    await expect(write("a.txt", "x")).rejects.toThrow(/WSC8003: .*permission is denied \(EACCES\)/);
    chmodSync(folder, 0o755);
  });
});

describe("several files", () => {
  it("are written together or not at all, into a folder that is made for them", async () => {
    const files = await claimFiles(at("deep/er"), ["a", "b"]);
    expect(readdirSync(folder)).toEqual([]);
    await files.write(
      new Map([
        ["a", Uint8Array.of(1)],
        ["b", Uint8Array.of(2)],
      ]),
    );
    expect(readdirSync(at("deep/er")).toSorted()).toEqual([recordFile, "a", "b"]);
    writeFileSync(at("deep/er/b"), "mine");
    const again = claimFiles(at("deep/er"), ["a", "b"]);
    await expect(again).rejects.toThrow(/b" has been changed/);
  });

  it("leave no folder behind when they cannot be written", async () => {
    const files = await claimFiles(at("deep/er"), ["a"]);
    await expect(files.write(new Map([["x".repeat(300), Uint8Array.of(1)]]))).rejects.toThrow("WSC8003");
    rmSync(at("deep"), { recursive: true, force: true });
    expect(readdirSync(folder)).toEqual([]);
  });
});
