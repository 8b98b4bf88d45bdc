/** `InferenceSession` under the names and types of onnxruntime's JavaScript API; session.ts has its class. */
import type * as Options from "./option-types.ts";
import { InferenceSession as SessionObject, type Session } from "./session.ts";
import type { Tensor } from "./tensor.ts";

export type NonTensorType = never;
/** A model's input or output. Sequences and empty optionals, which wsc has as arrays and null, have no type here. */
export type OnnxValue = Tensor;
export type OnnxValueDataLocation = Tensor.DataLocation;

export interface InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly InferenceSession.ValueMetadata[];
  readonly outputMetadata: readonly InferenceSession.ValueMetadata[];
  /** Runs the model on what the feeds' arrays hold now; gives all outputs. */
  run(feeds: InferenceSession.FeedsType, options?: InferenceSession.RunOptions): Promise<InferenceSession.ReturnType>;
  /** Runs the model; `fetches` chooses outputs, and a tensor that it gives for one is written to. */
  run(
    feeds: InferenceSession.FeedsType,
    fetches: InferenceSession.FetchesType,
    options?: InferenceSession.RunOptions,
  ): Promise<InferenceSession.ReturnType>;
  /** Refuses further runs, waits for those that were called before, gives the memory back and ends the threads. */
  release(): Promise<void>;
  startProfiling(): void;
  endProfiling(): void;
}

export interface InferenceSessionFactory {
  create(
    source: string | ArrayBufferLike | Uint8Array,
    options?: InferenceSession.SessionOptions,
  ): Promise<InferenceSession>;
  create(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength?: number,
    options?: InferenceSession.SessionOptions,
  ): Promise<InferenceSession>;
}

/** What wsc takes and gives beyond onnxruntime: URLs, and values that are no tensors. */
export interface SessionFactory extends InferenceSessionFactory {
  create(
    source: string | URL | Uint8Array | ArrayBufferLike,
    options?: InferenceSession.SessionOptions,
  ): Promise<Session>;
  create(
    model: ArrayBufferLike,
    byteOffset: number,
    byteLength?: number,
    options?: InferenceSession.SessionOptions,
  ): Promise<Session>;
}

export const InferenceSession: SessionFactory = SessionObject;

// eslint-disable-next-line @typescript-eslint/no-namespace -- types as members of a class's name can be said in no other way
export declare namespace InferenceSession {
  type OnnxValueMapType = { readonly [name: string]: OnnxValue };
  type NullableOnnxValueMapType = { readonly [name: string]: OnnxValue | null };
  type FeedsType = OnnxValueMapType;
  type FetchesType = readonly string[] | NullableOnnxValueMapType;
  type ReturnType = OnnxValueMapType;

  type SessionOptions = Options.SessionOptions;
  type RunOptions = Options.RunOptions;

  type ExecutionProviderOptionMap = Options.ExecutionProviderOptionMap;
  type ExecutionProviderName = Options.ExecutionProviderName;
  type ExecutionProviderConfig = Options.ExecutionProviderConfig;
  type ExecutionProviderOption = Options.ExecutionProviderOption;
  type CpuExecutionProviderOption = Options.CpuExecutionProviderOption;
  type CudaExecutionProviderOption = Options.CudaExecutionProviderOption;
  type DmlExecutionProviderOption = Options.DmlExecutionProviderOption;
  type TensorRtExecutionProviderOption = Options.TensorRtExecutionProviderOption;
  type WebAssemblyExecutionProviderOption = Options.WebAssemblyExecutionProviderOption;
  type WebGLExecutionProviderOption = Options.WebGLExecutionProviderOption;
  type XnnpackExecutionProviderOption = Options.XnnpackExecutionProviderOption;
  type WebGpuExecutionProviderOption = Options.WebGpuExecutionProviderOption;
  type WebNNExecutionProviderName = Options.WebNNExecutionProviderName;
  type WebNNContextOptions = Options.WebNNContextOptions;
  type WebNNOptionsWithoutMLContext = Options.WebNNOptionsWithoutMLContext;
  type WebNNOptionsWithMLContext = Options.WebNNOptionsWithMLContext;
  type WebNNOptionsWebGpu = Options.WebNNOptionsWebGpu;
  type WebNNExecutionProviderOption = Options.WebNNExecutionProviderOption;
  type QnnExecutionProviderOption = Options.QnnExecutionProviderOption;
  type CoreMLExecutionProviderOption = Options.CoreMLExecutionProviderOption;
  type NnapiExecutionProviderOption = Options.NnapiExecutionProviderOption;

  interface ValueMetadataBase {
    readonly name: string;
  }
  interface NonTensorValueMetadata extends ValueMetadataBase {
    readonly isTensor: false;
  }
  interface TensorValueMetadata extends ValueMetadataBase {
    readonly isTensor: true;
    readonly type: Tensor.Type;
    /** numbers, or names of symbolic dims; empty where nothing is known of it */
    readonly shape: readonly (number | string)[];
  }
  type ValueMetadata = NonTensorValueMetadata | TensorValueMetadata;
}
