/** Inputs and outputs of `wsc run` as files: .npy or TensorProto .pb for tensors, .json for other values, by extension. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fail } from "../../ir/diagnostic.ts";
import type { PortMetadata, SessionValue } from "../../runtime/ports.ts";
import { fromTensorData, Tensor, toTensorData } from "../../runtime/tensor.ts";
import { decodeTensorFile, encodeTensorFile } from "../frontend/tensor-file.ts";
import { decodeNpy, encodeNpy } from "./npy.ts";
import { readJsonValue, valueJson } from "./value-json.ts";

export async function readValue(file: string): Promise<SessionValue> {
  if (file.endsWith(".json")) return readJsonValue(file);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fail("WSC1001", `cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`);
  });
  return fromTensorData(file.endsWith(".npy") ? decodeNpy(bytes, file) : await decodeTensorFile(bytes, file));
}

/** A value, and the file that it was read from. */
export interface ValueFile {
  readonly value: SessionValue;
  readonly file: string;
}

/** Values of a folder: `NAME.npy`, `NAME.pb`, `NAME.json`, or `input_0.pb`… (`output_0.pb`…) in the order of the model's ports. */
export async function readFolder(
  folder: string,
  ports: readonly PortMetadata[],
  side: "input" | "output" = "input",
): Promise<Map<string, ValueFile>> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fail("WSC1001", `cannot read ${folder}: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`);
  });
  const values = new Map<string, ValueFile>();
  for (const name of names.toSorted()) {
    const stem = /^(.*)\.(?:npy|pb|json)$/.exec(name)?.[1];
    if (stem === undefined) continue;
    const [, prefix, position] = /^(input|output)_(\d+)$/.exec(stem) ?? [];
    const byName = ports.find(({ name }) => name === stem);
    const port = byName ?? (prefix === side ? ports[Number(position)] : undefined);
    const file = path.join(folder, name);
    if (port !== undefined) values.set(port.name, { value: await readValue(file), file });
  }
  return values;
}

export type TensorFormat = "npy" | "pb";

/** The files that an output may go to: NAME.npy (with a name that a file may have), or, where that form cannot hold it, `output_0.pb`… or NAME.json. */
export function filesOfOutput(
  { name, isTensor }: PortMetadata,
  index: number,
  format: TensorFormat,
): readonly string[] {
  const files = format === "pb" ? [`output_${index}.pb`] : [`${fileStem(name, index)}.npy`, `output_${index}.pb`];
  return isTensor ? files : [...files, `${fileStem(name, index)}.json`];
}

/** Outputs as the bytes of files, by the files' names. */
export async function encodeOutputs(
  outputs: readonly (readonly [PortMetadata, SessionValue])[],
  format: TensorFormat,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const [index, [{ name }, value]] of outputs.entries()) {
    if (!(value instanceof Tensor)) {
      files.set(`${fileStem(name, index)}.json`, new TextEncoder().encode(`${JSON.stringify(valueJson(value))}\n`));
      continue;
    }
    const data = toTensorData(value);
    const npy = format === "npy" ? encodeNpy(data) : null;
    const file = npy === null ? `output_${index}.pb` : `${fileStem(name, index)}.npy`;
    files.set(file, npy ?? (await encodeTensorFile(data, name)));
  }
  return files;
}

/** The name where it is harmless as a file's, else its position. */
const fileStem = (name: string, index: number): string => (/^[\w][\w.-]{0,99}$/.test(name) ? name : `output_${index}`);
