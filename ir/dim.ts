/**
 * Sizes that are open until a program is fed: polynomials with integer coefficients over atoms, an atom being a named symbol or the floor of
 * a quotient by a positive integer. A polynomial has one form only (terms in graded lexicographic order, equal ones added, floors without a
 * whole part), so that equal forms have equal texts; what has no symbol left is a plain number.
 *
 *     2*batch*seq + 1        floor((h + 1)/2)        past + seq
 *
 * Two polynomials of different text may still be equal for all values of their symbols (floors hide that): `sameDim` proves, it never refutes.
 */
import { nth } from "./access.ts";

/** A size: known, or an expression over named symbols. */
export type Dim = number | OpenDim;

export interface OpenDim {
  readonly kind: "open";
  /** descending in the order of monomials; at least one has factors */
  readonly terms: readonly Term[];
  /** its one spelling, which `parseDim` reads back */
  readonly text: string;
}

interface Term {
  /** an integer, not 0 */
  readonly coefficient: number;
  /** ascending by text, each as often as it counts; none for the constant term */
  readonly factors: readonly Atom[];
}

type Atom =
  | { readonly kind: "symbol"; readonly name: string; readonly text: string }
  /** floor(of / by), where no part of `of` is a multiple of `by` */
  | { readonly kind: "floor"; readonly of: OpenDim; readonly by: number; readonly text: string };

/** Sizes of the symbols, by name. */
export type DimBinding = ReadonlyMap<string, number>;

/** Least and largest size of a symbol, both included; `most` may be Infinity. */
export interface DimRange {
  readonly least: number;
  readonly most: number;
}
export type DimRanges = ReadonlyMap<string, DimRange>;

export const isOpenDim = (dim: Dim): dim is OpenDim => typeof dim !== "number";

/** Whether all sizes are known. */
export const areStatic = (dims: readonly Dim[]): dims is readonly number[] => !dims.some(isOpenDim);

// ---- making -----------------------------------------------------------------------------------------------------------------------

const reservedWord = "floor";
const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const showName = (name: string): string =>
  plainName.test(name) && name !== reservedWord ? name : JSON.stringify(name);

/** The size that a name stands for. */
export const symbolDim = (name: string): OpenDim =>
  polynomial([{ coefficient: 1, factors: [{ kind: "symbol", name, text: showName(name) }] }]);

function polynomial(terms: readonly Term[]): OpenDim {
  return { kind: "open", terms, text: showTerms(terms) };
}

const termsOf = (dim: Dim): readonly Term[] => {
  if (isOpenDim(dim)) return dim.terms;
  return dim === 0 ? [] : [{ coefficient: dim, factors: [] }];
};

/** Graded lexicographic order of monomials: a product keeps it, which long division needs. Positive where a comes first. */
function compareMonomials(a: readonly Atom[], b: readonly Atom[]): number {
  if (a.length !== b.length) return a.length - b.length;
  for (const [i, factor] of a.entries()) {
    const other = nth(b, i);
    if (factor.text !== other.text) return factor.text < other.text ? 1 : -1;
  }
  return 0;
}

/** The sum of any terms, in its one form. */
function fromTerms(terms: readonly Term[]): Dim {
  const sorted = [...terms].sort((a, b) => compareMonomials(b.factors, a.factors));
  const sum: Term[] = [];
  for (const term of sorted) {
    const last = sum.at(-1);
    const joins = last !== undefined && compareMonomials(last.factors, term.factors) === 0;
    const coefficient = term.coefficient + (joins ? last.coefficient : 0);
    if (joins) sum.pop();
    if (coefficient !== 0) sum.push({ coefficient, factors: term.factors });
  }
  for (const { coefficient } of sum) if (!Number.isSafeInteger(coefficient)) throw new RangeError("a size beyond 2^53");
  const [first] = sum;
  if (first === undefined) return 0;
  return first.factors.length === 0 ? first.coefficient : polynomial(sum);
}

const byText = (a: Atom, b: Atom): number => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0);

const timesTerm = (a: Term, b: Term): Term => ({
  coefficient: a.coefficient * b.coefficient,
  factors: [...a.factors, ...b.factors].sort(byText),
});

export const addDims = (...dims: readonly Dim[]): Dim =>
  areStatic(dims) ? dims.reduce((sum, dim) => sum + dim, 0) : fromTerms(dims.flatMap(termsOf));

export const mulDims = (...dims: readonly Dim[]): Dim => dims.reduce(mulTwo, 1);

function mulTwo(a: Dim, b: Dim): Dim {
  // no size is -0
  if (!isOpenDim(a) && !isOpenDim(b)) return a * b + 0;
  return fromTerms(termsOf(a).flatMap((term) => termsOf(b).map((other) => timesTerm(term, other))));
}

export const subDims = (a: Dim, b: Dim): Dim => addDims(a, mulDims(-1, b));

/** Elements of a tensor. */
export const countOf = (dims: readonly Dim[]): Dim => mulDims(...dims);

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/** floor(dim / by) for a positive integer. */
export function floorDiv(dim: Dim, by: number): Dim {
  if (!Number.isSafeInteger(by) || by < 1) throw new Error(`internal: a size divided by ${by}`);
  if (!isOpenDim(dim)) return Math.floor(dim / by);
  const whole: Term[] = [];
  const rest: Term[] = [];
  for (const { coefficient, factors } of dim.terms) {
    const quotient = Math.floor(coefficient / by);
    const remainder = coefficient - quotient * by;
    if (quotient !== 0) whole.push({ coefficient: quotient, factors });
    if (remainder !== 0) rest.push({ coefficient: remainder, factors });
  }
  return addDims(fromTerms(whole), floorOfRest(fromTerms(rest), by));
}

/** floor(rest / by), all coefficients of the rest being from 0 to by - 1. */
function floorOfRest(rest: Dim, by: number): Dim {
  if (!isOpenDim(rest)) return Math.floor(rest / by);
  const open = rest.terms.filter(({ factors }) => factors.length > 0);
  const constant = rest.terms.find(({ factors }) => factors.length === 0)?.coefficient ?? 0;
  // floor((g * s + c) / (g * m)) = floor((s + floor(c / g)) / m)
  const common = open.reduce((divisor, { coefficient }) => gcd(divisor, coefficient), by);
  if (common > 1) {
    const reduced = open.map(({ coefficient, factors }) => ({ coefficient: coefficient / common, factors }));
    return floorDiv(addDims(fromTerms(reduced), Math.floor(constant / common)), by / common);
  }
  // floor((floor(x / a) + c) / b) = floor((x + a * c) / (a * b))
  const [only, ...others] = open;
  const atom = only?.coefficient === 1 && only.factors.length === 1 ? only.factors[0] : undefined;
  if (atom?.kind === "floor" && others.length === 0) {
    return floorDiv(addDims(atom.of, mulDims(atom.by, constant)), atom.by * by);
  }
  const factor: Atom = { kind: "floor", of: rest, by, text: `floor((${rest.text})/${by})` };
  return polynomial([{ coefficient: 1, factors: [factor] }]);
}

/** The least integer that is not below dim / by. */
export const ceilDiv = (dim: Dim, by: number): Dim => floorDiv(addDims(dim, by - 1), by);

/** a / b where b divides a as a polynomial (for all values of the symbols); null where that cannot be shown. */
export function divideExactly(a: Dim, b: Dim): Dim | null {
  if (!isOpenDim(a) && !isOpenDim(b)) return b !== 0 && a % b === 0 ? a / b + 0 : null;
  const [lead] = termsOf(b);
  if (lead === undefined) return null;
  const quotient: Term[] = [];
  let rest = a;
  for (let [first] = termsOf(rest); first !== undefined; [first] = termsOf(rest)) {
    const factors = withoutFactors(first.factors, lead.factors);
    const coefficient = first.coefficient / lead.coefficient;
    if (factors === null || !Number.isInteger(coefficient)) return null;
    quotient.push({ coefficient, factors });
    rest = subDims(rest, mulDims(fromTerms([{ coefficient, factors }]), b));
  }
  return fromTerms(quotient);
}

function withoutFactors(factors: readonly Atom[], removed: readonly Atom[]): readonly Atom[] | null {
  const left = [...factors];
  for (const { text } of removed) {
    const at = left.findIndex((factor) => factor.text === text);
    if (at < 0) return null;
    left.splice(at, 1);
  }
  return left;
}

// ---- asking -----------------------------------------------------------------------------------------------------------------------

/** True for sizes that are equal whatever the symbols are. */
export const sameDim = (a: Dim, b: Dim): boolean =>
  isOpenDim(a) && isOpenDim(b) ? a.text === b.text : !isOpenDim(a) && !isOpenDim(b) && a === b;

export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, axis) => sameDim(dim, nth(b, axis)));

/** The size for given symbols; throws for a symbol without a size. */
export function evaluateDim(dim: Dim, binding: DimBinding): number {
  if (!isOpenDim(dim)) return dim;
  let sum = 0;
  for (const { coefficient, factors } of dim.terms) {
    let product = coefficient;
    for (const factor of factors) product *= evaluateAtom(factor, binding);
    sum += product;
  }
  return sum;
}

function evaluateAtom(atom: Atom, binding: DimBinding): number {
  if (atom.kind === "floor") return Math.floor(evaluateDim(atom.of, binding) / atom.by);
  const size = binding.get(atom.name);
  if (size === undefined) throw new Error(`internal: the dim ${atom.text} has no size`);
  return size;
}

/** Names of the symbols in a size, in the order of its text. */
export function symbolsOf(dim: Dim): readonly string[] {
  const names = termsOf(dim).flatMap(({ factors }) =>
    factors.flatMap((atom) => (atom.kind === "symbol" ? [atom.name] : symbolsOf(atom.of))),
  );
  return [...new Set(names)];
}

/** The name of the symbol that a size is; null for what is more than that. */
export function symbolName(dim: Dim): string | null {
  const [term, ...others] = termsOf(dim);
  const [atom, ...factors] = term?.factors ?? [];
  const isAlone = others.length === 0 && factors.length === 0 && term?.coefficient === 1;
  return isAlone && atom?.kind === "symbol" ? atom.name : null;
}

/** A range that holds the size for all symbols within theirs; it may be wider than need be. */
export function boundsOf(dim: Dim, ranges: DimRanges): DimRange {
  return termsOf(dim).reduce<DimRange>(
    (sum, { coefficient, factors }) => {
      const range = factors.reduce((product, atom) => timesRange(product, atomBounds(atom, ranges)), {
        least: coefficient,
        most: coefficient,
      });
      return { least: sum.least + range.least, most: sum.most + range.most };
    },
    { least: 0, most: 0 },
  );
}

function atomBounds(atom: Atom, ranges: DimRanges): DimRange {
  if (atom.kind === "floor") {
    const { least, most } = boundsOf(atom.of, ranges);
    return { least: Math.floor(least / atom.by), most: Math.floor(most / atom.by) };
  }
  const range = ranges.get(atom.name);
  if (range === undefined) throw new Error(`internal: the dim ${atom.text} has no range`);
  return range;
}

function timesRange(a: DimRange, b: DimRange): DimRange {
  // 0 * Infinity is 0 here: sizes are finite, only their bounds are not
  const times = (x: number, y: number): number => (x === 0 || y === 0 ? 0 : x * y);
  const ends = [times(a.least, b.least), times(a.least, b.most), times(a.most, b.least), times(a.most, b.most)];
  return { least: Math.min(...ends), most: Math.max(...ends) };
}

// ---- equations --------------------------------------------------------------------------------------------------------------------

/** Sizes that stand for symbols, by name. */
export type DimSubstitution = ReadonlyMap<string, Dim>;

/** The size with symbols replaced, all at once. */
export function substituteDim(dim: Dim, by: DimSubstitution): Dim {
  if (!isOpenDim(dim) || by.size === 0 || !symbolsOf(dim).some((name) => by.has(name))) return dim;
  return addDims(
    ...dim.terms.map(({ coefficient, factors }) =>
      mulDims(coefficient, ...factors.map((atom) => substituteAtom(atom, by))),
    ),
  );
}

const substituteAtom = (atom: Atom, by: DimSubstitution): Dim =>
  atom.kind === "floor"
    ? floorDiv(substituteDim(atom.of, by), atom.by)
    : (by.get(atom.name) ?? polynomial([{ coefficient: 1, factors: [atom] }]));

/** A symbol, and what it is by an equation. */
export interface SolvedSymbol {
  readonly name: string;
  readonly value: Dim;
}

/** The symbols that an equation gives in terms of the others, each for itself: those that stand in one term, alone, as often as that divides the rest. */
export function solveDims(left: Dim, right: Dim): readonly SolvedSymbol[] {
  const difference = subDims(left, right);
  if (!isOpenDim(difference)) return [];
  return difference.terms.flatMap((term): SolvedSymbol[] => {
    const [only, ...others] = term.factors;
    if (only?.kind !== "symbol" || others.length > 0) return [];
    const rest = fromTerms(difference.terms.filter((other) => other !== term));
    if (symbolsOf(rest).includes(only.name)) return [];
    const value = divideExactly(mulDims(-1, rest), term.coefficient);
    return value === null ? [] : [{ name: only.name, value }];
  });
}

/** Whether a size is a sum without subtractions. */
export const isPlainSum = (dim: Dim): boolean => termsOf(dim).every(({ coefficient }) => coefficient > 0);

// ---- text -------------------------------------------------------------------------------------------------------------------------

export const showDim = (dim: Dim): string => (isOpenDim(dim) ? dim.text : String(dim));
export const showDims = (dims: readonly Dim[]): string => `[${dims.map(showDim).join(",")}]`;

function showTerms(terms: readonly Term[]): string {
  return terms
    .map(({ coefficient, factors }, index) => {
      const size = Math.abs(coefficient);
      const shown = [...(size === 1 && factors.length > 0 ? [] : [String(size)]), ...factors.map(({ text }) => text)];
      const sign = coefficient < 0 ? "-" : index > 0 ? "+" : "";
      return sign + shown.join("*");
    })
    .join("");
}

/** Reads what `showDim` writes (in any order of terms, spaces allowed); null for what is no size. */
export function parseDim(text: string): Dim | null {
  const tokens = text.match(/\s+|\d+|[A-Za-z_][A-Za-z0-9_]*|"(?:[^"\\]|\\.)*"|[-+*/()]|./gs) ?? [];
  const reader = new DimReader(tokens.filter((token) => token.trim() !== ""));
  const dim = reader.sum();
  return reader.isAtEnd ? dim : null;
}

class DimReader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  sum(): Dim | null {
    let sum: Dim | null = this.#accept("-") ? negated(this.#product()) : this.#product();
    while (sum !== null) {
      const isMinus = this.#accept("-");
      if (!isMinus && !this.#accept("+")) return sum;
      const next = this.#product();
      if (next === null) return null;
      sum = isMinus ? subDims(sum, next) : addDims(sum, next);
    }
    return null;
  }

  #product(): Dim | null {
    let product = this.#factor();
    while (product !== null && this.#accept("*")) {
      const next = this.#factor();
      product = next === null ? null : mulDims(product, next);
    }
    return product;
  }

  #factor(): Dim | null {
    const token = this.#tokens[this.#at++];
    if (token === undefined) return null;
    if (/^\d+$/.test(token)) return Number.isSafeInteger(Number(token)) ? Number(token) : null;
    if (token === reservedWord) return this.#floor();
    if (token.startsWith('"')) return quotedName(token);
    return plainName.test(token) ? symbolDim(token) : null;
  }

  /** `((x)/n)` behind the word. */
  #floor(): Dim | null {
    if (!this.#accept("(") || !this.#accept("(")) return null;
    const of = this.sum();
    if (of === null || !this.#accept(")") || !this.#accept("/")) return null;
    const by = Number(this.#tokens[this.#at++]);
    return Number.isSafeInteger(by) && by > 0 && this.#accept(")") ? floorDiv(of, by) : null;
  }

  #accept(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }
}

const negated = (dim: Dim | null): Dim | null => (dim === null ? null : mulDims(-1, dim));

function quotedName(token: string): Dim | null {
  try {
    const name: unknown = JSON.parse(token);
    return typeof name === "string" ? symbolDim(name) : null;
  } catch {
    return null;
  }
}
