/** What the fullest core of a mapping holds, operand by operand. */
import { dtypeInfo } from "../dtype.ts";
import type { Kernel } from "../kernel-graph.ts";
import { type Mapping, sliceOf, tileOf } from "./mapping.ts";

/** Bytes by operand in the first core, whose pieces are as long as any; what arrives counts twice, since the next sample comes meanwhile. */
export function mappingOperandBytes(kernel: Kernel, mapping: Mapping): ReadonlyMap<string, number> {
  const tile = tileOf(kernel.loops, mapping, 0, 0);
  if (tile === null) throw new Error(`internal: the first core of "${kernel.name}" has no piece`);
  return new Map(
    kernel.operands.map((operand) => {
      const elements = sliceOf(operand, kernel.loops, tile).reduce(
        (product, { begin, end }) => product * (end - begin),
        1,
      );
      const copies = operand.role === "activation" ? 2 : 1;
      return [operand.name, Math.ceil((copies * elements * dtypeInfo(operand.dtype).bits) / 8)];
    }),
  );
}
