/** Why a program's weights take more bytes than the model's constants. */
import { storageBytes } from "../../ir/dtype.ts";
import type { Graph } from "../../ir/graph.ts";
import { identityOf } from "../../ir/lineage.ts";
import type { Program } from "../../ir/program.ts";
import { elementCount } from "../../ir/tensor.ts";
import { stepsIn } from "../../runtime/steps.ts";

export interface WeightGrowth {
  /** of the graph's constants, each once */
  readonly constantsBytes: number;
  /** null where the weights take no more than a tenth above that */
  readonly weightsReason: string | null;
}

/** Growth that padding to whole vectors explains. */
const padding = 1.1;

export function weightGrowth(graph: Graph, program: Program): WeightGrowth {
  const sizes = new Map(
    graph.values.flatMap(({ constant }) =>
      constant === undefined
        ? []
        : [[identityOf(constant), elementCount(constant.shape) * storageBytes(constant.dtype)] as const],
    ),
  );
  const constantsBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const isLarger = program.memory.weightsBytes > padding * constantsBytes;
  return { constantsBytes, weightsReason: isLarger ? reasonFor(program) : null };
}

function reasonFor(program: Program): string {
  for (const step of stepsIn(program)) {
    if (step.kind === "kernel" && step.function.startsWith("winograd"))
      return "filters of minimal filtering hold more numbers than the model's, for speed (--weights size keeps them small)";
  }
  return "kernels keep them padded to whole vectors, and where two kernels read one value in two forms, both";
}
