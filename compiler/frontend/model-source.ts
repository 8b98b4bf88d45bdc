/** Where a model comes from. The public declarations name these types, so nothing here depends on the decoder's. */
import type { FileRange } from "./file-range.ts";

/** Where external data comes from: bytes `[offset, offset + length)` of a file that a model names. Both throw when they are not there. */
export interface ExternalFiles {
  readonly read: (location: string, offset: number, length: number, subject: string) => Promise<Uint8Array>;
  /** finds them without reading; null, or missing, where that saves nothing */
  readonly locate?: (location: string, offset: number, length: number, subject: string) => Promise<FileRange | null>;
}

export interface ModelBytes {
  readonly bytes: Uint8Array;
  /** what messages call the model */
  readonly name: string;
  /** where external data comes from; without it, models that need it are refused */
  readonly readExternal?: ExternalFiles["read"];
  /** the bytes are the reader's to overwrite: weights are then aligned in place instead of copied */
  readonly owned?: boolean;
}

/** Is told of the files that a model is read from: its own, and those of external data. */
export type FileListener = (file: string) => void;

export interface ReadOptions {
  /** external data by location, in place of that in the model's folder */
  readonly externalData?: ReadonlyMap<string, Uint8Array> | undefined;
  /** files on this machine that hold external data, by location (Node only) */
  readonly externalPaths?: ReadonlyMap<string, string> | undefined;
  readonly onFile?: FileListener | undefined;
}
