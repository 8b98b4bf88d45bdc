/** The kernels of a graph that leave something open, each once. */
import type { Graph, TensorType } from "../../ir/graph.ts";
import { type AskedChoice, type Choose, chooseWished, modelChoice, type Wishes } from "../codegen/choice.ts";
import type { KernelCode } from "../codegen/kernel.ts";
import { lowerGraph } from "../codegen/lower-graph.ts";
import type { Scheduler } from "../codegen/scheduler.ts";
import { ModuleBuilder } from "../codegen/wasm/index.ts";
import { WeightPool } from "../codegen/weight-pool.ts";

export interface TunableKernel {
  readonly name: string;
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  /** how often it stands in the program */
  readonly count: number;
  readonly emit: (choose: Choose) => readonly KernelCode[];
}

export interface TunableKernels {
  readonly kernels: readonly TunableKernel[];
  /** bytes of all weights of the program: how much is read between two calls of a kernel */
  readonly weightsBytes: number;
}

/** Lowers the graph as it will be compiled, to see which kernels it has. */
export function tunableKernels(graph: Graph): TunableKernels {
  const kernels = new Map<string, TunableKernel>();
  const collect: Scheduler = ({ name, inputs, outputs, emit }) => {
    const asked: AskedChoice[] = [];
    const stages = emit(chooseWished(new Map(), asked));
    if (stages === null || !asked.some(({ candidates }) => candidates.length > 1)) return stages;
    const again = (choose: Choose): readonly KernelCode[] => emit(choose) ?? [];
    const key = name();
    kernels.set(key, { name: key, inputs, outputs, count: (kernels.get(key)?.count ?? 0) + 1, emit: again });
    return stages;
  };
  const weights = new WeightPool();
  lowerGraph(graph, weights, () => -1, collect);
  return { kernels: [...kernels.values()], weightsBytes: weights.byteLength };
}

/** What a kernel asks under given wishes. */
export function choicesOf({ emit }: TunableKernel, wishes: Wishes): readonly AskedChoice[] {
  const asked: AskedChoice[] = [];
  emit(chooseWished(wishes, asked));
  return asked;
}

/** Wishes without those that are not fulfilled, or that the cost model has anyway. */
export function effectiveWishes(kernel: TunableKernel, wishes: Wishes): Wishes {
  const asked = choicesOf(kernel, wishes);
  const other = asked.filter(({ candidates, taken }) => taken !== candidates[0]);
  return new Map(other.map(({ aspect, taken }) => [aspect, taken]));
}

/** The stages under given wishes; none: as the cost model has it. */
export const stagesOf = ({ emit }: TunableKernel, wishes: Wishes): readonly KernelCode[] =>
  emit(wishes.size === 0 ? modelChoice : chooseWished(wishes, []));

/** A module of the stages alone, in order as `s0`, `s1`, …; equal modules over equal arguments are equal kernels. */
export function stagesModule(stages: readonly KernelCode[], relaxedSimd: boolean): Uint8Array {
  const module = new ModuleBuilder({ features: { relaxedSimd } });
  const indices = new Map<string, number>();
  for (const [i, stage] of stages.entries()) {
    const index = indices.get(stage.key) ?? stage.emit(module);
    indices.set(stage.key, index);
    module.export(`s${i}`, index);
  }
  return module.finish();
}
