/** What stands in a compiled folder beside weights, typed bindings and manifest: made without files, so that a page can give it too. */
import { printKernelGraph } from "../ir/kernel-graph-text.ts";
import { printPlacementJson } from "../ir/placement-json.ts";
import { printGraph } from "../ir/print.ts";
import { printProgram } from "../ir/program-text.ts";
import { artifactFiles } from "../runtime/artifact.ts";
import type { CompiledModel } from "./compile.ts";
import { packConstants } from "./fabric/constants.ts";
import { reportOfPlacement } from "./report/data/of-placement.ts";
import { renderReport } from "./report/html.ts";

/** Files by name. */
export async function artifactContents(
  model: Pick<CompiledModel, "graph" | "kernels" | "placement" | "target" | "compiled">,
): Promise<readonly (readonly [file: string, content: string | Uint8Array])[]> {
  const { program, modules } = model.compiled;
  return [
    [artifactFiles.program, printProgram(program)],
    ...modules,
    [artifactFiles.graph, printGraph(model.graph)],
    [artifactFiles.kernels, printKernelGraph(model.kernels)],
    [artifactFiles.placement, printPlacementJson(model.placement)],
    [artifactFiles.report, await renderReport([reportOfPlacement({ ...model, simulation: null })])],
    [artifactFiles.fabric, packConstants(model.graph, model.kernels)],
  ];
}
