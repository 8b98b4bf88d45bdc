/** PNG (ISO/IEC 15948): all colour types and depths, interlaced or not. Transparency is dropped, 16-bit samples keep their high byte. */
import { blankImage, ByteReader, damaged, type Image } from "./image.ts";
import { inflate } from "./inflate.ts";
import { checkBits, rowBytes, sampleAt, spread } from "./samples.ts";

/** Colour types: samples per pixel; 3 is an index into the palette. */
const samplesOf: ReadonlyMap<number, number> = new Map([[0, 1], [2, 3], [3, 1], [4, 2], [6, 4]]); // prettier-ignore

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly type: number;
  readonly samples: number;
  readonly interlaced: boolean;
}

/** A sub-image of Adam7's interlacing; a plain image is the only one of its kind. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}
const whole: readonly Pass[] = [{ x: 0, y: 0, dx: 1, dy: 1 }];
const adam7: readonly Pass[] = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]].map(([x = 0, y = 0, dx = 1, dy = 1]) => ({ x, y, dx, dy })); // prettier-ignore

export const isPng = (bytes: Uint8Array): boolean => bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e;

export function decodePng(bytes: Uint8Array): Image {
  const { header, palette, data } = readChunks(bytes);
  const { width, height, samples, bits, type } = header;
  const image = blankImage(width, height, type === 0 || type === 4 ? 1 : 3);
  const passes = (header.interlaced ? adam7 : whole).map((pass) => ({
    ...pass,
    columns: Math.max(0, Math.ceil((width - pass.x) / pass.dx)),
    rows: Math.max(0, Math.ceil((height - pass.y) / pass.dy)),
  }));
  const lineBytes = (columns: number): number => rowBytes(columns * samples, bits);
  const size = passes.reduce(
    (sum, { columns, rows }) => sum + (columns === 0 ? 0 : rows * (1 + lineBytes(columns))),
    0,
  );
  const lines = new ByteReader(inflate(data, size), false);
  for (const pass of passes) {
    let above = new Uint8Array(lineBytes(pass.columns));
    for (let row = 0; row < pass.rows && pass.columns > 0; row++) {
      const filter = lines.u8();
      const line = lines.take(above.length).slice();
      unfilter(filter, line, above, Math.max(1, (samples * bits) >> 3));
      putLine(image, header, palette, line, pass, row);
      above = line;
    }
  }
  return image;
}

function readChunks(bytes: Uint8Array): { header: Header; palette: Uint8Array; data: Uint8Array } {
  const file = new ByteReader(bytes, false);
  file.take(8);
  let header: Header | null = null;
  let palette = new Uint8Array(0);
  const parts: Uint8Array[] = [];
  while (file.position < bytes.length) {
    const length = file.u32();
    const kind = String.fromCharCode(...file.take(4));
    const body = file.take(length);
    if (kind === "IEND") break;
    file.u32();
    if (kind === "IHDR") header = readHeader(new ByteReader(body, false));
    if (kind === "PLTE") palette = body.slice();
    if (kind === "IDAT") parts.push(body);
  }
  if (header === null) throw damaged("there is no header");
  return { header, palette, data: joined(parts) };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function readHeader(chunk: ByteReader): Header {
  const [width, height, bits, type] = [chunk.u32(), chunk.u32(), chunk.u8(), chunk.u8()];
  chunk.take(2);
  const samples = samplesOf.get(type);
  if (samples === undefined) throw damaged(`colour type ${type}`);
  checkBits(bits);
  return { width, height, bits, type, samples, interlaced: chunk.u8() === 1 };
}

/** Adds what the filter predicts from the pixel on the left (a), above (b) and above on the left (c). */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array, pixel: number): void {
  for (let i = 0; i < line.length; i++) {
    const a = i < pixel ? 0 : (line[i - pixel] as number);
    const b = above[i] as number;
    const c = i < pixel ? 0 : (above[i - pixel] as number);
    line[i] = (line[i] as number) + predicted(filter, a, b, c);
  }
}

function predicted(filter: number, a: number, b: number, c: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return a;
    case 2:
      return b;
    case 3:
      return (a + b) >> 1;
    case 4: {
      const [toA, toB, toC] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
      return toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
    }
    default:
      throw damaged(`filter ${filter}`);
  }
}

function putLine(image: Image, header: Header, palette: Uint8Array, line: Uint8Array, pass: Pass, row: number): void {
  const { bits, samples, type } = header;
  const { pixels, width, channels } = image;
  for (let x = pass.x, column = 0; x < width; x += pass.dx, column++) {
    const at = ((pass.y + row * pass.dy) * width + x) * channels;
    for (let channel = 0; channel < channels; channel++) {
      const sample = sampleAt(line, column * samples + (type === 3 ? 0 : channel), bits);
      pixels[at + channel] = type === 3 ? (palette[3 * sample + channel] ?? 0) : spread(sample, bits);
    }
  }
}
