/** Writes ONNX models from plain data: for scripts that build their own models. */
import { encodeModel as encodeLoaded } from "./frontend/encode.ts";
import type { OnnxModel } from "./frontend/onnx.ts";
import { loadOnnxProto } from "./frontend/proto.ts";

/** The bytes of an `.onnx` file. */
export async function encodeModel(model: OnnxModel): Promise<Uint8Array> {
  await loadOnnxProto();
  return encodeLoaded(model);
}
