/** What the image decoders share: pixels, a reader with bounds, and their errors. */
import { fail, type WscError } from "../../../ir/diagnostic.ts";

/** 8-bit pixels, row by row; one channel is grey, three are red, green, blue. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

/** The bytes are not what their format says. */
export class DamagedImage extends Error {}

/** The error for bytes that are not what their format says; ONNX wants an empty result then. */
export const damaged = (what: string): DamagedImage => new DamagedImage(what);

/** WSC7005: a sound image of a kind that is not read. */
export const unsupportedImage = (what: string): WscError =>
  fail("WSC7005", `${what} is not supported`, { hint: "convert the image to PNG" });

const mostPixels = 2 ** 26;

/** An image without pixels yet; damaged when its sizes are senseless. */
export function blankImage(width: number, height: number, channels: 1 | 3): Image {
  if (!(width > 0 && height > 0 && width * height <= mostPixels)) throw damaged(`its size is ${width} x ${height}`);
  return { width, height, channels, pixels: new Uint8Array(width * height * channels) };
}

/** Big- or little-endian numbers of a file; there is nothing to read beyond the end. */
export class ByteReader {
  readonly bytes: Uint8Array;
  position = 0;
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = littleEndian;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), this.#little);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), this.#little);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), this.#little);
  }

  take(count: number): Uint8Array {
    const begin = this.#advance(count);
    return this.bytes.subarray(begin, begin + count);
  }

  #advance(count: number): number {
    const begin = this.position;
    if (!(count >= 0) || begin < 0 || begin + count > this.bytes.length) throw damaged("the data ends early");
    this.position = begin + count;
    return begin;
  }
}
