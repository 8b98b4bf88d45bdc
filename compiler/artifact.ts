/** Writes a compiled model as a folder, with a manifest of its files. */
import { open, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Manifest, ManifestEntry } from "../ir/manifest.ts";
import { printFamily } from "../ir/open/family-text.ts";
import type { CompiledProgram, WeightSegment } from "../ir/program.ts";
import { artifactFiles } from "../runtime/artifact.ts";
import { digestOfBytes, StreamDigest } from "../runtime/digest/digest.ts";
import type { CompiledModel } from "./compile.ts";
import type { FamilyModel } from "./compile-family.ts";
import type { OutputOptions } from "./files/output-files.ts";
import { claimFolder } from "./files/output-folder.ts";

/** Bytes of weights written at a time. */
const chunkBytes = 64 * 2 ** 20;

export interface ArtifactOptions extends OutputOptions {
  /** more files by name */
  readonly more?: ReadonlyMap<string, string>;
}

/** Throws unless a folder may be written: for those who want to know before they compile. */
export async function claimArtifact(folder: string, options: OutputOptions = {}): Promise<void> {
  await claimFolder(folder, Object.values(artifactFiles), options);
}

/**
 * Writes the folder. An earlier program there is replaced, whole; anything else is refused (WSC8002), as are files of the program that have been
 * changed since, unless `force` is set, and a folder that the model is read from. WSC8003 when the file system refuses.
 */
export async function writeArtifact(
  model: CompiledModel,
  folder: string,
  { more = new Map(), force = false, inputs = [] }: ArtifactOptions = {},
): Promise<void> {
  const names = [...Object.values(artifactFiles), ...model.compiled.modules.keys(), ...more.keys()];
  const output = await claimFolder(folder, names, { force, inputs: [...inputs, ...model.files] });
  await output.write((draft) => writeFiles(model, more, draft));
}

/** Writes the folder of a model that was compiled for all its shapes, as `writeArtifact` does: it has no placement, and nothing that belongs to one. */
export async function writeFamily(
  { compiled: { family, modules, weights }, files }: FamilyModel,
  folder: string,
  { more = new Map(), force = false, inputs = [] }: ArtifactOptions = {},
): Promise<void> {
  const names = [...Object.values(artifactFiles), ...modules.keys(), ...more.keys()];
  const output = await claimFolder(folder, names, { force, inputs: [...inputs, ...files] });
  const { emitBindings } = await import("./codegen/bindings.ts");
  const bindings = emitBindings(family);
  const contents: Contents = [
    [artifactFiles.program, printFamily(family)],
    ...modules,
    [artifactFiles.bindings, bindings.js],
    [artifactFiles.types, bindings.dts],
    ...more,
  ];
  const stored = { begin: 0, bytes: family.weights.bytes, segments: weights };
  await output.write((draft) => writeContents(contents, stored, draft));
}

async function writeFiles(model: CompiledModel, more: ReadonlyMap<string, string>, folder: string): Promise<Manifest> {
  const { program } = model.compiled;
  const [{ emitBindings }, { artifactContents }] = await Promise.all([
    import("./codegen/bindings.ts"),
    import("./artifact-contents.ts"),
  ]);
  const bindings = emitBindings(program);
  const contents: Contents = [
    ...(await artifactContents(model)),
    [artifactFiles.bindings, bindings.js],
    [artifactFiles.types, bindings.dts],
    ...more,
  ];
  return writeContents(contents, weightsOf(model.compiled), folder);
}

/** The weights of a program: bytes from an address on, and what fills them. */
interface Weights {
  readonly begin: number;
  readonly bytes: number;
  readonly segments: readonly WeightSegment[];
}

const weightsOf = ({ program: { memory }, weights }: CompiledProgram): Weights => ({
  begin: memory.weightsOffset,
  bytes: memory.weightsBytes,
  segments: weights,
});

type Contents = readonly (readonly [file: string, content: string | Uint8Array])[];

async function writeContents(contents: Contents, weights: Weights, folder: string): Promise<Manifest> {
  const manifest = [await writeWeights(weights, folder)];
  for (const [file, content] of contents) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await writeFile(path.join(folder, file), bytes);
    manifest.push({ file, bytes: bytes.length, digest: digestOfBytes(bytes) });
  }
  return manifest;
}

/** Streams the weights, a chunk at a time: a second copy of a large model is never made. */
async function writeWeights({ begin, bytes: length, segments }: Weights, folder: string): Promise<ManifestEntry> {
  const digest = new StreamDigest();
  const handle = await open(path.join(folder, artifactFiles.weights), "w");
  const put = async (bytes: Uint8Array): Promise<void> => {
    digest.update(bytes);
    await handle.appendFile(bytes);
  };
  try {
    let at = begin;
    for (const segment of segments.toSorted((a, b) => a.offset - b.offset)) {
      for (let gap = segment.offset - at; gap > 0; gap -= chunkBytes)
        await put(new Uint8Array(Math.min(gap, chunkBytes)));
      const bytes = new Uint8Array(segment.byteLength);
      segment.write(bytes);
      await put(bytes);
      at = segment.offset + segment.byteLength;
    }
    await put(new Uint8Array(Math.max(0, begin + length - at)));
  } finally {
    await handle.close();
  }
  return { file: artifactFiles.weights, bytes: digest.byteLength, digest: digest.finish() };
}
