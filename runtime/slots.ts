/** The values of a program while it runs, by slot: in linear memory at fixed addresses, or outside of it (strings, sequences, shapes known late). */
import type { Program, ProgramValue, SlotId } from "../ir/program.ts";
import type { TensorData } from "../ir/tensor.ts";
import { type HostValue, isTensor } from "./host/value.ts";
import { readPart, readValue, valueBytes, viewValue, writeValue } from "./memory.ts";
import type { ElementType } from "./stacking.ts";

type MemoryValue = Extract<ProgramValue, { readonly kind: "memory" }>;

export interface Move {
  readonly from: SlotId;
  readonly to: SlotId;
}

/** Bytes of linear memory that go elsewhere in it. */
interface MemoryMove {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

export class Slots {
  readonly #memory: WebAssembly.Memory;
  readonly #values: readonly ProgramValue[];
  readonly #host: (HostValue | undefined)[] = [];

  constructor(program: Program, memory: WebAssembly.Memory) {
    this.#values = program.values;
    this.#memory = memory;
  }

  /** A copy of a value, or what is held outside of memory. */
  read(slot: SlotId): HostValue {
    const value = this.#values[slot];
    if (value?.kind === "memory") return readValue(this.#memory, value);
    if (value?.kind === "part") return readPart(this.#memory, value);
    const host = this.#host[slot];
    if (host === undefined) throw new Error(`internal: slot ${slot} is read before it is written`);
    return host;
  }

  write(slot: SlotId, value: HostValue): void {
    const target = this.#values[slot];
    if (target === undefined || target.kind === "host") this.#host[slot] = value;
    else if (isTensor(value)) writeValue(this.#memory, target, value);
    else throw new Error(`internal: slot ${slot} takes a tensor`);
  }

  tensor(slot: SlotId): TensorData {
    const value = this.read(slot);
    if (!isTensor(value)) throw new Error(`internal: slot ${slot} holds no tensor`);
    return value;
  }

  /** A tensor where it lies, without a copy: valid until the next step. */
  view(slot: SlotId): TensorData {
    const value = this.#values[slot];
    return value?.kind === "memory" ? viewValue(this.#memory, value) : this.tensor(slot);
  }

  /** A value where it lies, without a copy: valid until the next step. */
  seen(slot: SlotId): HostValue {
    return this.#values[slot]?.kind === "memory" ? this.view(slot) : this.read(slot);
  }

  copy(from: SlotId, to: SlotId): void {
    const target = this.#values[to];
    this.write(to, target === undefined || target.kind === "host" ? this.read(from) : this.seen(from));
  }

  isTrue(slot: SlotId): boolean {
    return Number(this.view(slot).elements[0]) !== 0;
  }

  integer(slot: SlotId): bigint {
    return BigInt(this.view(slot).elements[0] as number | bigint);
  }

  /** What a slot that nothing has been written to would hold; its shape is `emptyShape` where the slot has none. */
  elementType(slot: SlotId, emptyShape: readonly number[] = []): ElementType {
    const value = this.#values[slot];
    if (value?.kind === "memory") return value;
    const type = value?.kind === "host" ? value.type : undefined;
    if (type?.kind === "tensor") return type;
    if (type?.kind === "dynamic") return { dtype: type.dtype, shape: emptyShape };
    throw new Error(`internal: slot ${slot} cannot be stacked`);
  }

  /** A way to write one integer again and again. */
  integerWriter(slot: SlotId): (value: number) => void {
    const target = this.#values[slot];
    if (target?.kind === "memory" && target.dtype === "i64") {
      const elements = new BigInt64Array(this.#memory.buffer, target.offset, 1);
      return (value) => (elements[0] = BigInt(value));
    }
    return (value) => {
      this.write(slot, { dtype: "i64", shape: [], elements: BigInt64Array.of(BigInt(value)) });
    };
  }

  /** A way to ask for one bool again and again. */
  flagReader(slot: SlotId): () => boolean {
    const value = this.#values[slot];
    if (value?.kind !== "memory") return () => this.isTrue(slot);
    const { elements } = viewValue(this.#memory, value);
    return () => Number(elements[0]) !== 0;
  }

  /** A way to move values as if all at once, again and again: what is read counts as it was before anything is written. */
  mover(moves: readonly Move[]): () => void {
    const direct = this.#directMoves(moves);
    if (direct !== null) {
      const memory = new Uint8Array(this.#memory.buffer);
      return () => {
        for (const { from, to, bytes } of direct) memory.copyWithin(to, from, from + bytes);
      };
    }
    return () => {
      const values = moves.map(({ from }) => this.read(from));
      for (const [index, { to }] of moves.entries()) {
        const value = values[index];
        if (value !== undefined) this.write(to, value);
      }
    };
  }

  /** The moves within memory, one after the other; null where one leads out of it, or writes over what a later one reads. */
  #directMoves(moves: readonly Move[]): readonly MemoryMove[] | null {
    const direct: MemoryMove[] = [];
    for (const { from, to } of moves) {
      const [source, target] = [this.#inMemory(from), this.#inMemory(to)];
      if (source === null || target === null || valueBytes(source) !== valueBytes(target)) return null;
      if (source.offset !== target.offset)
        direct.push({ from: source.offset, to: target.offset, bytes: valueBytes(source) });
    }
    const overlaps = (a: number, b: number, move: MemoryMove, later: MemoryMove): boolean =>
      a < b + later.bytes && b < a + move.bytes;
    const isSafe = direct.every((move, i) =>
      direct.slice(i + 1).every((later) => !overlaps(move.to, later.from, move, later)),
    );
    return isSafe ? direct : null;
  }

  #inMemory(slot: SlotId): MemoryValue | null {
    const value = this.#values[slot];
    return value?.kind === "memory" ? value : null;
  }

  /** Lets go of what is held outside of memory. */
  clear(): void {
    this.#host.length = 0;
  }
}
