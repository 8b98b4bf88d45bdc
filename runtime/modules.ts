/** Which modules of a program an engine runs, and how their kernels become one set of functions. */
import { fail } from "../ir/diagnostic.ts";
import type { ModuleFeature, Program, ProgramModule } from "../ir/program.ts";
import { canJoinVectors, compileModule, hasRelaxedSimd } from "./engine.ts";

/** What a session says of the modules that it runs. */
export interface ModuleWishes {
  /** plain SIMD only */
  readonly deterministic: boolean;
  /** joined vectors where the engine can */
  readonly joinVectors: boolean;
}

/** Kernels by name. */
export type Exports = Readonly<Record<string, WebAssembly.ExportValue>>;

/**
 * The first module with all kernels whose features this engine has, and behind it those before it that have some of the kernels, in a better
 * form. Throws WSC7004 where there is none.
 */
export function chooseModules(
  { modules }: Program,
  { deterministic, joinVectors }: ModuleWishes,
): readonly ProgramModule[] {
  const has: Readonly<Record<ModuleFeature, () => boolean>> = {
    simd128: () => true,
    "relaxed-simd": () => !deterministic && hasRelaxedSimd(),
    "joined-vectors": () => joinVectors && canJoinVectors(),
  };
  const fitting = modules.filter(({ features }) => features.every((feature) => has[feature]()));
  const whole = fitting.findIndex((module) => !isPartial(module));
  if (whole >= 0) return fitting.slice(0, whole + 1).toReversed();
  throw fail("WSC7004", "the program has no kernels that this engine can run (WebAssembly SIMD is needed)");
}

/** Kernels that are not better with joined vectors are not in the module for them. */
const isPartial = ({ features }: ProgramModule): boolean => features.includes("joined-vectors");

/** Compiles modules one after the other: each has its own flags of the engine. */
export async function compileModules(
  chosen: readonly ProgramModule[],
  binaries: readonly Uint8Array[],
  eager: boolean,
): Promise<readonly WebAssembly.Module[]> {
  const compiled = chosen.map((module, i) =>
    compileModule(binaries[i] as Uint8Array, { eager, joinVectors: isPartial(module) }),
  );
  await Promise.allSettled(compiled);
  return Promise.all(compiled).catch(damaged);
}

/** The functions of all modules; a later one's take the place of those before. */
export function linkModules(modules: readonly WebAssembly.Module[], memory: WebAssembly.Memory): Exports {
  try {
    const instances = modules.map((module) => new WebAssembly.Instance(module, { env: { memory } }));
    return Object.assign({}, ...instances.map(({ exports }) => exports)) as Exports;
  } catch (error) {
    return damaged(error);
  }
}

function damaged(error: unknown): never {
  if (!(error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError)) throw error;
  throw fail("WSC7004", `the kernels are damaged: ${error.message}`);
}
