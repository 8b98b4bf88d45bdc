/** The class behind `Tensor` (tensor.ts has its types): elements in JavaScript's memory, or a resource that somebody else holds. */
import { fail } from "../ir/diagnostic.ts";
import { elementCount } from "../ir/tensor.ts";
import type { ImageDataType } from "./host-types.ts";
import type { TensorFromUrlOptions, TensorToImageDataOptions } from "./images/options.ts";
import { dataUrlOf, imageDataOf, pixelsOf } from "./images/to-image.ts";
import { ResidentTensor } from "./resident-caches.ts";
import { checkDims, dtypeOf, inferType, storeData, type TensorElements, type TensorInput } from "./tensor-elements.ts";
import type { DataLocation } from "./tensor-types.ts";

type ResourceLocation = "texture" | "gpu-buffer" | "ml-tensor";

/** How a tensor outside of JavaScript's memory is fetched and given back. */
interface Access {
  readonly download?: (() => Promise<TensorElements>) | undefined;
  readonly dispose?: (() => void) | undefined;
}

/** What the constructor takes for a tensor in a certain place. */
interface Placed extends Access {
  readonly location: DataLocation;
  readonly type: string;
  readonly dims: readonly number[];
  readonly data?: TensorInput;
  /** where the elements are, which are copied when they are asked for */
  readonly source?: ResidentTensor;
  readonly texture?: unknown;
  readonly gpuBuffer?: unknown;
  readonly mlTensor?: unknown;
}

interface PlacedOptions extends Access {
  readonly dims: readonly number[];
  readonly dataType?: string;
}

const gpuTypes = ["float32", "float16", "int32", "int64", "uint32", "uint8", "bool", "uint4", "int4"] as const;

/** Where a tensor may be but in memory: the member that has it, and the element types that it may have there. */
const resources: Readonly<
  Record<ResourceLocation, { readonly member: "texture" | "gpuBuffer" | "mlTensor"; readonly types: readonly string[] }>
> = {
  texture: { member: "texture", types: ["float32"] },
  "gpu-buffer": { member: "gpuBuffer", types: gpuTypes },
  "ml-tensor": { member: "mlTensor", types: [...gpuTypes, "int8", "uint64"] },
};

const isPlaced = (value: unknown): value is Placed =>
  typeof value === "object" && value !== null && !Array.isArray(value) && "location" in value;

/** Its fields are no #fields: proxies of a tensor, which frameworks make, then work as the tensor does. */
export class Tensor {
  /** onnxruntime's name of the element type, such as "float32" */
  readonly type: string;
  readonly dims: readonly number[];
  /** number of elements */
  readonly size: number;
  private place: DataLocation = "cpu";
  private elements: TensorElements | null = null;
  private source: ResidentTensor | null = null;
  private resource: { readonly location: ResourceLocation; readonly held: unknown } | null = null;
  private access: Access = {};
  private isDownloading = false;

  constructor(
    first: string | TensorInput | Placed,
    second?: TensorInput | readonly number[],
    third?: readonly number[],
  ) {
    const placed = isPlaced(first) ? first : null;
    const named = placed?.type ?? (typeof first === "string" ? first : null);
    const data = placed === null ? (named === null ? first : second) : placed.data;
    const dims = placed?.dims ?? (named === null ? second : third);
    if (placed === null || placed.location === "cpu-pinned") {
      if (typeof data !== "object" || (data as unknown) === null)
        throw fail("WSC7002", "a tensor needs an array of data");
      const given = data as TensorInput;
      this.type = named ?? inferType(given);
      this.dims = checkDims((dims as readonly number[] | undefined) ?? [given.length]);
      this.size = elementCount(this.dims);
      this.elements = storeData(dtypeOf(this.type), given, this.size);
      this.place = placed === null ? "cpu" : "cpu-pinned";
      return;
    }
    this.type = placed.type;
    this.dims = checkDims(placed.dims);
    this.size = elementCount(this.dims);
    if (placed.source instanceof ResidentTensor) {
      this.source = placed.source;
      return;
    }
    this.resource = resourceOf(placed);
    this.place = this.resource.location;
    this.access = { download: placed.download, dispose: placed.dispose };
  }

  static async fromImage(image: unknown, options?: TensorFromUrlOptions | null): Promise<Tensor> {
    const { elementsOfImage } = await import("./images/from-image.ts");
    const { type, data, dims } = await elementsOfImage(image, options ?? {});
    return new Tensor(type, data, dims);
  }

  static fromTexture(texture: unknown, options: Access & { readonly width: number; readonly height: number }): Tensor {
    const { width, height, download, dispose } = options;
    const dims = [1, height, width, 4];
    return new Tensor({ location: "texture", type: "float32", texture, dims, download, dispose });
  }

  static fromGpuBuffer(gpuBuffer: unknown, { dataType = "float32", dims, download, dispose }: PlacedOptions): Tensor {
    return new Tensor({ location: "gpu-buffer", type: dataType, gpuBuffer, dims, download, dispose });
  }

  static fromMLTensor(mlTensor: unknown, { dataType = "float32", dims, download, dispose }: PlacedOptions): Tensor {
    return new Tensor({ location: "ml-tensor", type: dataType, mlTensor, dims, download, dispose });
  }

  static fromPinnedBuffer(type: string, data: TensorElements, dims?: readonly number[]): Tensor {
    return new Tensor({ location: "cpu-pinned", type, data, dims: dims ?? [data.length] });
  }

  /** What holds a tensor's elements as long as nobody has asked for them; null once they are in an array, which anybody may change. */
  static sourceOf(tensor: Tensor): ResidentTensor | null {
    return tensor.source;
  }

  get location(): DataLocation {
    return this.place;
  }

  get data(): TensorElements {
    this.refuseDisposed();
    const elements = this.inMemory();
    if (elements !== null) return elements;
    throw fail("WSC7002", `the tensor's data is not in memory (its location is ${this.place})`, {
      hint: "await tensor.getData()",
    });
  }

  get texture(): unknown {
    return this.held("texture");
  }

  get gpuBuffer(): unknown {
    return this.held("gpu-buffer");
  }

  get mlTensor(): unknown {
    return this.held("ml-tensor");
  }

  async getData(releaseData = false): Promise<TensorElements> {
    this.refuseDisposed();
    const inMemory = this.inMemory();
    if (inMemory !== null) return inMemory;
    const { download, dispose } = this.access;
    if (download === undefined) throw fail("WSC7002", "the tensor has no function that downloads its data");
    if (this.isDownloading) throw fail("WSC7002", "the tensor's data is being downloaded already");
    this.isDownloading = true;
    try {
      const elements = storeData(dtypeOf(this.type), await download(), this.size);
      this.elements = elements;
      this.place = "cpu";
      if (releaseData) dispose?.();
      this.access = releaseData ? {} : { dispose };
      return elements;
    } finally {
      this.isDownloading = false;
    }
  }

  dispose(): void {
    if (this.isDownloading) throw fail("WSC7002", "the tensor's data is being downloaded");
    this.access.dispose?.();
    this.access = {};
    this.elements = null;
    this.source = null;
    this.resource = null;
    this.place = "none";
  }

  reshape(dims: readonly number[]): Tensor {
    this.refuseDisposed();
    if (elementCount(checkDims(dims)) !== this.size)
      throw fail("WSC7002", `cannot reshape [${this.dims.join(",")}] to [${dims.join(",")}]`);
    const { type, place: location } = this;
    if (location === "cpu") return new Tensor(type, this.data, dims);
    if (location === "cpu-pinned") return new Tensor({ location, type, data: this.data, dims });
    if (this.access.download !== undefined || this.access.dispose !== undefined)
      throw fail("WSC7002", "a tensor that owns data outside of memory cannot be reshaped");
    const member = resources[location as ResourceLocation].member;
    return new Tensor({ location, type, dims, [member]: this.resource?.held });
  }

  toDataURL(options?: TensorToImageDataOptions | null): string {
    return dataUrlOf(pixelsOf(this, options ?? {}));
  }

  toImageData(options?: TensorToImageDataOptions | null): ImageDataType {
    return imageDataOf(pixelsOf(this, options ?? {}));
  }

  /** The elements where they are in JavaScript's memory, or come there when they are asked for. */
  private inMemory(): TensorElements | null {
    if (this.source !== null) this.elements = this.source.elements;
    this.source = null;
    return this.elements;
  }

  private held(location: ResourceLocation): unknown {
    this.refuseDisposed();
    if (this.resource?.location === location) return this.resource.held;
    throw fail("WSC7002", `the tensor is no ${location} (its location is ${this.place})`);
  }

  private refuseDisposed(): void {
    if (this.place === "none") throw fail("WSC7002", "the tensor has been disposed of");
  }
}

function resourceOf(placed: Placed): { readonly location: ResourceLocation; readonly held: unknown } {
  const { location, type } = placed;
  if (!Object.hasOwn(resources, location))
    throw fail("WSC7002", `a tensor cannot be made in the location '${location}'`);
  const { member, types } = resources[location as ResourceLocation];
  if (!types.includes(type)) throw fail("WSC7002", `a tensor of type ${type} cannot be made of a ${location}`);
  return { location: location as ResourceLocation, held: placed[member] };
}
