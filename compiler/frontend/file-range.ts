/** Parts of files that are read when they are needed. */
import type { StoredSource } from "../../ir/tensor.ts";
import type { ByteSource } from "./wire.ts";

/** A range of a file: where it is, and how its bytes are read. */
export type FileRange = Omit<StoredSource, "kind" | "load">;

/** A file that is read in parts. */
export interface PartlyRead {
  readonly size: number;
  /** throws a WscError where the file is not what it was when it was opened */
  readonly read: (start: number, length: number) => Uint8Array;
}

/** A model whose file and external data have no more bytes than this is read at once, as a whole: larger ones as far as they are needed. */
export const wholeModelBytes: number = 128 * 2 ** 20;

/** A range of a file, under the name that messages and texts have for it. */
export const rangeOf = (file: PartlyRead, name: string, offset: number, byteLength: number): FileRange => ({
  file: name,
  offset,
  byteLength,
  read: (start, length) => file.read(offset + start, length),
});

/** Bytes of a file that are in memory at a time. */
const windowBytes = 64 * 1024;

/** The bytes of a file one by one, read window by window. */
export function bytesOfFile(file: PartlyRead): ByteSource {
  let window: Uint8Array = new Uint8Array(0);
  let begin = 0;
  return {
    length: file.size,
    byteAt: (position) => {
      if (position < begin || position >= begin + window.length) {
        begin = position;
        window = file.read(position, Math.min(windowBytes, file.size - position));
      }
      return window[position - begin] ?? 0;
    },
  };
}
