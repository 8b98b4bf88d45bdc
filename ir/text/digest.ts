/**
 * Names for large constants: a hash of type and contents, so that the text of a graph shows when weights differ without holding them. 128 bits,
 * fast, the same everywhere, and not cryptographic: it tells tensors of one model apart, it is no proof of where a file came from.
 */
import { bytesOf, type TensorData } from "../tensor.ts";
import { showShape } from "../types.ts";

/**
 * What text calls a constant: its digest where its elements are at hand. Others are told apart without reading them, by the range of a file, or by
 * how they are made: `weights.bin@4096+1024`, `made:` and 32 hex digits.
 */
export function constantName(tensor: TensorData): string {
  const { source } = tensor;
  if (source === undefined) return digestOf(tensor);
  if (source.kind === "stored") return `${source.file}@${source.offset}+${source.byteLength}`;
  const known = madeNames.get(source);
  if (known !== undefined) return known;
  const parts = [source.recipe, ...source.from.map((part) => `${constantName(part)} ${typeText(part)}`)];
  const name = `made:${hexOf(hashWords(...parts.map((part) => new TextEncoder().encode(part))))}`;
  madeNames.set(source, name);
  return name;
}

const madeNames = new WeakMap<object, string>();

const typeText = ({ dtype, shape }: TensorData): string => `${dtype}${showShape(shape)}`;

/** Four odd multipliers (the fractions of the square roots of 2, 3, 5 and 7), one for each lane of the state. */
const multipliers = [0x6a09e667, 0xbb67ae85, 0x3c6ef373, 0xa54ff53b] as const;

const known = new WeakMap<object, { readonly type: string; readonly digest: string }>();

/** `h128:` and 32 hex digits that depend on dtype, shape and every element. Remembered for as long as the elements live. */
export function digestOf(tensor: TensorData): string {
  const type = typeText(tensor);
  const before = known.get(tensor.elements);
  if (before?.type === type) return before.digest;
  const digest = hashHex(new TextEncoder().encode(type), contentBytes(tensor));
  known.set(tensor.elements, { type, digest });
  return digest;
}

const contentBytes = ({ elements }: TensorData): Uint8Array =>
  ArrayBuffer.isView(elements) ? bytesOf(elements) : new TextEncoder().encode(JSON.stringify(elements));

const hashHex = (...parts: readonly Uint8Array[]): string => `h128:${hexOf(hashWords(...parts))}`;

/** Four words that depend on every byte of every part. */
export function hashWords(...parts: readonly Uint8Array[]): Uint32Array {
  const state = Uint32Array.from(multipliers);
  for (const part of parts) absorb(state, part);
  scramble(state);
  return state;
}

export const hexOf = (words: Uint32Array): string =>
  Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");

const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** Mixes bytes, 16 at a time, into the state; the length closes each part, so that parts cannot run into one another. */
function absorb(state: Uint32Array, bytes: Uint8Array): void {
  const words = wordsOf(bytes);
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (let i = 0; i < words.length; i += 4) {
    a = Math.imul(rotate(a ^ (words[i] ?? 0), 13) + d, multipliers[0]);
    b = Math.imul(rotate(b ^ (words[i + 1] ?? 0), 17) + a, multipliers[1]);
    c = Math.imul(rotate(c ^ (words[i + 2] ?? 0), 19) + b, multipliers[2]);
    d = Math.imul(rotate(d ^ (words[i + 3] ?? 0), 11) + c, multipliers[3]);
  }
  state.set([a ^ bytes.length, b, c, d ^ Math.floor(bytes.length / 2 ** 32)]);
  scramble(state);
}

/** Lets every bit of the state reach every other. */
function scramble(state: Uint32Array): void {
  for (let round = 0; round < 12; round++) {
    const lane = round % 4;
    const before = state[(lane + 3) % 4] ?? 0;
    const mixed = Math.imul((state[lane] ?? 0) ^ (before >>> 15) ^ before, multipliers[lane] ?? 0);
    state[lane] = mixed ^ (mixed >>> 13);
  }
}

/** Little-endian words (as on every machine that runs WebAssembly engines), zeros behind the last byte. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const isWhole = bytes.byteOffset % 4 === 0 && bytes.byteLength % 4 === 0;
  if (isWhole) return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const padded = new Uint8Array(Math.ceil(bytes.byteLength / 4) * 4);
  padded.set(bytes);
  return new Uint32Array(padded.buffer);
}
