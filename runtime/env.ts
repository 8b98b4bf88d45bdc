/** onnxruntime's global settings. Programs that set them keep working; only `wasm.numThreads` has a meaning here. */
export interface Environment {
  readonly wasm: Record<string, unknown>;
  readonly webgl: Record<string, unknown>;
  readonly webgpu: Record<string, unknown>;
  logLevel?: string;
  debug?: boolean;
  trace?: boolean;
}

/** Accepted; `wasm.numThreads` is the number of threads of sessions that do not say their own. */
export const env: Environment = { wasm: {}, webgl: {}, webgpu: {} };
