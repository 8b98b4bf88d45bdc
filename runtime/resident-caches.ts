/**
 * Caches of open programs that stay in memory: what a run gives is a tensor whose elements lie where the next run reads them, so that feeding it again copies
 * nothing. Its elements are copied out when somebody asks for them, or before anything else is written over them; so it is as constant as any other result.
 *
 *     positions of a cache:  [ past ......... | added by the last run ]       a run writes behind what it is fed, never before
 */
import { nth } from "../ir/access.ts";
import { evaluateDim, type DimBinding } from "../ir/dim.ts";
import type { DType } from "../ir/dtype.ts";
import type { OpenCache, OpenProgram } from "../ir/open/program.ts";
import type { Program } from "../ir/program.ts";
import type { Elements, TensorData } from "../ir/tensor.ts";
import type { HostValue } from "./host/value.ts";
import { gatherPieces, type PartValue } from "./memory.ts";

/** Where the positions of a cache are: matrices `stride` bytes apart from `offset` on. */
interface Ground {
  readonly bytes: () => Uint8Array;
  readonly offset: number;
  readonly stride: number;
}

/** What a cache holds while positions are only added: all tensors of one line are beginnings of it. */
export class CacheLine {
  readonly #innerBytes: number;
  readonly #outer: number;
  #ground: Ground;
  /** positions that belong to it */
  length: number;

  constructor(ground: Ground, innerBytes: number, outer: number, length: number) {
    this.#ground = ground;
    this.#innerBytes = innerBytes;
    this.#outer = outer;
    this.length = length;
  }

  /** The elements of its first `positions`. */
  read(dtype: DType, shape: readonly number[], positions: number): Elements {
    const { bytes, offset, stride } = this.#ground;
    return gatherPieces(bytes(), { dtype, shape, offset, pieceBytes: positions * this.#innerBytes, stride }).elements;
  }

  /** Moves it out of the program's memory. */
  save(): void {
    const pieceBytes = this.length * this.#innerBytes;
    const { bytes, offset, stride } = this.#ground;
    const saved = gatherPieces(bytes(), { dtype: "u8", shape: [this.#outer * pieceBytes], offset, pieceBytes, stride });
    const kept = saved.elements as Uint8Array;
    this.#ground = { bytes: () => kept, offset: 0, stride: pieceBytes };
  }
}

/** A result that lies in a cache. */
export class ResidentTensor implements TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly line: CacheLine;
  readonly positions: number;

  constructor(dtype: DType, shape: readonly number[], line: CacheLine, positions: number) {
    this.dtype = dtype;
    this.shape = shape;
    this.line = line;
    this.positions = positions;
  }

  /** A copy, each time. */
  get elements(): Elements {
    return this.line.read(this.dtype, this.shape, this.positions);
  }
}

/** The caches of one open program, in its memory. */
export class ResidentCaches {
  readonly #program: OpenProgram;
  readonly #memory: WebAssembly.Memory;
  readonly #lines: (CacheLine | null)[];
  #layout = "";

  constructor(program: OpenProgram, memory: WebAssembly.Memory) {
    this.#program = program;
    this.#memory = memory;
    this.#lines = program.caches.map(() => null);
  }

  /** Prepares a run of a closed form; gives the inputs that need not be written, as they lie where they are read. */
  begin(closed: Program, binding: DimBinding, inputs: readonly HostValue[]): ReadonlySet<number> {
    this.#settle(closed);
    const there = new Set<number>();
    const next = this.#program.caches.map((cache, index): CacheLine => {
      const present = evaluateDim(cache.present, binding);
      const [line, value] = [this.#lines[index] ?? null, nth(inputs, cache.input)];
      const isThere = value instanceof ResidentTensor && line !== null && value.line === line;
      if (isThere) there.add(cache.input);
      // further positions of the line would be written over
      if (isThere && line.length === value.positions) {
        line.length = present;
        return line;
      }
      line?.save();
      return new CacheLine(this.#ground(closed, cache), cache.innerBytes, evaluateDim(cache.outer, binding), present);
    });
    for (const [index, line] of next.entries()) this.#lines[index] = line;
    return there;
  }

  /** The result of a run that lies in a cache; null for others. */
  resultOf(closed: Program, binding: DimBinding, output: number): ResidentTensor | null {
    const index = this.#program.caches.findIndex((cache) => cache.output === output);
    const line = this.#lines[index];
    if (line == null) return null;
    const { dtype, shape } = partAt(closed, nth(closed.outputs, output).slot);
    return new ResidentTensor(dtype, shape, line, evaluateDim(nth(this.#program.caches, index).present, binding));
  }

  /** What the caches hold goes to arrays: the memory is about to be used otherwise. */
  leave(): void {
    for (const [index, line] of this.#lines.entries()) {
      line?.save();
      this.#lines[index] = null;
    }
  }

  /** Caches lie elsewhere than before: what they held goes to arrays. */
  #settle(closed: Program): void {
    const places = this.#program.caches.map((cache) => this.#ground(closed, cache));
    const layout = places.map(({ offset, stride }) => `${offset} ${stride}`).join();
    if (layout === this.#layout) return;
    this.#layout = layout;
    this.leave();
  }

  #ground(closed: Program, { output }: OpenCache): Ground {
    const { offset, stride } = partAt(closed, nth(closed.outputs, output).slot);
    return { bytes: () => new Uint8Array(this.#memory.buffer), offset, stride };
  }
}

function partAt({ values }: Program, slot: number): PartValue {
  const value = nth(values, slot);
  if (value.kind !== "part") throw new Error("internal: a cache lies in pieces");
  return value;
}
