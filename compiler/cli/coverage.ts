/** Where the ops of a lowered graph run: on the wafer, as WASM on the host, or as JavaScript on the host. */
import { type Graph, regionsOf } from "../../ir/graph.ts";
import type { Step } from "../../ir/program.ts";
import { opsOf } from "../../ir/kernel-graph.ts";
import { generateProgram } from "../codegen/generate.ts";
import { buildKernelGraph } from "../kernels/build.ts";

export interface CoverageRow {
  readonly kind: string;
  readonly where: "wafer" | "host WASM" | "host JavaScript" | "free";
  readonly count: number;
  readonly reason: string;
}

export function coverageOf(graph: Graph): readonly CoverageRow[] {
  const placed = new Set(buildKernelGraph(graph).kernels.flatMap(opsOf));
  const scripted = javaScriptOrigins(generateProgram(graph).program.steps);
  const rows = new Map<string, CoverageRow>();
  const add = (kind: string, where: CoverageRow["where"], reason: string): void => {
    const key = JSON.stringify([kind, where, reason]);
    rows.set(key, { kind, where, reason, count: (rows.get(key)?.count ?? 0) + 1 });
  };
  for (const [index, op] of graph.ops.entries()) {
    const script = scripted.get(op.origin.join("\n"));
    if (placed.has(index)) add(op.kind, "wafer", "");
    else if (op.kind === "reshape") add(op.kind, "free", "a view");
    else if (op.kind === "host" && script === undefined) add(op.fn, "free", "a view");
    else if (script !== undefined) add(op.kind, "host JavaScript", script);
    else add(op.kind, "host WASM", regionsOf(op).length > 0 ? "control flow" : "");
  }
  return [...rows.values()];
}

/** Origins of the steps that run in JavaScript, with the reason. */
function javaScriptOrigins(steps: readonly Step[]): Map<string, string> {
  const origins = new Map<string, string>();
  for (const step of steps) {
    if (step.kind === "host" || step.kind === "deferred") origins.set(step.origin.join("\n"), step.reason);
  }
  return origins;
}
