/**
 * The weights region: constants and packed constants, each stored once however often it is used. Equal constants are found by content: a
 * fingerprint of a few bytes first, then all of them. Constants that are yet to be made are compared by how.
 */
import { argAlignment, type PackedArg } from "./kernel.ts";
import { identityOf, lineageId } from "../../ir/lineage.ts";
import type { WeightSegment } from "../../ir/program.ts";
import { bytesOf, elementCount, type StoredSource, type TensorData } from "../../ir/tensor.ts";
import { storageBytes } from "../../ir/dtype.ts";

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
function fingerprint(tensor: TensorData): string {
  const { source } = tensor;
  if (source?.kind === "made") return `made ${lineageId(tensor)}`;
  return source === undefined ? sampleOf(bytesOf(tensor.elements)) : `stored ${storedSample(source)}`;
}

function sampleOf(bytes: Uint8Array): string {
  const step = Math.max(1, Math.floor(bytes.length / sampledBytes));
  let text = `${bytes.length}:`;
  for (let at = 0; at < bytes.length; at += step) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

/** Places of a file that are looked at: each is a read of its own. */
const sampledPlaces = 4;

function storedSample({ byteLength, read }: StoredSource): string {
  const length = Math.min(sampledBytes, byteLength);
  const starts = Array.from({ length: sampledPlaces }, (_, i) =>
    Math.floor(((byteLength - length) * i) / (sampledPlaces - 1)),
  );
  return `${byteLength}:${starts.map((start) => String.fromCharCode(...read(start, length))).join("")}`;
}

/** Whether two byte arrays hold the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Whether two constants of one fingerprint hold the same; those that are yet to be made do. */
const isSameContent = (a: TensorData, b: TensorData): boolean =>
  a.source?.kind === "made" || equalBytes(bytesOf(a.elements), bytesOf(b.elements));

export class WeightPool {
  readonly #segments: Segment[] = [];
  /** constants seen, by their array or source: the same array is the same constant */
  readonly #byIdentity = new Map<ReturnType<typeof identityOf>, number>();
  readonly #contents: TensorData[] = [];
  readonly #byFingerprint = new Map<string, number[]>();
  readonly #byKey = new Map<string, SegmentId>();

  /** The segment of a numeric constant as it is. */
  constant(tensor: TensorData): SegmentId {
    return this.#segment(`${this.#contentOf(tensor)}`, {
      content: `${lineageId(tensor)}`,
      byteLength: elementCount(tensor.shape) * storageBytes(tensor.dtype),
      write: (target) => {
        target.set(bytesOf(tensor.elements));
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
    const identity = identityOf(tensor);
    const seen = this.#byIdentity.get(identity);
    if (seen !== undefined) return seen;
    const print = fingerprint(tensor);
    const alike = this.#byFingerprint.get(print) ?? [];
    let content = alike.find((other) => isSameContent(tensor, this.#contents[other] as TensorData));
    if (content === undefined) {
      content = this.#contents.push(tensor) - 1;
      this.#byFingerprint.set(print, [...alike, content]);
    }
    this.#byIdentity.set(identity, content);
    return content;
  }
}

/** Empty segments take a place too, so that every address is in range. */
const align = (bytes: number): number => Math.ceil(bytes / argAlignment) * argAlignment;
