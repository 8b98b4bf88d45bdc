/** Reads an ONNX model: from a path (Node), or from bytes (anywhere). */
import { fail, showName, WscError } from "../../ir/diagnostic.ts";
import { decodeModel } from "./decode.ts";
import { type ExternalFiles, filesInMemory, noFiles, readExternalData } from "./external-data.ts";
import { readExtras } from "./extras.ts";
import type { OnnxModel } from "./onnx.ts";
import { loadOnnxProto, type Onnx, type OnnxProto } from "./proto.ts";
import { scanModel, type Scan, withOneGraph, withPatches } from "./scan.ts";
import { refuseLookalikes } from "./sniff.ts";

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
  readonly onFile?: FileListener | undefined;
}

/** Reads and checks a model's structure; throws a WscError (WSC1xxx) when it is no valid ONNX file. */
export async function readModel(source: string | ModelBytes, options: ReadOptions = {}): Promise<OnnxModel> {
  const { externalData = new Map<string, Uint8Array>(), onFile } = options;
  if (typeof source !== "string") {
    const files = source.readExternal === undefined ? noFiles : { read: source.readExternal };
    return readBytes(source.bytes, source.name, filesInMemory(externalData, files), source.owned ?? false);
  }
  const { FolderFiles, readModelFile } = await import("./model-files.ts");
  onFile?.(source);
  const files = new FolderFiles(source, onFile);
  try {
    return await readBytes(await readModelFile(source), source, filesInMemory(externalData, files), true);
  } finally {
    await files.close();
  }
}

async function readBytes(given: Uint8Array, name: string, files: ExternalFiles, owned: boolean): Promise<OnnxModel> {
  try {
    return await decodeBytes(given, name, files, owned);
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    // what is about no particular part is about the file
    throw new WscError(error.diagnostics.map((problem) => ({ subject: showName(name), ...problem })));
  }
}

async function decodeBytes(given: Uint8Array, name: string, files: ExternalFiles, owned: boolean): Promise<OnnxModel> {
  refuseLookalikes(given);
  const proto = await loadOnnxProto();
  const first = scanModel(given);
  const isSplit = first.graphs.length > 1;
  const bytes = isSplit ? withOneGraph(given, first.graphs) : given;
  const scan = isSplit ? scanModel(bytes) : first;
  const model = decodeProto(proto, bytes, scan);
  await readExternalData(model, files);
  return decodeModel(model, readExtras(bytes, scan, proto), name, { movable: owned || isSplit });
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
