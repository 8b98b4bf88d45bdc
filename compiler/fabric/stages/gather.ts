/** Rows of a table by number: each core looks up those that it holds and has zeros for the others, and the sum over its pieces is the row. */
import { nth } from "../../../ir/access.ts";
import type { OpOf } from "../../../ir/graph.ts";
import type { StageWriter } from "../phases.ts";

export function writeGather(writer: StageWriter, { axis }: OpOf<"gather">): void {
  const { made, cutSums } = writer;
  const found = cutSums.length === 0 ? made : writer.buffer("sum", made.axes);
  writer.lookup({ out: found, table: nth(writer.reads, 0), index: nth(writer.reads, 1), along: axis });
  writer.sum(found, "add", cutSums, writer.isShared);
  if (found !== made) writer.copy(made, found);
}
