/** An unchanged model is not compiled again; whatever decides the result makes it new. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { appendFileSync, copyFileSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { compileFolder, type FolderOptions } from "../../compiler/project/compile-folder.ts";
import { digitsModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("compile-folder");
afterAll(scratch.remove);

const small: FolderOptions = { fuse: false };

describe("compileFolder", () => {
  const model = path.join(scratch.path, "digits.onnx");
  const folder = path.join(scratch.path, "digits");
  const kindOf = async (options: FolderOptions): Promise<string> => (await compileFolder(model, folder, options)).kind;

  it("keeps what the same compilation would give, and nothing else", async () => {
    copyFileSync(digitsModel, model);
    expect(await kindOf(small)).toBe("written");
    const written = statSync(path.join(folder, "program.json")).mtimeMs;
    expect(await kindOf(small)).toBe("kept");
    expect(statSync(path.join(folder, "program.json")).mtimeMs).toBe(written);
    expect(await kindOf({ ...small, keep: false })).toBe("written");
    expect(await kindOf({ ...small, target: "wse3" })).toBe("written");
    expect(await kindOf({ ...small, target: "wse3" })).toBe("kept");
    const pass = { name: "look", summary: "looks", run: <T>(graph: T): T => graph };
    expect(await kindOf({ ...small, target: "wse3", passes: [{ after: "dead-code", pass }] })).toBe("written");
    // a folder without a record is compiled
    expect(await kindOf({ ...small, target: "wse3" })).toBe("written");
  });

  it("compiles again when the model has changed, and refuses a folder that somebody has altered", async () => {
    expect(await kindOf(small)).toBe("written");
    // an unknown field of no bytes: another file, the same model
    appendFileSync(model, Uint8Array.of(0xfa, 0x7f, 0x00));
    expect(await kindOf(small)).toBe("written");
    expect(await kindOf(small)).toBe("kept");
    appendFileSync(path.join(folder, "graph.txt"), "\n");
    await expect(kindOf(small)).rejects.toMatchObject({ diagnostics: [{ code: "WSC8002" }] });
    expect(await kindOf({ ...small, force: true })).toBe("written");
  });

  it("writes its record among the folder's files", () => {
    const record = JSON.parse(readFileSync(path.join(folder, "build.json"), "utf8")) as { sources: { file: string }[] };
    expect(record.sources.map(({ file }) => file)).toEqual(["digits.onnx"]);
  });
});
