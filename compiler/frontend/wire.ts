/**
 * The protobuf wire format, strictly: tags, varints, lengths and groups are checked, so that what a decoder is given later is well-formed.
 * Positions in messages count bytes from the start of the file.
 */
import { fail } from "../../ir/diagnostic.ts";

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** One field as it stands in the file; for varints and fixed sizes, the value's own bytes. */
export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** position of the tag */
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

const maxVarintBytes = 10;
const maxGroupDepth = 64;
const maxFieldNumber = 2 ** 29 - 1;

export const wireError = (at: number, message: string): Error =>
  fail("WSC1002", `not a valid protobuf file: byte ${at}: ${message}`, {
    hint: "the file is truncated, damaged, or no ONNX model",
  });

/** Bytes that are read one by one: an array, or a file of which only parts are in memory. */
export interface ByteSource {
  readonly length: number;
  readonly byteAt: (position: number) => number;
}

/** Reads the fields between two positions; `next` gives null at the end. */
export class WireReader {
  readonly #bytes: Uint8Array | ByteSource;
  readonly #end: number;
  #position: number;

  constructor(bytes: Uint8Array | ByteSource, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  next(): WireField | null {
    if (this.#position >= this.#end) return null;
    const at = this.#position;
    const tag = this.varint();
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (number < 1 || number > maxFieldNumber) throw wireError(at, `a field has the number ${number}, which cannot be`);
    const start = this.#value(number, wireType, at, 0);
    return { number, wireType, at, start, end: this.#position };
  }

  /** The varint at the current position; the value is exact up to 2^53. */
  varint(): number {
    const at = this.#position;
    let value = 0;
    let scale = 1;
    for (let count = 0; count < maxVarintBytes; count++) {
      if (this.#position >= this.#end) throw wireError(at, "a varint runs past the end");
      const byte = this.#byteAt(this.#position++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw wireError(at, `a varint has more than ${maxVarintBytes} bytes`);
  }

  #byteAt(position: number): number {
    return this.#bytes instanceof Uint8Array ? (this.#bytes[position] ?? 0) : this.#bytes.byteAt(position);
  }

  /** Moves behind the value of a field and returns where the value starts. */
  #value(number: number, wireType: number, at: number, depth: number): number {
    switch (wireType) {
      case wireTypes.varint: {
        const start = this.#position;
        this.varint();
        return start;
      }
      case wireTypes.fixed64:
        return this.#skip(8, at);
      case wireTypes.fixed32:
        return this.#skip(4, at);
      case wireTypes.bytes:
        return this.#skip(this.varint(), at);
      case wireTypes.startGroup:
        return this.#group(number, at, depth);
      case wireTypes.endGroup:
        throw wireError(at, `group ${number} ends but never started`);
      default:
        throw wireError(at, `wire type ${wireType} does not exist`);
    }
  }

  #skip(length: number, at: number): number {
    const start = this.#position;
    const left = this.#end - start;
    if (length > left) throw wireError(at, `a field has a length of ${length} bytes, past the end: ${left} are left`);
    this.#position += length;
    return start;
  }

  #group(number: number, at: number, depth: number): number {
    const start = this.#position;
    if (depth >= maxGroupDepth) throw wireError(at, `groups are nested deeper than ${maxGroupDepth}`);
    while (this.#position < this.#end) {
      const inner = this.#position;
      const tag = this.varint();
      const wireType = tag % 8;
      const innerNumber = Math.floor(tag / 8);
      if (wireType === wireTypes.endGroup && innerNumber === number) return start;
      if (innerNumber < 1) throw wireError(inner, "a field has the number 0, which cannot be");
      this.#value(innerNumber, wireType, inner, depth + 1);
    }
    throw wireError(at, `group ${number} never ends`);
  }
}

/** A number as a varint. */
export function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}

const utf8 = new TextDecoder();

/** The text of a string field. */
export const textOf = (bytes: Uint8Array, field: WireField): string =>
  utf8.decode(bytes.subarray(field.start, field.end));
