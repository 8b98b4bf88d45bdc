/** External data that a caller gives beside a model, in the forms that onnxruntime's API takes. */
import { fail, showName } from "../ir/diagnostic.ts";
import type { GlobalType } from "./host-types.ts";
import { cannotRead, localFile, nodeModule, readBytes, sibling } from "./platform.ts";

export type FileUrlOrPath = string;
export type FileBlob = GlobalType<"Blob", never>;
export type FileData = Uint8Array | ArrayBufferLike;
export type FileType = FileUrlOrPath | FileBlob | FileData;

/** A file, and the path by which the model names it. */
export interface ExternalDataFileDescription {
  data: FileType;
  path: string;
}

/** Of a path or URL alone, the model names the last part. */
export type ExternalDataFileType = ExternalDataFileDescription | FileUrlOrPath;

/** External data by the paths that models name: bytes that are at hand, and files on this machine, of which the compiler reads what it needs. */
export interface ExternalFiles {
  readonly bytes: ReadonlyMap<string, Uint8Array>;
  readonly paths: ReadonlyMap<string, string>;
}

/** Finds the files, and reads those that are no files of this machine; `model` is where the model lies, null for one that is given as bytes. */
export async function readExternalFiles(
  files: readonly ExternalDataFileType[],
  model: string | URL | null,
): Promise<ExternalFiles> {
  if (!Array.isArray(files)) throw fail("WSC7007", "externalData must be an array");
  const bytes = new Map<string, Uint8Array>();
  const paths = new Map<string, string>();
  for (const entry of files as readonly (ExternalDataFileType | null)[]) {
    const { path, data }: { readonly path?: unknown; readonly data?: unknown } =
      typeof entry === "string" ? { path: entry, data: entry } : (entry ?? {});
    if (typeof path !== "string") throw fail("WSC7007", "externalData: an entry has no path");
    const source = await readSource(path, data, model);
    for (const name of typeof entry === "string" ? [path, lastPart(entry)] : [path]) {
      bytes.delete(name);
      paths.delete(name);
      if (typeof source === "string") paths.set(name, source);
      else bytes.set(name, source);
    }
  }
  return { bytes, paths };
}

/** The bytes of a source, or the path of its file. */
async function readSource(path: string, data: unknown, model: string | URL | null): Promise<Uint8Array | string> {
  if (data instanceof Uint8Array) return data;
  if (typeof data === "string" || data instanceof URL) return findNear(data, model);
  if (data instanceof Blob) return new Uint8Array(await data.arrayBuffer());
  const kind = Object.prototype.toString.call(data);
  if (kind === "[object ArrayBuffer]" || kind === "[object SharedArrayBuffer]") {
    return new Uint8Array(data as ArrayBufferLike);
  }
  throw fail("WSC7007", `externalData: the data of "${showName(path)}" is no path, URL, Blob or buffer`);
}

/** Finds a file where it is said to lie, or else beside the model. */
async function findNear(location: string | URL, model: string | URL | null): Promise<Uint8Array | string> {
  try {
    return await find(location);
  } catch (error) {
    const near = model === null || typeof location !== "string" ? null : sibling(model, location);
    if (near === null) throw error;
    return find(near).catch(() => {
      throw error;
    });
  }
}

/** The path of a file on this machine, which must be there; the bytes of anything else. */
async function find(location: string | URL): Promise<Uint8Array | string> {
  const local = localFile(location);
  if (local === null) return readBytes(location);
  await local.fs.access(local.path).catch(cannotRead(location));
  const { path } = local;
  if (typeof path === "string") return path;
  const url = nodeModule("node:url");
  return url === undefined ? readBytes(location) : url.fileURLToPath(path);
}

const lastPart = (location: string): string =>
  location
    .replace(/[?#].*$/, "")
    .split(/[/\\]/)
    .at(-1) ?? location;
