/** Baseline TIFF 6.0: grey, RGB and palette pixels in strips; uncompressed, PackBits, LZW, deflate, with or without differencing. */
import { blankImage, ByteReader, damaged, type Image, unsupportedImage } from "./image.ts";
import { inflate } from "./inflate.ts";
import { checkBits, rowBytes, sampleAt, spread } from "./samples.ts";

export const isTiff = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x49 && bytes[1] === 0x49 && bytes[2] === 42) ||
  (bytes[0] === 0x4d && bytes[1] === 0x4d && bytes[3] === 42);

const tags = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  offsets: 273,
  samples: 277,
  rowsPerStrip: 278,
  byteCounts: 279,
  planar: 284,
  predictor: 317,
  palette: 320,
} as const;
type Fields = ReadonlyMap<number, readonly number[]>;

export function decodeTiff(bytes: Uint8Array): Image {
  const littleEndian = bytes[0] === 0x49;
  const fields = readFields(new ByteReader(bytes, littleEndian));
  const one = (tag: number, fallback: number): number => fields.get(tag)?.[0] ?? fallback;
  const [width, height, samples] = [one(tags.width, 0), one(tags.height, 0), one(tags.samples, 1)];
  const [bits, photometric] = [one(tags.bits, 1), one(tags.photometric, 1)];
  checkBits(bits);
  if (photometric > 3 || one(tags.planar, 1) !== 1 || !fields.has(tags.offsets))
    throw unsupportedImage("TIFF of this layout");
  const image = blankImage(width, height, photometric < 2 ? 1 : 3);
  const lineBytes = rowBytes(width * samples, bits);
  const rowsPerStrip = Math.min(height, one(tags.rowsPerStrip, height));
  for (let row = 0, strip = 0; row < height; row += rowsPerStrip, strip++) {
    const rows = Math.min(rowsPerStrip, height - row);
    const file = new ByteReader(bytes, littleEndian);
    file.position = fields.get(tags.offsets)?.[strip] ?? -1;
    const packed = file.take(fields.get(tags.byteCounts)?.[strip] ?? rows * lineBytes);
    const data = unpacked(packed, one(tags.compression, 1), rows * lineBytes);
    for (let i = 0; i < rows; i++) {
      const line = data.subarray(i * lineBytes, (i + 1) * lineBytes);
      if (one(tags.predictor, 1) === 2) undoDifferences(line, samples, bits);
      putLine(
        image,
        line,
        { bits, samples, photometric, littleEndian, palette: fields.get(tags.palette) ?? [] },
        row + i,
      );
    }
  }
  return image;
}

/** Bytes of the types of an entry's values; others are skipped. */
const typeBytes: ReadonlyMap<number, number> = new Map([[1, 1], [3, 2], [4, 4]]); // prettier-ignore

/** The first directory: integers by tag. */
function readFields(file: ByteReader): Fields {
  file.position = 4;
  file.position = file.u32();
  const fields = new Map<number, readonly number[]>();
  for (let left = file.u16(); left > 0; left--) {
    const [tag, type, count] = [file.u16(), file.u16(), file.u32()];
    const next = file.position + 4;
    const size = typeBytes.get(type);
    if (size !== undefined && count * size <= file.bytes.length) {
      if (count * size > 4) file.position = file.u32();
      fields.set(tag, Array.from({ length: count }, () => (size === 1 ? file.u8() : size === 2 ? file.u16() : file.u32()))); // prettier-ignore
    }
    file.position = next;
  }
  return fields;
}

function unpacked(packed: Uint8Array, compression: number, size: number): Uint8Array {
  switch (compression) {
    case 1:
      if (packed.length < size) throw damaged("a strip is too short");
      return packed.slice(0, size);
    case 5:
      return unpackLzw(packed, size);
    case 8:
    case 32_946:
      return inflate(packed, size);
    case 32_773:
      return unpackBits(packed, size);
    default:
      throw unsupportedImage(`TIFF of compression ${compression}`);
  }
}

/** Runs: n + 1 bytes as they are, or one byte 1 - n times. */
function unpackBits(packed: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  const file = new ByteReader(packed, false);
  for (let at = 0; at < size;) {
    const head = (file.u8() << 24) >> 24;
    if (head === -128) continue;
    const run = head >= 0 ? file.take(head + 1) : new Uint8Array(1 - head).fill(file.u8());
    output.set(run.subarray(0, size - at), at);
    at += run.length;
  }
  return output;
}

const [clearCode, endCode] = [256, 257];
/** Codes of 12 bits, without those of single bytes and the two above. */
const mostCodes = 4096 - 258;

/** Codes of 9 to 12 bits, highest bits first; the width grows one code early. */
function unpackLzw(packed: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let table: Uint8Array[] = [];
  let previous = null as Uint8Array | null;
  let [bitAt, at] = [0, 0];
  while (at < size) {
    const width = Math.min(12, Math.max(9, 32 - Math.clz32(table.length + (previous === null ? 0 : 1) + 258)));
    const code = bitsAt(packed, bitAt, width);
    bitAt += width;
    if (code === endCode) throw damaged("a strip is too short");
    if (code === clearCode) {
      table = [];
      previous = null;
      continue;
    }
    const entry: Uint8Array | undefined = code < 256 ? Uint8Array.of(code) : table[code - 258];
    const grown: Uint8Array | null =
      previous === null ? null : Uint8Array.of(...previous, (entry ?? previous)[0] as number);
    if (grown !== null && table.length < mostCodes) table.push(grown);
    const run: Uint8Array | null = entry ?? grown;
    if (run === null || (entry === undefined && code !== table.length + 257))
      throw damaged("an LZW code is in no table");
    output.set(run.subarray(0, size - at), at);
    at += run.length;
    previous = run;
  }
  return output;
}

function bitsAt(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let bit = start; bit < start + count; bit++) {
    const byte = bytes[bit >> 3];
    if (byte === undefined) throw damaged("the data ends early");
    value = (value << 1) | ((byte >> (7 - (bit & 7))) & 1);
  }
  return value;
}

function undoDifferences(line: Uint8Array, samples: number, bits: number): void {
  if (bits !== 8) throw unsupportedImage(`differences of ${bits} bits`);
  for (let i = samples; i < line.length; i++) line[i] = (line[i] as number) + (line[i - samples] as number);
}

interface PixelForm {
  readonly bits: number;
  readonly samples: number;
  /** 0: grey, white is zero; 1: grey; 2: RGB; 3: palette */
  readonly photometric: number;
  readonly littleEndian: boolean;
  readonly palette: readonly number[];
}

function putLine({ pixels, width, channels }: Image, line: Uint8Array, form: PixelForm, y: number): void {
  const { bits, samples, photometric, palette } = form;
  for (let x = 0; x < width; x++) {
    for (let channel = 0; channel < channels; channel++) {
      const index = x * samples + (photometric === 3 ? 0 : channel);
      const sample = sampleAt(line, index, bits, form.littleEndian);
      const colour = photometric === 3 ? (palette[channel * 2 ** bits + sample] ?? 0) >> 8 : spread(sample, bits);
      pixels[(y * width + x) * channels + channel] = photometric === 0 ? 255 - colour : colour;
    }
  }
}
