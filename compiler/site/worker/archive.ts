/** A compiled folder as one zip file. Typed bindings are left out: what prints them (ts-morph) is larger than the compiler. */
import { zipSync, type Zippable } from "fflate";
import { manifestFile, printManifest } from "../../../ir/manifest.ts";
import { artifactFiles } from "../../../runtime/artifact.ts";
import { packProgram } from "../../../runtime/browser/messages.ts";
import { digestOfBytes } from "../../../runtime/digest/digest.ts";
import { artifactContents } from "../../artifact-contents.ts";
import type { CompiledModel } from "../../compile.ts";

/** Weights hardly get smaller; everything else is text or code. */
const levels = { weights: 0, others: 6 } as const;

/** The earliest date that the format has: the same model gives the same bytes. */
const mtime = new Date(1980, 0, 1);

/** The archive of a folder with that name. */
export async function archiveOf(model: CompiledModel, folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const { weights } = packProgram(model.compiled);
  const own = weights.subarray(model.compiled.program.memory.weightsOffset);
  const files = new Map<string, Uint8Array>([[artifactFiles.weights, own]]);
  for (const [file, content] of await artifactContents(model)) {
    files.set(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }
  const manifest = [...files].map(([file, bytes]) => ({ file, bytes: bytes.length, digest: digestOfBytes(bytes) }));
  files.set(manifestFile, new TextEncoder().encode(printManifest(manifest)));
  const entries: Zippable = {};
  for (const [file, bytes] of files) {
    const level = file === artifactFiles.weights ? levels.weights : levels.others;
    entries[`${folder}/${file}`] = [bytes, { level, mtime }];
  }
  return zipSync(entries);
}
