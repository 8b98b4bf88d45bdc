/** An image as the elements of a tensor. */
import { fail } from "../../ir/diagnostic.ts";
import type { Pixels } from "../host-types.ts";
import { nodeModule, readBytes } from "../platform.ts";
import { channelsOf, isPixelByPixel, normalizationOf, type TensorFromUrlOptions } from "./options.ts";
import { resample } from "./resample.ts";

/** Pixels of an image at most: what its tensor takes is known before memory is taken for it. */
const mostPixels = 2 ** 26;

export interface ImageElements {
  readonly type: "float32" | "uint8";
  readonly data: Float32Array | Uint8Array;
  readonly dims: readonly number[];
}

/** Reads an image from memory, from the page, or from a URL, and makes of it what the options say. Throws WSC7002, WSC1001. */
export async function elementsOfImage(image: unknown, options: TensorFromUrlOptions): Promise<ImageElements> {
  const format = channelsOf(options.tensorFormat ?? "RGB");
  const interleaved = isPixelByPixel(options.tensorLayout ?? "NCHW");
  const type: unknown = options.dataType ?? "float32";
  if (type !== "float32" && type !== "uint8")
    throw fail("WSC7002", `an image cannot become a tensor of ${JSON.stringify(type)}`, { hint: "float32 or uint8" });
  const { bias, mean } = normalizationOf(options.norm, type === "uint8" ? 1 : 255);
  const found = await pixelsOfSource(image);
  const width = sizeOf(options.resizedWidth, found.width, "resizedWidth");
  const height = sizeOf(options.resizedHeight, found.height, "resizedHeight");
  const area = width * height;
  if (area > mostPixels) throw fail("WSC7002", `an image of ${width} x ${height} pixels is too large`);
  const { data } = resample(found, width, height);
  const elements = new (type === "uint8" ? Uint8ClampedArray : Float32Array)(format.length * area);
  for (const [at, channel] of format.entries()) {
    const [begin, step] = interleaved ? [at, format.length] : [at * area, 1];
    const [shift, scale] = [bias[channel] as number, mean[channel] as number];
    for (let i = 0; i < area; i++) {
      elements[begin + i * step] = ((data[4 * i + channel] as number) + shift) / scale;
    }
  }
  return {
    type,
    data: elements instanceof Float32Array ? elements : new Uint8Array(elements.buffer),
    dims: interleaved ? [1, height, width, format.length] : [1, format.length, height, width],
  };
}

function sizeOf(given: unknown, otherwise: number, name: string): number {
  const size = given ?? otherwise;
  if (typeof size === "number" && Number.isInteger(size) && size > 0 && size <= 2 ** 16) return size;
  throw fail("WSC7002", `${name} must be a number of pixels, not ${JSON.stringify(size)}`);
}

interface Sized {
  readonly width: number;
  readonly height: number;
}

async function pixelsOfSource(image: unknown): Promise<Pixels> {
  if (typeof image === "string" || image instanceof URL) return loadImage(String(image));
  if (typeof image !== "object" || image === null || !("width" in image && "height" in image))
    throw fail("WSC7002", "an image must be ImageData, an image of the page, an ImageBitmap or a URL");
  return "data" in image ? pixelsInMemory(image as Pixels) : drawn(image as Sized & CanvasImageSource);
}

function pixelsInMemory({ data, width, height }: Pixels): Pixels {
  if (!ArrayBuffer.isView(data) || data.length !== 4 * width * height || width * height > mostPixels)
    throw fail("WSC7002", `image data of ${width} x ${height} pixels needs 4 bytes for each`);
  return { data, width, height };
}

/** What the page can draw, in its own size. */
function drawn(image: Sized & CanvasImageSource): Pixels {
  const { naturalWidth = 0, naturalHeight = 0 } = image as Partial<HTMLImageElement>;
  const [width, height] = naturalWidth > 0 ? [naturalWidth, naturalHeight] : [image.width, image.height];
  if (!(width > 0 && height > 0 && width * height <= mostPixels))
    throw fail("WSC7002", `an image of ${width} x ${height} pixels cannot be read`);
  const context = blankCanvas(width, height).getContext("2d") as CanvasRenderingContext2D | null;
  if (context === null) throw fail("WSC7002", "this host gives no canvas to draw on");
  try {
    context.drawImage(image, 0, 0, width, height);
    return { data: context.getImageData(0, 0, width, height).data, width, height };
  } catch (error) {
    throw fail("WSC7002", `the image cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function blankCanvas(width: number, height: number): HTMLCanvasElement | OffscreenCanvas {
  if (typeof document !== "undefined") {
    return Object.assign(document.createElement("canvas"), { width, height });
  }
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(width, height);
  throw fail("WSC7002", "this host has no canvas to read the image with", { hint: "pass ImageData or a URL" });
}

/** A page loads images itself; a worker makes a bitmap of the file; elsewhere the runtime's own decoders read it. */
async function loadImage(url: string): Promise<Pixels> {
  if (nodeModule("node:fs/promises") === undefined) {
    if (typeof Image !== "undefined") return drawn(await imageElement(url));
    if (typeof createImageBitmap !== "undefined") {
      const bytes = await readBytes(url);
      return drawn(await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>])).catch(() => noImage(url)));
    }
  }
  const { decodeImage } = await import("../host/images/decode.ts");
  const image = decodeImage(await readBytes(url));
  if (image === null) return noImage(url);
  const { width, height, channels, pixels } = image;
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = pixels[i * channels + (channels === 1 ? 0 : c)] as number;
  }
  return { data, width, height };
}

function imageElement(url: string): Promise<HTMLImageElement> {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.crossOrigin = "anonymous";
    image.onload = () => {
      resolve(image);
    };
    image.onerror = () => {
      reject(fail("WSC1001", `cannot load the image ${shortened(url)}`));
    };
    image.src = url;
  });
}

function noImage(url: string): never {
  throw fail("WSC7002", `${shortened(url)} is no image that can be read here`);
}

const shortened = (url: string): string => (url.length <= 80 ? url : `${url.slice(0, 80)}…`);
