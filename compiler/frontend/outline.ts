/**
 * The outline of a model file that is too large to be read: all of it but the data of large tensors. It is a model file itself, in which a tensor
 * whose data was left out has a few bytes of `raw_data` in their place; `cuts` says which bytes of the file these stand for. Only tags and lengths
 * are read of what is left out, and the data of tensors is all that a model has much of.
 */
import { fail } from "../../ir/diagnostic.ts";
import { smallTensorBytes } from "../../ir/tensor-source.ts";
import { bytesOfFile, type PartlyRead } from "./file-range.ts";
import { rawDataTag, rawTwinOf, tensorDataFields } from "./scan.ts";
import { type ByteSource, varintBytes, wireError, type WireField, WireReader, wireTypes } from "./wire.ts";
import { type MessageName, wireSchema } from "./wire-schema.ts";

/** Bytes of the file that were left out. */
export interface Cut {
  readonly start: number;
  readonly length: number;
}

export interface Outline {
  readonly bytes: Uint8Array;
  /** by the position in `bytes` of what stands in their place */
  readonly cuts: ReadonlyMap<number, Cut>;
}

/** Messages in which tensors stand, by the field that leads there. Attributes' defaults in functions are few and small. */
const leadsToTensors: Readonly<Partial<Record<MessageName, readonly string[]>>> = {
  ModelProto: ["graph", "functions"],
  GraphProto: ["node", "initializer", "sparse_initializer"],
  NodeProto: ["attribute"],
  AttributeProto: ["t", "g", "tensors", "graphs", "sparse_tensor"],
  SparseTensorProto: ["values", "indices"],
  FunctionProto: ["node"],
};

/** A piece of the outline: bytes of the file, bytes of its own, or the place of what was left out. */
type Piece =
  | { readonly kind: "copied"; readonly start: number; readonly length: number }
  | { readonly kind: "own"; readonly bytes: Uint8Array; readonly length: number }
  | { readonly kind: "cut"; readonly cut: Cut; readonly length: number };

/** Bytes in the place of data: an empty field would be taken for one that is missing. */
const cutPlace = new Uint8Array(1);

/** Messages within messages, as for a scan. */
const maxDepth = 400;

/** Bytes of the largest outline, which is read as a whole. */
const maxOutlineBytes = 2 ** 30;

/** The outline of a model file; throws WSC1002 where tags and lengths are none of protobuf's. */
export function outlineOf(file: PartlyRead): Outline {
  const pieces = joined(new Outliner(bytesOfFile(file)).message("ModelProto", { start: 0, end: file.size }, 0));
  const length = lengthOf(pieces);
  if (length > maxOutlineBytes) {
    const message = `the file has ${length} bytes that are no raw data of tensors; up to ${maxOutlineBytes} are read`;
    throw fail("WSC1009", message, { hint: "keep weights in raw_data or in external data" });
  }
  const bytes = new Uint8Array(length);
  const cuts = new Map<number, Cut>();
  let at = 0;
  for (const piece of pieces) {
    if (piece.kind === "copied") bytes.set(file.read(piece.start, piece.length), at);
    else if (piece.kind === "own") bytes.set(piece.bytes, at);
    else cuts.set(at, piece.cut);
    at += piece.length;
  }
  return { bytes, cuts };
}

const lengthOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

const own = (bytes: Uint8Array): Piece => ({ kind: "own", bytes, length: bytes.length });
const copied = (start: number, end: number): Piece => ({ kind: "copied", start, length: end - start });

/** Pieces of the file that follow one another as one: each is a read. */
function joined(pieces: readonly Piece[]): readonly Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    const follows = piece.kind === "copied" && last?.kind === "copied" && last.start + last.length === piece.start;
    if (follows) result[result.length - 1] = copied(last.start, piece.start + piece.length);
    else if (piece.length > 0) result.push(piece);
  }
  return result;
}

class Outliner {
  readonly #bytes: ByteSource;

  constructor(bytes: ByteSource) {
    this.#bytes = bytes;
  }

  /** The pieces of a message between two positions. */
  message(name: MessageName, { start, end }: Pick<WireField, "start" | "end">, depth: number): readonly Piece[] {
    if (depth > maxDepth) throw wireError(start, `messages are nested deeper than ${maxDepth}`);
    const leading = leadsToTensors[name] ?? [];
    const pieces: Piece[] = [];
    const reader = new WireReader(this.#bytes, start, end);
    for (let field = reader.next(); field !== null; field = reader.next()) {
      const spec = wireSchema[name].get(field.number);
      const isInner = spec?.message !== undefined && field.wireType === wireTypes.bytes && leading.includes(spec.name);
      if (isInner) pieces.push(...this.#field(spec.message, field, depth + 1));
      else pieces.push(copied(field.at, field.end));
    }
    return joined(pieces);
  }

  /** A field that is a message, with the length that it has in the outline. */
  #field(name: MessageName, field: WireField, depth: number): readonly Piece[] {
    const inner = name === "TensorProto" ? this.#tensor(field) : this.message(name, field, depth);
    const isWhole = inner.every(({ kind }) => kind === "copied");
    if (isWhole) return [copied(field.at, field.end)];
    const head = Uint8Array.from([...varintBytes(field.number * 8 + field.wireType), ...varintBytes(lengthOf(inner))]);
    return [own(head), ...inner];
  }

  #tensor({ start, end }: WireField): readonly Piece[] {
    if (end - start <= smallTensorBytes) return [copied(start, end)];
    const fields: WireField[] = [];
    const reader = new WireReader(this.#bytes, start, end);
    for (let field = reader.next(); field !== null; field = reader.next()) fields.push(field);
    const data = this.#rawData(fields);
    if (data === null) return [copied(start, end)];
    const cut: Piece = {
      kind: "cut",
      cut: { start: data.start, length: data.end - data.start },
      length: cutPlace.length,
    };
    const head = own(Uint8Array.from([rawDataTag, ...varintBytes(cutPlace.length)]));
    return [copied(start, data.at), head, cut, copied(data.end, end)];
  }

  /** The one field with a tensor's data, if it is large and raw, or the same bytes as raw data would be. */
  #rawData(fields: readonly WireField[]): WireField | null {
    const [data, ...more] = fields.filter(({ number }) => tensorDataFields.has(number));
    if (data === undefined || more.length > 0 || data.wireType !== wireTypes.bytes) return null;
    if (data.end - data.start <= smallTensorBytes) return null;
    if (this.#bytes.byteAt(data.at) === rawDataTag) return data;
    const type = fields.findLast(({ number }) => number === 2);
    const dataType = type === undefined ? 0 : new WireReader(this.#bytes, type.start, type.end).varint();
    return rawTwinOf(data.number, dataType) === this.#bytes.byteAt(data.at) ? data : null;
  }
}
