/** A compiled program's folder as a source: program.json, the kernels, weights.bin, checked against the manifest while they are read. */
import { fail, WscError } from "../ir/diagnostic.ts";
import { type ManifestEntry, manifestFile, parseManifest } from "../ir/manifest.ts";
import { baseProgram, type OpenFamily } from "../ir/open/family.ts";
import { isFamilyText, parseFamily } from "../ir/open/family-text.ts";
import type { Program } from "../ir/program.ts";
import { parseProgram } from "../ir/program-text.ts";
import { digestOfBytes, MemoryDigest } from "./digest/digest.ts";
import type { FamilySource } from "./family-runner.ts";
import { readBytes } from "./platform.ts";
import type { ProgramSource } from "./source.ts";
import { openWeights, type WeightsFile } from "./weights.ts";

/** Files of an artifact's folder. */
export const artifactFiles = {
  program: "program.json",
  weights: "weights.bin",
  graph: "graph.txt",
  kernels: "kernels.txt",
  placement: "placement.json",
  report: "report.html",
  bindings: "index.js",
  types: "index.d.ts",
  /** constants for a simulation of the fabric program */
  fabric: "fabric.bin",
} as const;

/** A compiled folder, its weights' file open; whoever loads it closes it. One for all shapes has the source of what its programs share. */
export type Artifact = { readonly close: () => Promise<void> } & (
  | { readonly kind: "program"; readonly source: ProgramSource }
  | { readonly kind: "family"; readonly source: FamilySource }
);

export interface ArtifactOptions {
  /** compares digests; without it only sizes are compared */
  readonly verify: boolean;
}

/** Where a folder's file is. */
type Locate = (file: string) => string | URL;

const noWeights: WeightsFile = { readInto: () => Promise.resolve(), close: () => Promise.resolve() };

/** Reads the program that `locate` finds; throws WSC7004, with the file's name, for what is not as it was compiled. */
export async function openArtifact(locate: Locate, { verify }: ArtifactOptions): Promise<Artifact> {
  const [text, digests] = await bothOf(readBytes(locate(artifactFiles.program)), verify ? readDigests(locate) : null);
  digests?.check(artifactFiles.program, text);
  const parsed = parseText(new TextDecoder().decode(text));
  const program = parsed.kind === "program" ? parsed.program : baseProgram(parsed.family);
  const { weightsBytes } = program.memory;
  const weights = weightsBytes === 0 ? noWeights : await openWeights(locate(artifactFiles.weights), weightsBytes);
  const source: ProgramSource = {
    program,
    readModule: async (file) => {
      const binary = await readBytes(locate(file));
      digests?.check(file, binary);
      return binary;
    },
    readWeights: (target, memory) =>
      digests === null || weightsBytes === 0 ? weights.readInto(target) : readChecked(weights, target, memory, digests),
  };
  const { close } = weights;
  if (parsed.kind === "program") return { kind: "program", source, close };
  return { kind: "family", source: { family: parsed.family, base: source }, close };
}

/** What a `program.json` may hold. */
type ParsedText =
  { readonly kind: "program"; readonly program: Program } | { readonly kind: "family"; readonly family: OpenFamily };

/** Reads a `program.json`; throws WSC7004 when it is damaged. */
export const parseText = (text: string): ParsedText =>
  isFamilyText(text) ? { kind: "family", family: parseFamily(text) } : { kind: "program", program: parseProgram(text) };

/** The first, and what there is of the second; of two failures the first's is thrown. */
async function bothOf<A, B>(first: Promise<A>, second: Promise<B> | null): Promise<[A, B | null]> {
  second?.catch(() => undefined);
  return [await first, await second];
}

/** Reads the weights; each piece is digested when it is there, while further ones are read. */
async function readChecked(
  weights: WeightsFile,
  target: Uint8Array,
  memory: WebAssembly.Memory,
  digests: Digests,
): Promise<void> {
  const digest = new MemoryDigest(memory, target.byteOffset, target.byteLength);
  await weights.readInto(target, (at) => {
    digest.add(at);
  });
  digests.compare(artifactFiles.weights, digest.finish());
}

/** The digests in a manifest. */
class Digests {
  readonly #entries: ReadonlyMap<string, ManifestEntry>;

  constructor(entries: readonly ManifestEntry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.file, entry]));
  }

  check(file: string, bytes: Uint8Array): void {
    this.compare(file, digestOfBytes(bytes));
  }

  compare(file: string, digest: string): void {
    const entry = this.#entries.get(file);
    if (entry === undefined) throw fail("WSC7004", `${manifestFile} does not name the file`, { subject: file, hint });
    if (entry.digest !== digest) {
      throw fail("WSC7004", "the file is not the one that was compiled: its digest differs", { subject: file, hint });
    }
  }
}

const hint = "compile the model again; verify: false (wsc run --no-verify) loads it all the same";

async function readDigests(locate: Locate): Promise<Digests> {
  const text = await readBytes(locate(manifestFile)).catch((error: unknown) => {
    const reason = error instanceof WscError ? error.message : String(error);
    throw fail("WSC7004", `nothing says whether the program is the one that was compiled (${reason})`, {
      subject: manifestFile,
      hint,
    });
  });
  return new Digests(parseManifest(new TextDecoder().decode(text)));
}
