/** JPEG (ITU-T T.81, JFIF): 8-bit sequential and progressive images with Huffman codes, grey or of three components. */
import { blankImage, ByteReader, damaged, type Image, unsupportedImage } from "./image.ts";
import { cropped, enlarged, type Plane, putBlock, toRgb } from "./jpeg-pixels.ts";
import { type Component, type HuffmanTable, naturalOrder, readScan } from "./jpeg-scans.ts";

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly progressive: boolean;
  readonly mcusAcross: number;
  readonly mcusDown: number;
  readonly components: readonly Component[];
}

/** What the segments have said so far. */
interface Decoding {
  readonly quantisation: Map<number, Uint16Array>;
  readonly dc: Map<number, HuffmanTable>;
  readonly ac: Map<number, HuffmanTable>;
  frame: Frame | null;
  restartInterval: number;
  /** the Adobe segment's colour transform */
  transform: number | null;
  hasJfif: boolean;
}

export function decodeJpeg(bytes: Uint8Array): Image {
  const file = new ByteReader(bytes, false);
  const state: Decoding = { quantisation: new Map(), dc: new Map(), ac: new Map(), frame: null, restartInterval: 0, transform: null, hasJfif: false }; // prettier-ignore
  file.take(2);
  while (file.position + 4 <= bytes.length) {
    if (file.u8() !== 0xff) continue;
    const marker = file.u8();
    if (marker === 0xd9) break;
    // fill bytes, stuffed zeros and restart markers have no segment
    if (marker === 0xff) file.position--;
    if (marker === 0 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd8)) continue;
    const segment = new ByteReader(file.take(file.u16() - 2), false);
    readSegment(state, marker, segment);
    if (marker === 0xda) file.position = scan(state, segment, bytes, file.position);
  }
  if (state.frame === null) throw damaged("there is no frame");
  return imageOf(state, state.frame);
}

function readSegment(state: Decoding, marker: number, segment: ByteReader): void {
  switch (marker) {
    case 0xc0:
    case 0xc1:
    case 0xc2:
      state.frame = readFrame(segment, marker === 0xc2);
      return;
    case 0xc4:
      readHuffman(state, segment);
      return;
    case 0xdb:
      readQuantisation(state, segment);
      return;
    case 0xdd:
      state.restartInterval = segment.u16();
      return;
    case 0xe0:
      state.hasJfif ||= String.fromCharCode(...segment.bytes.subarray(0, 4)) === "JFIF";
      return;
    case 0xee:
      if (String.fromCharCode(...segment.bytes.subarray(0, 5)) === "Adobe") state.transform = segment.bytes[11] ?? null;
      return;
    default:
      if (marker > 0xc2 && marker < 0xd0 && marker !== 0xcc) throw unsupportedImage("JPEG that is lossless, hierarchical or arithmetic"); // prettier-ignore
  }
}

function readQuantisation({ quantisation }: Decoding, segment: ByteReader): void {
  while (segment.position < segment.bytes.length) {
    const head = segment.u8();
    const table = new Uint16Array(64);
    for (const place of naturalOrder) table[place] = head >> 4 === 0 ? segment.u8() : segment.u16();
    quantisation.set(head & 15, table);
  }
}

function readHuffman({ dc, ac }: Decoding, segment: ByteReader): void {
  while (segment.position < segment.bytes.length) {
    const head = segment.u8();
    const counts = segment.take(16);
    const symbols = segment.take(counts.reduce((sum, count) => sum + count, 0));
    (head >> 4 === 0 ? dc : ac).set(head & 15, { counts, symbols });
  }
}

function readFrame(segment: ByteReader, progressive: boolean): Frame {
  if (segment.u8() !== 8) throw unsupportedImage("JPEG of 12 bits");
  const [height, width, count] = [segment.u16(), segment.u16(), segment.u8()];
  if (count !== 1 && count !== 3) throw unsupportedImage(`JPEG of ${count} components`);
  blankImage(width, height, count);
  const raw = Array.from({ length: count }, () => {
    const [id, factors, table] = [segment.u8(), segment.u8(), segment.u8()];
    return { id, h: count === 1 ? 1 : factors >> 4, v: count === 1 ? 1 : factors & 15, table };
  });
  if (raw.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4)) throw damaged("a sampling factor is out of range");
  const [most, mostDown] = [Math.max(...raw.map(({ h }) => h)), Math.max(...raw.map(({ v }) => v))];
  const [mcusAcross, mcusDown] = [Math.ceil(width / (8 * most)), Math.ceil(height / (8 * mostDown))];
  const components = raw.map((component) => {
    const [blocksAcross, blocksDown] = [mcusAcross * component.h, mcusDown * component.v];
    const ownAcross = Math.ceil(Math.ceil((width * component.h) / most) / 8);
    const ownDown = Math.ceil(Math.ceil((height * component.v) / mostDown) / 8);
    return { ...component, blocksAcross, blocksDown, ownAcross, ownDown, coefficients: new Int16Array(64 * blocksAcross * blocksDown) }; // prettier-ignore
  });
  return { width, height, progressive, mcusAcross, mcusDown, components };
}

const noTable: HuffmanTable = { counts: new Uint8Array(16), symbols: new Uint8Array(0) };

/** Reads the scan that a segment announces; where it ends. */
function scan(
  { frame, dc, ac, restartInterval }: Decoding,
  segment: ByteReader,
  bytes: Uint8Array,
  begin: number,
): number {
  if (frame === null) throw damaged("a scan before the frame");
  const components = Array.from({ length: segment.u8() }, () => {
    const [id, tables] = [segment.u8(), segment.u8()];
    const component = frame.components.find((candidate) => candidate.id === id);
    if (component === undefined) throw damaged(`there is no component ${id}`);
    return { component, dc: dc.get(tables >> 4) ?? noTable, ac: ac.get(tables & 15) ?? noTable };
  });
  const [first, last, bits] = [segment.u8(), segment.u8(), segment.u8()];
  const { progressive, mcusAcross, mcusDown } = frame;
  const span = progressive ? { first, last, shift: bits & 15, refines: bits >> 4 > 0 } : { first: 0, last: 63, shift: 0, refines: false }; // prettier-ignore
  return readScan(bytes, begin, { components, ...span, progressive, restartInterval, mcusAcross, mcusDown });
}

function imageOf(state: Decoding, frame: Frame): Image {
  const { width, height, components } = frame;
  const [most, mostDown] = [Math.max(...components.map(({ h }) => h)), Math.max(...components.map(({ v }) => v))];
  const planes = components.map((component) => {
    const table = state.quantisation.get(component.table);
    if (table === undefined) throw damaged("a quantisation table is missing");
    const [own, ownDown] = [Math.ceil((width * component.h) / most), Math.ceil((height * component.v) / mostDown)];
    return enlarged(cropped(planeOf(component, table), own, ownDown), most / component.h, mostDown / component.v);
  });
  const image = blankImage(width, height, components.length === 1 ? 1 : 3);
  const isRgb = state.transform === 0 || (state.transform === null && !state.hasJfif && components.map(({ id }) => String.fromCharCode(id)).join("") === "RGB"); // prettier-ignore
  putPixels(image, planes, isRgb);
  return image;
}

function planeOf({ blocksAcross, blocksDown, coefficients }: Component, table: Uint16Array): Plane {
  const [width, height] = [8 * blocksAcross, 8 * blocksDown];
  const plane = { width, height, samples: new Uint8Array(width * height) };
  for (let block = 0; block < blocksAcross * blocksDown; block++) {
    const values = coefficients.subarray(64 * block, 64 * block + 64);
    putBlock(plane, 8 * (block % blocksAcross), 8 * Math.floor(block / blocksAcross), values, table);
  }
  return plane;
}

function putPixels({ width, height, channels, pixels }: Image, planes: readonly Plane[], isRgb: boolean): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * channels;
      const [a = 0, b = 0, c = 0] = planes.map((plane) => plane.samples[y * plane.width + x] as number);
      if (channels === 3 && !isRgb) toRgb(a, b, c, pixels, at);
      else for (const [channel, value] of [a, b, c].slice(0, channels).entries()) pixels[at + channel] = value;
    }
  }
}
