/** A pass is a value: a name (also its file's, its flag's and its golden's), one sentence, and a pure function on graphs. */
import type { Graph } from "../../ir/graph.ts";

export interface Pass {
  readonly name: string;
  readonly summary: string;
  /** returns the same object when there is nothing to change */
  readonly run: (graph: Graph) => Graph;
}
