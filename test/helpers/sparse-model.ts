/** Model files larger than memory, made of holes: sparse files whose weights are zeros that take no place on the disk. */
import { closeSync, ftruncateSync, mkdirSync, openSync, statSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { encodeGraph } from "../../compiler/frontend/encode.ts";
import { loadOnnxProto, type Onnx } from "../../compiler/frontend/proto.ts";
import { varintBytes } from "../../compiler/frontend/wire.ts";
import { elementCount } from "../../ir/tensor.ts";
import { f32, graph, type GraphSpec, node } from "./onnx-builder.ts";

/** Weights of f32 by name, in the order in which a row is multiplied by them. */
export type Weights = Readonly<Record<string, readonly [number, number]>>;

const bytesOfFloats = (shape: readonly number[]): number => 4 * elementCount(shape);

/** A row times one matrix after the other, each behind a ReLU. */
function chain(weights: Weights): GraphSpec {
  const names = Object.keys(weights);
  const [first = "", last = ""] = [names[0], names.at(-1)];
  const before = (i: number): string => (i === 0 ? "x" : `relu${i - 1}`);
  return {
    inputs: { x: f32(1, weights[first]?.[0] ?? 0) },
    outputs: { [before(names.length)]: f32(1, weights[last]?.[1] ?? 0) },
    nodes: names.flatMap((name, i) => [
      node("MatMul", [before(i), name], [`y${i}`]),
      node("Relu", [`y${i}`], [`relu${i}`]),
    ]),
  };
}

const header = { irVersion: 8, producerName: "test", opsetImport: [{ domain: "", version: 17 }] };

/** Whether a file system keeps holes; says so aloud where it does not. */
export function keepsHoles(folder: string): boolean {
  const probe = path.join(folder, "probe");
  hole(probe, 2 ** 24);
  if (statSync(probe).blocks * 512 < 2 ** 20) return true;
  console.warn(`skipped: the file system of ${folder} has no sparse files`);
  return false;
}

function hole(file: string, bytes: number): void {
  const handle = openSync(file, "w");
  ftruncateSync(handle, bytes);
  closeSync(handle);
}

/** Writes a chain with all its weights in one file of holes beside it; returns the model's path. */
export async function externalChain(folder: string, weights: Weights): Promise<string> {
  const { ModelProto, TensorProto } = await loadOnnxProto();
  mkdirSync(folder, { recursive: true });
  let end = 0;
  const initializer = Object.entries(weights).map(([name, dims]): Onnx.ITensorProto => {
    const offset = end;
    end += bytesOfFloats(dims);
    const entries = { location: "w.bin", offset: String(offset), length: String(end - offset) };
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    return { name, dims: [...dims], dataType: 1, dataLocation: TensorProto.DataLocation.EXTERNAL, externalData };
  });
  hole(path.join(folder, "w.bin"), end);
  const file = path.join(folder, "model.onnx");
  const message = { ...header, graph: { ...encodeGraph(graph(chain(weights))), initializer } };
  writeFileSync(file, ModelProto.encode(message).finish());
  return file;
}

/** Writes a chain whose weights are holes in the model file itself, up to `values`, which stand at the start of each. */
export async function inlineChain(
  file: string,
  weights: Weights,
  values: Float32Array = new Float32Array(0),
): Promise<string> {
  const { GraphProto, ModelProto, TensorProto } = await loadOnnxProto();
  const start = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const tensors = Object.entries(weights).map(([name, dims]) => {
    const bytes = bytesOfFloats(dims);
    const fields = TensorProto.encode({ name, dims: [...dims], dataType: 1 }).finish();
    const head = Uint8Array.from([...fields, 0x4a, ...varintBytes(bytes)]);
    return { head: Uint8Array.from([0x2a, ...varintBytes(head.length + bytes), ...head]), bytes };
  });
  const nodes = GraphProto.encode(encodeGraph(graph(chain(weights)))).finish();
  const length = tensors.reduce((sum, { head, bytes }) => sum + head.length + bytes, nodes.length);
  const begin = ModelProto.encode(header).finish();
  const handle = openSync(file, "w");
  let at = 0;
  const put = (bytes: Uint8Array): void => {
    writeSync(handle, bytes, 0, bytes.length, at);
    at += bytes.length;
  };
  for (const bytes of [begin, Uint8Array.from([0x3a, ...varintBytes(length)]), nodes]) put(bytes);
  for (const { head, bytes } of tensors) {
    put(head);
    writeSync(handle, start, 0, start.length, at);
    at += bytes;
  }
  ftruncateSync(handle, at);
  closeSync(handle);
  return file;
}
