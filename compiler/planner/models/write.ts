/** A model's graph as an ONNX file with its weights in one file beside it: zeros that take no place, or random values. */
import { encodeNode, encodeTensor } from "../../frontend/encode.ts";
import { loadOnnxProto, type Onnx } from "../../frontend/proto.ts";
import type { StreamedContent } from "../../files/output-files.ts";
import { dtypeInfo } from "../../../ir/dtype.ts";
import { fromFloat32 } from "../../../ir/small-float.ts";
import { bytesOf } from "../../../ir/tensor.ts";
import { seededRandom } from "../../random.ts";
import { type Draft, elementsOf, type Port, type Weight } from "./draft.ts";

/** Where weights begin: what memory maps and vector loads like. */
const alignment = 64;

/** Operators of opset 17, the first with LayerNormalization. */
const opset = 17;

export interface ModelFiles {
  readonly model: Uint8Array;
  readonly data: StreamedContent;
}

/** The bytes of a draft's files; `dataName` is the name of the second, `seed` null leaves weights zero. Random values are made piece by piece. */
export async function modelFiles(
  draft: Draft,
  name: string,
  dataName: string,
  seed: number | null,
): Promise<ModelFiles> {
  const { ModelProto, TensorProto } = await loadOnnxProto();
  const bytesPerElement = draft.options.dtype === "f16" ? 2 : 4;
  let end = 0;
  const places = draft.weights.map((weight) => {
    const offset = Math.ceil(end / alignment) * alignment;
    const length = elementsOf(weight) * bytesPerElement;
    end = offset + length;
    return { weight, offset, length };
  });
  const external = places.map(({ weight, offset, length }): Onnx.ITensorProto => {
    const entries = { location: dataName, offset: String(offset), length: String(length) };
    return {
      name: weight.name,
      dims: [...weight.dims],
      dataType: dtypeInfo(draft.options.dtype).onnxId,
      dataLocation: TensorProto.DataLocation.EXTERNAL,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    };
  });
  const message: Onnx.IModelProto = {
    irVersion: 8,
    producerName: "wsc",
    opsetImport: [{ domain: "", version: opset }],
    graph: {
      name,
      node: draft.nodes.map(encodeNode),
      input: draft.inputs.map(portOf),
      output: draft.outputs.map(portOf),
      initializer: [...external, ...[...draft.constants].map(([key, tensor]) => encodeTensor(tensor, key))],
    },
  };
  return {
    model: ModelProto.encode(message).finish(),
    data: { byteLength: end, pieces: seed === null ? "zeros" : randomPieces(draft, places, seed) },
  };
}

function portOf({ name, type }: Port): Onnx.IValueInfoProto {
  if (type.kind !== "tensor") throw new Error("internal: models have tensors as inputs and outputs");
  const dim = (type.dims ?? []).map((size) =>
    typeof size === "number" ? { dimValue: size } : { dimParam: size ?? "" },
  );
  return { name, type: { tensorType: { elemType: dtypeInfo(type.dtype).onnxId, shape: { dim } } } };
}

interface Place {
  readonly weight: Weight;
  readonly offset: number;
  readonly length: number;
}

/** Elements that are made at once. */
const pieceElements = 2 ** 18;

/** Random weights with the spaces between them. Each weight's values depend on the seed and its name alone. */
function* randomPieces(draft: Draft, places: readonly Place[], seed: number): Iterable<Uint8Array> {
  let at = 0;
  for (const { weight, offset, length } of places) {
    if (offset > at) yield new Uint8Array(offset - at);
    yield* randomValues(draft, weight, seed);
    at = offset + length;
  }
}

function* randomValues(draft: Draft, weight: Weight, seed: number): Iterable<Uint8Array> {
  const random = seededRandom(seed ^ nameHash(weight.name));
  const { center, spread } = rangeOf(weight);
  for (let left = elementsOf(weight); left > 0; left -= pieceElements) {
    const values = Float32Array.from(
      { length: Math.min(left, pieceElements) },
      () => center + spread * (2 * random() - 1),
    );
    yield bytesOf(draft.options.dtype === "f16" ? fromFloat32("f16", values) : values);
  }
}

/** Matrices keep the scale of what they multiply; scales of norms lie about 1, biases about 0. */
function rangeOf({ role, name, fanIn }: Weight): { readonly center: number; readonly spread: number } {
  if (role === "vector") return { center: name.endsWith("norm.weight") ? 1 : 0, spread: 0.2 };
  return { center: 0, spread: Math.sqrt(3 / fanIn) };
}

function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
