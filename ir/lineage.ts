/**
 * Which constants are the same, without reading them: an array (or its source) that is met again, or one that was made again in the same way
 * from the same arrays. A model that is compiled for one shape after another makes the same weights each time, and what was packed once need not be packed
 * again. No array is kept alive, only numbers and what was found in them, and those no longer than the arrays that all began with.
 */
import { exactJson } from "./exact-json.ts";
import { elementCount, type Elements, slotsPerElement, type TensorData, type TensorSource } from "./tensor.ts";
import { showShape } from "./types.ts";

interface Lineage {
  readonly id: number;
  /** by recipe */
  readonly descendants: Map<string, Lineage>;
  /** what was found out by reading all elements */
  readonly facts: Map<string, unknown>;
}

const lineages = new WeakMap<Elements | TensorSource, Lineage>();
let count = 0;

const newLineage = (): Lineage => ({ id: count++, descendants: new Map(), facts: new Map() });

/** What a tensor is known by: its source, or its array where that is at hand. */
export const identityOf = (tensor: TensorData): Elements | TensorSource => tensor.source ?? tensor.elements;

function lineageOf(tensor: TensorData): Lineage {
  const identity = identityOf(tensor);
  const known = lineages.get(identity);
  if (known !== undefined) return known;
  const lineage = newLineage();
  lineages.set(identity, lineage);
  return lineage;
}

/** A number for an array: constants with equal numbers hold equal elements. It differs from process to process. */
export const lineageId = (tensor: TensorData): number => lineageOf(tensor).id;

/** Constants up to this many elements count by value, since they are often made anew. */
const smallElements = 64;

/** Shapes that never come again should not gather names without end. */
const mostDescendants = 1024;

const isSmall = ({ dtype, shape }: TensorData): boolean =>
  elementCount(shape) * slotsPerElement(dtype) <= smallElements;

function nameOf(source: TensorData): string {
  const type = `${source.dtype}${showShape(source.shape)}`;
  return isSmall(source)
    ? `${type} ${exactJson(Array.from<unknown>(source.elements))}`
    : `${type} #${lineageId(source)}`;
}

/** Says how a tensor was made: `recipe` and the sources decide every element of it. It is handed through. */
export function derived(recipe: string, sources: readonly TensorData[], result: TensorData): TensorData {
  const ancestor = sources.find((source) => !isSmall(source));
  if (ancestor === undefined || lineages.has(identityOf(result))) return result;
  const key = exactJson([recipe, ...sources.map(nameOf)]);
  const { descendants } = lineageOf(ancestor);
  const lineage = descendants.get(key) ?? newLineage();
  if (descendants.size < mostDescendants) descendants.set(key, lineage);
  lineages.set(identityOf(result), lineage);
  return result;
}

/** What `find` finds in a tensor's elements, found once for all arrays of one lineage; `name` says what, and stands for one type. */
export function factOf<T>(tensor: TensorData, name: string, find: () => T): T {
  const { facts } = lineageOf(tensor);
  if (!facts.has(name)) facts.set(name, find());
  return facts.get(name) as T;
}
