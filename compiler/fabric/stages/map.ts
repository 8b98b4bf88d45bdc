/** Elementwise expressions. */
import type { OpOf } from "../../../ir/graph.ts";
import type { StageWriter } from "../phases.ts";

export const writeMap = (writer: StageWriter, { expr }: OpOf<"map">): void => {
  writer.map(expr, writer.made, writer.reads);
};
