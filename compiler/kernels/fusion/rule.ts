/** A rule of fusion says which kernels may become one; loops decide whether they can (merge.ts), cost whether they do (fuse.ts). */
import type { Stage } from "../../../ir/kernel-graph.ts";
import type { Pair } from "./merge.ts";

export interface FusionRule {
  readonly name: string;
  readonly applies: (pair: Pair) => boolean;
}

/** Kinds of the stages of a reader that is still one op; none where it is more. */
export const readerStage = ({ reader }: Pair): Stage | null => {
  const [stage, ...others] = reader.kernel.stages;
  return stage === undefined || others.length > 0 ? null : stage;
};

/** True for kernels whose words go anywhere, step by step or dealt out evenly: their loops are nobody else's. */
export const isScattered = ({ stages }: Pair["producer"]["kernel"]): boolean =>
  stages.some(({ shuffles, steps }) => shuffles || steps > 0);
