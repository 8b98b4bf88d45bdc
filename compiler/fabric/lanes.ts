/**
 * Which lane takes which words, and in which order. Words that the same cores need follow each other, so that each core's window of a lane is
 * dense and a few descriptors hold it; lanes of one value take about equally many words.
 */
import { nth } from "../../ir/access.ts";
import type { Core } from "../../ir/placement.ts";
import { put } from "./grouping.ts";
import type { Holder, Needer } from "./transfer.ts";

const byRows = (a: Core, b: Core): number => a.y - b.y || a.x - b.x;

/**
 * Needers row by row, the easternmost of a row first: sums flow to the west, so that their first addends have their words first. And for each element
 * the first and the last of them, by number; -1 for an element that nobody needs.
 */
interface Needs {
  readonly needers: readonly Needer[];
  readonly first: Int32Array;
  readonly last: Int32Array;
}

function needsOf(given: readonly Needer[]): Needs {
  const needers = given.toSorted((a, b) => a.at.y - b.at.y || b.at.x - a.at.x);
  // lists that several cores share are gone through once
  const spans = new Map<Int32Array, { readonly from: number; to: number }>();
  for (const [index, { elements }] of needers.entries()) {
    const known = spans.get(elements);
    if (known === undefined) spans.set(elements, { from: index, to: index });
    else known.to = index;
  }
  const size = sizeFor([...spans.keys()]);
  const first = new Int32Array(size).fill(-1);
  const last = new Int32Array(size).fill(-1);
  for (const [elements, { from, to }] of spans) {
    for (const element of elements) {
      if (element < 0) continue;
      // lists come in the order of their first needers
      if ((first[element] as number) < 0) first[element] = from;
      if ((last[element] as number) < to) last[element] = to;
    }
  }
  return { needers, first, last };
}

/** Places of a table by element. */
function sizeFor(lists: readonly ArrayLike<number>[]): number {
  let most = -1;
  for (const list of lists)
    for (let index = 0; index < list.length; index++) most = Math.max(most, list[index] as number);
  return most + 1;
}

function firstOf({ first }: Needs, element: number): number {
  const found = first[element];
  if (found === undefined || found < 0) throw new Error(`internal: nobody needs element ${element}`);
  return found;
}

/** By their first needer, then by their last one, then by number. */
function sorted(needs: Needs, elements: ArrayLike<number>): Int32Array {
  const { first, last, needers } = needs;
  const size = first.length;
  const count = needers.length;
  if (count * count * size > Number.MAX_SAFE_INTEGER)
    return Int32Array.from(elements).sort(
      (a, b) => firstOf(needs, a) - firstOf(needs, b) || (last[a] as number) - (last[b] as number) || a - b,
    );
  // one number says all three, and numbers are sorted faster than pairs are compared
  const keys = new Float64Array(elements.length);
  for (let index = 0; index < keys.length; index++) {
    const element = elements[index] as number;
    keys[index] = (firstOf(needs, element) * count + (last[element] as number)) * size + element;
  }
  return Int32Array.from(keys.sort(), (key) => key % size);
}

/** What holders send to some cores: each the elements that those need. */
export interface Sent {
  readonly holders: readonly Holder[];
  /** the same, ordered so that elements that the same cores need follow each other; made when asked for */
  readonly ordered: () => readonly Holder[];
}

/** From cores to what holders send to them. */
export function sendingTo(holders: readonly Holder[]): (needers: readonly Needer[]) => Sent {
  const ownerOf = new Int32Array(sizeFor(holders.map(({ elements }) => elements))).fill(-1);
  for (const [owner, { elements }] of holders.entries())
    for (let index = 0; index < elements.length; index++) ownerOf[elements[index] as number] = owner;
  // the call that met an element last, by its number
  const metBy = new Int32Array(ownerOf.length);
  let call = 0;
  return (needers) => {
    call++;
    const parts = new Map<number, number[]>();
    for (const list of listsOf(needers)) {
      for (const element of list) {
        const owner = ownerOf[element];
        if (owner === undefined || owner < 0 || metBy[element] === call) continue;
        metBy[element] = call;
        put(parts, owner, element);
      }
    }
    const sent = [...parts]
      .sort(([a], [b]) => a - b)
      .map(([owner, elements]): Holder => ({ at: nth(holders, owner).at, elements }));
    return {
      holders: sent,
      ordered: () => {
        const needs = needsOf(needers);
        return sent.map(({ at, elements }) => ({ at, elements: sorted(needs, elements) }));
      },
    };
  };
}

/** Lanes that the core takes from that takes from most. */
export function mostLanes(lanes: readonly ArrayLike<number>[], needers: readonly Needer[]): number {
  const laneOf = new Int32Array(sizeFor(lanes)).fill(-1);
  for (const [lane, elements] of lanes.entries())
    for (let index = 0; index < elements.length; index++) laneOf[elements[index] as number] = lane;
  // the list that met a lane last, by its number
  const metBy = new Int32Array(lanes.length).fill(-1);
  let most = 0;
  let number = 0;
  for (const elements of listsOf(needers)) {
    let taken = 0;
    for (const element of elements) {
      const lane = element < 0 || element >= laneOf.length ? -1 : (laneOf[element] as number);
      if (lane < 0 || metBy[lane] === number) continue;
      metBy[lane] = number;
      taken++;
    }
    most = Math.max(most, taken);
    number++;
  }
  return most;
}

/** What cores need, lists that several share but once. */
const listsOf = (needers: readonly Needer[]): ReadonlySet<Int32Array> =>
  new Set(needers.map(({ elements }) => elements));

/** Holders by lane: they stand in the order of the lanes' first routers, and each lane takes about equally many words. */
export function shareOut(holders: readonly Holder[], starts: readonly Core[]): Holder[][] {
  const isStacked = new Set(starts.map(({ y }) => y)).size > 1;
  const along = ({ x, y }: Core): number => (isStacked ? y : x);
  const lanes = starts.map((_, lane) => lane).sort((a, b) => along(nth(starts, a)) - along(nth(starts, b)));
  const parts: Holder[][] = starts.map(() => []);
  const total = holders.reduce((sum, { elements }) => sum + elements.length, 0);
  let before = 0;
  for (const holder of holders.toSorted((a, b) => along(a.at) - along(b.at) || byRows(a.at, b.at))) {
    // a holder goes where its middle word would
    const middle = before + holder.elements.length / 2;
    const share = total === 0 ? 0 : Math.min(lanes.length - 1, Math.floor((middle * lanes.length) / total));
    nth(parts, nth(lanes, share)).push(holder);
    before += holder.elements.length;
  }
  return parts;
}

/** Words of a model's input that come in over one row of the fabric. */
export interface InputLane {
  readonly y: number;
  readonly elements: Int32Array;
}

/** Rows at most that words come in over which the same rows need: their ways may meet, and each takes a color there. */
const mostWays = 16;

/** Elements that are needed in the same rows. */
interface RowGroup {
  readonly least: number;
  readonly most: number;
  readonly elements: number[];
}

/**
 * Lanes of an input, the northernmost first: words come in over the rows that need them. Where each core needs only a part of what its row does,
 * the rest is dealt out over further rows that need it too; no core takes from more than `limit` lanes.
 */
export function inputLanes(given: readonly Needer[], limit: number): InputLane[] {
  const needs = needsOf(given);
  const groups = new Map<string, RowGroup>();
  const needed = Array.from(needs.first.keys()).filter((element) => (needs.first[element] as number) >= 0);
  for (const element of sorted(needs, needed)) {
    const least = nth(needs.needers, firstOf(needs, element)).at.y;
    const most = nth(needs.needers, needs.last[element] as number).at.y;
    const key = `${least} ${most}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { least, most, elements: [element] });
    else known.elements.push(element);
  }
  for (let spread = mostWays; spread >= 1; spread = Math.floor(spread / 2)) {
    const lanes = rowsOf([...groups.values()], needs.needers, spread);
    if (spread === 1 || mostLanes([...lanes.values()], given) <= limit) return joined(lanes, needs, limit);
  }
  throw new Error("internal: an input may come in over no lane");
}

/** Elements by row, those of each group over at most so many rows. */
function rowsOf(groups: readonly RowGroup[], needers: readonly Needer[], spread: number): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  const groupOf = new Map<number, RowGroup>();
  for (const group of groups) for (const element of group.elements) groupOf.set(element, group);
  const fullestOf = new Map<RowGroup, number>();
  for (const list of listsOf(needers)) {
    const words = new Map<RowGroup, number>();
    for (const element of list) {
      const group = element < 0 ? undefined : groupOf.get(element);
      if (group !== undefined) words.set(group, (words.get(group) ?? 0) + 1);
    }
    for (const [group, count] of words) fullestOf.set(group, Math.max(fullestOf.get(group) ?? 1, count));
  }
  for (const group of groups) {
    const { least, most, elements } = group;
    const fullest = fullestOf.get(group) ?? 1;
    const ways = Math.min(spread, most - least + 1, Math.ceil(elements.length / fullest));
    for (let way = 0; way < ways; way++) {
      const y = least + Math.floor(((2 * way + 1) * (most - least + 1) - 1) / (2 * ways));
      const part = elements.slice(
        Math.ceil((way * elements.length) / ways),
        Math.ceil(((way + 1) * elements.length) / ways),
      );
      rows.set(y, [...(rows.get(y) ?? []), ...part]);
    }
  }
  return rows;
}

/** Lanes of neighbouring rows become one until no core takes from too many. */
function joined(rows: ReadonlyMap<number, readonly number[]>, needs: Needs, limit: number): InputLane[] {
  const ordered = [...rows].sort(([a], [b]) => a - b);
  for (let together = 1; ; together *= 2) {
    const lanes = Array.from({ length: Math.ceil(ordered.length / together) }, (_, lane): InputLane => {
      const own = ordered.slice(lane * together, (lane + 1) * together);
      const [y] = nth(own, own.length >> 1);
      return {
        y,
        elements: sorted(
          needs,
          own.flatMap(([, elements]) => elements),
        ),
      };
    });
    const parts = lanes.map(({ elements }) => elements);
    if (lanes.length <= 1 || mostLanes(parts, needs.needers) <= limit) return lanes;
  }
}
