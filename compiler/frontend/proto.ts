/**
 * onnx-proto, loaded when it is first needed. It is a CommonJS file, so it comes as a default import. Its schema is that of ONNX 1.10.2;
 * what later versions added is read by wire.ts.
 */
import type { onnx as Onnx } from "onnx-proto";

export type { onnx as Onnx } from "onnx-proto";
export type OnnxProto = typeof Onnx;

let loaded: OnnxProto | null = null;

/** Loads the decoder; needed once before `onnxProto`. */
export async function loadOnnxProto(): Promise<OnnxProto> {
  if (loaded === null) {
    const module = await import("onnx-proto");
    loaded = module.default.onnx;
  }
  return loaded;
}

/** The decoder, after `loadOnnxProto`. */
export function onnxProto(): OnnxProto {
  if (loaded === null) throw new Error("internal: onnx-proto is not loaded");
  return loaded;
}
