/** Files of a model on disk (Node only: loaded by a dynamic import). */
import { type FileHandle, open, realpath } from "node:fs/promises";
import path from "node:path";
import { fail, showName } from "../../ir/diagnostic.ts";
import { checkRange, type ExternalFiles } from "./external-data.ts";
import type { FileListener } from "./read-model.ts";

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

/** The bytes of a model file; at most 2 GiB, which is where protobuf ends. */
export async function readModelFile(file: string): Promise<Uint8Array> {
  const subject = showName(file);
  const handle = await open(file).catch((error: unknown) => {
    throw fail("WSC1001", `the file ${reasonOf(error)}`, { subject });
  });
  try {
    const status = await handle.stat();
    if (!status.isFile())
      throw fail("WSC1001", status.isDirectory() ? "it is a directory" : "it is no regular file", { subject });
    if (status.size >= 2 ** 31) {
      const hint = "larger models keep their weights in external data";
      throw fail("WSC1009", `the file has ${status.size} bytes, a protobuf file ends at 2 GiB`, { subject, hint });
    }
    return await readRange(handle, 0, status.size, () =>
      fail("WSC1001", "the file changed while it was read", { subject }),
    );
  } finally {
    await handle.close();
  }
}

async function readRange(
  handle: FileHandle,
  offset: number,
  length: number,
  cutShort: () => Error,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, maxReadBytes), offset + done);
    if (bytesRead === 0) throw cutShort();
    done += bytesRead;
  }
  return bytes;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
}

/**
 * External data in the folder of a model, or, in a cache that links to files by their content, in the folder of the file that the model's path is
 * a link to. Files stay open until `close`.
 */
export class FolderFiles implements ExternalFiles {
  readonly #model: string;
  readonly #onFile: FileListener | undefined;
  readonly #open = new Map<string, OpenFile>();

  constructor(modelFile: string, onFile?: FileListener) {
    this.#model = modelFile;
    this.#onFile = onFile;
  }

  async read(location: string, offset: number, length: number, subject: string): Promise<Uint8Array> {
    const { handle, size } = this.#open.get(location) ?? (await this.#openFile(location, subject));
    checkRange(location, offset, length, size, subject);
    const cutShort = (): Error => fail("WSC1006", `external file "${showName(location)}" ended early`, { subject });
    return readRange(handle, offset, length, cutShort);
  }

  async close(): Promise<void> {
    for (const { handle } of this.#open.values()) await handle.close();
    this.#open.clear();
  }

  async #openFile(location: string, subject: string): Promise<OpenFile> {
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
    const handle = await open(file).catch(refuse);
    const status = await handle.stat();
    if (!status.isFile()) {
      await handle.close();
      throw fail("WSC1006", `${shown} is ${status.isDirectory() ? "a directory" : "no regular file"}`, { subject });
    }
    const opened = { handle, size: status.size };
    this.#open.set(location, opened);
    return opened;
  }
}

/** Both paths are real ones. */
function isWithin(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative.split(path.sep)[0] !== ".." && !path.isAbsolute(relative);
}
