/** The numbers of a run: words on their way by net, SRAM images of cores, made when they are touched first. */
import { nth } from "../../../ir/access.ts";
import type { FabricProgram } from "../../../ir/fabric/program.ts";
import { combine } from "../word/computation.ts";
import { elementsOf } from "../word/edges.ts";
import { loadedData } from "../word/load.ts";
import type { ReadyRole, ReadyStep } from "../word/cores.ts";
import type { CoreTable } from "./cores.ts";

type StreamStep = ReadyStep & { readonly kind: "stream" };

export interface ValueOptions {
  readonly constants: (value: number) => Float32Array;
  /** elements of a cache before the first step, by the name of the model's input; for programs that keep caches */
  readonly pasts?: (name: string) => Float32Array;
  readonly inputs: (name: string, sample: number) => Float32Array;
}

/** Words in order, the oldest dropped from time to time. */
class Log {
  #first = 0;
  #words: number[] = [];

  push(value: number): void {
    this.#words.push(value);
  }

  at(word: number): number {
    return nth(this.#words, word - this.#first);
  }

  forget(before: number): void {
    const count = Math.min(this.#words.length, before - this.#first);
    if (count <= 0) return;
    this.#words = this.#words.slice(count);
    this.#first += count;
  }
}

export class Values {
  readonly #program: FabricProgram;
  readonly #cores: CoreTable;
  readonly #options: ValueOptions;
  readonly #images = new Map<number, Float32Array>();
  readonly #loads: ReadonlyMap<number, readonly FabricProgram["loads"][number][]>;
  /** words that a source has put on its net, and words that have passed a net's root */
  readonly #given: Log[];
  readonly #passed: Log[];

  constructor(
    program: FabricProgram,
    cores: CoreTable,
    counts: { readonly sources: number; readonly nets: number },
    options: ValueOptions,
  ) {
    this.#program = program;
    this.#cores = cores;
    this.#options = options;
    this.#given = Array.from({ length: counts.sources }, () => new Log());
    this.#passed = Array.from({ length: counts.nets }, () => new Log());
    const loads = new Map<number, FabricProgram["loads"][number][]>();
    for (const load of program.loads) {
      const cell = load.y * program.target.width + load.x;
      const known = loads.get(cell);
      if (known === undefined) loads.set(cell, [load]);
      else known.push(load);
    }
    this.#loads = loads;
  }

  /** The SRAM of a core, constants in their places. */
  image(core: number): Float32Array {
    const known = this.#images.get(core);
    if (known !== undefined) return known;
    const { words, role } = this.#cores.roleOf(core);
    const image = new Float32Array(words);
    for (const { region: name, at, from, elements } of this.#loads.get(this.#cores.cells[core] as number) ?? []) {
      const region = role.regions.find((one) => one.name === name);
      if (region === undefined) throw new Error(`internal: a constant for region ${name}, which is not there`);
      const data = loadedData(from, this.#options);
      const indices = elementsOf(elements);
      for (let slot = 0; slot < region.slots; slot++) {
        const base = region.address / 4 + slot * region.words + at;
        for (const [word, index] of indices.entries()) image[base + word] = data[index] as number;
      }
    }
    this.#images.set(core, image);
    return image;
  }

  compute(core: number, tile: (memory: Float32Array, core: number, sample: number) => void, sample: number): void {
    tile(this.image(core), 0, sample);
  }

  /** Words first..end-1 of a step that sends go to a source. */
  send(source: number, core: number, step: StreamStep, words: readonly [number, number], sample: number): void {
    const image = this.image(core);
    for (let word = words[0]; word < words[1]; word++)
      nth(this.#given, source).push(image[placeOf(step, word, sample)] as number);
  }

  /** A word of an input of the model. */
  input(source: number, name: string, element: number, sample: number): void {
    nth(this.#given, source).push(this.#options.inputs(name, sample)[element] as number);
  }

  /** Words of a source pass the root of their net. */
  pass(net: number, source: number, first: number, end: number): void {
    const from = nth(this.#given, source);
    const to = nth(this.#passed, net);
    for (let word = first; word < end; word++) to.push(from.at(word));
    from.forget(end);
  }

  passed(net: number, place: number): number {
    return nth(this.#passed, net).at(place);
  }

  forget(net: number, before: number): void {
    nth(this.#passed, net).forget(before);
  }

  /** Word `word` of a step takes a value: it is kept, combined with its own, or dropped. */
  keep(core: number, step: StreamStep, word: number, sample: number, value: number): void {
    if ((step.places[word] as number) < 0) return;
    const image = this.image(core);
    const at = placeOf(step, word, sample);
    image[at] = step.with === null ? value : combine(step.with, image[at] as number, value);
  }

  /** Word `word` of a step that sums goes on. */
  forward(source: number, core: number, step: StreamStep, word: number, sample: number, value: number): void {
    const own = this.image(core)[placeOf(step, word, sample)] as number;
    nth(this.#given, source).push(step.with === null ? value : combine(step.with, own, value));
  }

  region(core: number, role: ReadyRole, name: string, slot: number): Float32Array {
    const region = role.role.regions.find((one) => one.name === name);
    if (region === undefined) throw new Error(`internal: no region ${name} in ${this.#program.name}`);
    const begin = region.address / 4 + slot * region.words;
    return this.image(core).slice(begin, begin + region.words);
  }
}

/** The place of a word in the SRAM of its core, in the slot of the sample. */
function placeOf({ places, segments }: StreamStep, word: number, sample: number): number {
  let index = segments.length - 1;
  while (index > 0 && nth(segments, index).begin > word) index--;
  const segment = nth(segments, index);
  return (places[word] as number) + (sample % segment.slots) * segment.perSlot;
}
