/**
 * What is assumed of open dims while a graph is made: the ranges of its symbols, and guards. A question about sizes that ranges do not answer
 * is answered as it is for the shapes at hand (the witness), and the answer is written down: the program then holds for all shapes for which the
 * guards hold, and others get a program of their own. So no answer is ever a guess.
 */
import {
  areStatic,
  boundsOf,
  type Dim,
  type DimBinding,
  type DimRanges,
  evaluateDim,
  isOpenDim,
  sameDim,
  showDim,
  showDims,
  subDims,
} from "./dim.ts";

export type DimRelation = "==" | "<" | "<=";

/** A statement about sizes that holds, or (`holds` false) that does not. */
export interface Guard {
  readonly left: Dim;
  readonly relation: DimRelation;
  readonly right: Dim;
  readonly holds: boolean;
}

/** For which shapes an open graph or program holds. */
export interface OpenConditions {
  readonly ranges: DimRanges;
  readonly guards: readonly Guard[];
}

/** Says that something cannot be made for open dims: the caller makes it for known shapes instead. */
export class NotOpen extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "NotOpen";
  }
}

const opposites: Readonly<Record<DimRelation, string>> = { "==": "!=", "<": ">=", "<=": ">" };

/** `seq != 1`, `past + seq <= 1024`. */
export const showGuard = ({ left, relation, right, holds }: Guard): string =>
  `${showDim(left)} ${holds ? relation : opposites[relation]} ${showDim(right)}`;

export const compareSizes = (left: number, relation: DimRelation, right: number): boolean =>
  relation === "==" ? left === right : relation === "<" ? left < right : left <= right;

export const guardHolds = ({ left, relation, right, holds }: Guard, binding: DimBinding): boolean =>
  compareSizes(evaluateDim(left, binding), relation, evaluateDim(right, binding)) === holds;

/** The answer that holds for all sizes within the ranges, or null. */
export function provenRelation(left: Dim, relation: DimRelation, right: Dim, ranges: DimRanges): boolean | null {
  if (!isOpenDim(left) && !isOpenDim(right)) return compareSizes(left, relation, right);
  if (sameDim(left, right)) return relation !== "<";
  const { least, most } = boundsOf(subDims(left, right), ranges);
  switch (relation) {
    case "==":
      if (least > 0 || most < 0) return false;
      return least === 0 && most === 0 ? true : null;
    case "<":
      return most < 0 ? true : least >= 0 ? false : null;
    case "<=":
      return most <= 0 ? true : least > 0 ? false : null;
  }
}

/** Ranges, a witness and the guards so far, which grow while a graph is made. */
export class Assumptions {
  readonly ranges: DimRanges;
  readonly witness: DimBinding;
  readonly #guards = new Map<string, Guard>();

  constructor(witness: DimBinding, ranges: DimRanges) {
    this.witness = witness;
    this.ranges = ranges;
  }

  get conditions(): OpenConditions {
    return { ranges: this.ranges, guards: [...this.#guards.values()] };
  }

  decide(left: Dim, relation: DimRelation, right: Dim): boolean {
    const proven = provenRelation(left, relation, right, this.ranges);
    if (proven !== null) return proven;
    const key = `${showDim(left)} ${relation} ${showDim(right)}`;
    const known = this.#guards.get(key);
    if (known !== undefined) return known.holds;
    const holds = compareSizes(evaluateDim(left, this.witness), relation, evaluateDim(right, this.witness));
    this.#guards.set(key, { left, relation, right, holds });
    return holds;
  }
}

/** Sizes that must be known; throws NotOpen, with what asks for them, where one is open. */
export function staticDims(dims: readonly Dim[], what: string): readonly number[] {
  if (areStatic(dims)) return dims;
  throw new NotOpen(`${what} of ${showDims(dims)}`);
}

/** The first condition that a binding breaks, for people; null where it meets all. */
export function brokenCondition({ ranges, guards }: OpenConditions, binding: DimBinding): string | null {
  for (const [name, { least, most }] of ranges) {
    const size = binding.get(name);
    if (size === undefined) return `${name} has no size`;
    if (size < least || size > most) return `${name} is ${size}, must be ${least} to ${most}`;
  }
  const broken = guards.find((guard) => !guardHolds(guard, binding));
  return broken === undefined ? null : showGuard(broken);
}
