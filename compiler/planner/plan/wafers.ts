/** Layers over wafers: whole ones in a chain, or layers split where a wafer is full, experts kept whole. */
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import { balancedCut, fewestParts, type Link } from "./chain.ts";
import { type Item, itemBytes } from "./formats.ts";

/** Bytes of the cores that kernels may use, behind the system's share and the code of one kernel. */
export function waferBytes(target: Target): number {
  const { width, height } = usableRect(target);
  const { sramBytes, systemBytes, codeBytes } = target.core;
  return width * height * (sramBytes - systemBytes - codeBytes);
}

/** What a wafer holds. */
export interface WaferLoad {
  readonly layers: readonly LayerPart[];
  readonly weights: number;
  readonly cache: number;
  readonly values: number;
}

/** A layer, or the part of it that lies on a wafer. */
export interface LayerPart {
  readonly name: string;
  /** share of the layer, of its work as of its bytes; 1: whole */
  readonly share: number;
  /** experts from and up to, where it has some */
  readonly experts: readonly [from: number, to: number] | null;
}

export interface Spread {
  readonly wafers: readonly WaferLoad[];
  /** no way has fewer wafers */
  readonly bound: number;
}

export const heldBytes = ({ weights, cache, values }: WaferLoad): number => weights + cache + values;

const valuesOf = (items: readonly Item[], tokens: number): number =>
  tokens * Math.max(0, ...items.map(({ values }) => values));

export interface SpreadOptions {
  readonly capacity: number;
  /** sequences whose caches are held */
  readonly sequences: number;
  /** tokens that are worked on at once */
  readonly tokens: number;
}

const linksOf = (items: readonly Item[], { sequences }: SpreadOptions): readonly Link[] =>
  items.map((item) => ({ bytes: itemBytes(item) + item.cache * sequences, load: item.work }));

/** The fewest wafers with whole layers; null where a layer is larger than a wafer. */
export function wholeLayers(items: readonly Item[], options: SpreadOptions, wafers: number | null): Spread | null {
  const links = linksOf(items, options);
  const room = options.capacity - valuesOf(items, options.tokens);
  const fewest = fewestParts(links, room);
  if (fewest === null || (wafers !== null && fewest.length > wafers)) return null;
  // among the cuts into as many parts, one whose busiest wafer has least work
  const cut = balancedCut(links, room, fewest.length);
  if (cut === null) return null;
  const parts = cut.ends.map((end, i) => items.slice(i === 0 ? 0 : cut.ends[i - 1], end));
  return { wafers: parts.map((part) => loadOf(part, options)), bound: fewest.length };
}

const loadOf = (part: readonly Item[], { sequences, tokens }: SpreadOptions): WaferLoad => ({
  layers: part.map(({ name, experts }) => ({ name, share: 1, experts: experts === 0 ? null : [0, experts] })),
  weights: part.reduce((sum, item) => sum + itemBytes(item), 0),
  cache: part.reduce((sum, { cache }) => sum + cache * sequences, 0),
  values: valuesOf(part, tokens),
});

/**
 * Wafers filled one after the other: matrices and caches may be cut anywhere, since their columns may stand on two wafers, experts stay whole. No way has
 * fewer wafers than bytes over capacity.
 */
export function splitLayers(items: readonly Item[], options: SpreadOptions): Spread | null {
  const room = options.capacity - valuesOf(items, options.tokens);
  if (room <= 0 || items.some(({ experts, expertBytes }) => experts > 0 && expertBytes > room)) return null;
  const wafers: WaferLoad[] = [];
  let open: WaferLoad = { layers: [], weights: 0, cache: 0, values: valuesOf(items, options.tokens) };
  const free = (): number => room - open.weights - open.cache;
  const close = (): void => {
    wafers.push(open);
    open = { layers: [], weights: 0, cache: 0, values: open.values };
  };
  const put = (part: LayerPart, weights: number, cache: number): void => {
    open = { ...open, layers: [...open.layers, part], weights: open.weights + weights, cache: open.cache + cache };
  };
  for (const item of items) {
    const cache = item.cache * options.sequences;
    const fluid = item.dense + cache;
    const all = fluid + item.experts * item.expertBytes;
    let [left, next] = [fluid, 0];
    while (left > 0 || next < item.experts) {
      const flows = Math.min(left, free());
      const fits =
        flows < left ? 0 : Math.min(item.experts - next, Math.floor((free() - flows) / Math.max(1, item.expertBytes)));
      if (flows > 0 || fits > 0) {
        const bytes = flows + fits * item.expertBytes;
        const experts = item.experts === 0 || fits === 0 ? null : ([next, next + fits] as const);
        const share = fluid === 0 ? 0 : flows / fluid;
        put(
          { name: item.name, share: bytes / all, experts },
          share * item.dense + fits * item.expertBytes,
          share * cache,
        );
        [left, next] = [left - flows, next + fits];
      }
      if (left > 0 || next < item.experts) close();
    }
  }
  wafers.push(open);
  const total = items.reduce((sum, item) => sum + itemBytes(item) + item.cache * options.sequences, 0);
  return { wafers, bound: Math.ceil(total / room) };
}

/** Bytes that the fullest of so many wafers would have to hold more than it can, whole layers: the least that any cut asks for. */
export function shortfall(items: readonly Item[], options: SpreadOptions, wafers: number): number {
  const links = linksOf(items, options).map(({ bytes }) => ({ bytes, load: bytes }));
  const cut = balancedCut(links, Infinity, wafers);
  const least = (cut?.largestLoad ?? Infinity) + valuesOf(items, options.tokens);
  return Math.max(0, Math.ceil(least - options.capacity));
}
