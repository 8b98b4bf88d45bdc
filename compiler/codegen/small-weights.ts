/**
 * Kernels whose weights are small rather than fast: of what an emitter leaves open, the choices whose rewritten constants take the fewest bytes.
 * Minimal filtering, for one, keeps filters of 3x3 as 4x4 to 8x8 numbers.
 */
import { type AskedChoice, type Choose, chooseWished, type Wishes } from "./choice.ts";
import type { KernelCode } from "./kernel.ts";
import type { KernelRequest } from "./scheduler.ts";

/** What a program's weights are packed for. */
export const weightAims = ["speed", "size"] as const;
export type WeightAim = (typeof weightAims)[number];

/** The stages with the fewest bytes of packed weights: each choice that `fixed` does not name is tried by itself; equal ones are left to `otherwise`. */
export function emitSmallest(
  emit: KernelRequest["emit"],
  fixed: Wishes,
  otherwise: Choose,
): readonly KernelCode[] | null {
  const asked: AskedChoice[] = [];
  let wishes = fixed;
  let best = emit(chooseWished(wishes, asked, otherwise));
  if (best === null) return null;
  let bytes = packedBytes(best);
  for (const { aspect, candidates, taken } of bytes === 0 ? [] : asked) {
    for (const candidate of fixed.has(aspect) ? [] : candidates) {
      if (candidate === taken) continue;
      const tried = new Map([...wishes, [aspect, candidate]]);
      const stages = emit(chooseWished(tried, [], otherwise));
      if (stages === null || packedBytes(stages) >= bytes) continue;
      [wishes, best, bytes] = [tried, stages, packedBytes(stages)];
    }
  }
  return best;
}

/** Bytes of rewritten constants, each once. */
function packedBytes(stages: readonly KernelCode[]): number {
  const byName = new Map<string, number>();
  for (const arg of stages.flatMap(({ args }) => args))
    if (arg.kind === "packed") byName.set(`${arg.input} ${arg.layout}`, arg.byteLength);
  return [...byName.values()].reduce((sum, size) => sum + size, 0);
}
