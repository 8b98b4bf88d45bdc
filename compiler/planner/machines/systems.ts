/** What models are planned on: wafers of one kind, alone or in clusters of a fixed size. */
import { fail } from "../../../ir/diagnostic.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { nameHint } from "../../../ir/nearest.ts";
import { loadTarget } from "../../targets/load.ts";
import { presets } from "../../targets/presets.ts";

export interface WaferSystem {
  readonly name: string;
  readonly target: Target;
  /** wafers that it has; null: as many as are asked for */
  readonly wafers: number | null;
  /** whether inference was measured on this machine by anybody, which its figures were compared with */
  readonly validated: boolean;
  readonly source: string;
}

interface Cluster {
  readonly name: string;
  readonly target: string;
  readonly wafers: number;
  readonly source: string;
}

const clusters: readonly Cluster[] = [
  { name: "cs1", target: "wse1", wafers: 1, source: "one WSE-1 a system" },
  { name: "cs2", target: "wse2", wafers: 1, source: "one WSE-2 a system" },
  { name: "cs3", target: "wse3", wafers: 1, source: "one WSE-3 a system" },
  { name: "condor-galaxy-1", target: "wse2", wafers: 64, source: "64 CS-2: Cerebras" },
  { name: "condor-galaxy-3", target: "wse3", wafers: 64, source: "64 CS-3: Cerebras" },
  { name: "cs3-2048", target: "wse3", wafers: 2048, source: "the largest cluster of CS-3 that Cerebras names" },
  { name: "dojo-exapod", target: "dojo-tile", wafers: 120, source: "120 training tiles in 10 cabinets: Hot Chips 34" },
];

/** Machines of which published measurements of inference are at hand: arXiv 2502.04563 (WSE-2), WaferEngine's notes (WSE-3). */
const measured: ReadonlySet<string> = new Set(["wse2", "wse3"]);

/** Names of everything that models can be planned on. */
export const systemNames: readonly string[] = [...presets.keys(), ...clusters.map(({ name }) => name)];

/** The system of a name, or of a target file; throws with the nearest name. */
export async function findSystem(name: string): Promise<WaferSystem> {
  const cluster = clusters.find((each) => each.name === name);
  if (cluster !== undefined) {
    const target = await loadTarget(cluster.target);
    return { ...cluster, target, validated: measured.has(target.name) };
  }
  if (!presets.has(name) && !name.endsWith(".json")) {
    throw fail("WSC5001", `no machine named "${name}" that models are planned on`, {
      hint: `${nameHint(name, "machines", systemNames)}, or a file that ends in .json`,
    });
  }
  const target = await loadTarget(name);
  return { name, target, wafers: null, validated: measured.has(target.name), source: target.description };
}
