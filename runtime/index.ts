/** The runtime's public surface: onnxruntime's names, and wsc's own errors. */
export {
  InferenceSession,
  type Feeds,
  type Fetches,
  type Results,
  type RunOptions,
  type SessionOptions,
} from "./session.ts";
export { type Environment, env } from "./env.ts";
export { Tensor, type TensorElements } from "./tensor.ts";
export type { SessionValue, ValueMetadata } from "./ports.ts";
export { type Diagnostic, type DiagnosticCode, WscError } from "../ir/diagnostic.ts";
