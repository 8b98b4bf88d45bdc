/**
 * The fast part of a file's digest: a WebAssembly module that mixes the bytes of a memory where they lie, 128 at a time, faster than a disk or a
 * network brings them. It is assembled here, since the runtime has no compiler at hand.
 */

/** Bytes that are mixed at a time: eight vectors, so that the multiplications of one need not wait for those of another. */
export const stripeBytes = 128;
const vectorBytes = 16;
const vectors = stripeBytes / vectorBytes;

/** An odd number with bits all over it (the fraction of the golden ratio): what every lane is multiplied by. */
export const multiplier = 0x9e3779b1;
/** The upper bits of a product come down by so many places: products alone carry bits upwards only. */
export const shift = 15;

/** Four words that depend on every byte from `begin` to `end`, whole stripes of the memory. */
export type MixStripes = (begin: number, end: number) => readonly number[];

/** The function over a memory of this program's or of one's own. */
export function stripesIn(memory: WebAssembly.Memory): MixStripes {
  const isShared = (memory.buffer as ArrayBufferLike)[Symbol.toStringTag] === "SharedArrayBuffer";
  const module = isShared ? (sharedModule ??= compile(true)) : (plainModule ??= compile(false));
  return new WebAssembly.Instance(module, { env: { memory } }).exports["mix"] as MixStripes;
}

let plainModule: WebAssembly.Module | undefined;
let sharedModule: WebAssembly.Module | undefined;

const compile = (isShared: boolean): WebAssembly.Module => new WebAssembly.Module(Uint8Array.from(assemble(isShared)));

// ---- the module --------------------------------------------------------------------------------------------------------------------

type Code = readonly number[];

/** An unsigned and a signed number as binaries of WebAssembly have them (LEB128). */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}
function signed(value: number): Code {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

const type = { i32: 0x7f, v128: 0x7b } as const;
const op = {
  loop: (body: Code): Code => [0x03, 0x40, ...body, 0x0b],
  againIf: [0x0d, 0] as Code,
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number): Code => [0x21, ...unsigned(local)],
  tee: (local: number): Code => [0x22, ...unsigned(local)],
  i32: (value: number): Code => [0x41, ...signed(value | 0)],
  i32Add: [0x6a] as Code,
  i32LessUnsigned: [0x49] as Code,
  load: (offset: number): Code => [0xfd, 0, 0, ...unsigned(offset)],
  splat: [0xfd, 17] as Code,
  lane: (index: number): Code => [0xfd, 27, index],
  xor: [0xfd, 0x51] as Code,
  shiftRight: [0xfd, ...unsigned(0xad)] as Code,
  multiply: [0xfd, ...unsigned(0xb5)] as Code,
} as const;

const [begin, end, factor] = [0, 1, 2];
const accumulator = (index: number): number => 3 + index;

/** accumulator = (accumulator xor what is on the stack) * multiplier, its upper bits brought down. */
const mixInto = (local: number): Code => [
  ...op.get(local),
  ...op.xor,
  ...op.get(factor),
  ...op.multiply,
  ...op.tee(local),
  ...op.get(local),
  ...op.i32(shift),
  ...op.shiftRight,
  ...op.xor,
  ...op.set(local),
];

function mixBody(): Code {
  const indices = Array.from({ length: vectors }, (_, index) => index);
  return [
    ...op.i32(multiplier),
    ...op.splat,
    ...op.set(factor),
    // equal stripes under different accumulators differ
    ...indices.flatMap((i) => [...op.i32(i + 1), ...op.splat, ...op.set(accumulator(i))]),
    ...op.loop([
      ...indices.flatMap((i) => [...op.get(begin), ...op.load(i * vectorBytes), ...mixInto(accumulator(i))]),
      ...[...op.get(begin), ...op.i32(stripeBytes), ...op.i32Add, ...op.tee(begin), ...op.get(end)],
      ...op.i32LessUnsigned,
      ...op.againIf,
    ]),
    ...indices.slice(1).flatMap((i) => [...op.get(accumulator(i)), ...mixInto(accumulator(0))]),
    ...[0, 1, 2, 3].flatMap((i) => [...op.get(accumulator(0)), ...op.lane(i)]),
  ];
}

function assemble(isShared: boolean): Code {
  const sized = (bytes: Code): Code => [...unsigned(bytes.length), ...bytes];
  const section = (id: number, bytes: Code): Code => [id, ...sized(bytes)];
  const name = (text: string): Code => sized(Array.from(text, (letter) => letter.charCodeAt(0)));
  const { i32, v128 } = type;
  const signature = [0x60, ...sized([i32, i32]), ...sized([i32, i32, i32, i32])];
  const limits = isShared ? [3, 0, ...unsigned(65_536)] : [0, 0];
  const locals = [1, ...unsigned(1 + vectors), v128];
  return [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, ...signature]),
    ...section(2, [1, ...name("env"), ...name("memory"), 2, ...limits]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("mix"), 0, 0]),
    ...section(10, [1, ...sized([...locals, ...mixBody(), 0x0b])]),
  ];
}
