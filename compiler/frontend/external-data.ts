/**
 * Tensor data in files beside the model. A model may name no file outside its own folder: locations are relative, and what they resolve to
 * (symbolic links followed) is a regular file under that folder, or under the one that the model itself is a link into. Ranges are read, checked
 * against the file's size before memory is taken.
 */
import { fail, showName } from "../../ir/diagnostic.ts";
import { smallTensorBytes } from "../../ir/tensor-source.ts";
import { isExternal, tensorBytes, tensorDType, tensorShape, tensorSubject } from "./decode-tensor.ts";
import { type FileRange, type PartlyRead, rangeOf, wholeModelBytes } from "./file-range.ts";
import type { ExternalFiles } from "./model-source.ts";
import type { Onnx } from "./proto.ts";

/** No files: for models given as bytes. */
export const noFiles: ExternalFiles = {
  read: (location, _offset, _length, subject) =>
    Promise.reject(
      fail("WSC1006", `its data is in the external file "${showName(location)}", which was not given`, {
        subject,
        hint: "read the model from its path, or pass the file's bytes along",
      }),
    ),
};

/** Files that the caller has given, by location: their bytes, or what reads parts of them. `others` has what they lack. */
export function givenFiles(
  files: ReadonlyMap<string, Uint8Array | PartlyRead>,
  others: ExternalFiles = noFiles,
): ExternalFiles {
  const byPath = new Map([...files].map(([location, file]) => [plainPath(location), file]));
  const checked = (...[location, offset, length, subject]: ExternalRangeOf): Uint8Array | PartlyRead | undefined => {
    const file = byPath.get(plainPath(location));
    if (file !== undefined) {
      checkRange(location, offset, length, file instanceof Uint8Array ? file.length : file.size, subject);
    }
    return file;
  };
  return {
    read: (location, offset, length, subject) => {
      const file = checked(location, offset, length, subject);
      if (file === undefined) return others.read(location, offset, length, subject);
      if (file instanceof Uint8Array) return Promise.resolve(file.subarray(offset, offset + length));
      return Promise.resolve(file.read(offset, length));
    },
    locate: (location, offset, length, subject) => {
      const file = checked(location, offset, length, subject);
      if (file === undefined) return others.locate?.(location, offset, length, subject) ?? Promise.resolve(null);
      // what is in memory is at hand
      return Promise.resolve(file instanceof Uint8Array ? null : rangeOf(file, location, offset, length));
    },
  };
}

type ExternalRangeOf = Parameters<ExternalFiles["read"]>;

/** One spelling of a relative path: "./a//b", "a\\b" and "a/c/../b" are "a/b". */
function plainPath(location: string): string {
  const parts: string[] = [];
  for (const part of location.split(/[/\\]/)) {
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Throws WSC1006 when a range is not inside a file of `size` bytes. */
export function checkRange(location: string, offset: number, length: number, size: number, subject: string): void {
  if (offset + length <= size) return;
  const file = `external file "${showName(location)}"`;
  const message = `its data, ${length} bytes at offset ${offset}, runs past the end of ${file}, which has a size of ${size} bytes`;
  throw fail("WSC1006", message, { subject });
}

/** Data that stays in its file until it is needed, by the tensor that it belongs to. */
export type UnreadData = Map<Onnx.ITensorProto, FileRange>;

/**
 * Reads the data of external tensors into their `rawData`: of all, if the model with all its data is small (`otherBytes` of it are in the model's own
 * file), else of small ones; the others' go to `unread`.
 */
export async function readExternalData(
  tensors: readonly Onnx.ITensorProto[],
  files: ExternalFiles,
  otherBytes: number,
  unread: UnreadData,
): Promise<void> {
  const wanted = tensors.filter(isExternal).map(externalRange);
  const isWhole = wanted.reduce((sum, { length }) => sum + length, otherBytes) <= wholeModelBytes;
  for (const { tensor, location, offset, length, subject } of wanted) {
    const isRead = isWhole || length <= smallTensorBytes;
    const range = isRead ? null : ((await files.locate?.(location, offset, length, subject)) ?? null);
    if (range === null) tensor.rawData = await files.read(location, offset, length, subject);
    else unread.set(tensor, range);
  }
}

/** All tensors of a model, those in its nodes' attributes included. */
export function tensorsOf(model: Onnx.IModelProto): readonly Onnx.ITensorProto[] {
  const tensors: Onnx.ITensorProto[] = [];
  if (model.graph) collectFromGraph(model.graph, tensors);
  for (const fn of model.functions ?? []) collectFromNodes(fn.node ?? [], tensors);
  return tensors;
}

function collectFromGraph(graph: Onnx.IGraphProto, found: Onnx.ITensorProto[]): void {
  for (const tensor of graph.initializer ?? []) found.push(tensor);
  for (const sparse of graph.sparseInitializer ?? []) collectFromSparse(sparse, found);
  collectFromNodes(graph.node ?? [], found);
}

function collectFromNodes(nodes: readonly Onnx.INodeProto[], found: Onnx.ITensorProto[]): void {
  for (const node of nodes) {
    for (const { t, g, tensors, graphs, sparseTensor } of node.attribute ?? []) {
      if (t) found.push(t);
      if (sparseTensor) collectFromSparse(sparseTensor, found);
      if (g) collectFromGraph(g, found);
      for (const tensor of tensors ?? []) found.push(tensor);
      for (const graph of graphs ?? []) collectFromGraph(graph, found);
    }
  }
}

function collectFromSparse({ values, indices }: Onnx.ISparseTensorProto, found: Onnx.ITensorProto[]): void {
  if (values) found.push(values);
  if (indices) found.push(indices);
}

/** Where a tensor says that its data is. */
interface ExternalRange {
  readonly tensor: Onnx.ITensorProto;
  readonly location: string;
  readonly offset: number;
  readonly length: number;
  readonly subject: string;
}

function externalRange(tensor: Onnx.ITensorProto): ExternalRange {
  const subject = tensorSubject(tensor.name);
  const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key ?? "", value ?? ""]));
  const location = entries.get("location") ?? "";
  checkLocation(location, subject);
  const dtype = tensorDType(tensor.dataType, subject);
  if (dtype === "string") throw fail("WSC1006", "strings cannot be external data", { subject });
  const bytes = tensorBytes(dtype, tensorShape(tensor.dims ?? [], subject), subject);
  const length = byteNumber(entries.get("length"), "length", subject) ?? bytes;
  if (length !== bytes) {
    throw fail("WSC1006", `its external data has a length of ${length} bytes, its dims need ${bytes}`, { subject });
  }
  const offset = byteNumber(entries.get("offset"), "offset", subject) ?? 0;
  return { tensor, location, offset, length, subject };
}

function byteNumber(text: string | undefined, what: string, subject: string): number | undefined {
  if (text === undefined || text === "") return undefined;
  const number = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(number)) return number;
  throw fail("WSC1006", `its external data has the ${what} "${showName(text)}", which is no number of bytes`, {
    subject,
  });
}

/** Refuses locations that no honest model has; links are the reader's affair. */
function checkLocation(location: string, subject: string): void {
  const shown = `external data location "${showName(location)}"`;
  if (location === "") throw fail("WSC1006", "its external data has no location", { subject });
  if (location.includes("\0")) throw fail("WSC1006", `${shown} contains a NUL byte`, { subject });
  if (/^([/\\]|[A-Za-z]:)/.test(location)) throw fail("WSC1006", `${shown} is absolute, must be relative`, { subject });
  if (location.split(/[/\\]/).includes("..")) {
    throw fail("WSC1006", `${shown} leads outside the model's folder`, { subject });
  }
}
