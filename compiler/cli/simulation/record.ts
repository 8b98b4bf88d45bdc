/** Writes what a simulation counted beside the placement that it ran: `simulation.json`, which the manifest then names. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fail } from "../../../ir/diagnostic.ts";
import { manifestFile, parseManifest } from "../../../ir/manifest.ts";
import type { Placement } from "../../../ir/placement.ts";
import {
  printSimulationRecord,
  type SimulationCounts,
  simulationFile,
  simulationVersion,
} from "../../../ir/simulation-record.ts";
import { artifactFiles } from "../../../runtime/artifact.ts";
import { addToFolder } from "../../files/output-folder.ts";

/** WSC8002 where a file of that name is not wsc's, WSC8003 where the file system refuses. */
export async function writeRecord(folder: string, placement: Placement, counts: SimulationCounts): Promise<void> {
  const manifest = parseManifest(await readFile(path.join(folder, manifestFile), "utf8"));
  const entry = manifest.find(({ file }) => file === artifactFiles.placement);
  if (entry === undefined)
    throw fail("WSC7004", `the manifest does not name ${artifactFiles.placement}`, { subject: manifestFile });
  const text = printSimulationRecord({
    version: simulationVersion,
    model: placement.model,
    target: placement.target.name,
    placement: entry.digest,
    ...counts,
  });
  await addToFolder(folder, simulationFile, text);
}
