/** Formats of plain pixels: BMP (uncompressed) and the PNM family (PBM, PGM, PPM, as text or bytes). */
import { blankImage, ByteReader, damaged, type Image, unsupportedImage } from "./image.ts";
import { rowBytes, sampleAt } from "./samples.ts";

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

/** Rows stand from bottom to top unless the height is negative, each filled up to a multiple of four bytes. */
export function decodeBmp(bytes: Uint8Array): Image {
  const file = new ByteReader(bytes, true);
  file.position = 10;
  const [offset, headerSize, width, height] = [file.u32(), file.u32(), file.i32(), file.i32()];
  file.u16();
  const [bits, compression] = [file.u16(), file.u32()];
  if (compression !== 0) throw unsupportedImage(`BMP of compression ${compression}`);
  if (![1, 4, 8, 24, 32].includes(bits)) throw unsupportedImage(`BMP of ${bits} bits per pixel`);
  const palette = bytes.subarray(14 + headerSize, offset);
  const image = blankImage(width, Math.abs(height), 3);
  const stride = 4 * Math.ceil(rowBytes(width, bits) / 4);
  for (let row = 0; row < image.height; row++) {
    file.position = offset + row * stride;
    const line = file.take(rowBytes(width, bits));
    putBmpLine(image, line, bits, palette, height < 0 ? row : image.height - 1 - row);
  }
  return image;
}

function putBmpLine({ pixels, width }: Image, line: Uint8Array, bits: number, palette: Uint8Array, y: number): void {
  for (let x = 0; x < width; x++) {
    const [source, from] = bits > 8 ? [line, (x * bits) / 8] : [palette, 4 * sampleAt(line, x, bits)];
    // blue comes first
    for (let channel = 0; channel < 3; channel++)
      pixels[3 * (y * width + x) + channel] = source[from + 2 - channel] ?? 0;
  }
}

export const isPnm = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && (bytes[1] ?? 0) >= 0x31 && (bytes[1] ?? 0) <= 0x36;

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13);

/** Numbers written in digits, between white space and comments. */
class TextReader {
  readonly bytes: Uint8Array;
  at = 2;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The next number, of at most `digits` digits. */
  number(digits = Infinity): number {
    while (isSpace(this.bytes[this.at]) || this.bytes[this.at] === 0x23) this.#skip();
    let [value, count] = [0, 0];
    for (; count < digits; count++, this.at++) {
      const digit = (this.bytes[this.at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (count === 0) throw damaged("a number is missing");
    return value;
  }

  /** One space, or a comment to the end of its line. */
  #skip(): void {
    if (this.bytes[this.at] === 0x23) while (this.at < this.bytes.length && this.bytes[this.at] !== 10) this.at++;
    else this.at++;
  }
}

export function decodePnm(bytes: Uint8Array): Image {
  const kind = (bytes[1] ?? 0) - 0x30;
  const text = new TextReader(bytes);
  const [width, height] = [text.number(), text.number()];
  const isBitmap = kind === 1 || kind === 4;
  const largest = isBitmap ? 1 : text.number();
  if (!(largest > 0 && largest < 65_536)) throw damaged(`largest sample ${largest}`);
  const image = blankImage(width, height, kind === 3 || kind === 6 ? 3 : 1);
  const next = kind <= 3 ? () => text.number(isBitmap ? 1 : Infinity) : samplesFrom(bytes, text.at + 1, image, largest, isBitmap); // prettier-ignore
  for (let i = 0; i < image.pixels.length; i++) {
    const sample = next();
    // in a bitmap 1 is black
    image.pixels[i] = isBitmap ? 255 * (1 - sample) : largest === 255 ? sample : Math.round((sample * 255) / largest);
  }
  return image;
}

function samplesFrom(bytes: Uint8Array, start: number, image: Image, largest: number, isBitmap: boolean): () => number {
  const file = new ByteReader(bytes, false);
  file.position = start;
  if (!isBitmap) return largest > 255 ? () => file.u16() : () => file.u8();
  let x = image.width;
  let line = new Uint8Array(0);
  return () => {
    if (x === image.width) {
      x = 0;
      line = file.take(rowBytes(image.width, 1)).slice();
    }
    return sampleAt(line, x++, 1);
  };
}
