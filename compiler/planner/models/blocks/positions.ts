/** What attention needs to know of positions: turns of queries and keys, masks, distances. Made once for all layers of a graph. */
import type { Positions, RotaryScaling } from "../config.ts";
import type { Draft } from "../draft.ts";
import { onnxFloat, onnxHalf, spread } from "./elementary.ts";

/** Cosines and sines, [batch, tokens, size]. */
export interface Turn {
  readonly cos: string;
  readonly sin: string;
  readonly size: number;
  readonly interleaved: boolean;
}

/** Positions of this step's tokens and of everything that they may look at. */
export interface Places {
  /** i64 [batch, tokens] */
  readonly queries: string;
  /** i64 [total] */
  readonly keys: string;
}

/** The turn of each token's position. */
export function turnOf(draft: Draft, queries: string, positions: Positions & { readonly kind: "rotary" }): Turn {
  const { size, interleaved = false } = positions;
  const frequencies = draft.constant("f32", [size / 2], frequenciesOf(positions));
  const places = spread(draft, draft.op("Cast", [queries], { to: onnxFloat }), 2);
  const half = draft.op("Mul", [places, frequencies]);
  const angles = draft.op("Concat", [half, half], { axis: -1 });
  const magnitude = positions.scaling?.kind === "yarn" ? positions.scaling.magnitude : 1;
  const part = (of: "Cos" | "Sin"): string => {
    const exact = draft.op(of, [angles]);
    const stretched = magnitude === 1 ? exact : draft.op("Mul", [exact, draft.constant("f32", [], [magnitude])]);
    return draft.options.dtype === "f16" ? draft.op("Cast", [stretched], { to: onnxHalf }) : stretched;
  };
  return { cos: part("Cos"), sin: part("Sin"), size, interleaved };
}

/** Radians per token of each pair. */
export function frequenciesOf({ size, base, scaling }: Positions & { readonly kind: "rotary" }): readonly number[] {
  return Array.from({ length: size / 2 }, (_, pair) => {
    const frequency = base ** ((-2 * pair) / size);
    return scaling === undefined ? frequency : stretched(frequency, pair, size, base, scaling);
  });
}

function stretched(frequency: number, pair: number, size: number, base: number, scaling: RotaryScaling): number {
  const slow = frequency / scaling.factor;
  switch (scaling.kind) {
    case "llama3": {
      const turns = (scaling.original * frequency) / (2 * Math.PI);
      const { lowFrequency, highFrequency } = scaling;
      const share = Math.min(1, Math.max(0, (turns - lowFrequency) / (highFrequency - lowFrequency)));
      return share * frequency + (1 - share) * slow;
    }
    case "yarn": {
      const pairOf = (turns: number): number =>
        (size * Math.log(scaling.original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
      const [from, to] = [pairOf(scaling.betaFast), pairOf(scaling.betaSlow)];
      const first = Math.max(0, scaling.whole ? Math.floor(from) : from);
      const last = Math.min(size - 1, scaling.whole ? Math.ceil(to) : to);
      const share = Math.min(1, Math.max(0, (pair - first) / Math.max(last - first, 1e-3)));
      return (1 - share) * frequency + share * slow;
    }
  }
}

/** Queries or keys, [batch, …, tokens, headSize], turned by their positions. */
export function turned(draft: Draft, x: string, turn: Turn, headSize: number, rank: number): string {
  if (headSize === turn.size) return turnedWhole(draft, x, turn, rank);
  const [first, rest] = draft.ops("Split", [x, draft.ints(turn.size, headSize - turn.size)], 2, { axis: -1 });
  return draft.op("Concat", [turnedWhole(draft, first as string, turn, rank), rest as string], { axis: -1 });
}

function turnedWhole(draft: Draft, x: string, turn: Turn, rank: number): string {
  const axes = Array.from({ length: rank - 3 }, (_, i) => i + 1);
  const fit = (value: string): string => spread(draft, value, ...axes);
  const apart = turn.interleaved ? halvesApart(draft, x, turn.size, rank) : x;
  const half = draft.ints(turn.size / 2, turn.size / 2);
  const [first, second] = draft.ops("Split", [apart, half], 2, { axis: -1 });
  const quarter = draft.op("Concat", [draft.op("Neg", [second as string]), first as string], { axis: -1 });
  const straight = draft.op("Mul", [apart, fit(turn.cos)]);
  return draft.op("Add", [straight, draft.op("Mul", [quarter, fit(turn.sin)])]);
}

/** Pairs that lie side by side, put half a head apart. */
function halvesApart(draft: Draft, x: string, size: number, rank: number): string {
  const kept = Array.from({ length: rank - 1 }, () => 0);
  const pairs = draft.op("Reshape", [x, draft.ints(...kept, size / 2, 2)]);
  const order = [...kept.keys(), rank, rank - 1];
  return draft.op("Reshape", [draft.op("Transpose", [pairs], { perm: order }), draft.ints(...kept, size)]);
}

/** Positions 0, 1, … of all tokens that there are with this step's, i64 [total]; `sequence` is a value whose axis 1 counts this step's. */
export function placesOfKeys(draft: Draft, sequence: string, past: string | null): string {
  const { sequence: tokens } = draft.options;
  const range = (end: string): string =>
    draft.op("Range", [draft.constant("i64", [], [0]), end, draft.constant("i64", [], [1])]);
  if (tokens !== "open") return range(draft.constant("i64", [], [tokens]));
  const size = (value: string, axis: number): string =>
    draft.op("Gather", [draft.op("Shape", [value]), draft.constant("i64", [], [axis])]);
  const fresh = size(sequence, 1);
  return range(past === null ? fresh : draft.op("Add", [size(past, 2), fresh]));
}

/** What each query may look at, bool [batch, 1, tokens, total]: nothing behind it, and of a window the last `window` tokens. */
export function maskOf(draft: Draft, { queries, keys }: Places, window: number | null): string {
  const rows = spread(draft, queries, 1, 3);
  const past = draft.op("LessOrEqual", [keys, rows]);
  if (window === null) return past;
  const begin = draft.op("Sub", [rows, draft.constant("i64", [], [window])]);
  return draft.op("And", [past, draft.op("Greater", [keys, begin])]);
}

/** Tokens from each key to each query, i64 [batch, tokens, total]; negative for keys behind the query. */
export const distancesOf = (draft: Draft, { queries, keys }: Places): string =>
  draft.op("Sub", [spread(draft, queries, 2), keys]);
