/** Images to tensors and back, against onnxruntime-common where it does what its documentation says. */
import { afterAll, describe, expect, it } from "@jest/globals";
import * as ort from "onnxruntime-web";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { decodePng } from "../../runtime/host/images/png.ts";
import { resample } from "../../runtime/images/resample.ts";
import { Tensor, type TensorFromImageDataOptions, type TensorToImageDataOptions } from "../../runtime/index.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "./codes.ts";

const scratch = scratchFolder("images");
afterAll(scratch.remove);

/** What a browser has of images in memory, as far as onnxruntime-common needs it. */
class HostImageData {
  readonly colorSpace = "srgb";
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}

class HostCanvas {
  getContext() {
    let put: HostImageData | null = null;
    return {
      createImageData: (width: number, height: number) =>
        new HostImageData(new Uint8ClampedArray(4 * width * height), width, height),
      putImageData: (image: HostImageData) => (put = image),
      getImageData: () => put,
    };
  }
}

/** Runs with the classes of a browser. */
async function asInBrowser<T>(action: () => T | Promise<T>): Promise<T> {
  const host = globalThis as Record<string, unknown>;
  Object.assign(host, { ImageData: HostImageData, OffscreenCanvas: HostCanvas });
  try {
    return await action();
  } finally {
    delete host["ImageData"];
    delete host["OffscreenCanvas"];
  }
}

/** Two rows of three pixels. */
const bytes = Uint8ClampedArray.from({ length: 24 }, (_, i) => (i * 83 + 7) % 256);
const image = (data = bytes, width = 3, height = 2): ImageData => ({ data, width, height, colorSpace: "srgb" });
const valuesOf = (tensor: { readonly data: unknown }): number[] => Array.from(tensor.data as ArrayLike<number>);
const formats = ["RGB", "RGBA", "BGR", "RBG"] as const;
const norms = [
  undefined,
  { mean: 127.5, bias: -127.5 },
  { mean: [1, 2, 4] as [number, number, number], bias: [10, 20, 30] as [number, number, number] },
  { mean: [1, 2, 4, 8] as [number, number, number, number], bias: 3 },
];

describe("Tensor.fromImage", () => {
  it("gives what onnxruntime-common gives for pixels in memory", async () => {
    await asInBrowser(async () => {
      for (const tensorFormat of [undefined, ...formats]) {
        for (const norm of norms) {
          const options = { ...(tensorFormat && { tensorFormat }), ...(norm && { norm }) };
          const given = new HostImageData(bytes, 3, 2) as unknown as ImageData;
          const expected = await ort.Tensor.fromImage(given, { ...options });
          const tensor = await Tensor.fromImage(given, options);
          expect([tensor.type, tensor.dims]).toEqual([expected.type, expected.dims]);
          expect(valuesOf(tensor)).toEqual(valuesOf(expected));
        }
      }
    });
  });

  it("needs nothing of a browser for them", async () => {
    const { type, dims, data } = await Tensor.fromImage(
      image(Uint8ClampedArray.of(255, 51, 0, 9, 0, 102, 204, 9), 2, 1),
    );
    expect([type, dims]).toEqual(["float32", [1, 3, 1, 2]]);
    expect(data).toEqual(Float32Array.of(1, 0, 51 / 255, 102 / 255, 0, 204 / 255));
  });

  it("takes defaults for what a norm leaves out", async () => {
    const whole = await Tensor.fromImage(image(), { norm: { mean: 255, bias: 5 } });
    expect(await Tensor.fromImage(image(), { norm: { bias: 5 } })).toEqual(whole);
  });

  it("lays channels side by side for NHWC", async () => {
    const planes = await Tensor.fromImage(image(), { tensorFormat: "BGR" });
    const pixels = await Tensor.fromImage(image(), { tensorFormat: "BGR", tensorLayout: "NHWC" });
    expect(pixels.dims).toEqual([1, 2, 3, 3]);
    const [from, to] = [valuesOf(planes), valuesOf(pixels)];
    for (let i = 0; i < 6; i++) for (let c = 0; c < 3; c++) expect(to[3 * i + c]).toBe(from[6 * c + i]);
  });

  it("gives bytes for uint8, as they are or clamped", async () => {
    const options: TensorFromImageDataOptions = { dataType: "uint8", tensorLayout: "NHWC", tensorFormat: "RGBA" };
    const tensor = await Tensor.fromImage(image(), options);
    expect([tensor.type, tensor.dims, valuesOf(tensor)]).toEqual(["uint8", [1, 2, 3, 4], [...bytes]]);
    const shifted = await Tensor.fromImage(image(), { ...options, norm: { mean: 1, bias: 100 } });
    expect(valuesOf(shifted)).toEqual([...bytes].map((value) => Math.min(255, value + 100)));
  });

  it("resizes, in one direction as well", async () => {
    const half = await Tensor.fromImage(image(), { resizedHeight: 1, norm: { mean: 1, bias: 0 } });
    expect(half.dims).toEqual([1, 3, 1, 3]);
    expect(valuesOf(half)[0]).toBeCloseTo(((bytes[0] ?? 0) + (bytes[12] ?? 0)) / 2, -0.5);
    const both = await Tensor.fromImage(image(), { resizedHeight: 5, resizedWidth: 7, tensorLayout: "NHWC" });
    expect(both.dims).toEqual([1, 5, 7, 3]);
  });

  it("reads files and data URLs", async () => {
    const url = new Tensor("uint8", Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), [1, 3, 2, 2]).toDataURL({
      norm: { mean: 1, bias: 0 },
    });
    const file = path.join(scratch.path, "image.png");
    writeFileSync(file, Buffer.from(url.split(",")[1] ?? "", "base64"));
    for (const source of [url, file, pathToFileURL(file).href]) {
      const tensor = await Tensor.fromImage(source, { dataType: "uint8" });
      expect([tensor.dims, valuesOf(tensor)]).toEqual([
        [1, 3, 2, 2],
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      ]);
    }
  });

  it.each<[string, unknown, object, string]>([
    ["no image", 5, {}, "WSC7002"],
    ["null", null, {}, "WSC7002"],
    ["a picture of the page, without a page", { width: 2, height: 1 }, {}, "WSC7002"],
    ["pixels that are too few", image(bytes, 4, 2), {}, "WSC7002"],
    ["a file that is not there", path.join(scratch.path, "none.png"), {}, "WSC1001"],
    ["a file that is no image", "data:text/plain,hello", {}, "WSC7002"],
    ["an unknown format", image(), { tensorFormat: "ARGB" }, "WSC7002"],
    ["an unknown layout", image(), { tensorLayout: "CHWN" }, "WSC7002"],
    ["an unknown type", image(), { dataType: "int32" }, "WSC7002"],
    ["a size of zero", image(), { resizedWidth: 0 }, "WSC7002"],
    ["a size beyond sense", image(), { resizedHeight: 1e9 }, "WSC7002"],
    ["a norm of two numbers", image(), { norm: { mean: [1, 2] } }, "WSC7002"],
  ])("refuses %s", async (_, source, options, code) => {
    expect(await codesOf(Tensor.fromImage(source as string, options))).toEqual([code]);
  });
});

describe("toImageData", () => {
  const elements = Float32Array.from({ length: 24 }, (_, i) => ((i * 37) % 101) / 100);

  it("gives what onnxruntime-common gives", async () => {
    await asInBrowser(() => {
      const cases: readonly (readonly [number, TensorToImageDataOptions | undefined])[] = [
        [3, undefined],
        [4, undefined],
        [3, { format: "RGB" }],
        [4, { format: "RGBA" }],
        ...norms.map((norm) => [4, { format: "RGBA", ...(norm && { norm }) }] as const),
      ];
      for (const [channels, options] of cases) {
        const [data, dims] = [elements.slice(0, 6 * channels), [1, channels, 2, 3]];
        const expected = new ort.Tensor("float32", data, dims).toImageData(options);
        const found = new Tensor("float32", data, dims).toImageData(options);
        expect(found).toBeInstanceOf(HostImageData);
        expect([found.width, found.height, [...found.data]]).toEqual([3, 2, [...expected.data]]);
      }
    });
  });

  it.each(formats)("brings %s back in either layout", async (format) => {
    const opaque = bytes.map((value, i) => (i % 4 === 3 && format !== "RGBA" ? 255 : value));
    for (const tensorLayout of ["NCHW", "NHWC"] as const) {
      const tensor = await Tensor.fromImage(image(opaque), { tensorFormat: format, tensorLayout });
      const found = tensor.toImageData({ format, tensorLayout });
      expect([found.width, found.height, found.colorSpace, [...found.data]]).toEqual([3, 2, "srgb", [...opaque]]);
    }
  });

  it("reads other element types", () => {
    const norm = { mean: 1, bias: 0 };
    const pixel = (tensor: Tensor): number[] => [...tensor.toImageData({ norm }).data];
    expect(pixel(new Tensor("uint8", [10, 20, 30], [1, 3, 1, 1]))).toEqual([10, 20, 30, 255]);
    expect(pixel(new Tensor("int64", [10, 20, 300], [1, 3, 1, 1]))).toEqual([10, 20, 255, 255]);
    expect(pixel(new Tensor("float16", Uint16Array.of(0x4900, 0x4d00, 0xc900), [1, 3, 1, 1]))).toEqual([
      10, 20, 0, 255,
    ]);
  });

  it.each<[string, readonly number[], TensorToImageDataOptions?]>([
    ["three dims", [3, 2, 3]],
    ["one channel", [1, 1, 3, 6]],
    ["no pixels", [1, 3, 0, 6]],
    ["RGBA of three channels", [1, 3, 2, 3], { format: "RGBA" }],
    ["RGB of four channels, when asked for", [1, 4, 2, 3], { format: "RGB" }],
    ["an unknown format", [1, 3, 2, 3], { format: "HSV" as "RGB" }],
  ])("refuses %s", (_, dims, ...[options]) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const tensor = new Tensor("float32", new Float32Array(size), dims);
    expect(() => tensor.toImageData(options)).toThrow("WSC7002");
    expect(() => tensor.toDataURL(options)).toThrow("WSC7002");
  });
});

describe("toDataURL", () => {
  const pngOf = (tensor: Tensor) => {
    const [head, text = ""] = tensor.toDataURL().split(",");
    expect(head).toBe("data:image/png;base64");
    return decodePng(new Uint8Array(Buffer.from(text, "base64")));
  };

  it("is a PNG, with Node's compression or without", async () => {
    const tensor = await Tensor.fromImage(
      image(
        Uint8ClampedArray.from({ length: 4 * 200 * 150 }, (_, i) => i % 251),
        200,
        150,
      ),
    );
    const packed = pngOf(tensor);
    const host = process as { getBuiltinModule?: unknown };
    const builtin = host.getBuiltinModule;
    host.getBuiltinModule = undefined;
    try {
      expect(pngOf(tensor)).toEqual(packed);
    } finally {
      host.getBuiltinModule = builtin;
    }
    const pixels = tensor.toImageData().data;
    const expected = Uint8Array.from({ length: 3 * 200 * 150 }, (_, i) => pixels[4 * Math.floor(i / 3) + (i % 3)] ?? 0);
    expect(packed).toMatchObject({ width: 200, height: 150 });
    expect(Buffer.from(packed.pixels).equals(expected)).toBe(true);
  });
});

describe("resampling", () => {
  const grey = (width: number, height: number, values: readonly number[]) => ({
    width,
    height,
    data: Uint8ClampedArray.from(values.flatMap((value) => [value, value, value, 255])),
  });

  it("keeps an even color at every size", () => {
    for (const [width, height] of [
      [1, 1],
      [7, 3],
      [40, 2],
    ] as const) {
      const { data } = resample(grey(5, 4, new Array<number>(20).fill(77)), width, height);
      expect(data).toHaveLength(4 * width * height);
      expect(new Set(data.filter((_, i) => i % 4 < 3))).toEqual(new Set([77]));
    }
  });

  it("averages what shrinks, and draws lines between what grows", () => {
    const red = ({ data }: { readonly data: Uint8ClampedArray }) => [...data].filter((_, i) => i % 4 === 0);
    expect(red(resample(grey(2, 1, [0, 200]), 4, 1))).toEqual([0, 50, 150, 200]);
    expect(red(resample(grey(4, 1, [0, 0, 200, 200]), 2, 1))).toEqual([29, 171]);
    expect(red(resample(grey(3, 2, [0, 50, 100, 150, 200, 250]), 3, 2))).toEqual([0, 50, 100, 150, 200, 250]);
  });
});
