/** Lists of places as few strided descriptors, as a vector instruction takes them. */
import { descriptorDims, type Elements, type Landing, type Strided } from "../../ir/fabric/program.ts";

/** A pattern of places; `offset` -1 stands for words that are dropped. */
interface Pattern {
  readonly offset: number;
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** Descriptors that visit the places in order. */
function patternsOf(places: ArrayLike<number>): Pattern[] {
  let patterns = runsOf(places);
  for (let dim = 1; dim < descriptorDims; dim++) patterns = folded(patterns);
  return patterns;
}

function runsOf(places: ArrayLike<number>): Pattern[] {
  const runs: Pattern[] = [];
  for (let begin = 0; begin < places.length;) {
    const first = places[begin] as number;
    let end = begin + 1;
    if (first < 0) {
      while (end < places.length && (places[end] as number) < 0) end++;
      runs.push({ offset: -1, sizes: [end - begin], strides: [0] });
    } else {
      const next = places[end];
      const stride = next === undefined || next < 0 ? 1 : next - first;
      while (
        end < places.length &&
        (places[end] as number) >= 0 &&
        (places[end] as number) === (places[end - 1] as number) + stride
      )
        end++;
      runs.push({ offset: first, sizes: [end - begin], strides: [end - begin === 1 ? 1 : stride] });
    }
    begin = end;
  }
  return runs;
}

const sameShape = (a: Pattern, b: Pattern): boolean =>
  a.offset >= 0 &&
  b.offset >= 0 &&
  a.sizes.length === b.sizes.length &&
  a.sizes.every((size, dim) => size === b.sizes[dim]) &&
  a.strides.every((stride, dim) => stride === b.strides[dim]);

/** Equal patterns that follow each other at an even distance become one with a dim more. */
function folded(patterns: readonly Pattern[]): Pattern[] {
  const result: Pattern[] = [];
  for (let begin = 0; begin < patterns.length;) {
    const first = patterns[begin] as Pattern;
    const second = patterns[begin + 1];
    if (second === undefined || !sameShape(first, second)) {
      result.push(first);
      begin++;
      continue;
    }
    const step = second.offset - first.offset;
    let end = begin + 2;
    for (; end < patterns.length; end++) {
      const pattern = patterns[end] as Pattern;
      if (!sameShape(first, pattern) || pattern.offset !== (patterns[end - 1] as Pattern).offset + step) break;
    }
    result.push({ offset: first.offset, sizes: [end - begin, ...first.sizes], strides: [step, ...first.strides] });
    begin = end;
  }
  return result;
}

/** Where words of a stream go in a region; places of -1 are dropped. */
export const landingsOf = (region: string, places: ArrayLike<number>): Landing[] =>
  patternsOf(places).map(({ offset, sizes, strides }) => ({
    words: sizes.reduce((product, size) => product * size, 1),
    into: offset < 0 ? null : { region, offset, sizes, strides },
  }));

/** Words of a region in order. */
export const stridedOf = (region: string, places: ArrayLike<number>): Strided[] =>
  patternsOf(places).map(({ offset, sizes, strides }) => ({ region, offset, sizes, strides }));

/** Elements of a tensor in order; none may be -1. */
export const elementsOf = (indices: ArrayLike<number>): Elements[] =>
  patternsOf(indices).map(({ offset, sizes, strides }) => ({ offset, sizes, strides }));
