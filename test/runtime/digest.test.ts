/** Digests of files: the same by whatever way the bytes come, and another one for every change. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { hashWords, hexOf } from "../../ir/text/digest.ts";
import { digestOfBytes, MemoryDigest, pieceBytes, StreamDigest } from "../../runtime/digest/digest.ts";
import { multiplier, shift, stripeBytes } from "../../runtime/digest/stripes.ts";

/** What the WebAssembly does, in JavaScript: eight vectors of four lanes, folded into the first. */
function mixStripes(bytes: Uint8Array): readonly number[] {
  const words = new Uint32Array(bytes.slice().buffer);
  const lanes = Uint32Array.from({ length: stripeBytes / 4 }, (_, lane) => Math.floor(lane / 4) + 1);
  const mix = (lane: number, word: number): void => {
    const product = Math.imul((lanes[lane] ?? 0) ^ word, multiplier) >>> 0;
    lanes[lane] = product ^ (product >>> shift);
  };
  for (const [index, word] of words.entries()) mix(index % lanes.length, word);
  for (let lane = 4; lane < lanes.length; lane++) mix(lane % 4, lanes[lane] ?? 0);
  return [...lanes.subarray(0, 4)];
}

/** The digest of a file of one piece, from its definition. */
function expectedDigest(bytes: Uint8Array): string {
  const whole = bytes.length - (bytes.length % stripeBytes);
  const stripes = Uint32Array.from(whole === 0 ? [] : mixStripes(bytes.subarray(0, whole)));
  const piece = hashWords(new Uint8Array(stripes.buffer), bytes.subarray(whole));
  const length = new Uint8Array(Float64Array.of(bytes.length).buffer);
  return `w128:${hexOf(hashWords(bytes.length === 0 ? new Uint8Array() : new Uint8Array(piece.buffer), length))}`;
}

const noise = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 2_654_435_761) >>> 24);

function inMemory(bytes: Uint8Array, offset: number, isShared: boolean): string {
  const pages = Math.ceil((offset + bytes.length) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: isShared });
  new Uint8Array(memory.buffer).set(bytes, offset);
  const digest = new MemoryDigest(memory, offset, bytes.length);
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, i) => i * pieceBytes);
  for (const at of pieces.toReversed()) digest.add(at);
  return digest.finish();
}

function streamed(bytes: Uint8Array, step: number): string {
  const digest = new StreamDigest();
  for (let at = 0; at < bytes.length; at += step) digest.update(bytes.subarray(at, at + step));
  expect(digest.byteLength).toBe(bytes.length);
  return digest.finish();
}

describe("the digest of a file", () => {
  it("is what its definition says", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
        expect(digestOfBytes(bytes)).toBe(expectedDigest(bytes));
      }),
    );
  });

  it("is the same whole, in bits, and where the bytes lie in a memory", () => {
    const bytes = noise(2 * pieceBytes + 4321);
    const digest = digestOfBytes(bytes);
    expect(streamed(bytes, 1_000_003)).toBe(digest);
    expect(streamed(bytes, bytes.length)).toBe(digest);
    expect(inMemory(bytes, 64, false)).toBe(digest);
    expect(inMemory(bytes, 72, true)).toBe(digest);
  });

  it("is another one after any change of one bit, swap, or change of length", () => {
    const bytes = noise(3000);
    const digests = new Set([digestOfBytes(bytes)]);
    for (let bit = 0; bit < 8 * 300; bit++) {
      const changed = bytes.slice();
      const at = bit * 10;
      changed[at >> 3] = (changed[at >> 3] ?? 0) ^ (1 << (at & 7));
      digests.add(digestOfBytes(changed));
    }
    expect(digests.size).toBe(2401);
    // the sign of every number: the highest bits of all lanes at once
    digests.add(digestOfBytes(bytes.map((byte, i) => (i % 4 === 3 ? byte ^ 0x80 : byte))));
    const swapped = bytes.slice();
    swapped.copyWithin(0, stripeBytes, 2 * stripeBytes);
    swapped.set(bytes.subarray(0, stripeBytes), stripeBytes);
    digests.add(digestOfBytes(swapped));
    for (const length of [0, 1, 2, 127, 128, 129, 2999]) digests.add(digestOfBytes(bytes.subarray(0, length)));
    for (const length of [1, 2, 128, 256]) digests.add(digestOfBytes(new Uint8Array(length)));
    expect(digests.size).toBe(2401 + 2 + 7 + 4);
  });
});
