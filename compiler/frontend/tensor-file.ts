/** TensorProto files (.pb): what the ONNX project's tests give as inputs and outputs. */
import { fail } from "../../ir/diagnostic.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { decodeTensor, isExternal } from "./decode-tensor.ts";
import { encodeTensor } from "./encode.ts";
import { loadOnnxProto } from "./proto.ts";

/** Reads a serialized TensorProto; `file` names it in messages. */
export async function decodeTensorFile(bytes: Uint8Array, file: string): Promise<TensorData> {
  const proto = await loadOnnxProto();
  let message: ReturnType<typeof proto.TensorProto.decode>;
  try {
    message = proto.TensorProto.decode(bytes);
  } catch (error) {
    throw fail("WSC1002", `${file} is no TensorProto: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (isExternal(message)) throw fail("WSC1006", `${file} refers to external data`);
  return decodeTensor(message, { movable: false });
}

export async function encodeTensorFile(tensor: TensorData, name: string): Promise<Uint8Array> {
  const proto = await loadOnnxProto();
  const bytes = proto.TensorProto.encode(encodeTensor(tensor, name)).finish();
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
