/** What `wsc compile` says of a folder for all shapes. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { showName } from "../../ir/diagnostic.ts";
import { type FamilyDim, type OpenFamily, showRange } from "../../ir/open/family.ts";
import { artifactFiles, parseText } from "../../runtime/artifact.ts";

/** The object that `--json` prints. */
export interface FamilySummary {
  readonly model: string;
  readonly folder: string;
  /** dims that are open, with the sizes that they may have; the largest size of all is 2^32 */
  readonly dims: readonly FamilyDim[];
  /** how many programs there are, each for some of the sizes */
  readonly programs: number;
  readonly weightsBytes: number;
  readonly isKept: boolean;
}

/** The family of a folder; null for one of known shapes. */
export async function readFamily(folder: string): Promise<OpenFamily | null> {
  const parsed = parseText(await readFile(path.join(folder, artifactFiles.program), "utf8"));
  return parsed.kind === "family" ? parsed.family : null;
}

export const familySummary = (family: OpenFamily, folder: string, isKept: boolean): FamilySummary => ({
  model: family.name,
  folder,
  dims: family.dims,
  programs: family.programs.length,
  weightsBytes: family.weights.bytes,
  isKept,
});

export const sizeText = (bytes: number): string =>
  bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export function describeFamily(s: FamilySummary): string {
  const dims = s.dims.map((dim) => `${showName(dim.name)} ${showRange(dim)}`).join(", ");
  const binding = s.dims.map(({ name }) => `--dim ${showName(name)}=N`).join(" ");
  return [
    `${s.model} for all shapes: ${dims}`,
    `program   ${s.programs === 1 ? "1 program" : `${s.programs} programs`}, ${sizeText(s.weightsBytes)} of weights`,
    `placement none: it needs numbers (${binding})`,
    `${s.isKept ? "unchanged" : "written  "} ${s.folder}`,
  ].join("\n");
}
