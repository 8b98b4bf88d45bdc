/** The modules of a program: each kernel once, in the forms that engines of different features are better off with. */
import type { ProgramModule } from "../../ir/program.ts";
import type { KernelCode } from "./kernel.ts";
import { type Features, ModuleBuilder } from "./wasm/index.ts";
import { equalBytes } from "./weight-pool.ts";

/** What of a kernel is needed to emit it. */
type EmittedKernel = Pick<KernelCode, "key" | "emit">;

/** A kernel, under the name of its function. */
export interface NamedKernel {
  readonly name: string;
  readonly code: EmittedKernel;
}

/** One function for each key, named by its kind and a running number, in order of first use. */
export function kernelNamed(kernels: Map<string, NamedKernel>, code: EmittedKernel): NamedKernel {
  const known = kernels.get(code.key);
  if (known !== undefined) return known;
  const kind = /^\w+/.exec(code.key)?.[0] ?? "kernel";
  const kernel = { name: `${kind}_${kernels.size}`, code };
  kernels.set(code.key, kernel);
  return kernel;
}

function emitModule(kernels: Iterable<NamedKernel>, features: Features): Uint8Array {
  const module = new ModuleBuilder({ features, names: true });
  for (const { name, code } of kernels) module.export(name, code.emit(module));
  return module.finish();
}

/** Which modules beside the plain one. */
export interface ModuleOptions {
  /** leaves out the module that uses relaxed SIMD */
  readonly plainSimdOnly?: boolean;
  /** adds a module for engines that join pairs of vectors */
  readonly joinVectors?: boolean;
}

export interface EmittedModules {
  readonly modules: readonly ProgramModule[];
  readonly binaries: ReadonlyMap<string, Uint8Array>;
}

const plainFile = "kernels.wasm";
const relaxedFile = "kernels.relaxed.wasm";
const joinedFile = "kernels.joined.wasm";

/** The plain module, and before it those that an engine with more features is better off with, if they are others. */
export function emitModules(
  kernels: ReadonlyMap<string, NamedKernel>,
  { plainSimdOnly, joinVectors }: ModuleOptions,
): EmittedModules {
  const emit = (features: Features): Uint8Array => emitModule(kernels.values(), features);
  const plain = emit({ relaxedSimd: false });
  const modules: ProgramModule[] = [{ file: plainFile, features: ["simd128"] }];
  const binaries = new Map([[plainFile, plain]]);
  const add = (file: string, features: ProgramModule["features"], binary: Uint8Array): void => {
    if ([...binaries.values()].some((other) => equalBytes(other, binary))) return;
    modules.unshift({ file, features });
    binaries.set(file, binary);
  };
  if (plainSimdOnly !== true) add(relaxedFile, ["simd128", "relaxed-simd"], emit({ relaxedSimd: true }));
  const joined = joinVectors === true ? [...kernels.values()].filter(isOtherJoined) : [];
  if (joined.length > 0) {
    const binary = emitModule(joined, { relaxedSimd: true, joinedVectors: true });
    add(joinedFile, ["simd128", "relaxed-simd", "joined-vectors"], binary);
  }
  return { modules, binaries };
}

/** True for a kernel that has another form for joined vectors: only that should go through an optimisation that engines call experimental. */
function isOtherJoined(kernel: NamedKernel): boolean {
  const [relaxed, joined] = [false, true].map((joinedVectors) =>
    emitModule([kernel], { relaxedSimd: true, joinedVectors }),
  );
  return relaxed === undefined || joined === undefined || !equalBytes(relaxed, joined);
}
