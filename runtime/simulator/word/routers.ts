/**
 * The routers of a program as arrays. A channel is one color at one router: its switch positions, its filter, and a queue for every side that words
 * may come from. A queue belongs to a link: it holds the words on their way and `routerWords` more.
 */
import {
  type FabricProgram,
  forEachCore,
  links,
  type Port,
  ports,
  type RouterRule,
} from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { lineCycles } from "../../../ir/machine/travel.ts";
import type { Queues } from "./queues.ts";

/** Words that a router holds of each color and side beyond those on their way; unpublished, assumed: enough for one word a cycle. */
const routerWords = 2;

export const rampPort = 0;

const portNumber: ReadonlyMap<Port, number> = new Map(ports.map((port, index) => [port, index]));

/** The number of a port in arrays. */
export const numberOf = (port: Port): number => portNumber.get(port) as number;

export interface Routers {
  /** channels by router and color */
  readonly channelAt: ReadonlyMap<number, number>;
  readonly count: number;
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly colors: Int32Array;
  /** first switch position of each channel, and their number */
  readonly firstPosition: Int32Array;
  readonly positionCount: Int32Array;
  /** by position */
  readonly from: Int32Array;
  /** one bit per port */
  readonly to: Int32Array;
  /** words until the next position; 0: it stays */
  readonly words: Int32Array;
  /** by channel: filter; a period of 0 is no filter */
  readonly filterBegin: Int32Array;
  readonly filterCount: Int32Array;
  readonly filterPeriod: Int32Array;
  /** queue of the words that come in, and queue that words go out to, by channel and port; -1: none */
  readonly inQueue: Int32Array;
  readonly outQueue: Int32Array;
  /** number of the physical link, by channel and port */
  readonly link: Int32Array;
  readonly linkCount: number;
  /** cycles of the hop behind each port of a channel, without bends */
  readonly hop: Float64Array;
}

export const channelKey = ({ target }: FabricProgram, x: number, y: number, color: number): number =>
  (y * target.width + x) * target.colorsPerRouter + color;

/** Channels of all rules; queues of links are added. Agents of channels are their numbers. With `ownLinks` no two channels share a link. */
export function buildRouters(program: FabricProgram, target: Target, queues: Queues, ownLinks: boolean): Routers {
  const channelAt = new Map<number, number>();
  const places: { x: number; y: number; rule: RouterRule }[] = [];
  for (const rule of program.routers) {
    forEachCore(rule.cores, (x, y) => {
      channelAt.set(channelKey(program, x, y, rule.color), places.length);
      places.push({ x, y, rule });
    });
  }
  const count = places.length;
  const positions = places.flatMap(({ rule }) => rule.positions);
  const routers: Routers = {
    channelAt,
    count,
    x: Int32Array.from(places, ({ x }) => x),
    y: Int32Array.from(places, ({ y }) => y),
    colors: Int32Array.from(places, ({ rule }) => rule.color),
    firstPosition: new Int32Array(count),
    positionCount: Int32Array.from(places, ({ rule }) => rule.positions.length),
    from: Int32Array.from(positions, ({ from }) => numberOf(from)),
    to: Int32Array.from(positions, ({ to }) => to.reduce((bits, port) => bits | (1 << numberOf(port)), 0)),
    words: Int32Array.from(positions, ({ words }) => words ?? 0),
    filterBegin: Int32Array.from(places, ({ rule }) => rule.filter?.begin ?? 0),
    filterCount: Int32Array.from(places, ({ rule }) => rule.filter?.count ?? 0),
    filterPeriod: Int32Array.from(places, ({ rule }) => rule.filter?.period ?? 0),
    inQueue: new Int32Array(count * ports.length).fill(-1),
    outQueue: new Int32Array(count * ports.length).fill(-1),
    link: new Int32Array(count * ports.length),
    linkCount: 0,
    hop: new Float64Array(count * ports.length),
  };
  let first = 0;
  for (const [channel, { rule }] of places.entries()) {
    routers.firstPosition[channel] = first;
    first += rule.positions.length;
  }
  const linkCount = numberLinks(program, routers, ownLinks);
  connect(program, target, queues, routers);
  return { ...routers, linkCount };
}

/** Channels of one router share its links. */
function numberLinks({ target }: FabricProgram, { count, x, y, link }: Routers, ownLinks: boolean): number {
  if (ownLinks) {
    for (let number = 0; number < link.length; number++) link[number] = number;
    return link.length;
  }
  const known = new Map<number, number>();
  for (let channel = 0; channel < count; channel++) {
    for (let port = 0; port < ports.length; port++) {
      const key = ((y[channel] as number) * target.width + (x[channel] as number)) * ports.length + port;
      const number = known.get(key) ?? known.size;
      known.set(key, number);
      link[channel * ports.length + port] = number;
    }
  }
  return known.size;
}

/** Adds a queue wherever a position lets words go over a link to a router that has the color. */
function connect(program: FabricProgram, target: Target, queues: Queues, routers: Routers): void {
  const { count, x, y, colors, firstPosition, positionCount, to } = routers;
  for (let channel = 0; channel < count; channel++) {
    let ways = 0;
    const first = firstPosition[channel] as number;
    for (let position = first; position < first + (positionCount[channel] as number); position++)
      ways |= to[position] as number;
    for (const side of ["east", "west", "south", "north"] as const) {
      const port = numberOf(side);
      if ((ways & (1 << port)) === 0) continue;
      const [fromX, fromY] = [x[channel] as number, y[channel] as number];
      const { dx, dy, back } = links[side];
      const along = dx === 0 ? "y" : "x";
      const start = dx === 0 ? fromY : fromX;
      const hop = lineCycles(target, along, start, start + dx + dy);
      routers.hop[channel * ports.length + port] = hop;
      const next = routers.channelAt.get(channelKey(program, fromX + dx, fromY + dy, colors[channel] as number));
      if (next === undefined) continue;
      const queue = queues.add(linkWords(target, hop), channel, next);
      routers.outQueue[channel * ports.length + port] = queue;
      routers.inQueue[next * ports.length + numberOf(back)] = queue;
    }
  }
}

/** Places of a link's queue. */
export const linkWords = ({ link }: Target, hop: number): number =>
  Math.ceil((hop + link.turnCycles) / link.cyclesPerWord) + routerWords;

/** Places of a queue between core and router: the words on the ramp, and those that wait. */
export const rampWords = ({ core, link }: Target): number =>
  Math.ceil(link.rampCycles / link.cyclesPerWord) + core.queueWords;
