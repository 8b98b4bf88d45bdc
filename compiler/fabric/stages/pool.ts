/**
 * Pooling: a window of each channel becomes one element. Taps outside the input are left out: the positions of the result fall into classes by the
 * taps that lie inside, and each class has a nest of its own.
 */
import { nth } from "../../../ir/access.ts";
import { arg } from "../../../ir/expr.ts";
import type { Operation } from "../../../ir/fabric/program.ts";
import type { OpOf } from "../../../ir/graph.ts";
import type { Range } from "../../../ir/machine/mapping.ts";
import { imageOf } from "../../kernels/nests/images.ts";
import { type Access, coefficientsOf, type Variable } from "../nest.ts";
import { loopsOf, type Piece, type StageWriter } from "../phases.ts";
import { accumulate, shareOf, type Pieces } from "./accumulate.ts";

/** A dim that windows slide along: at value `p` of the position and `t` of the tap they touch `offset + step * p + dilation * t`. */
interface Slide {
  readonly position: Variable;
  readonly tap: Variable;
  readonly taps: number;
  readonly size: number;
  readonly offset: number;
  readonly step: number;
  readonly dilation: number;
  /** positions behind the input that count as padding */
  readonly padded: number;
}

export function writePool(writer: StageWriter, op: OpOf<"pool">): void {
  if (op.fn === "lp") return writer.refuse("pooling by a norm has no fabric program");
  const x = nth(writer.reads, 0);
  const slides = slidesOf(writer, op, x);
  const inside: Pieces = (variables) => (_, ranges) => classes(slides, variables, ranges);
  const isCut = slides.some(({ tap }) => tap.terms.some(({ loop }) => writer.isCut(loop)));
  const pieces = slides.length === 0 ? {} : { pieces: inside };
  if (op.fn === "max") {
    const most: Operation = { kind: "combine", with: "max" };
    const starts = isCut ? { starts: -Infinity } : {};
    accumulate(writer, { combiner: "max", operation: most, args: [x], finish: null, ...pieces, ...starts });
    return;
  }
  const taps = op.kernel.reduce((product, size) => product * size, 1);
  const divided = (count: number): Operation => ({
    kind: "map",
    expr: shareOf(arg(0), count),
  });
  const counted: Pieces = (variables) => (_, ranges) =>
    countClasses(slides, variables, ranges, op.countPadding).map(({ ranges: own, count }) => ({
      ranges: own,
      operation: divided((taps / slides.reduce((product, { taps: all }) => product * all, 1)) * count),
    }));
  accumulate(writer, {
    combiner: "add",
    operation: { kind: "combine", with: "add" },
    args: [x],
    finish: {
      expr: shareOf(arg(0), taps),
      others: [],
      ...(slides.length === 0 ? {} : { pieces: counted }),
    },
    ...pieces,
    ...(isCut ? { starts: 0 } : {}),
  });
}

/** The dims along which some window reaches beyond the input. */
function slidesOf(writer: StageWriter, op: OpOf<"pool">, { axes }: Access): Slide[] {
  const { kernel, variables, made, graph } = writer;
  const type = graph.values[nth(op.inputs, 0)]?.type;
  const { spatial } = imageOf(type?.kind === "tensor" ? type.shape : [], op.layout);
  const kept = new Set(made.axes.flatMap(loopsOf));
  const isTap = ({ terms }: Variable): boolean => !terms.some(({ loop }) => kept.has(loop));
  const slides: Slide[] = [];
  for (const axis of axes) {
    if (axis.kind !== "index") continue;
    const steps = coefficientsOf(axis, variables, kernel.loops);
    const moving = variables.flatMap((variable, index) => {
      const step = steps?.[index] ?? 0;
      return step === 0 ? [] : [{ variable, step, size: sizeOf(writer, variable) }];
    });
    const least = moving.reduce((sum, { step, size }) => sum + Math.min(0, step * (size - 1)), axis.offset);
    const most = moving.reduce((sum, { step, size }) => sum + Math.max(0, step * (size - 1)), axis.offset);
    if (least >= 0 && most < axis.size) continue;
    const [tap, ...moreTaps] = moving.filter(({ variable }) => isTap(variable));
    const [position, ...morePositions] = moving.filter(({ variable }) => !isTap(variable));
    if (tap === undefined || position === undefined || moreTaps.length + morePositions.length > 0)
      return writer.refuse("pooling over padding along a dim that is cut in two ways has no fabric program");
    const dims = spatial.flatMap((size, dim) =>
      size === axis.size && op.kernel[dim] === tap.size && op.dilations[dim] === tap.step ? [dim] : [],
    );
    const pads = new Set(dims.map((dim) => nth(op.padsEnd, dim)));
    const [padded, ...otherPads] = pads;
    if (padded === undefined || (otherPads.length > 0 && op.countPadding))
      return writer.refuse("pooling whose padding cannot be told by dim has no fabric program");
    slides.push({
      position: position.variable,
      tap: tap.variable,
      taps: tap.size,
      size: axis.size,
      offset: axis.offset,
      step: position.step,
      dilation: tap.step,
      padded,
    });
  }
  return slides;
}

function sizeOf({ kernel }: StageWriter, { terms }: Variable): number {
  return terms.reduce((last, { loop, factor }) => {
    const size = kernel.loops.find(({ name }) => name === loop)?.size ?? 1;
    return last + factor * (size - 1);
  }, 1);
}

/** Taps of a window, of those given, that touch positions from `least` to below `end`. */
function tapsWithin(slide: Slide, position: number, taps: Range, least: number, end: number): Range {
  const start = slide.offset + slide.step * position;
  return {
    begin: Math.max(taps.begin, Math.ceil((least - start) / slide.dilation)),
    end: Math.min(taps.end, Math.ceil((end - start) / slide.dilation)),
  };
}

/** Runs of positions that are alike. */
function runsOf<T>(
  range: Range,
  of: (position: number) => T,
  isSame: (a: T, b: T) => boolean,
): { at: Range; what: T }[] {
  const runs: { at: Range; what: T }[] = [];
  for (let position = range.begin; position < range.end; position++) {
    const what = of(position);
    const last = runs.at(-1);
    if (last !== undefined && isSame(last.what, what)) last.at = { begin: last.at.begin, end: position + 1 };
    else runs.push({ at: { begin: position, end: position + 1 }, what });
  }
  return runs;
}

/** Parts of a nest whose windows have the same taps inside the input. */
function classes(slides: readonly Slide[], variables: readonly Variable[], ranges: readonly Range[]): Piece[] {
  let parts: (readonly Range[])[] = [ranges];
  for (const slide of slides) {
    const position = variables.indexOf(slide.position);
    const tap = variables.indexOf(slide.tap);
    parts = parts.flatMap((own) => {
      const runs = runsOf(
        nth(own, position),
        (at) => tapsWithin(slide, at, nth(own, tap), 0, slide.size),
        (a, b) => a.begin === b.begin && a.end === b.end,
      );
      return runs.map(({ at, what }) => own.with(position, at).with(tap, what));
    });
  }
  return parts.filter((own) => own.every(({ begin, end }) => begin < end)).map((own) => ({ ranges: own }));
}

/** Parts of a nest over the result whose windows have equally many taps that count. */
function countClasses(
  slides: readonly Slide[],
  variables: readonly Variable[],
  ranges: readonly Range[],
  countPadding: boolean,
): { readonly ranges: readonly Range[]; readonly count: number }[] {
  let parts: { readonly ranges: readonly Range[]; readonly count: number }[] = [{ ranges, count: 1 }];
  for (const slide of slides) {
    const position = variables.indexOf(slide.position);
    const [least, end] = countPadding ? [slide.offset, slide.size + slide.padded] : [0, slide.size];
    parts = parts.flatMap(({ ranges: own, count }) => {
      const counted = (at: number): number => {
        const taps = tapsWithin(slide, at, { begin: 0, end: slide.taps }, least, end);
        return Math.max(0, taps.end - taps.begin);
      };
      return runsOf(nth(own, position), counted, (a, b) => a === b).map(({ at, what }) => ({
        ranges: own.with(position, at),
        count: count * what,
      }));
    });
  }
  return parts;
}
