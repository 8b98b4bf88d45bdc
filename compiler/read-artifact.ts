/** Reads a compiled folder back, all but its weights: what later work on it needs, without the model that it was compiled from. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fail, WscError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { type KernelGraph, opsOf } from "../ir/kernel-graph.ts";
import { parseKernelGraph } from "../ir/kernel-graph-text.ts";
import { type Manifest, type ManifestEntry, manifestFile, parseManifest } from "../ir/manifest.ts";
import { parseGraph } from "../ir/parse.ts";
import type { Placement } from "../ir/placement.ts";
import { isFamilyText } from "../ir/open/family-text.ts";
import { parsePlacementJson } from "../ir/placement-json.ts";
import type { Program } from "../ir/program.ts";
import { parseProgram } from "../ir/program-text.ts";
import { verifyGraph } from "../ir/verify.ts";
import { artifactFiles } from "../runtime/artifact.ts";
import { stepsIn } from "../runtime/steps.ts";
import { digestOfFile } from "./files/digest-file.ts";
import { isFileError } from "./files/file-errors.ts";

export interface ReadArtifact {
  /** as the passes left it; large constants are named by their digests and have no data */
  readonly graph: Graph;
  readonly kernels: KernelGraph;
  readonly placement: Placement;
  readonly program: Program;
}

export interface ReadOptions {
  /** compares all files with their digests, weights and kernels too; default true */
  readonly verify?: boolean;
}

/** The contents of a compiled folder; throws WSC7004, with the files' names, for what was altered, is missing, or does not belong together. */
export async function readArtifact(folder: string, { verify = true }: ReadOptions = {}): Promise<ReadArtifact> {
  if (verify) await checkFiles(folder, parseManifest(await textOf(folder, manifestFile)));
  if (isFamilyText(await textOf(folder, artifactFiles.program))) {
    throw fail("WSC7004", "the folder is for all shapes of the model, and has no graph and no placement", {
      subject: artifactFiles.program,
      hint: "wsc compile MODEL --dim NAME=N, for each of its dims, places it",
    });
  }
  const artifact: ReadArtifact = {
    graph: await readPart(folder, artifactFiles.graph, parseVerified),
    kernels: await readPart(folder, artifactFiles.kernels, parseKernelGraph),
    placement: await readPart(folder, artifactFiles.placement, parsePlacementJson),
    program: await readPart(folder, artifactFiles.program, parseProgram),
  };
  checkTogether(artifact);
  return artifact;
}

const hint = "compile the model again";

const textOf = (folder: string, file: string): Promise<string> =>
  readFile(path.join(folder, file), "utf8").catch(cannotRead(file));

const cannotRead =
  (file: string) =>
  (error: unknown): never => {
    if (!isFileError(error)) throw error;
    throw fail("WSC7004", `the file cannot be read (${error.code ?? ""})`, { subject: file, hint });
  };

async function checkFiles(folder: string, manifest: Manifest): Promise<void> {
  const altered: ManifestEntry[] = [];
  for (const entry of manifest) {
    const digest = await digestOfFile(path.join(folder, entry.file)).catch(cannotRead(entry.file));
    if (digest !== entry.digest) altered.push(entry);
  }
  if (altered.length === 0) return;
  const message = "the file is not the one that was compiled: its digest differs";
  throw new WscError(altered.map(({ file }) => ({ code: "WSC7004", severity: "error", message, subject: file, hint })));
}

/** A file's content; what its parser finds wrong is about the file. */
async function readPart<T>(folder: string, file: string, parse: (text: string) => T): Promise<T> {
  const text = await textOf(folder, file);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    throw fail("WSC7004", error.diagnostics.map(({ message }) => message).join("; "), { subject: file, hint });
  }
}

function parseVerified(text: string): Graph {
  const graph = parseGraph(text);
  const problems = verifyGraph(graph);
  if (problems.length > 0) throw new WscError(problems);
  return graph;
}

/** Parts that name each other's parts must be of one compilation. */
function checkTogether({ graph, kernels, placement, program }: ReadArtifact): void {
  const refuse = (subject: string, message: string): never => {
    throw fail("WSC7004", message, { subject, hint });
  };
  const { kernels: known, host } = kernels;
  const missing = [...known.flatMap(opsOf), ...host.map(({ op }) => op)].find((op) => graph.ops[op] === undefined);
  if (missing !== undefined) refuse(artifactFiles.kernels, `op ${missing} is not in ${artifactFiles.graph}`);
  for (const { kernel, name } of placement.kernels) {
    if (known[kernel]?.name !== name)
      refuse(artifactFiles.placement, `layer k${kernel} is another one in ${artifactFiles.kernels}`);
  }
  for (const step of stepsIn(program)) {
    if (step.kind === "kernel" && step.kernel >= known.length)
      refuse(artifactFiles.program, `a step is of layer k${step.kernel}, which ${artifactFiles.kernels} does not have`);
  }
  const names = (ports: readonly { readonly name: string | null }[]): string =>
    JSON.stringify(ports.map(({ name }) => name));
  const sameOutputs = names(graph.outputs) === names(program.outputs);
  if (names(graph.inputs) !== names(program.inputs) || !sameOutputs)
    refuse(artifactFiles.program, `its inputs and outputs are not those of ${artifactFiles.graph}`);
}
