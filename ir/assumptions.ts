/**
 * What is assumed of open dims while a graph is made: the ranges of its symbols, and guards. A question about sizes that ranges do not answer
 * is answered as it is for the shapes at hand (the witness), and the answer is written down: the program then holds for all shapes for which the
 * guards hold, and others get a program of their own. So no answer is ever a guess.
 *
 * An equality that is answered so is used: where it gives a symbol in terms of others (`total == past+seq`), the symbol is that from then on,
 * so that sizes which are equal by it have one form. A symbol that is replaced stands on a dim of an input; comparing that dim with what it is fed checks the
 * equality, which needs no guard then.
 */
import {
  areStatic,
  boundsOf,
  type Dim,
  type DimBinding,
  type DimRange,
  type DimRanges,
  type DimSubstitution,
  evaluateDim,
  isOpenDim,
  isPlainSum,
  sameDim,
  showDim,
  showDims,
  solveDims,
  subDims,
  substituteDim,
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

/** Ranges, a witness, and the guards and equalities so far, which grow while a graph is made. */
export class Assumptions {
  readonly witness: DimBinding;
  readonly #ranges: Map<string, DimRange>;
  #guards = new Map<string, Guard>();
  #replaced = new Map<string, Dim>();

  constructor(witness: DimBinding, ranges: DimRanges) {
    this.witness = witness;
    this.#ranges = new Map(ranges);
  }

  /** of the symbols that are left */
  get ranges(): DimRanges {
    return this.#ranges;
  }

  get conditions(): OpenConditions {
    return { ranges: this.#ranges, guards: [...this.#guards.values()] };
  }

  /** what symbols have turned out to be, in terms of those that are left */
  get replaced(): DimSubstitution {
    return this.#replaced;
  }

  /** The size in terms of the symbols that are left. */
  canonical(dim: Dim): Dim {
    return substituteDim(dim, this.#replaced);
  }

  decide(left: Dim, relation: DimRelation, right: Dim): boolean {
    return this.#decide(this.canonical(left), relation, this.canonical(right));
  }

  #decide(left: Dim, relation: DimRelation, right: Dim): boolean {
    const proven = provenRelation(left, relation, right, this.#ranges);
    if (proven !== null) return proven;
    const key = guardKey(left, relation, right);
    const known = this.#guards.get(key);
    if (known !== undefined) return known.holds;
    const holds = compareSizes(evaluateDim(left, this.witness), relation, evaluateDim(right, this.witness));
    if (relation === "==" && holds && this.#replace(left, right)) return true;
    this.#guards.set(key, { left, relation, right, holds });
    return holds;
  }

  /** Uses an equality that holds: a symbol that it gives is replaced everywhere. False where it gives none. */
  #replace(left: Dim, right: Dim): boolean {
    const order = [...this.#ranges.keys()];
    // what is a sum of others rather than a difference; of equal symbols, the one that came last
    const [solved] = [...solveDims(left, right)].sort(
      (a, b) =>
        Number(isPlainSum(b.value)) - Number(isPlainSum(a.value)) || order.indexOf(b.name) - order.indexOf(a.name),
    );
    if (solved === undefined) return false;
    const { name, value } = solved;
    const range = this.#ranges.get(name);
    if (range === undefined) throw new Error(`internal: the dim ${name} has no range`);
    this.#ranges.delete(name);
    const now: DimSubstitution = new Map([[name, value]]);
    this.#replaced = new Map([
      ...[...this.#replaced].map(([of, dim]) => [of, substituteDim(dim, now)] as const),
      ...now,
    ]);
    const guards = [...this.#guards.values()];
    this.#guards = new Map();
    for (const { left: own, relation, right: other } of guards) this.decide(own, relation, other);
    // what held of the symbol holds of what it is
    this.decide(range.least, "<=", value);
    if (Number.isFinite(range.most)) this.decide(value, "<=", range.most);
    return true;
  }
}

const guardKey = (left: Dim, relation: DimRelation, right: Dim): string =>
  `${showDim(left)} ${relation} ${showDim(right)}`;

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
  return brokenGuard(guards, binding);
}

/** The first guard that does not hold, for people; null where all do. */
export function brokenGuard(guards: readonly Guard[], binding: DimBinding): string | null {
  const broken = guards.find((guard) => !guardHolds(guard, binding));
  return broken === undefined ? null : showGuard(broken);
}
