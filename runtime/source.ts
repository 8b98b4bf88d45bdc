/** Where the runtime takes a program from: the compiler, in this process, or a folder (artifact.ts). */
import type { CompiledProgram, Program } from "../ir/program.ts";
import { forgetElements } from "../ir/tensor-source.ts";
import { type PackedWeights, packWeights } from "./memory.ts";

/** A program whose binaries and weights are read when they are needed. */
export interface ProgramSource {
  readonly program: Program;
  /** the binary of one of the program's modules */
  readonly readModule: (file: string) => Promise<Uint8Array>;
  /** fills `target`, the weights' part of the memory, `weightsBytes` bytes from `weightsOffset` on, or throws */
  readonly readWeights: (target: Uint8Array, memory: WebAssembly.Memory) => Promise<void>;
}

/** A program that was compiled in this process; its weights are packed where they will lie, or copied from an earlier program. */
export function compiledSource(compiled: CompiledProgram, earlier: PackedWeights | null): ProgramSource {
  const { program, modules } = compiled;
  return {
    program,
    readModule: (file) => {
      const binary = modules.get(file);
      return binary === undefined ? Promise.reject(new Error(`internal: no ${file}`)) : Promise.resolve(binary);
    },
    readWeights: (target) =>
      Promise.resolve().then(() => {
        packWeights(compiled, target, earlier);
        // what was read of a large model is in the program now
        forgetElements();
      }),
  };
}
