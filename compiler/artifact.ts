/** Writes a compiled model as a folder: beside its final place first, then renamed, so that no half-written program is ever found. */
import { createWriteStream } from "node:fs";
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { once } from "node:events";
import { fail } from "../ir/diagnostic.ts";
import { printPlacementJson } from "../ir/placement-json.ts";
import type { CompiledProgram } from "../ir/program.ts";
import { printProgram } from "../ir/program-text.ts";
import { artifactFiles } from "../runtime/artifact.ts";
import type { CompiledModel } from "./compile.ts";

/** Bytes of weights written at a time. */
const chunkBytes = 64 * 2 ** 20;

/** Writes the folder, with more files by name; an earlier program there is replaced, anything else is left alone (WSC8002). */
export async function writeArtifact(
  model: CompiledModel,
  folder: string,
  more: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const target = path.resolve(folder);
  await refuseForeign(target);
  await mkdir(path.dirname(target), { recursive: true });
  const draft = await mkdtemp(path.join(path.dirname(target), ".wsc-"));
  try {
    await writeFiles(model, draft);
    for (const [name, text] of more) await writeFile(path.join(draft, name), text);
    // a folder for temporary files is its owner's alone; a program is not
    await chmod(draft, 0o755);
    await rm(target, { recursive: true, force: true });
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** A folder that is neither empty nor one of ours is not overwritten. */
async function refuseForeign(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw fail("WSC8002", `cannot write to ${folder}: ${code ?? "unknown error"}`);
  });
  if (names.length === 0 || (names as readonly string[]).includes(artifactFiles.program)) return;
  throw fail("WSC8002", `${folder} is not empty and holds no compiled program`, {
    hint: "choose another folder with -o",
  });
}

async function writeFiles(model: CompiledModel, folder: string): Promise<void> {
  const { program, modules } = model.compiled;
  const [{ emitBindings }, { renderReport }] = await Promise.all([
    import("./codegen/bindings.ts"),
    import("./report/html.ts"),
  ]);
  const bindings = emitBindings(program);
  const file = (name: string): string => path.join(folder, name);
  await writeFile(file(artifactFiles.program), printProgram(program));
  for (const [name, binary] of modules) await writeFile(file(name), binary);
  await writeWeights(model.compiled, file(artifactFiles.weights));
  await writeFile(file(artifactFiles.placement), printPlacementJson(model.placement));
  await writeFile(file(artifactFiles.report), renderReport(model));
  await writeFile(file(artifactFiles.bindings), bindings.js);
  await writeFile(file(artifactFiles.types), bindings.dts);
}

/** Streams the weights, a chunk at a time: a second copy of a large model is never made. */
async function writeWeights({ program, weights }: CompiledProgram, file: string): Promise<void> {
  const { weightsOffset, weightsBytes } = program.memory;
  const stream = createWriteStream(file);
  const put = async (bytes: Uint8Array): Promise<void> => {
    if (!stream.write(bytes)) await once(stream, "drain");
  };
  let at = weightsOffset;
  for (const segment of weights.toSorted((a, b) => a.offset - b.offset)) {
    for (let gap = segment.offset - at; gap > 0; gap -= chunkBytes)
      await put(new Uint8Array(Math.min(gap, chunkBytes)));
    const bytes = new Uint8Array(segment.byteLength);
    segment.write(bytes);
    await put(bytes);
    at = segment.offset + segment.byteLength;
  }
  await put(new Uint8Array(Math.max(0, weightsOffset + weightsBytes - at)));
  stream.end();
  await once(stream, "finish");
}

/** True when a folder holds a compiled program. */
export async function isArtifact(folder: string): Promise<boolean> {
  return access(path.join(folder, artifactFiles.program)).then(
    () => true,
    () => false,
  );
}
