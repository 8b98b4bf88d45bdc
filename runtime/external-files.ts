/** External data that a caller gives beside a model, in the forms that onnxruntime's API takes. */
import { fail, showName } from "../ir/diagnostic.ts";
import type { GlobalType } from "./host-types.ts";
import { readBytes, sibling } from "./platform.ts";

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

/** Reads the files, by the paths that models name; `model` is where the model lies, null for one that is given as bytes. */
export async function readExternalFiles(
  files: readonly ExternalDataFileType[],
  model: string | URL | null,
): Promise<ReadonlyMap<string, Uint8Array>> {
  if (!Array.isArray(files)) throw fail("WSC7007", "externalData must be an array");
  const found = new Map<string, Uint8Array>();
  for (const entry of files as readonly (ExternalDataFileType | null)[]) {
    const { path, data }: { readonly path?: unknown; readonly data?: unknown } =
      typeof entry === "string" ? { path: entry, data: entry } : (entry ?? {});
    if (typeof path !== "string") throw fail("WSC7007", "externalData: an entry has no path");
    const bytes = await readSource(path, data, model);
    found.set(path, bytes);
    if (typeof entry === "string") found.set(lastPart(entry), bytes);
  }
  return found;
}

async function readSource(path: string, data: unknown, model: string | URL | null): Promise<Uint8Array> {
  if (data instanceof Uint8Array) return data;
  if (typeof data === "string" || data instanceof URL) return readNear(data, model);
  if (data instanceof Blob) return new Uint8Array(await data.arrayBuffer());
  const kind = Object.prototype.toString.call(data);
  if (kind === "[object ArrayBuffer]" || kind === "[object SharedArrayBuffer]") {
    return new Uint8Array(data as ArrayBufferLike);
  }
  throw fail("WSC7007", `externalData: the data of "${showName(path)}" is no path, URL, Blob or buffer`);
}

/** Reads a file where it is said to lie, or else beside the model. */
async function readNear(location: string | URL, model: string | URL | null): Promise<Uint8Array> {
  try {
    return await readBytes(location);
  } catch (error) {
    const near = model === null || typeof location !== "string" ? null : sibling(model, location);
    if (near === null) throw error;
    return readBytes(near).catch(() => {
      throw error;
    });
  }
}

const lastPart = (location: string): string =>
  location
    .replace(/[?#].*$/, "")
    .split(/[/\\]/)
    .at(-1) ?? location;
