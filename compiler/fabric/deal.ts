/**
 * How a value is dealt out over the lanes of a route. Either by who holds it: each lane takes the words of some holders, and a core that needs a value
 * takes from all lanes that have some of it; or by who needs it: each lane carries all that a band of the reader's cores needs, so that a core takes from
 * one lane, and what two bands need is sent twice. The way whose busiest link, or ramp, passes the fewest words is taken.
 */
import { nth } from "../../ir/access.ts";
import type { Core } from "../../ir/placement.ts";
import { mostLanes, type Sent, sendingTo, shareOut } from "./lanes.ts";
import { type Net, Traffic } from "./nets.ts";
import { keyOf } from "./program-builder.ts";
import { gatherTo, giveFrom, type Holder, type Needer, type Receiving, type Sending } from "./transfer.ts";

export interface Route {
  /** routers of each lane */
  readonly ways: readonly (readonly Core[])[];
  readonly holders: readonly Holder[];
  readonly needers: readonly Needer[];
  /** lanes that a core may take from, or send to */
  readonly limit: number;
  readonly traffic: Traffic;
  readonly newNet: (traffic: Traffic) => Net;
}

/** A value on its way over some lanes. */
export interface Dealt {
  readonly nets: readonly Net[];
  readonly sendings: readonly Sending[];
  readonly receivings: readonly Receiving[];
}

/** What a lane takes, and who takes from it. */
interface Lane {
  readonly way: readonly Core[];
  readonly words: number;
  readonly holders: () => readonly Holder[];
  readonly needers: readonly Needer[];
}

/** Lays the nets of a value over as many lanes of its route as make its busiest link the least busy. */
export function deal(route: Route): Dealt {
  let best: { readonly dealt: Dealt; readonly words: number } | null = null;
  for (const lanes of ways(route)) {
    const most: number = best === null ? Infinity : best.words;
    if (lanes.some(({ words }) => words >= most)) continue;
    best = lay(lanes, route, most) ?? best;
  }
  if (best === null) throw new Error("internal: a value that no lane takes");
  return best.dealt;
}

/** What may be tried: one lane, twice as many, up to all. */
function* ways(route: Route): Generator<readonly Lane[]> {
  const sentTo = sendingTo(route.holders);
  const needed = sentTo(route.needers).ordered();
  const most = route.ways.length;
  for (let count = 1; ; count = Math.min(most, 2 * count)) {
    const used = spread(route.ways, count);
    const tried = [byHolders(route, needed, used)];
    if (count > 1) tried.push(byNeeders(route, sentTo, used, "x"), byNeeders(route, sentTo, used, "y"));
    for (const lanes of tried) if (lanes !== null && lanes.length > 0) yield lanes;
    if (count === most) return;
  }
}

const wordsOf = (holders: readonly Holder[]): number => holders.reduce((sum, { elements }) => sum + elements.length, 0);

/** So many of the lanes, evenly apart. */
function spread<T>(all: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, index) =>
    nth(all, Math.floor(((2 * index + 1) * all.length) / (2 * count))),
  );
}

function elementsOfAll(holders: readonly Holder[]): Int32Array {
  const all = new Int32Array(wordsOf(holders));
  let at = 0;
  for (const { elements } of holders) {
    all.set(elements, at);
    at += elements.length;
  }
  return all;
}

/** Null where a core would take from too many lanes. */
function byHolders({ needers, limit }: Route, needed: readonly Holder[], ways: Route["ways"]): Lane[] | null {
  const parts = shareOut(
    needed,
    ways.map((way) => nth(way, 0)),
  );
  if (ways.length > 1 && mostLanes(parts.map(elementsOfAll), needers) > limit) return null;
  return parts.flatMap((part, lane): Lane[] =>
    part.length === 0 ? [] : [{ way: nth(ways, lane), words: wordsOf(part), holders: () => part, needers }],
  );
}

/** Bands of the reader's columns or rows, in the order of the lanes' ends; null where there is one band, or a core would send to too many. */
function byNeeders(
  { needers, limit }: Route,
  sentTo: (needers: readonly Needer[]) => Sent,
  ways: Route["ways"],
  along: "x" | "y",
): Lane[] | null {
  const places = [...new Set(needers.map(({ at }) => at[along]))].sort((a, b) => a - b);
  const count = Math.min(ways.length, places.length);
  if (count < 2) return null;
  const bandOf = new Map(places.map((place, index) => [place, Math.floor((index * count) / places.length)]));
  const bands = Array.from({ length: count }, (): Needer[] => []);
  for (const needer of needers) nth(bands, bandOf.get(needer.at[along]) ?? 0).push(needer);
  const end = (way: readonly Core[]): Core => nth(way, way.length - 1);
  const across = along === "x" ? "y" : "x";
  const ordered = spread(ways, count).sort((a, b) => end(a)[along] - end(b)[along] || end(a)[across] - end(b)[across]);
  const lanesOf = new Map<number, number>();
  const lanes: Lane[] = [];
  for (const [index, band] of bands.entries()) {
    const sent = sentTo(band);
    for (const { at } of sent.holders) {
      const key = keyOf(at);
      const count = (lanesOf.get(key) ?? 0) + 1;
      if (count > limit) return null;
      lanesOf.set(key, count);
    }
    if (sent.holders.length === 0) continue;
    lanes.push({ way: nth(ordered, index), words: wordsOf(sent.holders), holders: sent.ordered, needers: band });
  }
  return lanes;
}

/** Each lane makes room for those before it. Null as soon as a link or a ramp passes `most` words: it grows no less busy. */
function lay(
  lanes: readonly Lane[],
  route: Route,
  most: number,
): { readonly dealt: Dealt; readonly words: number } | null {
  const traffic = new Traffic(route.traffic);
  const nets: Net[] = [];
  const sendings: Sending[] = [];
  const receivings: Receiving[] = [];
  let words = 0;
  const out = new Map<number, number>();
  const into = new Map<number, number>();
  const pass = (ramps: Map<number, number>, at: Core, passed: number): void => {
    const key = keyOf(at);
    const sum = (ramps.get(key) ?? 0) + passed;
    ramps.set(key, sum);
    words = Math.max(words, sum);
  };
  for (const { way, holders, needers } of lanes) {
    const net = route.newNet(traffic);
    const gathered = gatherTo(net, nth(way, 0), holders());
    for (const { at, elements } of gathered.sendings) pass(out, at, elements.length);
    if (words >= most) return null;
    const given = giveFrom(net, way, gathered.order, needers);
    for (const receiving of given) pass(into, receiving.at, receiving.words);
    words = Math.max(words, traffic.add(net));
    if (words >= most) return null;
    nets.push(net);
    for (const sending of gathered.sendings) sendings.push(sending);
    for (const receiving of given) receivings.push(receiving);
  }
  return { dealt: { nets, sendings, receivings }, words };
}
