/** A program for onnxruntime, which uses every name of its types. types.test.ts compiles it with the import replaced; nothing runs it. */
import * as ort from "onnxruntime-common";
import { InferenceSession, Tensor, type TypedTensor } from "onnxruntime-common";

/** Elements of the types that a model may ask for, as onnxruntime's types have them, no more and no less. */
const bytes: Record<Tensor.Type, number> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  int32: 4,
  int64: 8,
  string: 0,
  bool: 1,
  float16: 2,
  float64: 8,
  uint32: 4,
  uint64: 8,
  uint4: 0.5,
  int4: 0.5,
};

const sizeOf = ({ type, size }: Tensor): number => bytes[type] * size;

export function describe(tensor: Tensor): string {
  switch (tensor.type) {
    case "string":
      return (tensor.data as string[]).join();
    case "int64":
    case "uint64":
      return Array.from(tensor.data as BigInt64Array, String).join();
    case "float32":
    case "float64":
    case "float16":
    case "bool":
    case "uint8":
    case "int8":
    case "uint16":
    case "int16":
    case "int32":
    case "uint32":
    case "uint4":
    case "int4":
      return Array.from(tensor.data as Float32Array, String).join();
    default: {
      const never: never = tensor.type;
      return never;
    }
  }
}

const typed = {
  floats: new Tensor("float32", [1, 2], [2]) satisfies TypedTensor<"float32">,
  same: new Tensor(Float32Array.of(1)) satisfies TypedTensor<"float32">,
  clamped: new Tensor("uint8", new Uint8ClampedArray(4)) satisfies TypedTensor<"uint8">,
  words: new Tensor("string", ["a"] as readonly string[]) satisfies TypedTensor<"string">,
  inferredWords: new Tensor(["a"]) satisfies TypedTensor<"string">,
  flags: new Tensor("bool", [true, false]) satisfies TypedTensor<"bool">,
  inferredFlags: new Tensor([true]) satisfies TypedTensor<"bool">,
  long: new Tensor("int64", [1n]) satisfies TypedTensor<"int64">,
  longFromNumbers: new Tensor("uint64", [1], []) satisfies TypedTensor<"uint64">,
  half: new Tensor("float16", new Uint16Array(2), [2]) satisfies TypedTensor<"float16">,
  of: (type: Tensor.Type, data: Tensor.DataType): Tensor => new Tensor(type, data),
  pinned: Tensor.fromPinnedBuffer("int32", new Int32Array(2)) satisfies TypedTensor<"int32">,
};

// @ts-expect-error -- a type that is none
new Tensor("float31", new Float32Array(1));
const first: number | undefined = typed.floats.data[0];
const big: bigint | undefined = typed.long.data[0];
const element: Tensor.ElementTypeMap["bool"] = true;
const any: Tensor.ElementType = 1n;
const array: Tensor.DataTypeMap["uint32"] = new Uint32Array(1);
const places: Tensor.DataLocation[] = ["none", "cpu", "cpu-pinned", "texture", "gpu-buffer", "ml-tensor"];
export const few: [
  Tensor.CpuPinnedDataTypes,
  Tensor.TextureDataTypes,
  Tensor.GpuBufferDataTypes,
  Tensor.MLTensorDataTypes,
] = ["int8", "float32", "bool", "uint4"];
export const rest: readonly unknown[] = [typed, first, big, element, any, array, places, sizeOf(typed.words)];

export function onDevice(
  buffer: Tensor.GpuBufferType,
  tensor: Tensor.MLTensorType,
  texture: Tensor.TextureType,
): Tensor[] {
  const download = (): Promise<Float32Array> => Promise.resolve(new Float32Array(1));
  const parameters: ort.GpuBufferConstructorParameters<"float32"> = {
    location: "gpu-buffer",
    type: "float32",
    dims: [1],
    gpuBuffer: buffer,
    download,
    dispose: () => undefined,
  };
  return [
    Tensor.fromGpuBuffer(buffer, { dims: parameters.dims, dataType: "float32", download }),
    Tensor.fromMLTensor(tensor, { dims: [1], dataType: "int8" }),
    Tensor.fromTexture(texture, { width: 1, height: 1, format: "RGBA", download }),
  ];
}

export async function image(data: ImageData, element: HTMLImageElement, bitmap: ImageBitmap): Promise<string> {
  const norm: NonNullable<ort.OptionsNormalizationParameters["norm"]> = { mean: [1, 2, 3], bias: 4 };
  const tensors: (TypedTensor<"float32"> | TypedTensor<"uint8">)[] = [
    await Tensor.fromImage(data, { tensorFormat: "BGR", norm, resizedWidth: 4, resizedHeight: 4 }),
    await Tensor.fromImage(element),
    await Tensor.fromImage("https://example.org/a.png", { tensorLayout: "NHWC", dataType: "uint8", width: 3 }),
    await Tensor.fromImage(bitmap, {}),
  ];
  const pixels: ImageData | undefined = tensors[0]?.toImageData({ format: "BGR", tensorLayout: "NCHW" });
  return `${String(pixels?.width)} ${String(tensors[1]?.toDataURL({ norm: { mean: 255 } }))}`;
}

export class Model {
  session: InferenceSession | null = null;

  async open(model: string | Uint8Array | ArrayBuffer): Promise<void> {
    const options: InferenceSession.SessionOptions = {
      executionProviders: ["webgpu", { name: "webnn", deviceType: "gpu" }, { name: "cuda", deviceId: 0 }, "wasm"],
      graphOptimizationLevel: "all",
      executionMode: "sequential",
      freeDimensionOverrides: { batch: 1 },
      enableCpuMemArena: true,
      enableMemPattern: true,
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      logVerbosityLevel: 0,
      logId: "a",
      preferredOutputLocation: { y: "cpu" },
      externalData: ["a.bin", { path: "b.bin", data: new Uint8Array(1) }, { path: "c.bin", data: new Blob([]) }],
      extra: { session: { use_ort_model_bytes_directly: "1" } },
    };
    if (typeof model === "string") this.session = await InferenceSession.create(model, options);
    else if (model instanceof Uint8Array) this.session = await InferenceSession.create(model, options);
    else this.session = await InferenceSession.create(model, 0, model.byteLength, options);
  }

  async run(feeds: InferenceSession.FeedsType, ...outputs: string[]): Promise<InferenceSession.ReturnType> {
    if (this.session === null) throw new Error("not open");
    const settings: InferenceSession.RunOptions = { logSeverityLevel: 3, tag: "t", extra: {} };
    const fetches: InferenceSession.FetchesType = outputs.length === 0 ? { y: null } : outputs;
    const results: InferenceSession.OnnxValueMapType = await this.session.run(feeds, fetches, settings);
    const { y } = await this.session.run(feeds, settings);
    const value: ort.OnnxValue | undefined = y;
    const where: ort.OnnxValueDataLocation | undefined = value?.location;
    return where === "cpu" ? { ...results } : {};
  }

  shapes(): (string | number)[][] {
    return (this.session?.inputMetadata ?? []).map((port: InferenceSession.ValueMetadata) => {
      if (!port.isTensor) return [port.name];
      const tensor: InferenceSession.TensorValueMetadata = port;
      return [tensor.name, tensor.type, ...tensor.shape];
    });
  }

  async close(): Promise<void> {
    this.session?.startProfiling();
    this.session?.endProfiling();
    await this.session?.release();
  }
}

/** A stand-in of a session for a program's own tests. */
export const double: InferenceSession = {
  inputNames: ["x"],
  outputNames: ["y"],
  inputMetadata: [{ name: "x", isTensor: true, type: "float32", shape: ["batch", 3] }],
  outputMetadata: [{ name: "y", isTensor: false }],
  run: (feeds: InferenceSession.FeedsType) => Promise.resolve({ y: feeds["x"] as Tensor }),
  release: () => Promise.resolve(),
  startProfiling: () => undefined,
  endProfiling: () => undefined,
};

export async function reshaped(tensor: TypedTensor<"float32">): Promise<Float32Array> {
  const other: TypedTensor<"float32"> = tensor.reshape([1, tensor.size]);
  const data: Float32Array = await other.getData(true);
  other.dispose();
  return data;
}

export function settings(): string {
  ort.env.wasm.numThreads = 2;
  ort.env.wasm.simd = true;
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmPaths = { wasm: "a.wasm", mjs: new URL("file:///a.mjs") };
  ort.env.logLevel = "error";
  ort.env.debug = false;
  ort.env.trace = true;
  ort.env.webgl.pack = true;
  ort.env.webgpu.validateInputContent = false;
  ort.env.webgpu.profiling = { mode: "default", ondata: (data: ort.Env.WebGpuProfilingData) => data.kernelName };
  const flags: ort.Env.WebAssemblyFlags = ort.env.wasm;
  return `${ort.env.versions.common} ${String(ort.env.versions.web)} ${String(flags.initTimeout)}`;
}

export const factory: ort.InferenceSessionFactory = ort.InferenceSession;
export const constructor: ort.TensorConstructor = ort.Tensor;
