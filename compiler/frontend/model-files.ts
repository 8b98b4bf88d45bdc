/** Files of a model on disk (Node only: loaded by a dynamic import). */
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { fail, showName, WscError } from "../../ir/diagnostic.ts";
import { checkRange } from "./external-data.ts";
import { type FileRange, type PartlyRead, rangeOf, wholeModelBytes } from "./file-range.ts";
import type { ExternalFiles, FileListener } from "./model-source.ts";

/** One read of the operating system takes at most this many bytes. */
const maxReadBytes = 2 ** 30;

/** Why a file cannot be opened, in words. */
const reasons: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "does not exist"],
  ["EACCES", "may not be read"],
  ["EPERM", "may not be read"],
  ["EISDIR", "is a directory"],
  ["ENOTDIR", "is not in a folder"],
  ["ELOOP", "is a circle of links"],
  ["ENAMETOOLONG", "has too long a name"],
]);

function reasonOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return reasons.get(code) ?? `cannot be read (${code})`;
}

/** What tells that a file is the one that it was. */
type FileStatus = Pick<Stats, "dev" | "ino" | "size" | "mtimeMs">;

/** A file that is read in parts, opened for each: a model may have more files than a process may keep open. */
class ClosedFile implements PartlyRead {
  readonly size: number;
  readonly #path: string;
  readonly #status: FileStatus;
  readonly #refuse: (message: string) => Error;

  constructor(path: string, status: FileStatus, refuse: (message: string) => Error) {
    this.#path = path;
    this.#status = status;
    this.#refuse = refuse;
    this.size = status.size;
  }

  read(start: number, length: number): Uint8Array {
    const file = this.#descriptor();
    try {
      if (!isSameFile(fstatSync(file), this.#status)) throw this.#refuse("changed while the model was compiled");
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const read = readSync(file, bytes, done, Math.min(length - done, maxReadBytes), start + done);
        if (read === 0) throw this.#refuse("ended early");
        done += read;
      }
      return bytes;
    } catch (error) {
      throw error instanceof WscError ? error : this.#refuse(reasonOf(error));
    } finally {
      closeSync(file);
    }
  }

  #descriptor(): number {
    try {
      return openSync(this.#path, "r");
    } catch (error) {
      throw this.#refuse(reasonOf(error));
    }
  }
}

const isSameFile = (a: FileStatus, b: FileStatus): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs;

/** A model file: its bytes, if it is small, else what reads parts of it. */
export async function openModelFile(file: string): Promise<Uint8Array | PartlyRead> {
  const subject = showName(file);
  const refuse = (message: string): Error => fail("WSC1001", `the file ${message}`, { subject });
  const status = await stat(file).catch((error: unknown) => {
    throw refuse(reasonOf(error));
  });
  if (!status.isFile())
    throw fail("WSC1001", status.isDirectory() ? "it is a directory" : "it is no regular file", { subject });
  const closed = new ClosedFile(path.resolve(file), status, refuse);
  return status.size > wholeModelBytes ? closed : closed.read(0, status.size);
}

/**
 * External data in the folder of a model, or, in a cache that links to files by their content, in the folder of the file that the model's path is
 * a link to.
 */
export class FolderFiles implements ExternalFiles {
  readonly #model: string;
  readonly #onFile: FileListener | undefined;
  readonly #files = new Map<string, PartlyRead>();

  constructor(modelFile: string, onFile?: FileListener) {
    this.#model = modelFile;
    this.#onFile = onFile;
  }

  async read(location: string, offset: number, length: number, subject: string): Promise<Uint8Array> {
    return (await this.locate(location, offset, length, subject)).read(0, length);
  }

  async locate(location: string, offset: number, length: number, subject: string): Promise<FileRange> {
    const file = this.#files.get(location) ?? (await this.#find(location, subject));
    checkRange(location, offset, length, file.size, subject);
    return rangeOf(file, location, offset, length);
  }

  async #find(location: string, subject: string): Promise<PartlyRead> {
    const shown = `external file "${showName(location)}"`;
    const refuse = (error: unknown): never => {
      throw fail("WSC1006", `${shown} ${reasonOf(error)}`, { subject });
    };
    const folder = await realpath(path.dirname(this.#model)).catch(refuse);
    const file = await realpath(path.join(folder, location)).catch(refuse);
    if (!isWithin(folder, file) && !isWithin(path.dirname(await realpath(this.#model).catch(refuse)), file)) {
      throw fail("WSC1006", `${shown} is a link that leads outside the model's folder`, { subject });
    }
    this.#onFile?.(file);
    const status = await stat(file).catch(refuse);
    if (!status.isFile())
      throw fail("WSC1006", `${shown} is ${status.isDirectory() ? "a directory" : "no regular file"}`, { subject });
    const found = new ClosedFile(file, status, (message) => fail("WSC1006", `${shown} ${message}`, { subject }));
    this.#files.set(location, found);
    return found;
  }
}

/** Both paths are real ones. */
function isWithin(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative.split(path.sep)[0] !== ".." && !path.isAbsolute(relative);
}
