/**
 * Where the weights of a streamed product lie. The columns, four by four, are dealt to a few streams, each of which is read from its first byte to its
 * last without a jump: hardware that reads ahead then never has to start anew. Streams begin a fraction of a page apart from one another, so that
 * lines read at one time do not compete for the same sets of the cache; the pages between two streams are odd in number, so that their translations do
 * not compete for the same sets of the table of those either.
 *
 *     table | index: first exception of each group | stream 0: group, group … | stream 1 … | exceptions
 *     group: the chunks of four columns          exception: position of its element of A times 4 + column, its weight
 */
import { roundUp } from "../index-space.ts";
import type { PackedArg } from "../../kernel.ts";
import { factOf } from "../../../../ir/lineage.ts";
import type { TensorData } from "../../../../ir/tensor.ts";
import { chooseForm, chunkColumns, chunkSteps, chunkTarget, type ChunkTarget, type WeightForm } from "./forms.ts";

/** Streams that are read at once: more do not get more from memory, fewer get less. */
export const streamCount = 8;

const pageBytes = 4096;
const lineBytes = 64;

/** Bytes of an exception, and of its weight's place in it. */
export const exceptionBytes = 8;
export const exceptionWeightAt = 4;

/** A matrix of `steps` rows whose elements are `rowStride` and `columnStride` apart. */
export interface StreamedMatrix {
  readonly steps: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Byte offsets and counts; they depend on the matrix's size and form only, so that equal layers share a function. */
export interface StreamLayout {
  /** steps with those that fill the last chunk */
  readonly steps: number;
  readonly columns: number;
  /** groups of four columns in a stream; the last streams may have fewer columns than that */
  readonly groups: number;
  readonly groupBytes: number;
  /** from stream to stream */
  readonly streamBytes: number;
  readonly indexAt: number;
  readonly chunksAt: number;
  readonly exceptionsAt: number;
}

const isOdd = (count: number): boolean => count % 2 === 1;

export function streamLayout({ steps, columns }: StreamedMatrix, { kind, table }: WeightForm): StreamLayout {
  const chunks = Math.ceil(steps / chunkSteps);
  const groups = Math.ceil(Math.ceil(columns / chunkColumns) / streamCount);
  const groupBytes = chunks * kind.chunkBytes;
  const apart = pageBytes / streamCount;
  const pages = Math.ceil(Math.max(0, groups * groupBytes - apart) / pageBytes);
  const streamBytes = (isOdd(pages) ? pages : pages + 1) * pageBytes + apart;
  const indexAt = roundUp(table.length, lineBytes);
  const chunksAt = roundUp(indexAt + (groups * streamCount + 1) * 4, lineBytes);
  const exceptionsAt = chunksAt + (streamCount - 1) * streamBytes + groups * groupBytes;
  return { steps: chunks * chunkSteps, columns, groups, groupBytes, streamBytes, indexAt, chunksAt, exceptionsAt };
}

/** The argument for a constant matrix in a form. */
export function streamedArg(
  input: number,
  constant: TensorData,
  matrix: StreamedMatrix,
  form: WeightForm,
  layout: StreamLayout,
): PackedArg {
  return {
    kind: "packed",
    input,
    layout: `streams ${JSON.stringify([form.kind.name, matrix])}`,
    byteLength: layout.exceptionsAt + form.exceptions * exceptionBytes,
    write: (target) => {
      writeAligned(target, (aligned) => {
        writeStreams(aligned, bitsOf(constant), matrix, form, layout);
      });
    },
  };
}

/** The bits of a tensor of f32. */
function bitsOf({ elements }: TensorData): Uint32Array {
  if (!(elements instanceof Float32Array)) throw new Error("internal: streams hold f32 only");
  return new Uint32Array(elements.buffer, elements.byteOffset, elements.length);
}

/** The form that suits weights of f32, of which all are read once. */
export const formOf = (weights: TensorData): WeightForm =>
  factOf(weights, "stream form", () => chooseForm(bitsOf(weights)));

/** Calls back with a target of whole aligned words. */
function writeAligned(target: Uint8Array, write: (aligned: Uint8Array) => void): void {
  const isAligned = target.byteOffset % 4 === 0 && target.length % 4 === 0;
  const aligned = isAligned ? target.fill(0) : new Uint8Array(roundUp(target.length, 4));
  write(aligned);
  if (!isAligned) target.set(aligned.subarray(0, target.length));
}

function writeStreams(
  bytes: Uint8Array,
  source: Uint32Array,
  matrix: StreamedMatrix,
  form: WeightForm,
  layout: StreamLayout,
): void {
  bytes.set(form.table);
  const target = chunkTarget(bytes);
  const { words } = target;
  const index = layout.indexAt / 4;
  let exceptionAt = layout.exceptionsAt;
  const leaveOut = (step: number, column: number, weight: number): void => {
    words[exceptionAt / 4] = step * 16 + column;
    words[(exceptionAt + exceptionWeightAt) / 4] = weight;
    exceptionAt += exceptionBytes;
  };
  for (let group = 0; group < layout.groups * streamCount; group++) {
    words[index + group] = exceptionAt;
    const [stream, place] = [Math.floor(group / layout.groups), group % layout.groups];
    const at = layout.chunksAt + stream * layout.streamBytes + place * layout.groupBytes;
    writeGroup(target, at, source, group * chunkColumns, matrix, form, leaveOut);
  }
  words[index + layout.groups * streamCount] = exceptionAt;
}

/** Four columns from `first` on; what lies beyond the matrix is zero. */
function writeGroup(
  target: ChunkTarget,
  at: number,
  source: Uint32Array,
  first: number,
  { steps, columns, rowStride, columnStride }: StreamedMatrix,
  form: WeightForm,
  leaveOut: (step: number, column: number, weight: number) => void,
): void {
  const width = Math.min(chunkColumns, columns - first);
  if (width <= 0) return;
  const bits = new Uint32Array(chunkColumns * chunkSteps);
  let step = 0;
  const leaveOutOfChunk = (index: number): void => {
    leaveOut(step + (index % chunkSteps), Math.floor(index / chunkSteps), bits[index] as number);
  };
  for (let chunkAt = at; step < steps; step += chunkSteps, chunkAt += form.kind.chunkBytes) {
    const height = Math.min(chunkSteps, steps - step);
    if (height < chunkSteps) bits.fill(0);
    for (let column = 0; column < width; column++) {
      let from = step * rowStride + (first + column) * columnStride;
      for (let row = 0; row < height; row++, from += rowStride) {
        bits[column * chunkSteps + row] = source[from] as number;
      }
    }
    form.writeChunk(target, chunkAt, bits, leaveOutOfChunk);
  }
}
