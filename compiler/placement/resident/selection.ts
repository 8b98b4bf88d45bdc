/**
 * A mapping for every kernel of a region, so that kernels and moves between layouts take least together: from the fastest of each, and from what follows best
 * on the kernels before it. Equal kernels (those of repeated layers) change together at first: one set of them after the other takes what is best while the others stay,
 * then two at once where something moves between them, until nothing gets better. Then each kernel may differ from its equals.
 */
import { defined, nth } from "../../../ir/access.ts";
import type { KernelGraph, KernelId } from "../../../ir/kernel-graph.ts";
import { conversionCost } from "../../../ir/machine/conversion.ts";
import type { Mapping } from "../../../ir/machine/mapping.ts";
import { type RegionMoves, regionMoves } from "../../../ir/machine/region-moves.ts";
import { hasSameLayout, type RegionSize, type Spread, spreadOver } from "../../../ir/machine/spread.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Choice } from "./choices.ts";

/** Choices by kernel, with what moves between them. */
export interface Chosen extends RegionMoves {
  readonly choices: readonly Choice[];
}

/** Words that one kernel makes and others read; a move for each layout that they are read in. */
interface Stream {
  readonly from: KernelId;
  readonly result: string;
  readonly edge: number;
  /** the part of the value that it is; equal for streams that carry equal parts */
  readonly partKey: string;
  readonly readers: readonly { readonly to: KernelId; readonly operand: string }[];
}

/** A layout with a number of its own; equal layouts are one. */
interface Layout {
  readonly number: number;
  readonly spread: Spread;
}

/** Rounds at most, of one kernel at a time and of two. */
const maxRounds = { one: 8, two: 3 } as const;

/** Gives the best selection that was found. */
export function selectChoices(
  graph: KernelGraph,
  target: Target,
  region: RegionSize,
  lists: readonly (readonly Choice[])[],
): Chosen {
  const search = new Selection(graph, target, region, lists);
  const better = (a: readonly Choice[], b: readonly Choice[]): readonly Choice[] =>
    search.cycles(b) < search.cycles(a) ? b : a;
  const fastest = search.improved(lists.map((list) => nth(list, 0)));
  const found = better(fastest, search.improved(search.followed()));
  // a loop that is cut along both sides lies in the same order whichever way the others are turned
  const best = better(found, search.improved(search.turned(found)));
  return {
    choices: best,
    ...regionMoves(graph, target, region, (id, name) => search.laid(id, name, nth(best, id)).spread),
  };
}

/** What is known of a region while it is searched: layouts of operands, and what it takes to get from one to another. */
class Selection {
  readonly #layouts = new Map<Choice, Map<string, Layout>>();
  readonly #byKey = new Map<string, Layout[]>();
  /** by the part of a value, the layout that it is made in, and the one that it is read in */
  readonly #conversions = new Map<string, Map<number, Map<number, number>>>();
  readonly #streams: readonly Stream[];
  /** streams that a kernel makes or reads */
  readonly #touching: readonly (readonly number[])[];
  #numbers = 0;

  readonly graph: KernelGraph;
  readonly target: Target;
  readonly region: RegionSize;
  readonly lists: readonly (readonly Choice[])[];

  constructor(graph: KernelGraph, target: Target, region: RegionSize, lists: readonly (readonly Choice[])[]) {
    this.graph = graph;
    this.target = target;
    this.region = region;
    this.lists = lists;
    this.#streams = streamsOf(graph);
    const touching = graph.kernels.map((): Set<number> => new Set());
    for (const [number, { from, readers }] of this.#streams.entries()) {
      nth(touching, from).add(number);
      for (const { to } of readers) nth(touching, to).add(number);
    }
    this.#touching = touching.map((numbers) => [...numbers]);
  }

  /** How an operand lies under a choice. Equal kernels share their choices, and the names of their operands. */
  laid(id: KernelId, name: string, choice: Choice): Layout {
    const layouts = entryOf(this.#layouts, choice, () => new Map<string, Layout>());
    const before = layouts.get(name);
    if (before !== undefined) return before;
    const kernel = nth(this.graph.kernels, id);
    const operand = defined(kernel.operands.find((one) => one.name === name));
    const spread = spreadOver(this.region, { kernel, operand, mapping: choice.mapping });
    const key = JSON.stringify([operand.dtype, spread.words, spread.spans?.map(({ size, extent }) => [size, extent])]);
    const alike = entryOf(this.#byKey, key, (): Layout[] => []);
    const known = alike.find((layout) => hasSameLayout(layout.spread, spread));
    const layout = known ?? { number: this.#numbers++, spread };
    if (known === undefined) alike.push(layout);
    layouts.set(name, layout);
    return layout;
  }

  #conversion({ edge, partKey }: Stream, made: Layout, read: Layout): number {
    const ofPart = entryOf(this.#conversions, partKey, () => new Map<number, Map<number, number>>());
    const known = entryOf(ofPart, made.number, () => new Map<number, number>());
    const before = known.get(read.number);
    if (before !== undefined) return before;
    const { part, words } = nth(this.graph.edges, edge);
    const sent = part === null ? null : { positions: part, words };
    const { cycles } = conversionCost(this.target, this.region, made.spread, read.spread, sent);
    known.set(read.number, cycles);
    return cycles;
  }

  /** Cycles of the moves of a stream: one for each layout that it is read in. Readers at or behind `end` do not count. */
  #streamCycles(number: number, taken: readonly Choice[], end: number): number {
    const stream = nth(this.#streams, number);
    const { from, result, readers } = stream;
    const made = this.laid(from, result, nth(taken, from));
    const seen: number[] = [];
    let cycles = 0;
    for (const { to, operand } of readers) {
      if (to >= end) continue;
      const read = this.laid(to, operand, nth(taken, to));
      if (read.spread.spans !== null && seen.includes(read.number)) continue;
      seen.push(read.number);
      cycles += this.#conversion(stream, made, read);
    }
    return cycles;
  }

  /** Cycles of some kernels and of all that they make and read. Kernels at or behind `end` do not read. */
  #around(ids: readonly KernelId[], taken: readonly Choice[], end: number = Infinity): number {
    return this.#cyclesWith(ids, this.#streamsAround(ids), taken, end);
  }

  #streamsAround(ids: readonly KernelId[]): readonly number[] {
    return [...new Set(ids.flatMap((id) => nth(this.#touching, id)))];
  }

  #cyclesWith(
    ids: readonly KernelId[],
    streams: readonly number[],
    taken: readonly Choice[],
    end: number,
    enough = Infinity,
  ): number {
    let sum = 0;
    for (const id of ids) sum += nth(taken, id).cost.cycles;
    for (const number of streams) {
      if (sum >= enough) break;
      sum += this.#streamCycles(number, taken, end);
    }
    return sum;
  }

  cycles(taken: readonly Choice[]): number {
    return this.#streams.reduce(
      (sum, _, number) => sum + this.#streamCycles(number, taken, Infinity),
      taken.reduce((sum, { cost }) => sum + cost.cycles, 0),
    );
  }

  /** Every kernel by what is best behind the kernels before it. */
  followed(): readonly Choice[] {
    const taken = this.lists.map((list) => nth(list, 0));
    for (const id of taken.keys()) this.#takeBest([[id]], taken, id + 1);
    return taken;
  }

  /** Every kernel with its sides exchanged, where it has such a choice. */
  turned(taken: readonly Choice[]): readonly Choice[] {
    return taken.map((choice, id) => {
      const wanted = JSON.stringify(turnedMapping(choice.mapping));
      return nth(this.lists, id).find(({ mapping }) => JSON.stringify(mapping) === wanted) ?? choice;
    });
  }

  /** Takes the best choices for some sets of equal kernels while the others stay; true where that is better than before. */
  #takeBest(sets: readonly (readonly KernelId[])[], taken: Choice[], end: number = Infinity): boolean {
    const ids = sets.flat();
    const before = ids.map((id) => nth(taken, id));
    const streams = this.#streamsAround(ids);
    let [best, cycles] = [before, this.#cyclesWith(ids, streams, taken, end)];
    const attempt = (place: number, own: number): void => {
      const set = sets[place];
      if (set === undefined) {
        const all = this.#cyclesWith(ids, streams, taken, end, cycles);
        if (all < cycles) [best, cycles] = [ids.map((each) => nth(taken, each)), all];
        return;
      }
      for (const choice of nth(this.lists, nth(set, 0))) {
        // lists are sorted: no later choice is worth its own cycles
        const total = own + choice.cost.cycles * set.length;
        if (total >= cycles) break;
        for (const id of set) taken[id] = choice;
        attempt(place + 1, total);
      }
    };
    attempt(0, 0);
    for (const [place, id] of ids.entries()) taken[id] = nth(best, place);
    return best !== before;
  }

  improved(start: readonly Choice[]): readonly Choice[] {
    const taken = [...start];
    const sets = setsOf(this.lists);
    for (let pairs = 0; pairs <= maxRounds.two; pairs++) {
      this.#rounds(sets, taken);
      if (pairs === maxRounds.two) break;
      const [areReadersBetter, arePairsBetter] = [this.#improvedReaders(taken), this.#improvedPairs(sets, taken)];
      if (!areReadersBetter && !arePairsBetter) break;
    }
    this.#rounds(
      this.lists.map((_, id) => [id]),
      taken,
    );
    return taken;
  }

  #rounds(sets: readonly (readonly KernelId[])[], taken: Choice[]): void {
    for (let round = 0; round < maxRounds.one; round++) {
      const better = sets.filter((set) => this.#takeBest([set], taken));
      if (better.length === 0) break;
    }
  }

  /** All readers of a value at once, in each of the layouts that they can all read it in: it is brought there once. */
  #improvedReaders(taken: Choice[]): boolean {
    let isBetter = false;
    for (const { readers } of this.#streams) {
      const ids = [...new Set(readers.map(({ to }) => to))];
      if (ids.length < 2) continue;
      const layouts = readers.map(
        ({ to, operand }) => new Set(nth(this.lists, to).map((choice) => this.laid(to, operand, choice).number)),
      );
      const [first, ...others] = layouts;
      for (const layout of first ?? []) {
        if (!others.every((known) => known.has(layout))) continue;
        const before = ids.map((id) => nth(taken, id));
        const cycles = this.#around(ids, taken);
        for (const { to, operand } of readers) {
          const fitting = nth(this.lists, to).filter((choice) => this.laid(to, operand, choice).number === layout);
          taken[to] = fitting.reduce((best, choice) =>
            this.#with(to, choice, taken) < this.#with(to, best, taken) ? choice : best,
          );
        }
        if (this.#around(ids, taken) < cycles) isBetter = true;
        else for (const [place, id] of ids.entries()) taken[id] = nth(before, place);
      }
    }
    return isBetter;
  }

  #with(id: KernelId, choice: Choice, taken: readonly Choice[]): number {
    return this.#around([id], taken.with(id, choice));
  }

  /** Two sets at once, where something moves between them. */
  #improvedPairs(sets: readonly (readonly KernelId[])[], taken: Choice[]): boolean {
    const setOf = new Map(sets.flatMap((set) => set.map((id) => [id, set] as const)));
    const tried = new Map<readonly KernelId[], Set<readonly KernelId[]>>();
    let isBetter = false;
    for (const [number, { from, readers }] of this.#streams.entries())
      for (const { to } of readers) {
        if (this.#streamCycles(number, taken, Infinity) === 0) break;
        const [maker, reader] = [defined(setOf.get(from)), defined(setOf.get(to))];
        const known = tried.get(maker) ?? new Set();
        tried.set(maker, known);
        if (maker === reader || known.has(reader)) continue;
        known.add(reader);
        isBetter = this.#takeBest([maker, reader], taken) || isBetter;
      }
    return isBetter;
  }
}

/** The entry of a key, made where there is none. */
function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

const turnedMapping = ({ height, width, rows, columns, reduce }: Mapping): Mapping => ({
  height: width,
  width: height,
  rows: columns,
  columns: rows,
  reduce,
});

/** Kernels that share their list of choices. */
function setsOf(lists: readonly (readonly Choice[])[]): readonly (readonly KernelId[])[] {
  const sets = new Map<readonly Choice[], KernelId[]>();
  for (const [id, list] of lists.entries()) {
    const known = sets.get(list);
    if (known === undefined) sets.set(list, [id]);
    else known.push(id);
  }
  return [...sets.values()];
}

function streamsOf({ edges }: KernelGraph): readonly Stream[] {
  const streams = new Map<number, Stream & { readers: Stream["readers"][number][] }>();
  for (const [edge, { from, result, to, operands, stream, part, words }] of edges.entries()) {
    const partKey = part === null ? "" : JSON.stringify([part, words]);
    const known = streams.get(stream) ?? { from, result, edge, partKey, readers: [] };
    streams.set(stream, known);
    for (const operand of operands) known.readers.push({ to, operand });
  }
  return [...streams.values()];
}
