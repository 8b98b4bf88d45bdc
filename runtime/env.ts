/** onnxruntime's global settings. Programs that set them keep working; nothing here reads them. */
export interface Environment {
  readonly wasm: Record<string, unknown>;
  readonly webgl: Record<string, unknown>;
  readonly webgpu: Record<string, unknown>;
  logLevel?: string;
  debug?: boolean;
  trace?: boolean;
}

/** Accepted and ignored. */
export const env: Environment = { wasm: {}, webgl: {}, webgpu: {} };
