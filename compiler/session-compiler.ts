/** What the runtime asks of the compiler when it is given an `.onnx` model: programs without a placement, as soon as possible. */
import type { Graph } from "../ir/graph.ts";
import type { Precision } from "../ir/kernel-graph.ts";
import type { CompiledProgram } from "../ir/program.ts";
import type {
  KnownInput,
  ModelCompiler,
  NamedText,
  OpenCompilation,
  OpenModel,
  OpenOptions,
} from "../runtime/model-compiler.ts";
import { isNode, nodeModule, readBytes } from "../runtime/platform.ts";
import { generateProgram } from "./codegen/generate.ts";
import { generateOpenProgram } from "./codegen/open/lower.ts";
import { lowerFragment, openFragment } from "./frontend/fragment.ts";
import { lowerModel, type LowerOptions, modelPorts } from "./frontend/lower.ts";
import { lowerOpenModel } from "./frontend/open/lower.ts";
import type { ModelBytes } from "./frontend/model-source.ts";
import type { OnnxModel } from "./frontend/onnx.ts";
import { readModel } from "./frontend/read-model.ts";
import { unknownDims } from "./frontend/suggest-dims.ts";
import { fuseOpenGraph } from "./passes/fuse-open.ts";
import { runPasses } from "./passes/pipeline.ts";
import { roundOperands } from "./passes/round-operands.ts";
import { tunedScheduler, type Tuning } from "./tuning/tuning.ts";

export const modelCompiler: ModelCompiler = {
  async open(source, options): Promise<OpenModel> {
    return openModel(await openSource(source), options);
  },

  async compileFragment(payload, known): Promise<CompiledProgram> {
    return programOf((await lowerFragment(payload, known)).graph);
  },

  async compileOpenFragment(payload, dims, shapes): Promise<OpenCompilation> {
    return openProgramOf(await openFragment(payload, dims), shapes, new Map());
  },
};

/** Reads a model, ready to be compiled for particular shapes. */
export async function openModel(source: string | ModelBytes, options: OpenOptions): Promise<OpenModel> {
  const { externalData, externalPaths } = options;
  const model = await readModel(source, { externalData, externalPaths });
  const dims = knownDims(model, options);
  const { inputs, outputs } = modelPorts(model, dims);
  const tuning = await tuningOf(options.tuning);
  const { joinVectors = false, precision = "f32" } = options;
  const compile = (lowering: LowerOptions): CompiledProgram =>
    programOf(lowerModel(model, { dims, ...lowering }).graph, { tuning, joinVectors, precision });
  // where shapes are still open, one lowering now, so that a bad model is refused when the session is created
  if (inputs.some(({ type }) => type.kind !== "tensor")) lowerModel(model, { dims, checkOnly: true });
  return {
    inputs,
    outputs,
    compile: (known) => Promise.resolve(compile(loweringOf(known))),
    compileOpen: (shapes) => {
      const closed = (what: string): Promise<OpenCompilation> =>
        Promise.resolve({ kind: "closed", reason: `${what} is for known shapes` });
      if (tuning.size > 0) return closed("a tuning");
      return precision === "f32"
        ? Promise.resolve(openProgramOf(model, shapes, dims))
        : closed(`precision ${precision}`);
    },
  };
}

/** The dims to be bound that the model has. */
function knownDims(model: OnnxModel, { dims = new Map(), onUnknownDims }: OpenOptions): ReadonlyMap<string, number> {
  const unknown = onUnknownDims === undefined ? [] : unknownDims(model, dims);
  if (unknown.length > 0) onUnknownDims?.(unknown);
  const names = new Set(unknown.map(({ name }) => name));
  return new Map([...dims].filter(([name]) => !names.has(name)));
}

const noTuning: Tuning = new Map();

interface ProgramOptions {
  readonly tuning?: Tuning;
  readonly joinVectors?: boolean;
  readonly precision?: Precision;
}

/** Entries for other shapes or models are no fault here: a session compiles for the shapes that it meets. */
function programOf(
  graph: Graph,
  { tuning = noTuning, joinVectors = false, precision = "f32" }: ProgramOptions = {},
): CompiledProgram {
  const ready = roundOperands(runPasses(graph), precision);
  if (tuning.size === 0) return generateProgram(ready, { joinVectors });
  const { schedule } = tunedScheduler(tuning, joinVectors);
  return generateProgram(ready, { scheduler: schedule, joinVectors });
}

/** What goes wrong here is no fault of the model's: it is compiled for known shapes then, which tells what is. */
function openProgramOf(
  model: OnnxModel,
  shapes: ReadonlyMap<string, readonly number[]>,
  dims: ReadonlyMap<string, number>,
): OpenCompilation {
  try {
    const { graph } = lowerOpenModel(model, shapes, { said: dims });
    return { kind: "open", compiled: generateOpenProgram(fuseOpenGraph(graph)) };
  } catch (error) {
    if (error instanceof Error) return { kind: "closed", reason: error.message };
    throw error;
  }
}

async function tuningOf(file: NamedText | undefined): Promise<Tuning> {
  if (file === undefined) return noTuning;
  const { parseTuning } = await import("./tuning/tuning-file.ts");
  return (await parseTuning(file.text, file.name)).tuning;
}

const loweringOf = (known: ReadonlyMap<string, KnownInput>): LowerOptions => ({
  inputTypes: new Map([...known].map(([name, { type }]) => [name, type])),
});

/** A path where there are files; the bytes everywhere else. */
async function openSource(source: string | URL | Uint8Array): Promise<string | ModelBytes> {
  if (source instanceof Uint8Array) return { bytes: source, name: "model" };
  return localPath(source) ?? { bytes: await readBytes(source), name: String(source) };
}

/** The path of a file on this machine, or null for what must be fetched. */
function localPath(source: string | URL): string | null {
  if (!isNode()) return null;
  const text = String(source);
  if (/^https?:/i.test(text)) return null;
  return text.startsWith("file:") ? (nodeModule("node:url")?.fileURLToPath(text) ?? null) : text;
}
