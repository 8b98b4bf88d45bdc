/** A compiled program's folder as a source: program.json, the kernels, weights.bin. */
import { parseProgram } from "../ir/program-text.ts";
import { readBytes } from "./platform.ts";
import type { ProgramSource } from "./source.ts";
import { openWeights, type WeightsFile } from "./weights.ts";

/** Files of an artifact's folder. */
export const artifactFiles = {
  program: "program.json",
  weights: "weights.bin",
  placement: "placement.json",
  report: "report.html",
  bindings: "index.js",
  types: "index.d.ts",
} as const;

/** A compiled folder, its weights' file open; whoever loads it closes it. */
export interface Artifact extends ProgramSource {
  readonly close: () => Promise<void>;
}

const noWeights: WeightsFile = { readInto: () => Promise.resolve(), close: () => Promise.resolve() };

/** Reads the program that `locate` finds, and checks that the weights belong to it. */
export async function openArtifact(locate: (file: string) => string | URL): Promise<Artifact> {
  const program = parseProgram(new TextDecoder().decode(await readBytes(locate(artifactFiles.program))));
  const { weightsBytes } = program.memory;
  const weights = weightsBytes === 0 ? noWeights : await openWeights(locate(artifactFiles.weights), weightsBytes);
  return {
    program,
    readModule: (file) => readBytes(locate(file)),
    readWeights: weights.readInto,
    close: weights.close,
  };
}
