/** PNG files of 8-bit red, green, blue and alpha, where no canvas writes them (https://www.w3.org/TR/png-3/). Not compressed without Node's zlib. */
import type { Pixels } from "../host-types.ts";
import { nodeModule } from "../platform.ts";

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** bit depth, color type, compression, filter, interlace */
const headerTail = Uint8Array.of(8, 6, 0, 0, 0);

export function pngBytes({ data, width, height }: Pixels): Uint8Array {
  const rows = new Uint8Array(height * (4 * width + 1));
  // each row has the number of its filter before it: 0, none
  for (let y = 0; y < height; y++) {
    rows.set(data.subarray(4 * width * y, 4 * width * (y + 1)), y * (4 * width + 1) + 1);
  }
  const packed = nodeModule("node:zlib")?.deflateSync(rows) ?? stored(rows);
  const header = joined(word(width), word(height), headerTail);
  return joined(signature, chunk("IHDR", header), chunk("IDAT", packed), chunk("IEND", new Uint8Array(0)));
}

function chunk(name: string, content: Uint8Array): Uint8Array {
  const body = joined(
    Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
    content,
  );
  return joined(word(content.length), body, word(crc32(body)));
}

/** A zlib stream of blocks that are not compressed (RFC 1950, RFC 1951). */
function stored(bytes: Uint8Array): Uint8Array {
  const most = 0xffff;
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  for (let at = 0; at < bytes.length; at += most) {
    const block = bytes.subarray(at, at + most);
    const [low, high] = [block.length & 0xff, block.length >> 8];
    parts.push(Uint8Array.of(at + most >= bytes.length ? 1 : 0, low, high, low ^ 0xff, high ^ 0xff), block);
  }
  return joined(...parts, word(adler32(bytes)));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const word = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
  return ~crc;
}

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
