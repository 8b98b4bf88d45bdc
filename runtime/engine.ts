/**
 * What differs between the engines that run WebAssembly: their features, and in Node the flags of V8, which hold for the whole process: what is
 * set for one module is put back behind it. V8 changes from version to version what its flags do, so those that this table does not name are
 * left alone.
 */
import { nodeModule } from "./platform.ts";

interface EngineFlags {
  /** turn relaxed SIMD on, where it is not yet */
  readonly relaxedSimd: readonly string[];
  /** make V8 optimise every function of a module before the first run */
  readonly eager: readonly string[];
  /** make V8 join neighbouring vectors of 128 bits to one of 256, on x86-64 with AVX2; none where it cannot */
  readonly joined: readonly string[];
}

const optimised = ["--no-liftoff", "--no-wasm-lazy-compilation"];
/** From V8 13 on calls are inlined by counts of the first compiler, which such a module has never been through: V8 14 ends the process. */
const optimisedAlone = [...optimised, "--no-wasm-inlining"];

/** Flags by V8's major version: 11 in Node 20, 12 in 22, 13 in 24, 14 in 26. */
const engineFlags: Readonly<Record<string, EngineFlags>> = {
  11: { relaxedSimd: ["--experimental-wasm-relaxed-simd"], eager: optimised, joined: [] },
  12: { relaxedSimd: [], eager: optimised, joined: [] },
  13: { relaxedSimd: [], eager: optimisedAlone, joined: ["--experimental-wasm-revectorize"] },
  14: { relaxedSimd: [], eager: optimisedAlone, joined: ["--experimental-wasm-revectorize"] },
};

const untouched: EngineFlags = { relaxedSimd: [], eager: [], joined: [] };

/** What this runtime needs to know of Node's `process`. */
interface NodeProcess {
  readonly versions?: { readonly v8?: string };
  readonly execArgv?: readonly string[];
  readonly arch?: string;
}

const hostProcess = (): NodeProcess => (globalThis as { readonly process?: NodeProcess }).process ?? {};

function flagsOfEngine(): EngineFlags {
  const [major = ""] = (hostProcess().versions?.v8 ?? "").split(".");
  return engineFlags[major] ?? untouched;
}

/** A function (param v128 v128 v128) that does one f32x4.relaxed_madd. */
const relaxedProbe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253,
  133, 2, 11,
]); // prettier-ignore

/** True when the engine runs relaxed SIMD; on Node 20, where V8 has it behind a flag, the flag is set first. */
export function hasRelaxedSimd(): boolean {
  if (WebAssembly.validate(relaxedProbe)) return true;
  setFlags(flagsOfEngine().relaxedSimd);
  return WebAssembly.validate(relaxedProbe);
}

/** True where the engine joins pairs of vectors if told so (V8 in Node 24 and 26; an optimisation that V8 still calls experimental). */
export const canJoinVectors = (): boolean =>
  hostProcess().arch === "x64" && flagsOfEngine().joined.length > 0 && !isTunedByCaller() && hasRelaxedSimd();

export interface CompileSettings {
  /** an engine that can be told so optimises the whole module at once, so that its first run is as fast as any */
  readonly eager?: boolean;
  /** pairs of vectors are joined, where the engine can: it does so when it optimises, so at once */
  readonly joinVectors?: boolean;
}

/** Ends when all modules so far are compiled: the engine has one set of flags. */
let others: Promise<unknown> = Promise.resolve();

/** Compiles a module, after those that are being compiled. */
export function compileModule(binary: Uint8Array, settings: CompileSettings): Promise<WebAssembly.Module> {
  const compiled = others.then(async () => {
    const restore = setEngine(settings);
    try {
      return await whileAwake(WebAssembly.compile(binary as Uint8Array<ArrayBuffer>));
    } finally {
      restore();
    }
  });
  others = compiled.catch(() => undefined);
  return compiled;
}

/** Sets the engine for modules that are compiled from now on; what it returns puts the engine's own ways back. */
export function setEngine({ eager = false, joinVectors = false }: CompileSettings): () => void {
  const known = flagsOfEngine();
  const joined = joinVectors && canJoinVectors() ? known.joined : [];
  const isEager = joined.length > 0 || (eager && !isTunedByCaller());
  const flags = [...(isEager ? known.eager : []), ...joined];
  setFlags(flags);
  return () => {
    setFlags(flags.map(opposite));
  };
}

const opposite = (flag: string): string =>
  flag.startsWith("--no-") ? flag.replace("--no-", "--") : flag.replace("--", "--no-");

/** Whoever starts Node with flags for its WebAssembly compilers knows better. */
const isTunedByCaller = (): boolean =>
  (hostProcess().execArgv ?? []).some((flag) => /liftoff|wasm[-_](lazy|tier|dynamic|inlining)/.test(flag));

/** Sets V8's flags in Node; elsewhere nothing happens. */
function setFlags(flags: readonly string[]): void {
  try {
    for (const flag of flags) nodeModule("node:v8")?.setFlagsFromString(flag);
  } catch {
    // the engine keeps its own way
  }
}

/** Waits with a timer running: Node 24 ends when nothing but the compilation of a module is under way. */
async function whileAwake<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
