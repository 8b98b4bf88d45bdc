/** A model compiled for all its shapes: open graphs for the classes of sizes of its dims, as programs that share kernels and weights. */
import { nth } from "../ir/access.ts";
import type { DimRanges } from "../ir/dim.ts";
import { type Diagnostic, diagnostic } from "../ir/diagnostic.ts";
import type { CompiledFamily } from "../ir/open/family.ts";
import type { OpenGraph } from "../ir/open/graph.ts";
import type { CompileOptions, SourceModel } from "./compile.ts";

export interface FamilyModel {
  readonly compiled: CompiledFamily;
  readonly warnings: readonly Diagnostic[];
  readonly files: readonly string[];
}

export interface FamilyOptions extends Pick<CompileOptions, "dims" | "onStage"> {
  /** sizes that dims without a size may have; where there are none, any */
  readonly ranges?: DimRanges;
}

/** Compiles a model that has been read; throws WSC2005 where it has no open form. */
export async function compileFamily(
  { model, name, files }: SourceModel,
  { dims = new Map(), ranges = new Map(), onStage }: FamilyOptions = {},
): Promise<FamilyModel> {
  onStage?.("lower");
  const [{ checkModel }, { checkDimNames }, { modelPorts }, { lowerVariants }, { fuseOpenGraph }, codegen] = [
    await import("./frontend/check-model.ts"),
    await import("./frontend/suggest-dims.ts"),
    await import("./frontend/lower.ts"),
    await import("./frontend/open/variants.ts"),
    await import("./passes/fuse-open.ts"),
    await import("./codegen/open/lower.ts"),
  ];
  checkModel(model);
  checkDimNames(model, new Map([...dims, ...[...ranges].map(([dim, { least }]) => [dim, least] as const)]));
  const prepare = (graph: OpenGraph): OpenGraph => {
    const ready = fuseOpenGraph(graph);
    codegen.checkOpenGraph(ready);
    return ready;
  };
  const variants = lowerVariants(model, { said: dims, ranges, prepare });
  onStage?.("program");
  const { inputs, outputs: declaredOutputs } = modelPorts(model, dims);
  // of an output without a declared type, the element type is what the operators give
  const [first] = variants.graphs;
  const outputs = declaredOutputs.map((port, index) => {
    if (port.type.kind !== "dynamic" || port.type.dims !== null || first === undefined) return port;
    const { dtype } = nth(first.values, nth(first.outputs, index).value).type;
    return { ...port, type: { ...port.type, dtype } };
  });
  const declared = { name: name ?? model.graph.name, inputs, outputs, dims: variants.dims };
  const warnings = variants.leftOut.map(({ sizes, reason }) =>
    diagnostic("warning", "WSC2005", `no program for ${sizes}: ${reason}`, {
      hint: "--dim NAME=LEAST..MOST leaves these sizes out; --dim NAME=N compiles for one",
    }),
  );
  return { compiled: codegen.generateOpenFamily(declared, variants.graphs), warnings, files };
}
