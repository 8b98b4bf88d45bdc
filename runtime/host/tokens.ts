/** Functions of tokens and keys: hashes, and where guessed tokens part from a source. */
import { fail } from "../../ir/diagnostic.ts";
import { bytesOf, elementCount, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { dtypeOf, type HostFamily, numberOf, stringsOf, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

const mixedBlock = (block: number): number => Math.imul(rotated(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);

/** MurmurHash3 of 32 bits, of A. Appleby, who put it in the public domain. */
function murmurHash(bytes: Uint8Array, seed: number): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length & ~3;
  let hash = seed | 0;
  for (let i = 0; i < whole; i += 4)
    hash = (Math.imul(rotated(hash ^ mixedBlock(words.getUint32(i, true)), 13), 5) + 0xe6546b64) | 0;
  let rest = 0;
  for (let i = bytes.length - 1; i >= whole; i--) rest = (rest << 8) | words.getUint8(i);
  if (whole < bytes.length) hash ^= mixedBlock(rest);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const utf8 = new TextEncoder();

/** The bytes of each element. */
function* keysOf(x: TensorData): Generator<Uint8Array, void, void> {
  if (x.dtype === "string") {
    for (const text of stringsOf(x)) yield utf8.encode(text);
    return;
  }
  const bytes = bytesOf(x.elements);
  const width = bytes.length / Math.max(1, elementCount(x.shape));
  for (let at = 0; at < bytes.length; at += width) yield bytes.subarray(at, at + width);
}

const murmurHash3: HostFunction = (inputs, attributes) => {
  const x = tensorAt(inputs, 0);
  const seed = numberOf(attributes, "seed");
  const hashes = Uint32Array.from(keysOf(x), (key) => murmurHash(key, seed));
  const to = dtypeOf(attributes, "to");
  return [makeTensor(to, x.shape, to === "u32" ? hashes : new Int32Array(hashes.buffer))];
};

/** Where `part` first stands in `list`, from a position on; -1 where it does not. */
function findRun(list: BigInt64Array, part: BigInt64Array, from: number): number {
  for (let at = from; at + part.length <= list.length; at++)
    if (part.every((token, i) => list[at + i] === token)) return at;
  return -1;
}

/**
 * The current tokens, and behind them the predicted ones as far as they are the source's, with the first that is not. Then, for runs of `least` to
 * `most` tokens at the end of these, where the source goes on behind the one place at which it has the run; -1 where there is not one.
 */
const bifurcation: HostFunction = (inputs, attributes) => {
  const list = (index: number): BigInt64Array => tensorAt(inputs, index).elements as BigInt64Array;
  const [source, current, before] = [list(0), list(1), tensorAt(inputs, 2)];
  const predicted = inputs[3] === undefined ? null : list(3);
  const tokens = predicted === null ? current : joined(current, accepted(source, predicted, Number(list(2)[0])));
  let place = -1;
  for (let size = numberOf(attributes, "least"); size <= numberOf(attributes, "most"); size++) {
    if (size > tokens.length) break;
    const run = tokens.subarray(tokens.length - size);
    const at = findRun(source, run, 0);
    if (at < 0) break;
    place = at + size;
    if (place >= source.length) break;
    if (findRun(source, run, at + 1) >= 0) place = -1;
  }
  return [makeTensor("i64", [tokens.length], tokens), makeTensor("i64", before.shape, BigInt64Array.of(BigInt(place)))];
};

/** The predicted tokens up to the first that differs from the source's from `start` on. */
function accepted(source: BigInt64Array, predicted: BigInt64Array, start: number): BigInt64Array {
  const count = source.length - start;
  if (!(start >= 0 && count >= 0 && predicted.length === count + 1)) {
    const message = `${predicted.length} predicted tokens behind position ${start} of ${source.length}`;
    throw fail("WSC7005", message, { subject: "BifurcationDetector" });
  }
  const equal = predicted.findIndex((token, i) => i === count || token !== source[start + i]);
  return predicted.subarray(0, equal + 1);
}

function joined(a: BigInt64Array, b: BigInt64Array): BigInt64Array {
  const both = new BigInt64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

export const tokenFunctions: HostFamily = [
  ["murmurHash3", murmurHash3],
  ["bifurcation", bifurcation],
];
