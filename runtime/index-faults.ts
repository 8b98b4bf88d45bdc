/** Which index was wrong, when a kernel that checks indices has stopped. */
import type { IndexRead, KernelStep } from "../ir/program.ts";

/** Says which index of a step lies outside its axis, and where; null where none does. */
export function indexFault(step: KernelStep, memory: WebAssembly.Memory): string | null {
  const { indices } = step;
  const address = indices === undefined ? undefined : step.args[indices.arg];
  return indices === undefined || address === undefined
    ? null
    : firstFault(indices, new DataView(memory.buffer, address));
}

function firstFault({ dtype, count, axes, sizes }: IndexRead, view: DataView): string | null {
  for (let place = 0; place < count; place++) {
    const index = dtype === "i64" ? view.getBigInt64(8 * place, true) : BigInt(view.getInt32(4 * place, true));
    const turn = place % axes.length;
    const size = sizes[turn] as number;
    if (index >= -size && index < size) continue;
    const range = size === 0 ? "which is empty" : `which has ${size}: from ${-size} to ${size - 1}`;
    return `index ${index} (number ${place}) is outside axis ${axes[turn] as number}, ${range}`;
  }
  return null;
}
