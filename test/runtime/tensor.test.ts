import { describe, expect, it } from "@jest/globals";
import { WscError } from "../../ir/diagnostic.ts";
import { dtypeTable } from "../../ir/dtype.ts";
import { elementCount, tensorFrom } from "../../ir/tensor.ts";
import { fromTensorData, Tensor, toTensorData } from "../../runtime/tensor.ts";

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof WscError) return error.diagnostics.map(({ code }) => code).join();
    throw error;
  }
  return "no error";
};

describe("Tensor", () => {
  it("takes type, data and dims", () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    const tensor = new Tensor("float32", data, [2, 3]);
    expect(tensor).toMatchObject({ type: "float32", dims: [2, 3], size: 6, location: "cpu" });
    expect(tensor.data).toBe(data);
  });

  it("has one dimension where no dims are given", () => {
    expect(new Tensor("float32", new Float32Array(4)).dims).toEqual([4]);
    expect(new Tensor(Int32Array.of(1, 2)).dims).toEqual([2]);
  });

  it.each<[string, Tensor.DataType | readonly boolean[], string]>([
    ["Float32Array", new Float32Array(1), "float32"],
    ["Float64Array", new Float64Array(1), "float64"],
    ["Int8Array", new Int8Array(1), "int8"],
    ["Int16Array", new Int16Array(1), "int16"],
    ["Int32Array", new Int32Array(1), "int32"],
    ["BigInt64Array", new BigInt64Array(1), "int64"],
    ["Uint8Array", new Uint8Array(1), "uint8"],
    ["Uint8ClampedArray", new Uint8ClampedArray(1) as unknown as Uint8Array, "uint8"],
    ["Uint16Array", new Uint16Array(1), "uint16"],
    ["Uint32Array", new Uint32Array(1), "uint32"],
    ["BigUint64Array", new BigUint64Array(1), "uint64"],
    ["an array of strings", ["a"], "string"],
    ["an array of booleans", [true], "bool"],
  ])("tells the type of %s", (_, data, type) => {
    expect(new Tensor(data as Tensor.DataType, [1]).type).toBe(type);
  });

  it("converts plain arrays", () => {
    expect(new Tensor("float32", [1, 2.5], [2]).data).toEqual(Float32Array.of(1, 2.5));
    expect(new Tensor("int64", [1n, 2n], [2]).data).toEqual(BigInt64Array.of(1n, 2n));
    expect(new Tensor("bool", [true, false], [2]).data).toEqual(Uint8Array.of(1, 0));
    expect(new Tensor("string", ["a", "b"], [2]).data).toEqual(["a", "b"]);
  });

  it("keeps views as views", () => {
    const buffer = Float32Array.of(0, 1, 2, 3).subarray(1, 3);
    expect(new Tensor("float32", buffer, [2]).data).toBe(buffer);
    expect(toTensorData(new Tensor("float32", buffer, [2])).elements).toBe(buffer);
  });

  it("may be a scalar or empty", () => {
    expect(new Tensor("float32", Float32Array.of(7), [])).toMatchObject({ dims: [], size: 1 });
    expect(new Tensor("float32", new Float32Array(0), [3, 0])).toMatchObject({ dims: [3, 0], size: 0 });
  });

  it("reshapes without copying, and only to as many elements", () => {
    const tensor = new Tensor("float32", new Float32Array(6), [2, 3]);
    const reshaped = tensor.reshape([3, 2, 1]);
    expect(reshaped.dims).toEqual([3, 2, 1]);
    expect(reshaped.data).toBe(tensor.data);
    expect(codeOf(() => tensor.reshape([4, 2]))).toBe("WSC7002");
  });

  it("gives its data as a promise, until it is disposed of", async () => {
    const tensor = new Tensor(Float32Array.of(1));
    expect(await tensor.getData()).toBe(tensor.data);
    expect(await tensor.getData(true)).toBe(tensor.data);
    tensor.dispose();
    expect(tensor.location).toBe("none");
    for (const use of [() => tensor.data, () => tensor.reshape([1])]) expect(codeOf(use)).toBe("WSC7002");
    await expect(tensor.getData()).rejects.toThrow(/disposed/);
  });

  it.each<[string, () => unknown]>([
    ["a type that does not exist", () => new Tensor("float31" as "float32", new Float32Array(1), [1])],
    ["too few elements", () => new Tensor("float32", new Float32Array(5), [2, 3])],
    ["too many elements", () => new Tensor("float32", new Float32Array(7), [2, 3])],
    ["an array of another type", () => new Tensor("float32", new Int32Array(6), [2, 3])],
    ["a wider array", () => new Tensor("float32", new Float64Array(6), [2, 3])],
    ["a negative dim", () => new Tensor("float32", new Float32Array(1), [-1])],
    ["a broken dim", () => new Tensor("float32", new Float32Array(1), [1.5])],
    ["dims that are no array", () => new Tensor("float32", new Float32Array(1), 1 as unknown as number[])],
    ["no data", () => new Tensor("float32", undefined as unknown as Float32Array)],
    ["numbers of no known type", () => new Tensor([1, 2] as unknown as string[], [2])],
    ["a number where an array belongs", () => new Tensor("float32", 1 as unknown as Float32Array, [])],
    ["an int64 with a fraction", () => new Tensor("int64", [1.5], [1])],
  ])("refuses %s", (_, action) => {
    expect(codeOf(action)).toBe("WSC7002");
  });
});

describe("packed elements", () => {
  it("lie with the lowest element in the low bits", () => {
    expect(fromTensorData(tensorFrom("u4", [3], [1, 2, 15])).data).toEqual(Uint8Array.of(0x21, 0x0f));
    expect(fromTensorData(tensorFrom("i4", [3], [-1, 7, -8])).data).toEqual(Uint8Array.of(0x7f, 0x08));
    expect(fromTensorData(tensorFrom("u2", [5], [0, 1, 2, 3, 1])).data).toEqual(Uint8Array.of(0b11100100, 1));
    expect(fromTensorData(tensorFrom("i2", [4], [-1, 1, -2, 0])).data).toEqual(Uint8Array.of(0b00100111));
  });

  it("are one element a byte inside", () => {
    const tensor = new Tensor("int4", Uint8Array.of(0x7f, 0x08), [3]);
    expect(tensor.size).toBe(3);
    expect(toTensorData(tensor).elements).toEqual(Int8Array.of(-1, 7, -8));
  });

  it("need as many bytes as they fill", () => {
    expect(codeOf(() => new Tensor("uint4", new Uint8Array(1), [3]))).toBe("WSC7002");
    expect(codeOf(() => new Tensor("uint4", new Uint8Array(3), [3]))).toBe("WSC7002");
    expect(new Tensor("uint2", new Uint8Array(0), [0, 5]).size).toBe(0);
  });
});

describe("every element type", () => {
  const numeric = dtypeTable.filter(({ class: cls }) => cls !== "string" && cls !== "complex");

  it.each(numeric)("$ortName goes out and comes back", ({ dtype, class: cls }) => {
    const values = cls === "bool" ? [0, 1, 1] : [0, 1, cls === "signed" ? -1 : 3];
    const inside = tensorFrom(dtype, [3, 1], values);
    const { shape, elements } = toTensorData(fromTensorData(inside));
    expect(elementCount(shape)).toBe(3);
    expect([...(elements as Iterable<unknown>)]).toEqual([...(inside.elements as Iterable<unknown>)]);
  });

  it("complex numbers are pairs", () => {
    const tensor = new Tensor("complex64", Float32Array.of(1, 2, 3, 4), [2]);
    expect(toTensorData(tensor)).toMatchObject({ dtype: "c64", shape: [2] });
    expect(codeOf(() => new Tensor("complex64", new Float32Array(2), [2]))).toBe("WSC7002");
  });
});
