/** Temporary folders, and bits of results. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export interface ScratchFolder {
  readonly path: string;
  /** belongs into afterAll */
  readonly remove: () => void;
}

export function scratchFolder(name: string): ScratchFolder {
  const folder = mkdtempSync(path.join(tmpdir(), `wsc-${name}-`));
  return {
    path: folder,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Bit patterns of floats: equality that tells 0 from -0 and takes NaN for itself. */
export const bitsOf = (floats: Float32Array): number[] => [
  ...new Uint32Array(floats.buffer, floats.byteOffset, floats.length),
];
