/**
 * onnxruntime's global settings. Programs that set them keep working; `wasm.numThreads` and `logLevel` have a meaning here, and `trace`, or
 * `wasm.trace`, has calls noted in the engine's profiles.
 */
import { fail } from "../ir/diagnostic.ts";
import type { GlobalType } from "./host-types.ts";

export interface Env {
  /** least severity of what is logged; default warning */
  logLevel?: "verbose" | "info" | "warning" | "error" | "fatal";
  debug?: boolean;
  trace?: boolean;
  /** `common` is the version of onnxruntime's API that is spoken here */
  readonly versions: {
    readonly common: string;
    readonly web?: string;
    readonly node?: string;
    readonly "react-native"?: string;
  };
  readonly wasm: Env.WebAssemblyFlags;
  readonly webgl: Env.WebGLFlags;
  readonly webgpu: Env.WebGpuFlags;
  [name: string]: unknown;
}

// eslint-disable-next-line @typescript-eslint/no-namespace -- types as members of an interface's name can be said in no other way
export declare namespace Env {
  type WasmPathPrefix = string;
  interface WasmFilePaths {
    wasm?: URL | string;
    mjs?: URL | string;
  }
  type WasmPrefixOrFilePaths = WasmPathPrefix | WasmFilePaths;

  interface WebAssemblyFlags {
    /** threads of sessions that do not say their own number */
    numThreads?: number;
    simd?: boolean | "fixed" | "relaxed";
    trace?: boolean;
    initTimeout?: number;
    wasmPaths?: WasmPrefixOrFilePaths;
    wasmBinary?: ArrayBufferLike | Uint8Array;
    proxy?: boolean;
  }

  interface WebGLFlags {
    contextId?: "webgl" | "webgl2";
    readonly context: GlobalType<"WebGLRenderingContext">;
    matmulMaxBatchSize?: number;
    textureCacheMode?: "initializerOnly" | "full";
    pack?: boolean;
    async?: boolean;
  }

  interface WebGpuProfilingDataV1TensorMetadata {
    dims: readonly number[];
    dataType: string;
  }
  interface WebGpuProfilingDataV1 {
    version: 1;
    inputsMetadata: readonly WebGpuProfilingDataV1TensorMetadata[];
    outputsMetadata: readonly WebGpuProfilingDataV1TensorMetadata[];
    kernelId: number;
    kernelType: string;
    kernelName: string;
    programName: string;
    startTime: number;
    endTime: number;
  }
  type WebGpuProfilingData = WebGpuProfilingDataV1;

  interface WebGpuFlags {
    profilingMode?: "off" | "default";
    profiling: {
      mode?: "off" | "default";
      ondata?: (data: WebGpuProfilingData) => void;
    };
    powerPreference?: "low-power" | "high-performance";
    forceFallbackAdapter?: boolean;
    adapter: GlobalType<"GPUAdapter">;
    // eslint-disable-next-line @typescript-eslint/related-getter-setter-pairs -- a device is set, a promise of it is read
    get device(): Promise<GlobalType<"GPUDevice">>;
    set device(value: GlobalType<"GPUDevice">);
    validateInputContent?: boolean;
  }
}

type LogLevel = NonNullable<Env["logLevel"]>;

const logLevels: readonly unknown[] = ["verbose", "info", "warning", "error", "fatal"] satisfies LogLevel[];
let logLevel: LogLevel = "warning";

export const env: Env = {
  versions: { common: "1.30.0" },
  wasm: {},
  webgl: {} as Env.WebGLFlags,
  webgpu: {} as Env.WebGpuFlags,
  get logLevel(): LogLevel {
    return logLevel;
  },
  set logLevel(level: LogLevel) {
    if ((level as LogLevel | undefined) === undefined) return;
    if (!logLevels.includes(level)) {
      throw fail("WSC7007", `env.logLevel: there is no level ${JSON.stringify(level)}`, { hint: logLevels.join(", ") });
    }
    logLevel = level;
  },
};
