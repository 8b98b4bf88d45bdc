/** What the runtime asks of the compiler when it is given an `.onnx` model: programs without a placement, as soon as possible. */
import type { CompiledProgram } from "../ir/program.ts";
import type { Graph } from "../ir/graph.ts";
import type { KnownInput, ModelCompiler, OpenModel, OpenOptions } from "../runtime/model-compiler.ts";
import { generateProgram } from "./codegen/generate.ts";
import { lowerFragment, lowerModel } from "./frontend/lower.ts";
import { modelPorts } from "./frontend/ports.ts";
import { readModel } from "./frontend/read-model.ts";
import { runPasses } from "./passes/pipeline.ts";

export const modelCompiler: ModelCompiler = {
  async open(source: string | URL | Uint8Array, { dims, externalData }: OpenOptions): Promise<OpenModel> {
    const given = source instanceof Uint8Array ? { bytes: source, name: "model" } : source;
    const model = await readModel(given, externalData === undefined ? {} : { externalData });
    const bindings = dims ?? new Map<string, number>();
    const { inputs, outputs } = modelPorts(model, bindings);
    const compile = (known: ReadonlyMap<string, KnownInput>): CompiledProgram => {
      const inputTypes = new Map([...known].map(([name, { type }]) => [name, type]));
      return programOf(lowerModel(model, { dims: bindings, inputTypes }).graph);
    };
    // one lowering at once, so that a bad model is refused when the session is created
    if (inputs.some(({ type }) => type.kind !== "tensor")) compile(new Map());
    return { inputs, outputs, compile: (known) => Promise.resolve(compile(known)) };
  },

  compileFragment(payload, known): Promise<CompiledProgram> {
    return Promise.resolve(programOf(lowerFragment(payload, known).graph));
  },
};

const programOf = (graph: Graph): CompiledProgram => generateProgram(runPasses(graph));
