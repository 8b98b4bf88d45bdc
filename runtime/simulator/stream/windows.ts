/** Which words of a net pass some place of it: windows of a sample's words, ascending. */
import type { Filter } from "../../../ir/fabric/program.ts";
import { flattened, type Run, type Sequence } from "./sequences.ts";

export interface Windows {
  readonly begins: Int32Array;
  readonly ends: Int32Array;
  /** words in all windows */
  readonly words: number;
  /** words of the net's sample */
  readonly all: number;
}

interface Wanted {
  readonly sequence: Sequence;
  /** words of a sample of the net, and their runs at its root */
  readonly words: number;
  readonly runs: readonly Run[];
  /** first word at the root of each sequence that passes it in one piece */
  readonly starts: ReadonlyMap<Sequence, number>;
  readonly filter: Filter | null;
  /** windows that are known already, by what they are made of */
  readonly known: Map<string, Windows>;
}

export function windowsOf({ sequence, words, runs, starts, filter, known }: Wanted): Windows {
  const isAll = sequence.words === words;
  const start = isAll ? 0 : starts.get(sequence);
  const ranges = start === undefined ? rangesOf(sequence, runs) : [{ begin: start, end: start + sequence.words }];
  const filtered = filter === null ? "" : ` filter ${filter.begin} ${filter.count} ${filter.period}`;
  const key = `${ranges.map(({ begin, end }) => `${begin} ${end}`).join(", ")}${filtered}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const kept = filter === null ? ranges : through(ranges, filter);
  const made: Windows = {
    begins: Int32Array.from(kept, ({ begin }) => begin),
    ends: Int32Array.from(kept, ({ end }) => end),
    words: kept.reduce((sum, { begin, end }) => sum + end - begin, 0),
    all: words,
  };
  known.set(key, made);
  return made;
}

interface Range {
  readonly begin: number;
  readonly end: number;
}

/** Places at the root of words that pass it in several pieces. */
function rangesOf(sequence: Sequence, runs: readonly Run[]): Range[] {
  const bySource = new Map<number, { readonly run: Run; readonly begin: number }[]>();
  let begin = 0;
  for (const run of runs) {
    bySource.set(run.source, [...(bySource.get(run.source) ?? []), { run, begin }]);
    begin += run.words;
  }
  const ranges: Range[] = [];
  for (const piece of flattened(sequence, new Map())) {
    for (const { run, begin: at } of bySource.get(piece.source) ?? []) {
      const from = Math.max(piece.offset, run.offset);
      const to = Math.min(piece.offset + piece.words, run.offset + run.words);
      if (from < to) ranges.push({ begin: at + from - run.offset, end: at + to - run.offset });
    }
  }
  return merged(ranges.sort((a, b) => a.begin - b.begin));
}

function merged(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of ranges) {
    const last = result.at(-1);
    if (last !== undefined && last.end === range.begin)
      result[result.length - 1] = { begin: last.begin, end: range.end };
    else result.push(range);
  }
  return result;
}

/** What a filter lets through: windows of every period. */
function through(ranges: readonly Range[], { begin, count, period }: Filter): Range[] {
  const kept: Range[] = [];
  let passed = 0;
  for (const range of ranges) {
    const words = range.end - range.begin;
    for (let first = Math.floor(passed / period) * period; first < passed + words; first += period) {
      const from = Math.max(first + begin, passed);
      const to = Math.min(first + begin + count, passed + words);
      if (from < to) kept.push({ begin: range.begin + from - passed, end: range.begin + to - passed });
    }
    passed += words;
  }
  return merged(kept);
}

/** The place on its net of a sink's word, counted over all samples. */
export function placeOn({ begins, ends, words, all }: Windows, word: number): number {
  const sample = Math.floor(word / words);
  let rest = word - sample * words;
  for (let index = 0; index < begins.length; index++) {
    const size = (ends[index] as number) - (begins[index] as number);
    if (rest < size) return sample * all + (begins[index] as number) + rest;
    rest -= size;
  }
  throw new Error("internal: a word beyond all windows");
}

/** Words of windows among words begin..end-1 of a sample. */
export function overlap({ begins, ends }: Windows, begin: number, end: number): number {
  let sum = 0;
  for (let index = 0; index < begins.length; index++) {
    const from = Math.max(begin, begins[index] as number);
    const to = Math.min(end, ends[index] as number);
    if (from < to) sum += to - from;
  }
  return sum;
}

/** A sink's words among the first words of its net, counted over all samples. */
export function wordsBefore(windows: Windows, place: number): number {
  const sample = Math.floor(place / windows.all);
  return sample * windows.words + overlap(windows, 0, place - sample * windows.all);
}
