/**
 * The weights region: constants and packed constants, each stored once however often it is used. Equal constants are found by content: a
 * fingerprint of a few bytes first, then all of them.
 */
import { argAlignment, type PackedArg } from "./kernel.ts";
import { lineageId } from "../../ir/lineage.ts";
import type { WeightSegment } from "../../ir/program.ts";
import { bytesOf, type TensorData } from "../../ir/tensor.ts";

/** Index of a segment. */
export type SegmentId = number;

interface Segment {
  /** names what it holds, by the constant's lineage */
  readonly content: string;
  readonly byteLength: number;
  readonly write: (target: Uint8Array) => void;
}

const sampledBytes = 64;

/** Length and some bytes, spread evenly: tells most different constants apart without reading them. */
function fingerprint(bytes: Uint8Array): string {
  const step = Math.max(1, Math.floor(bytes.length / sampledBytes));
  let text = `${bytes.length}:`;
  for (let at = 0; at < bytes.length; at += step) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

/** Whether two byte arrays hold the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

export class WeightPool {
  readonly #segments: Segment[] = [];
  /** constants seen, by their array: the same array is the same constant */
  readonly #byArray = new Map<TensorData["elements"], number>();
  readonly #contents: Uint8Array[] = [];
  readonly #byFingerprint = new Map<string, number[]>();
  readonly #byKey = new Map<string, SegmentId>();

  /** The segment of a numeric constant as it is. */
  constant(tensor: TensorData): SegmentId {
    const content = this.#contentOf(tensor);
    const bytes = this.#contents[content] as Uint8Array;
    return this.#segment(`${content}`, {
      content: `${lineageId(tensor)}`,
      byteLength: bytes.length,
      write: (target) => {
        target.set(bytes);
      },
    });
  }

  /** The segment of a constant rewritten for a kernel. */
  packed(tensor: TensorData, { layout, byteLength, write }: PackedArg): SegmentId {
    return this.#segment(`${this.#contentOf(tensor)} ${layout}`, {
      content: `${lineageId(tensor)} ${layout}`,
      byteLength,
      write,
    });
  }

  /** Bytes of all segments, each aligned. */
  get byteLength(): number {
    return this.#segments.reduce((sum, { byteLength }) => sum + align(byteLength), 0);
  }

  /** Addresses in the order of the segments, the first at `start`. */
  layout(start: number): WeightSegment[] {
    let offset = start;
    return this.#segments.map((given) => {
      const segment = { offset, ...given };
      offset += align(given.byteLength);
      return segment;
    });
  }

  #segment(key: string, segment: Segment): SegmentId {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    this.#segments.push(segment);
    this.#byKey.set(key, this.#segments.length - 1);
    return this.#segments.length - 1;
  }

  #contentOf(tensor: TensorData): number {
    const seen = this.#byArray.get(tensor.elements);
    if (seen !== undefined) return seen;
    const bytes = bytesOf(tensor.elements);
    const print = fingerprint(bytes);
    const alike = this.#byFingerprint.get(print) ?? [];
    let content = alike.find((other) => equalBytes(bytes, this.#contents[other] as Uint8Array));
    if (content === undefined) {
      content = this.#contents.push(bytes) - 1;
      this.#byFingerprint.set(print, [...alike, content]);
    }
    this.#byArray.set(tensor.elements, content);
    return content;
  }
}

/** Empty segments take a place too, so that every address is in range. */
const align = (bytes: number): number => Math.ceil(bytes / argAlignment) * argAlignment;
