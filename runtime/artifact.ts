/** Loads a compiled program from its folder: program.json, the kernels, weights.bin. */
import { fail } from "../ir/diagnostic.ts";
import type { CompiledProgram, Program } from "../ir/program.ts";
import { parseProgram } from "../ir/program-text.ts";
import { readBytes } from "./platform.ts";

/** Files of an artifact's folder. */
export const artifactFiles = {
  program: "program.json",
  weights: "weights.bin",
  placement: "placement.json",
  report: "report.html",
  bindings: "index.js",
  types: "index.d.ts",
} as const;

/** Reads the files that `locate` names and checks that they belong together. */
export async function loadArtifact(locate: (file: string) => string | URL): Promise<CompiledProgram> {
  const text = new TextDecoder().decode(await readBytes(locate(artifactFiles.program)));
  const program = parseProgram(text);
  const modules = new Map<string, Uint8Array>();
  for (const { file } of program.modules) modules.set(file, await readBytes(locate(file)));
  const { weightsBytes } = program.memory;
  const weights = weightsBytes === 0 ? new Uint8Array(0) : await readBytes(locate(artifactFiles.weights));
  return { program, modules, weights: weightSegments(program, weights) };
}

function weightSegments({ memory }: Program, bytes: Uint8Array): CompiledProgram["weights"] {
  if (bytes.byteLength !== memory.weightsBytes) {
    throw fail("WSC7004", `weights.bin has ${bytes.byteLength} bytes, the program needs ${memory.weightsBytes}`);
  }
  if (bytes.byteLength === 0) return [];
  const write = (target: Uint8Array): void => {
    target.set(bytes);
  };
  return [{ offset: memory.weightsOffset, byteLength: bytes.byteLength, write }];
}
