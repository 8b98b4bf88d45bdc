/** Lists of places as few strided descriptors, as a vector instruction takes them. */
import { nth } from "../../ir/access.ts";
import { arg } from "../../ir/expr.ts";
import { descriptorDims, type Elements, type Landing, type Step, type Strided } from "../../ir/fabric/program.ts";

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

/** Copies of words within a core, from place to place: few vector instructions, each along runs that are evenly spaced on both sides. */
export function pairSteps(
  from: string,
  to: string,
  pairs: readonly { readonly from: number; readonly to: number }[],
): Step[] {
  let copies = pairs.map((pair): Copy => ({ ...pair, dims: [] }));
  for (let dim = 0; dim < descriptorDims; dim++) copies = foldedCopies(copies);
  return copies.map(({ from: source, to: target, dims }) => {
    const sizes = dims.length === 0 ? [1] : dims.map(({ size }) => size);
    return {
      kind: "compute",
      operation: { kind: "map", expr: arg(0) },
      begins: false,
      sizes,
      vector: sizes.length - 1,
      out: { region: to, offset: target, strides: dims.length === 0 ? [0] : dims.map((one) => one.to) },
      args: [{ region: from, offset: source, strides: dims.length === 0 ? [0] : dims.map((one) => one.from) }],
    };
  });
}

/** A copy of words: places on both sides, and strides of both by dim. */
interface Copy {
  readonly from: number;
  readonly to: number;
  readonly dims: readonly { readonly size: number; readonly from: number; readonly to: number }[];
}

/** Equal copies that follow each other at an even distance become one with a dim more. */
function foldedCopies(copies: readonly Copy[]): Copy[] {
  const result: Copy[] = [];
  for (let begin = 0; begin < copies.length;) {
    const first = nth(copies, begin);
    const second = copies[begin + 1];
    const isSame = (other: Copy): boolean => JSON.stringify(other.dims) === JSON.stringify(first.dims);
    if (second === undefined || !isSame(second)) {
      result.push(first);
      begin++;
      continue;
    }
    const step = { from: second.from - first.from, to: second.to - first.to };
    let end = begin + 2;
    for (; end < copies.length; end++) {
      const [before, copy] = [nth(copies, end - 1), nth(copies, end)];
      if (!isSame(copy) || copy.from - before.from !== step.from || copy.to - before.to !== step.to) break;
    }
    result.push({ from: first.from, to: first.to, dims: [{ size: end - begin, ...step }, ...first.dims] });
    begin = end;
  }
  return result;
}
