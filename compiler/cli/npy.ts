/** Tensors as .npy files, through npyjs; what numpy writes in Fortran order is put into row-major order. */
import { dump, type DType as NpyDType, parse } from "npyjs";
import type { DType } from "../../ir/dtype.ts";
import { fail } from "../../ir/diagnostic.ts";
import { elementCount, type Elements, rowMajorStrides, type TensorData } from "../../ir/tensor.ts";

/** npy type codes (kind and bytes) of the dtypes that numpy has. */
const npyTypes: Readonly<Partial<Record<DType, NpyDType>>> = {
  f32: "f4",
  f64: "f8",
  f16: "f2",
  i8: "i1",
  i16: "i2",
  i32: "i4",
  i64: "i8",
  u8: "u1",
  u16: "u2",
  u32: "u4",
  u64: "u8",
  bool: "b1",
  c64: "c8",
  c128: "c16",
};

const dtypes = new Map(Object.entries(npyTypes).map(([dtype, npy]) => [npy, dtype as DType]));

export function decodeNpy(bytes: Uint8Array, file: string): TensorData {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(buffer, { convertFloat16: false });
  } catch (error) {
    throw fail(
      "WSC1001",
      `${file} is no .npy file that can be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const dtype = dtypes.get(parsed.dtype);
  if (dtype === undefined) throw fail("WSC1007", `${file} holds elements of numpy type ${parsed.dtype}`);
  const elements = elementsOf(parsed.data);
  const perElement = dtype === "c64" || dtype === "c128" ? 2 : 1;
  if (elements.length !== elementCount(parsed.shape) * perElement) {
    throw fail("WSC1005", `${file} holds ${elements.length} elements, its header says [${parsed.shape.join(",")}]`);
  }
  const tensor: TensorData = { dtype, shape: parsed.shape, elements };
  return parsed.fortranOrder ? rowMajor(tensor) : tensor;
}

/** npyjs gives booleans as an array of them; tensors hold 0 and 1. */
function elementsOf(data: unknown): Elements {
  return Array.isArray(data) ? Uint8Array.from(data as readonly boolean[], Number) : (data as Elements);
}

/** Null when numpy has no such type. */
export function encodeNpy(tensor: TensorData): Uint8Array | null {
  const npyType = npyTypes[tensor.dtype];
  if (npyType === undefined || !ArrayBuffer.isView(tensor.elements)) return null;
  return new Uint8Array(dump(tensor.elements as Float32Array, [...tensor.shape], { dtype: npyType }));
}

function rowMajor({ dtype, shape, elements }: TensorData): TensorData {
  const source = elements as Float32Array;
  const target = source.slice();
  const strides = rowMajorStrides(shape);
  const columnStrides = rowMajorStrides(shape.toReversed()).toReversed();
  for (let index = 0; index < target.length; index++) {
    let from = 0;
    for (const [axis, dim] of shape.entries())
      from += (Math.floor(index / (strides[axis] ?? 1)) % dim) * (columnStrides[axis] ?? 1);
    target[index] = source[from] as number;
  }
  return { dtype, shape, elements: target };
}
