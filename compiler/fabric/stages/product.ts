/** Products and convolutions: multiply-adds into a sum, then what the epilogue makes of it. */
import { epilogueOperands, type OpOf } from "../../../ir/graph.ts";
import { nth } from "../../../ir/access.ts";
import { accumulate } from "./accumulate.ts";
import type { StageWriter } from "../phases.ts";

export function writeProduct(writer: StageWriter, op: OpOf<"matmul" | "conv">): void {
  const others = writer.reads.slice(epilogueOperands[op.kind]);
  accumulate(writer, {
    combiner: "add",
    operation: { kind: "multiplyAdd" },
    args: [nth(writer.reads, 0), nth(writer.reads, 1)],
    finish: op.epilogue === null ? null : { expr: op.epilogue, others },
  });
}
