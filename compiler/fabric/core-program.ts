/**
 * The program of one core: regions at addresses, queues, tasks. What it does in order is given as items; who writes and reads a region decides
 * whether tasks have to hand it to each other.
 */
import { diagnostic } from "../../ir/diagnostic.ts";
import {
  type Endpoint,
  microthreads,
  queuesPerCore,
  type Region,
  regionBytes,
  type Step,
  type SyncKind,
  type Task,
  wordsReceived,
  wordsSent,
} from "../../ir/fabric/program.ts";
import type { SramCategory } from "../../ir/machine/cost.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { Core } from "../../ir/placement.ts";
import { landingsOf, stridedOf } from "./descriptors.ts";
import { CapacityError } from "./capacity.ts";
import type { Net } from "./nets.ts";
import type { KnownList } from "./places.ts";
import type { CorePlan } from "./program-builder.ts";

/** Queues of a core by net. */
export interface Ends {
  readonly from: (net: Net) => Endpoint;
  readonly to: (net: Net) => Endpoint;
}

/** What a core does next in its order. */
export interface Item {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** in a task of its own, with all that follows: so that the work of the next sample goes on beside it */
  readonly startsTask: boolean;
  readonly steps: (ends: Ends) => readonly Step[];
  /** says which steps they are, the colors of nets included: items of a layer with the same text have the same steps */
  readonly text: () => string;
}

/** Memory of a core before it has an address. */
export interface Memory {
  readonly name: string;
  readonly words: number;
  readonly category: SramCategory;
  /** loaded once, and never written */
  readonly isConstant: boolean;
  /** keeps what it holds from sample to sample */
  readonly isKept: boolean;
  /** samples that it has room for at once where tasks hand it to each other */
  readonly slots: number;
}

export interface CoreParts {
  readonly layer: string;
  readonly index: number;
  readonly at: Core;
  readonly target: Target;
  readonly codeBytes: number;
  readonly memories: readonly Memory[];
  readonly items: readonly Item[];
  readonly receivings: readonly { readonly region: string; readonly net: Net; readonly places: KnownList }[];
  readonly sendings: readonly { readonly region: string; readonly net: Net; readonly places: KnownList }[];
}

/** Items that run one after the other. */
interface Segment {
  readonly name: string;
  readonly items: Item[];
}

export function coreProgram(parts: CoreParts): CorePlan {
  const ends = queuesOf(parts);
  const segments = segmentsOf(parts.items);
  const tasks: Task[] = [];
  const regions: Omit<Region, "address">[] = [];
  const shared = new Set<string>();
  for (const memory of parts.memories) {
    const { name, words, category } = memory;
    const arriving = parts.receivings.filter(({ region }) => region === name);
    const writing = segments.filter((segment) => touches(segment, name, "writes"));
    const reading = segments.filter(
      (segment) => touches(segment, name, "reads") && !isOwn(segment, writing, arriving.length),
    );
    const sending = parts.sendings.filter(({ region }) => region === name);
    const writers = arriving.length + writing.length;
    const readers = reading.length + sending.length;
    const isShared = !memory.isConstant && writers > 0 && (readers > 0 || arriving.length > 0);
    if (isShared) shared.add(name);
    const slots = isShared && !memory.isKept ? memory.slots : 1;
    const hand = isShared ? { writers, readers } : { writers: 0, readers: 0 };
    regions.push({ name, words, slots, category, ...hand });
    for (const [index, { net, places }] of arriving.entries()) {
      tasks.push({
        name: `in_${name}_${index}`,
        steps: [
          { kind: "claim", region: name },
          { kind: "receive", from: ends.from(net), into: landingsOf(name, places.list) },
          { kind: "publish", region: name },
        ],
      });
    }
  }
  for (const segment of segments) {
    const writersOf = (name: string): number =>
      segments.filter((other) => touches(other, name, "writes")).length +
      parts.receivings.filter(({ region }) => region === name).length;
    tasks.push({ name: segment.name, steps: stepsOf(segment, shared, writersOf, ends) });
  }
  tasks.push(...sendTasks(parts, tasks, shared, ends));
  const fitted = fit(parts, regions);
  return { layer: parts.index, regions: fitted, tasks };
}

const touches = ({ items }: Segment, name: string, how: "reads" | "writes"): boolean =>
  items.some((item) => item[how].includes(name));

/** True when a segment alone writes what it reads. */
const isOwn = (segment: Segment, writing: readonly Segment[], arriving: number): boolean =>
  arriving === 0 && writing.length === 1 && writing[0] === segment;

function segmentsOf(items: readonly Item[]): Segment[] {
  const segments: Segment[] = [];
  for (const item of items) {
    const last = segments.at(-1);
    if (last !== undefined && !item.startsTask) {
      last.items.push(item);
      continue;
    }
    const name = item.startsTask ? (segments.length < 2 ? "sum" : `sum${segments.length}`) : "main";
    segments.push({ name, items: [item] });
  }
  return segments;
}

/** The steps of a segment, with what it waits for and hands on where others have to do with a region. */
function stepsOf(
  { items }: Segment,
  shared: ReadonlySet<string>,
  writersOf: (name: string) => number,
  ends: Ends,
): Step[] {
  const lastIndex = (name: string, how: "reads" | "writes"): number =>
    items.reduce((last, item, index) => (item[how].includes(name) ? index : last), -1);
  const taken = new Set<string>();
  const claimed = new Set<string>();
  const steps: Step[] = [];
  for (const [index, item] of items.entries()) {
    const sync = (kind: SyncKind, region: string): void => {
      steps.push({ kind, region });
    };
    const names = [...new Set([...item.reads, ...item.writes])].filter((name) => shared.has(name));
    for (const name of names) {
      const writes = lastIndex(name, "writes") >= 0;
      // what this segment alone has written it may read
      if (item.reads.includes(name) && !(writes && writersOf(name) === 1) && !taken.has(name)) {
        sync("take", name);
        taken.add(name);
      }
    }
    for (const name of names) {
      if (!item.writes.includes(name) || claimed.has(name)) continue;
      sync("claim", name);
      claimed.add(name);
    }
    steps.push(...item.steps(ends));
    for (const name of names) {
      if (claimed.has(name) && lastIndex(name, "writes") === index) sync("publish", name);
    }
    for (const name of names) {
      if (taken.has(name) && lastIndex(name, "reads") === index) sync("free", name);
    }
  }
  return steps;
}

/** Tasks that send what a region holds, one for each net, or one for all where there are not enough microthreads. */
function sendTasks(parts: CoreParts, others: readonly Task[], shared: ReadonlySet<string>, ends: Ends): Task[] {
  const streaming = others.filter(({ steps }) =>
    steps.some((step) => wordsReceived(step) !== null || wordsSent(step) !== null),
  ).length;
  const each = parts.sendings.map(({ region, net, places }): Step[] => {
    const send: Step = { kind: "send", to: ends.to(net), words: stridedOf(region, places.list) };
    return shared.has(region) ? [{ kind: "take", region }, send, { kind: "free", region }] : [send];
  });
  const room = microthreads - streaming;
  if (room < 1 && each.length > 0) throw refuse(parts, `needs more than ${microthreads} tasks that move words`);
  if (each.length <= room) return each.map((steps, index) => ({ name: `out_${index}`, steps }));
  return [{ name: "out", steps: each.flat() }];
}

/** Gives regions their addresses; where memory is short, no sample waits for others beyond the next, then what waits for its readers has one slot, then what arrives. */
function fit(parts: CoreParts, regions: readonly Omit<Region, "address">[]): Region[] {
  const { target, codeBytes } = parts;
  const start = target.core.systemBytes + codeBytes;
  const { sramBytes } = target.core;
  const arrives = new Set(parts.receivings.map(({ region }) => region));
  let now = regions;
  const sizeOf = (list: typeof now): number => list.reduce((sum, region) => sum + regionBytes(region), start);
  for (let deepest = Math.max(...now.map(({ slots }) => slots)); deepest > 2 && sizeOf(now) > sramBytes; deepest--)
    now = now.map((region) => (region.slots === deepest ? { ...region, slots: deepest - 1 } : region));
  for (const isArriving of [false, true]) {
    for (const [index, region] of now.entries()) {
      if (sizeOf(now) <= sramBytes) break;
      if (region.slots > 1 && arrives.has(region.name) === isArriving) now = now.with(index, { ...region, slots: 1 });
    }
  }
  if (sizeOf(now) > sramBytes) throw refuse(parts, `needs ${sizeOf(now)} bytes of SRAM, and has ${sramBytes}`);
  let address = start;
  return now.map((region) => {
    const placed = { ...region, address };
    address += regionBytes(region);
    return placed;
  });
}

/** Queues are given out in the order in which nets are met. */
function queuesOf(parts: CoreParts): Ends {
  const end = (queues: Map<number, number>, { color }: Net): Endpoint => {
    const queue = queues.get(color) ?? queues.size;
    if (queue >= queuesPerCore) throw refuse(parts, `needs more than ${queuesPerCore} queues`);
    queues.set(color, queue);
    return { color, queue };
  };
  const from = new Map<number, number>();
  const to = new Map<number, number>();
  return { from: (net) => end(from, net), to: (net) => end(to, net) };
}

function refuse({ layer, at }: CoreParts, message: string): CapacityError {
  const subject = `layer "${layer}", core (${at.x}, ${at.y})`;
  return new CapacityError([diagnostic("error", "WSC5007", message, { subject })]);
}
