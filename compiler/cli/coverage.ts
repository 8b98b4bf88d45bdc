/** Where the ops of a lowered graph run: on the wafer, as WASM on the host, or as JavaScript on the host. */
import type { Graph } from "../../ir/graph.ts";
import { opsOf } from "../../ir/kernel-graph.ts";
import { homeOf, isBitView, type OpHome } from "../codegen/op-home.ts";
import { buildKernelGraph } from "../kernels/build.ts";

export interface CoverageRow {
  readonly kind: string;
  readonly where: "wafer" | "host WASM" | "host JavaScript" | "free";
  readonly count: number;
  readonly reason: string;
}

export function coverageOf(graph: Graph): readonly CoverageRow[] {
  const placed = new Set(buildKernelGraph(graph).kernels.flatMap(opsOf));
  const rows = new Map<string, CoverageRow>();
  for (const [index, op] of graph.ops.entries()) {
    const kind = op.kind === "host" && isBitView(graph, op) ? op.fn : op.kind;
    const row = { kind, ...(placed.has(index) ? onWafer : onHost(homeOf(graph, op))) };
    const key = JSON.stringify(row);
    rows.set(key, { ...row, count: (rows.get(key)?.count ?? 0) + 1 });
  }
  return [...rows.values()];
}

type Home = Pick<CoverageRow, "where" | "reason">;

const onWafer: Home = { where: "wafer", reason: "" };

function onHost(home: OpHome): Home {
  switch (home.kind) {
    case "view":
      return { where: "free", reason: "a view" };
    case "kernels":
      return { where: "host WASM", reason: "" };
    case "control flow":
      return { where: "host WASM", reason: home.kind };
    case "JavaScript":
      return { where: "host JavaScript", reason: home.reason };
  }
}
