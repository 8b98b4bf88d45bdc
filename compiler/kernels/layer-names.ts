/**
 * Names of layers: no two are alike. A layer has the name of the first ONNX node behind it. Where several stand for parts of one node, the one with most
 * operations keeps the name, the others add what they do: `/conv1/Conv:transpose`. What is still alike is numbered from 2 on, in the order of the data.
 */
import type { Kernel } from "../../ir/kernel-graph.ts";

/** The name by which a layer is known beside a layer of the same node that does more. */
const withKind = ({ name, stages }: Kernel): string => `${name}:${stages.at(-1)?.kind ?? "values"}`;

/** Names of layers in their order; names that the model gives are not changed where no other layer has them. */
export function layerNames(kernels: readonly Kernel[]): readonly string[] {
  const main = new Map<string, Kernel>();
  for (const kernel of kernels) {
    const most = main.get(kernel.name);
    if (most === undefined || kernel.flops > most.flops) main.set(kernel.name, kernel);
  }
  const taken = new Set(main.keys());
  return kernels.map((kernel) => {
    if (main.get(kernel.name) === kernel) return kernel.name;
    const name = withKind(kernel);
    let free = name;
    for (let count = 2; taken.has(free); count++) free = `${name}#${count}`;
    taken.add(free);
    return free;
  });
}
