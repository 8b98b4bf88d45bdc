/**
 * The structure of an ONNX file, checked before the recursive decoder sees it: every field of a known number has the wire type that the
 * schema says, messages are nested no deeper than is safe, and a message that may stand once stands once (protobuf would merge two, the
 * decoder would drop one). Also finds what the decoder is to be given in another form.
 */
import { fail, showName } from "../../ir/diagnostic.ts";
import { textOf, varintBytes, WireReader, wireError, type WireField, wireTypes } from "./wire.ts";
import { type FieldSpec, type MessageName, wireSchema, type WireKind } from "./wire-schema.ts";

/** A byte of the file that is another one while the decoder reads. */
export interface Patch {
  readonly at: number;
  readonly byte: number;
}

export interface Scan {
  /** `ModelProto.graph`, once or more often */
  readonly graphs: readonly WireField[];
  readonly functions: readonly WireField[];
  /** whether any node or function has fields that onnx-proto's schema lacks and that change its meaning */
  readonly hasExtras: boolean;
  /** tags of packed float data that can be read as raw data, without a JavaScript number per element */
  readonly patches: readonly Patch[];
}

/** Messages within messages; a subgraph takes three levels. */
const maxDepth = 400;

export function scanModel(bytes: Uint8Array): Scan {
  const scanner = new Scanner(bytes);
  scanner.message("ModelProto", 0, bytes.length, 0);
  return scanner;
}

const numberOf: Readonly<Record<WireKind, number>> = {
  varint: wireTypes.varint,
  fixed32: wireTypes.fixed32,
  fixed64: wireTypes.fixed64,
  bytes: wireTypes.bytes,
  text: wireTypes.bytes,
};

class Scanner implements Scan {
  readonly graphs: WireField[] = [];
  readonly functions: WireField[] = [];
  hasExtras = false;
  readonly patches: Patch[] = [];
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(name: MessageName, start: number, end: number, depth: number): void {
    if (depth > maxDepth) {
      throw fail(
        "WSC1002",
        `byte ${start}: messages are nested deeper than ${maxDepth}: too many subgraphs within subgraphs`,
      );
    }
    const schema = wireSchema[name];
    const reader = new WireReader(this.#bytes, start, end);
    const tensor = name === "TensorProto" ? new TensorFields(this.#bytes) : null;
    let seen = 0; // numbers of single messages seen; all are below 32
    for (let field = reader.next(); field !== null; field = reader.next()) {
      const spec = schema.get(field.number);
      if (spec === undefined) continue;
      checkWireType(name, spec, field);
      if (spec.kind === "text") checkText(this.#bytes, name, spec, field);
      tensor?.add(field);
      if (spec.message === undefined) {
        if (spec.name === "overload" && field.end > field.start) this.hasExtras = true;
        continue;
      }
      if (!spec.repeated && name !== "ModelProto") {
        if ((seen & (1 << field.number)) !== 0) throw wireError(field.at, `${name} has its ${spec.name} twice`);
        seen |= 1 << field.number;
      }
      this.#note(spec, field);
      this.message(spec.message, field.start, field.end, depth + 1);
    }
    const patch = tensor?.patch() ?? null;
    if (patch !== null) this.patches.push(patch);
  }

  #note(spec: FieldSpec, field: WireField): void {
    if (spec.name === "graph") this.graphs.push(field);
    else if (spec.name === "functions") this.functions.push(field);
    else if (spec.name === "attribute_proto") this.hasExtras = true;
  }
}

function checkWireType(message: MessageName, spec: FieldSpec, field: WireField): void {
  const isPacked = spec.repeated && numberOf[spec.kind] !== wireTypes.bytes && field.wireType === wireTypes.bytes;
  if (field.wireType === numberOf[spec.kind] || isPacked) return;
  const wanted = numberOf[spec.kind];
  throw wireError(field.at, `${spec.name} of ${message} has wire type ${field.wireType}, must be ${wanted}`);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Two names that are no text would be decoded to one: a byte that is none becomes U+FFFD. */
function checkText(bytes: Uint8Array, message: MessageName, spec: FieldSpec, field: WireField): void {
  let at = field.start;
  while (at < field.end && (bytes[at] ?? 0) < 0x80) at++;
  if (at === field.end) return;
  try {
    strictUtf8.decode(bytes.subarray(field.start, field.end));
  } catch {
    const seen = showName(textOf(bytes, field));
    throw fail("WSC1002", `byte ${field.start}: ${spec.name} of ${message}, "${seen}", is not UTF-8`, {
      hint: "names are text in UTF-8: save the model again with a tool that writes them so",
    });
  }
}

export const rawDataTag = 0x4a;
/** fields of TensorProto that hold elements */
export const tensorDataFields: ReadonlySet<number> = new Set([4, 5, 6, 7, 9, 10, 11]);
/** field number -> one-byte tag (packed) and the data types for which it holds the same bytes as raw_data would */
const rawTwins: ReadonlyMap<number, { readonly tag: number; readonly dataTypes: readonly number[] }> = new Map([
  [4, { tag: 0x22, dataTypes: [1, 14] }],
  [10, { tag: 0x52, dataTypes: [11, 15] }],
]);
/** The tag (packed) of a field that for a data type holds the same bytes as raw_data would. */
export function rawTwinOf(field: number, dataType: number): number | undefined {
  const twin = rawTwins.get(field);
  return twin?.dataTypes.includes(dataType) === true ? twin.tag : undefined;
}

/** Below this, decoding element by element costs nothing. */
const minPatchedBytes = 256;

/** Data fields of one tensor. */
class TensorFields {
  readonly #bytes: Uint8Array;
  readonly #data: WireField[] = [];
  #dataType = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  add(field: WireField): void {
    if (field.number === 2) this.#dataType = new WireReader(this.#bytes, field.start, field.end).varint();
    else if (tensorDataFields.has(field.number) && this.#data.length < 2) this.#data.push(field);
  }

  patch(): Patch | null {
    const [field] = this.#data;
    if (field === undefined || this.#data.length !== 1 || field.end - field.start < minPatchedBytes) return null;
    const isTwin = rawTwinOf(field.number, this.#dataType) === this.#bytes[field.at];
    return isTwin ? { at: field.at, byte: rawDataTag } : null;
  }
}

/** Runs `read` while the bytes are patched; they are as before when it returns. */
export function withPatches<T>(bytes: Uint8Array, patches: readonly Patch[], read: () => T): T {
  const before = patches.map(({ at }) => bytes[at] ?? 0);
  try {
    for (const { at, byte } of patches) bytes[at] = byte;
    return read();
  } finally {
    for (const [i, { at }] of patches.entries()) bytes[at] = before[i] ?? 0;
  }
}

/** The model with the pieces of its graph joined into one, as protobuf merges them. */
export function withOneGraph(bytes: Uint8Array, graphs: readonly WireField[]): Uint8Array {
  const rest: Uint8Array[] = [];
  let at = 0;
  for (const graph of graphs) {
    rest.push(bytes.subarray(at, graph.at));
    at = graph.end;
  }
  rest.push(bytes.subarray(at));
  const pieces = graphs.map(({ start, end }) => bytes.subarray(start, end));
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return concatenated([...rest, Uint8Array.from([0x3a, ...varintBytes(length)]), ...pieces]);
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
