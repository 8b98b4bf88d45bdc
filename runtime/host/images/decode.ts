/** imageDecoder: the pixels of an image file, as ONNX's ImageDecoder gives them. */
import { makeTensor } from "../../../ir/tensor.ts";
import { type HostFamily, stringOf, tensorAt } from "../arguments.ts";
import type { HostFunction } from "../value.ts";
import { decodeBmp, decodePnm, isBmp, isPnm } from "./bitmap.ts";
import { DamagedImage, type Image, unsupportedImage } from "./image.ts";
import { decodeJpeg, isJpeg } from "./jpeg.ts";
import { decodePng, isPng } from "./png.ts";
import { decodeTiff, isTiff } from "./tiff.ts";

const formats: readonly (readonly [is: (bytes: Uint8Array) => boolean, decode: (bytes: Uint8Array) => Image])[] = [
  [isPng, decodePng],
  [isJpeg, decodeJpeg],
  [isBmp, decodeBmp],
  [isPnm, decodePnm],
  [isTiff, decodeTiff],
];

/** Formats that ONNX names and wsc does not read, by their bytes 8 to 12 or 4 to 8. */
const unread: ReadonlyMap<string, string> = new Map([
  ["WEBP", "WebP"],
  ["jP  ", "JPEG 2000"],
]);

/** The pixels, or null for what is no image or a damaged one. */
export function decodeImage(bytes: Uint8Array): Image | null {
  const text = (begin: number): string => String.fromCharCode(...bytes.subarray(begin, begin + 4));
  const name = unread.get(text(8)) ?? unread.get(text(4));
  if (name !== undefined) throw unsupportedImage(name);
  const found = formats.find(([is]) => is(bytes));
  try {
    return found?.[1](bytes) ?? null;
  } catch (error) {
    if (error instanceof DamagedImage) return null;
    throw error;
  }
}

/** Red, green and blue weigh 0.299, 0.587 and 0.114 (ITU-R BT.601), in 16-bit fixed point. */
const luma = (r: number, g: number, b: number): number => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

const imageDecoder: HostFunction = (inputs, attributes) => {
  const image = decodeImage(tensorAt(inputs, 0).elements as Uint8Array);
  const form = stringOf(attributes, "pixelFormat");
  const channels = form === "Grayscale" ? 1 : 3;
  // what cannot be decoded is an empty matrix
  if (image === null) return [makeTensor("u8", [0, 0, channels], new Uint8Array(0))];
  const { width, height, pixels } = image;
  const result = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const at = i * image.channels;
    const [r = 0, g = r, b = r] = pixels.subarray(at, at + image.channels);
    if (channels === 1) result[i] = image.channels === 1 ? r : luma(r, g, b);
    else result.set(form === "BGR" ? [b, g, r] : [r, g, b], 3 * i);
  }
  return [makeTensor("u8", [height, width, channels], result)];
};

export const imageFunctions: HostFamily = [["imageDecoder", imageDecoder]];
