/**
 * Digests of files: `w128:` and 32 hex digits that depend on every byte. A file is cut into pieces, each has a digest, and the digest of those
 * is the file's: so pieces may come in any order, and are mixed as they come, where they lie. Not cryptographic, which would take longer than
 * all else of loading a program: it finds what was altered, it does not say who wrote it.
 */
import { hashWords, hexOf } from "../../ir/text/digest.ts";
import { type MixStripes, stripeBytes, stripesIn } from "./stripes.ts";

/** Bytes of every piece of a file but the last. */
export const pieceBytes: number = 4 * 2 ** 20;

/** The digest of bytes that lie anywhere. */
export function digestOfBytes(bytes: Uint8Array): string {
  const pieces: Uint32Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(digestCopy(bytes.subarray(at, at + pieceBytes)));
  return joinPieces(pieces, bytes.length);
}

/** The digest of a file that is part of a memory and fills up there. */
export class MemoryDigest {
  readonly #memory: WebAssembly.Memory;
  readonly #mix: MixStripes;
  readonly #offset: number;
  readonly #byteLength: number;
  readonly #pieces: Uint32Array[];

  constructor(memory: WebAssembly.Memory, offset: number, byteLength: number) {
    this.#memory = memory;
    this.#mix = stripesIn(memory);
    this.#offset = offset;
    this.#byteLength = byteLength;
    this.#pieces = new Array<Uint32Array>(Math.ceil(byteLength / pieceBytes));
  }

  /** Takes the piece that begins at byte `at` of the file, which is there to its end. */
  add(at: number): void {
    const end = Math.min(at + pieceBytes, this.#byteLength);
    this.#pieces[at / pieceBytes] = digestRange(this.#memory, this.#mix, this.#offset + at, this.#offset + end);
  }

  /** The digest, when every piece has been added. */
  finish(): string {
    return joinPieces(this.#pieces, this.#byteLength);
  }
}

/** The digest of a file that is written bit by bit. */
export class StreamDigest {
  readonly #piece: Uint8Array = new Uint8Array(pieceBytes);
  readonly #pieces: Uint32Array[] = [];
  #filled = 0;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  update(bytes: Uint8Array): void {
    this.#byteLength += bytes.length;
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + pieceBytes - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === pieceBytes) this.#close();
    }
  }

  finish(): string {
    if (this.#filled > 0) this.#close();
    return joinPieces(this.#pieces, this.#byteLength);
  }

  #close(): void {
    this.#pieces.push(digestCopy(this.#piece.subarray(0, this.#filled)));
    this.#filled = 0;
  }
}

function joinPieces(pieces: readonly Uint32Array[], byteLength: number): string {
  const words = new Uint32Array(4 * pieces.length);
  for (const [index, piece] of pieces.entries()) words.set(piece, 4 * index);
  return `w128:${hexOf(hashWords(bytesOf(words), bytesOf(Float64Array.of(byteLength))))}`;
}

const bytesOf = ({ buffer }: Uint32Array | Float64Array): Uint8Array => new Uint8Array(buffer);

/** Whole stripes by WebAssembly, the rest with what they gave. */
function digestRange(memory: WebAssembly.Memory, mix: MixStripes, begin: number, end: number): Uint32Array {
  const whole = end - ((end - begin) % stripeBytes);
  const words = whole === begin ? [] : mix(begin, whole);
  return hashWords(bytesOf(Uint32Array.from(words)), new Uint8Array(memory.buffer, whole, end - whole).slice());
}

/** A memory of one piece, for bytes that lie in none. */
interface Bench {
  readonly memory: WebAssembly.Memory;
  readonly mix: MixStripes;
}

let bench: Bench | undefined;

function openBench(): Bench {
  const memory = new WebAssembly.Memory({ initial: pieceBytes / 65_536, maximum: pieceBytes / 65_536 });
  return { memory, mix: stripesIn(memory) };
}

function digestCopy(piece: Uint8Array): Uint32Array {
  const { memory, mix } = (bench ??= openBench());
  new Uint8Array(memory.buffer).set(piece);
  return digestRange(memory, mix, 0, piece.length);
}
