/** Reads an ONNX model: from a path (Node), or from bytes (anywhere). */
import { fail, showName, WscError } from "../../ir/diagnostic.ts";
import { decodeModel } from "./decode.ts";
import { givenFiles, noFiles, readExternalData, tensorsOf, type UnreadData } from "./external-data.ts";
import { readExtras } from "./extras.ts";
import { type FileRange, type PartlyRead, rangeOf } from "./file-range.ts";
import type { ExternalFiles, ModelBytes, ReadOptions } from "./model-source.ts";
import type { OnnxModel } from "./onnx.ts";
import { outlineOf } from "./outline.ts";
import { loadOnnxProto, type Onnx, type OnnxProto } from "./proto.ts";
import { scanModel, type Scan, withOneGraph, withPatches } from "./scan.ts";
import { lookalikeBytes, refuseLookalikes } from "./sniff.ts";

/** Reads and checks a model's structure; throws a WscError (WSC1xxx) when it is no valid ONNX file. */
export async function readModel(source: string | ModelBytes, options: ReadOptions = {}): Promise<OnnxModel> {
  const { onFile } = options;
  const given = await openGiven(options);
  if (typeof source !== "string") {
    const files = source.readExternal === undefined ? noFiles : { read: source.readExternal };
    return aboutFile(source.name, () =>
      decodeBytes(wholeFile(source.bytes, source.name), givenFiles(given, files), source.owned ?? false),
    );
  }
  const { FolderFiles, openModelFile } = await import("./model-files.ts");
  onFile?.(source);
  const files = givenFiles(given, new FolderFiles(source, onFile));
  const file = await openModelFile(source);
  return aboutFile(source, () =>
    decodeBytes(file instanceof Uint8Array ? wholeFile(file, source) : outlinedFile(file, source), files, true),
  );
}

/** The files that the caller has given; those on this machine are opened, small ones read. */
async function openGiven({
  externalData = new Map<string, Uint8Array>(),
  externalPaths = new Map<string, string>(),
}: ReadOptions): Promise<ReadonlyMap<string, Uint8Array | PartlyRead>> {
  if (externalPaths.size === 0) return externalData;
  const { openModelFile } = await import("./model-files.ts");
  const opened = [...externalPaths].map(async ([location, path]) => [location, await openModelFile(path)] as const);
  return new Map<string, Uint8Array | PartlyRead>([...externalData, ...(await Promise.all(opened))]);
}

async function aboutFile<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    // what is about no particular part is about the file
    throw new WscError(error.diagnostics.map((problem) => ({ subject: showName(name), ...problem })));
  }
}

/** A model file as it is decoded: all its bytes, or its outline. */
interface ModelFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** of the whole file */
  readonly size: number;
  /** what the outline leaves out, by the position of what stands for it */
  readonly cuts: ReadonlyMap<number, FileRange>;
}

function wholeFile(bytes: Uint8Array, name: string): ModelFile {
  refuseLookalikes(bytes);
  return { name, bytes, size: bytes.length, cuts: new Map() };
}

function outlinedFile(file: PartlyRead, name: string): ModelFile {
  refuseLookalikes(file.read(0, Math.min(file.size, lookalikeBytes)));
  const { bytes, cuts } = outlineOf(file);
  const own = name.split(/[/\\]/).at(-1) ?? name;
  const ranges = [...cuts].map(([at, { start, length }]) => [at, rangeOf(file, own, start, length)] as const);
  return { name, bytes, size: file.size, cuts: new Map(ranges) };
}

async function decodeBytes(file: ModelFile, files: ExternalFiles, owned: boolean): Promise<OnnxModel> {
  const proto = await loadOnnxProto();
  const first = scanModel(file.bytes);
  const isSplit = first.graphs.length > 1;
  if (isSplit && file.cuts.size > 0) throw fail("WSC1009", "the graph of so large a file must stand in one piece");
  const bytes = isSplit ? withOneGraph(file.bytes, first.graphs) : file.bytes;
  const scan = isSplit ? scanModel(bytes) : first;
  const model = decodeProto(proto, bytes, scan);
  const tensors = tensorsOf(model);
  const unread = cutTensors(tensors, bytes, file);
  await readExternalData(tensors, files, file.size, unread);
  return decodeModel(model, readExtras(bytes, scan, proto), file.name, { movable: owned || isSplit, unread });
}

/** The tensors whose data the outline leaves out. */
function cutTensors(tensors: readonly Onnx.ITensorProto[], bytes: Uint8Array, { cuts }: ModelFile): UnreadData {
  const unread: UnreadData = new Map();
  for (const tensor of tensors) {
    const range = tensor.rawData && cuts.get(tensor.rawData.byteOffset - bytes.byteOffset);
    if (range) unread.set(tensor, range);
  }
  return unread;
}

function decodeProto(proto: OnnxProto, bytes: Uint8Array, scan: Scan): Onnx.ModelProto {
  try {
    return withPatches(bytes, scan.patches, () => proto.ModelProto.decode(bytes));
  } catch (error) {
    if (error instanceof WscError) throw error;
    const said = error instanceof Error ? error.message : String(error);
    throw fail(
      "WSC1002",
      `the file cannot be decoded as protobuf (${said}): it is truncated, damaged, or no ONNX model`,
    );
  }
}
