/**
 * ONNX model -> open graphs for all its shapes, without shapes at hand. Each symbol has up to three classes of sizes (0, 1, from 2 on), and each combination of
 * them a graph of its own, lowered for sizes that are tried:
 *
 *     batch, seq, past, total     total == past+seq is found out by the first graph: total is no choice after that
 *     batch>=2 seq>=2 past>=2 | batch>=2 seq>=2 past=1 | … | batch=1 seq=1 past=0
 *
 * Which sizes a model admits, its operators say: what fails for some sizes is tried for others, and where it has asked whether two sizes are equal, for such.
 */
import { nth } from "../../../ir/access.ts";
import { type Assumptions, type Guard, NotOpen } from "../../../ir/assumptions.ts";
import {
  countOf,
  type DimRange,
  type DimRanges,
  type DimSubstitution,
  evaluateDim,
  solveDims,
} from "../../../ir/dim.ts";
import { fail, showName } from "../../../ir/diagnostic.ts";
import { type FamilyDim, mostOfAnyDim } from "../../../ir/open/family.ts";
import type { OpenGraph } from "../../../ir/open/graph.ts";
import { type ModelPort, modelPorts } from "../lower.ts";
import type { OnnxModel } from "../onnx.ts";
import { type DimBindings, unboundDims } from "../types.ts";
import { leastOpen, lowerOpenModel, type OpenLowering } from "./lower.ts";

/** Sizes for which there is no graph, and why. */
export interface LeftOut {
  /** `batch=1, seq>=2` */
  readonly sizes: string;
  readonly reason: string;
}

export interface OpenVariants {
  readonly graphs: readonly OpenGraph[];
  readonly dims: readonly FamilyDim[];
  readonly leftOut: readonly LeftOut[];
}

/** Names of the dims of a model's inputs that have no size, in their order. */
export const openDims = (model: OnnxModel, said: DimBindings): readonly string[] => [
  ...new Set(modelPorts(model, said).inputs.flatMap(({ type }) => unboundDims(type))),
];

export interface VariantOptions {
  /** sizes that are fixed, by symbol */
  readonly said: DimBindings;
  /** sizes that others may have; where there are none, any */
  readonly ranges: DimRanges;
  /** makes a graph ready to be compiled; throws NotOpen for one that cannot be */
  readonly prepare: (graph: OpenGraph) => OpenGraph;
}

/** A class of a symbol's sizes: a number, or all from `leastOpen` on. */
type SizeClass = number | "open";

type Cell = ReadonlyMap<string, SizeClass>;

/** Lowers a model for all its shapes; throws WSC2005, with the reason and the dims, where it cannot be compiled so. */
export function lowerVariants(model: OnnxModel, options: VariantOptions): OpenVariants {
  const { inputs } = modelPorts(model, options.said);
  const symbols = openDims(model, options.said);
  const search = new VariantSearch(model, inputs, options);
  const base = search.base(symbols);
  const free = symbols.filter((name) => !base.lowering.replaced.has(name));
  const classes = free.map((name) => classesOf(name, options.ranges));
  const zeros = free.filter((name) => search.admitsNothing(base, name));
  const admitted = classes.map((own, index) => own.filter((size) => size !== 0 || zeros.includes(nth(free, index))));
  const others = mostOthers(admitted);
  const cells = [...combinations(admitted, others)].map(
    (sizes): Cell => new Map(free.map((name, index) => [name, nth(sizes, index)])),
  );
  const found = cells.map((cell) => ({ cell, result: search.lower(cell, base) }));
  const graphs = found.flatMap(({ result }) => ("lowering" in result ? [result.lowering.graph] : []));
  const dims = symbols.map((name): FamilyDim => {
    const { least, most } = options.ranges.get(name) ?? { least: 0, most: mostOfAnyDim };
    const isFree = free.includes(name);
    return { name, least: isFree && least === 0 && !zeros.includes(name) ? 1 : least, most };
  });
  return {
    graphs,
    dims,
    leftOut: [
      ...found.flatMap(({ cell, result }) =>
        "lowering" in result ? [] : [{ sizes: showCell(cell), reason: result.reason }],
      ),
      ...(others === Infinity
        ? []
        : [
            {
              sizes: `0 or 1 for more than ${others} of the dims at once`,
              reason: `with them there would be more than ${mostVariants} programs; a range (from 2 on) for some dims leaves room for others`,
            },
          ]),
    ],
  };
}

const showCell = (cell: Cell): string =>
  [...cell].map(([name, size]) => `${showName(name)}${size === "open" ? `>=${leastOpen}` : `=${size}`}`).join(", ");

/** The classes of a symbol that its range meets, the open one first. */
function classesOf(name: string, ranges: DimRanges): readonly SizeClass[] {
  const { least, most } = ranges.get(name) ?? { least: 0, most: mostOfAnyDim };
  const known = [1, 0].filter((size) => least <= size && size <= most);
  return [...(most >= leastOpen ? (["open"] as const) : []), ...known];
}

/** Choices of one each, in their order, of which at most `others` are not the first of their kind. */
function* combinations<T>(choices: readonly (readonly T[])[], others = Infinity): Generator<readonly T[]> {
  const [own, ...further] = choices;
  if (own === undefined) {
    yield [];
    return;
  }
  for (const [index, one] of own.entries()) {
    const left = index === 0 ? others : others - 1;
    if (left < 0) return;
    for (const rest of combinations(further, left)) yield [one, ...rest];
  }
}

/** Graphs that are made of a model at most: each costs a lowering, and its weights another packing. */
const mostVariants = 64;

/** How many dims may be of another class than their first at once, so that `mostVariants` graphs are enough. */
function mostOthers(classes: readonly (readonly SizeClass[])[]): number {
  // combinations by how many are not of the first class
  let counts: readonly number[] = [1];
  for (const own of classes) {
    const before = counts;
    counts = [...before, 0].map(
      (count, others) => count + (others === 0 ? 0 : nth(before, others - 1) * (own.length - 1)),
    );
  }
  let all = 0;
  const beyond = counts.findIndex((count) => (all += count) > mostVariants);
  return beyond < 0 ? Infinity : beyond - 1;
}

type Sizes = ReadonlyMap<string, number>;

interface Variant {
  readonly sizes: Sizes;
  readonly lowering: OpenLowering;
}

type Attempt = Variant | { readonly reason: string };

/** Sizes that are tried of open symbols, the smallest step first where windows and strides ask for none: multiples that differ from symbol to symbol. */
const steps = [32, 8, 4, 2, 1] as const;
/** Combinations of classes that are tried for the graph from which the others follow. */
const mostBases = 16;
/** Attempts at sizes that operators ask for, in one line. */
const mostRepairs = 4;

class VariantSearch {
  readonly #model: OnnxModel;
  readonly #inputs: readonly ModelPort[];
  readonly #options: VariantOptions;

  constructor(model: OnnxModel, inputs: readonly ModelPort[], options: VariantOptions) {
    this.#model = model;
    this.#inputs = inputs;
    this.#options = options;
  }

  /** A graph from which the others follow: of as many open symbols as can be. */
  base(symbols: readonly string[]): Variant {
    let tried = 0;
    let reason = "no dim is open";
    for (const cell of combinations(symbols.map((name) => classesOf(name, this.#options.ranges)))) {
      if (++tried > mostBases) break;
      for (const step of steps) {
        const sizes = this.#sizesOf(new Map(symbols.map((name, index) => [name, nth(cell, index)])), step);
        const attempt = this.#attempt(sizes, mostRepairs);
        if ("lowering" in attempt) return attempt;
        reason = attempt.reason;
      }
    }
    throw fail(
      "WSC2005",
      `the model cannot be compiled for all sizes of ${symbols.map(showName).join(", ")}: ${reason}`,
      {
        hint: `bind them: ${symbols.map((name) => `--dim ${showName(name)}=N`).join(" ")}`,
      },
    );
  }

  /** Whether a symbol may be 0: where that was asked for, or where no result is empty by it. */
  admitsNothing({ sizes, lowering }: Variant, name: string): boolean {
    const range = this.#options.ranges.get(name);
    if (range !== undefined) return range.least === 0;
    const attempt = this.#attempt(completed(new Map([...sizes, [name, 0]]), lowering.replaced), mostRepairs);
    if (!("lowering" in attempt)) return false;
    const { values, outputs } = attempt.lowering.graph;
    return outputs.every(({ value }) => countOf(nth(values, value).type.dims) !== 0);
  }

  lower(cell: Cell, { sizes, lowering }: Variant): Attempt {
    const known = [...cell].flatMap(([name, size]): (readonly [string, number])[] =>
      size === "open" ? [] : [[name, size]],
    );
    const open = [...cell].flatMap(([name, size]): (readonly [string, number])[] =>
      size === "open" && (sizes.get(name) ?? 0) < leastOpen ? [[name, leastOpen]] : [],
    );
    return this.#attempt(completed(new Map([...sizes, ...open, ...known]), lowering.replaced), mostRepairs);
  }

  #sizesOf(cell: Cell, step: number): Sizes {
    return new Map(
      [...cell].map(([name, size], index) => [
        name,
        size === "open" ? within(step * (index + 2), this.#options.ranges.get(name)) : size,
      ]),
    );
  }

  /** Lowers for these sizes, or for others that the operators have asked for. */
  #attempt(sizes: Sizes, repairs: number): Attempt {
    const seen: Assumptions[] = [];
    try {
      const { said, ranges, prepare } = this.#options;
      const shapes = new Map(this.#inputs.map(({ name, type }) => [name, shapeOf(type, sizes)]));
      const lowering = lowerOpenModel(this.#model, shapes, {
        said,
        ranges,
        mayBeKnown: true,
        onAssumptions: (assumptions) => seen.push(assumptions),
      });
      return { sizes, lowering: { ...lowering, graph: prepare(lowering.graph) } };
    } catch (error) {
      if (!(error instanceof NotOpen)) throw error;
      const [assumptions] = seen;
      const others =
        repairs === 0 || assumptions === undefined ? [] : repaired(sizes, assumptions, this.#options.ranges);
      for (const other of others) {
        const attempt = this.#attempt(other, repairs - 1);
        if ("lowering" in attempt) return attempt;
      }
      return { reason: error.message };
    }
  }
}

const within = (size: number, { least, most }: DimRange = { least: 0, most: mostOfAnyDim }): number =>
  Math.min(most, Math.max(least, leastOpen, size));

/** Sizes with those of replaced symbols as they follow. */
const completed = (sizes: Sizes, replaced: DimSubstitution): Sizes =>
  new Map(
    [...sizes].map(([name, size]) => {
      const dim = replaced.get(name);
      return [name, dim === undefined ? size : evaluateDim(dim, sizes)];
    }),
  );

/** Sizes by which the last two sizes that were asked for and found different are equal. */
function repaired(sizes: Sizes, { conditions, replaced }: Assumptions, ranges: DimRanges): readonly Sizes[] {
  const asked = conditions.guards.filter(({ relation, holds }) => relation === "==" && !holds).toReversed();
  return asked
    .slice(0, 2)
    .flatMap((guard) => solutionsOf(guard, sizes, ranges).map((found) => completed(found, replaced)));
}

const solutionsOf = ({ left, right }: Guard, sizes: Sizes, ranges: DimRanges): readonly Sizes[] =>
  solveDims(left, right).flatMap(({ name, value }): Sizes[] => {
    const size = evaluateDim(value, sizes);
    const { least, most } = ranges.get(name) ?? { least: 0, most: mostOfAnyDim };
    return size >= least && size <= most ? [new Map([...sizes, [name, size]])] : [];
  });

function shapeOf(type: ModelPort["type"], sizes: Sizes): readonly number[] {
  if (type.kind === "tensor") return type.shape;
  if (type.kind !== "dynamic") throw new NotOpen(`an input is no tensor but a ${type.kind}`);
  if (type.dims === null) throw new NotOpen("an input has no declared rank");
  return type.dims.map((dim) => {
    const size = typeof dim === "number" ? dim : sizes.get(dim);
    if (size === undefined) throw new Error(`internal: no size for ${String(dim)}`);
    return size;
  });
}
