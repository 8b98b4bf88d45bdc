/** A tensor as an image: pixels, or the address of a picture. */
import { fail } from "../../ir/diagnostic.ts";
import { decodeSmallFloat } from "../../ir/small-float.ts";
import type { ImageDataType, Pixels } from "../host-types.ts";
import { channelsOf, isPixelByPixel, normalizationOf, type TensorToImageDataOptions } from "./options.ts";
import { pngBytes } from "./png-writer.ts";

/** What of a tensor becomes an image. */
export interface ImageTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<unknown>;
}

/** The first image of a tensor; alpha is 255 where the format has none. Throws WSC7002 for a tensor that is no image. */
export function pixelsOf(tensor: ImageTensor, options: TensorToImageDataOptions): Pixels {
  const { type, dims } = tensor;
  const format = channelsOf(options.format ?? "RGB");
  const interleaved = isPixelByPixel(options.tensorLayout ?? "NCHW");
  const { bias, mean } = normalizationOf(options.norm, 255);
  const [, second = 0, third = 0, fourth = 0] = dims;
  const [channels, height, width] = interleaved ? [fourth, second, third] : [second, third, fourth];
  if (dims.length !== 4 || dims.includes(0) || /string|complex/.test(type)) {
    throw fail("WSC7002", `a tensor of ${type}[${dims.join(",")}] is no image`, { hint: "it needs four dims" });
  }
  if (channels < format.length || (options.format !== undefined && channels !== format.length)) {
    throw fail("WSC7002", `a tensor of ${channels} channels cannot be read as ${options.format ?? "RGB"}`);
  }
  const numberAt = numbersOf(tensor);
  const area = height * width;
  const data = new Uint8ClampedArray(4 * area).fill(255);
  for (const [at, channel] of format.entries()) {
    const [begin, step] = interleaved ? [at, channels] : [at * area, 1];
    const [shift, scale] = [bias[channel] as number, mean[channel] as number];
    for (let i = 0; i < area; i++) data[4 * i + channel] = (numberAt(begin + i * step) - shift) * scale;
  }
  return { data, width, height };
}

function numbersOf({ type, data }: ImageTensor): (index: number) => number {
  const isBitPattern = type === "float16" && Object.prototype.toString.call(data) === "[object Uint16Array]";
  return isBitPattern ? (index) => decodeSmallFloat("f16", data[index] as number) : (index) => Number(data[index]);
}

/** An `ImageData`; where the host has no such class, an object with its members. */
export function imageDataOf({ data, width, height }: Pixels): ImageDataType {
  if (typeof ImageData === "undefined") return { data, width, height, colorSpace: "srgb" } as unknown as ImageDataType;
  return new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height);
}

/** A PNG as a data URL. */
export function dataUrlOf(pixels: Pixels): string {
  if (typeof document === "undefined") return `data:image/png;base64,${base64(pngBytes(pixels))}`;
  const canvas = document.createElement("canvas");
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  const context = canvas.getContext("2d");
  if (context === null) throw fail("WSC7002", "the page gives no canvas to draw on");
  context.putImageData(imageDataOf(pixels), 0, 0);
  return canvas.toDataURL();
}

/** `btoa` takes text, and functions take a limited number of arguments. */
function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
