/** The rows of an op that gives each element a value which depends on its row: what remains of its result without the dims that a row runs along. */
import type { Axis } from "../../../ir/kernel-graph.ts";
import type { Variable } from "../nest.ts";
import { loopsOf, type StageWriter } from "../phases.ts";

export interface Rows {
  /** loops that run along a row */
  readonly along: readonly string[];
  /** axes of a value per row */
  readonly axes: readonly Axis[];
  /** the nest's variables that say which row */
  readonly variables: readonly Variable[];
}

export function rowsOf(writer: StageWriter): Rows {
  const along = writer.stage.combine?.loops ?? [];
  const isAlong = (loop: string): boolean => along.includes(loop);
  const axes = writer.made.axes.filter((axis) => {
    const loops = loopsOf(axis);
    if (loops.some(isAlong) && !loops.every(isAlong))
      return writer.refuse("rows that share an axis with others have no fabric program");
    return loops.length > 0 && !loops.some(isAlong);
  });
  const variables = writer.variables.filter(({ terms }) => !terms.some(({ loop }) => isAlong(loop)));
  return { along, axes, variables };
}
