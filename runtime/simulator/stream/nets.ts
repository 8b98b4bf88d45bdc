/**
 * Nets: a color on the routers that its words pass between. All words of a net pass one router, its root, in one order, and the times at which they
 * do so are what the stream level follows. Sources lie before the root, sinks mostly behind it; both know their distance from it in cycles, and how
 * many words the queues on the way hold.
 */
import { nth } from "../../../ir/access.ts";
import { fail } from "../../../ir/diagnostic.ts";
import {
  type EdgeStream,
  type FabricProgram,
  forEachCore,
  ports,
  stridedCount,
  wordsReceived,
  wordsSent,
} from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { linkWords, rampWords } from "../word/routers.ts";
import { backOf, Channels, numberOf, rampPort } from "./channels.ts";
import { cut, flattened, joined, type Run, type Sequence } from "./sequences.ts";
import { Sharing } from "./sharing.ts";
import type { Tap, TappedWords } from "./taps.ts";
import { type Windows, windowsOf } from "./windows.ts";

export interface Net {
  /** words of a sample */
  readonly words: number;
  readonly runs: readonly Run[];
  /** number of the word after each run */
  readonly ends: readonly number[];
  readonly sinks: readonly number[];
  /** words over links of a sample */
  readonly linkWords: number;
}

/** Words that come onto a net: those of a core's tasks, or an input of the model. */
export interface Source {
  readonly net: number;
  readonly words: number;
  readonly edge: EdgeStream | null;
  /** the first of the net's runs that is of its words */
  readonly firstRun: number;
  /** cycles from where a word is put on the net to the root */
  readonly latency: number;
  /** words that may wait before the first switch that lets others pass in between */
  readonly capacity: number;
  /** cycles after which the source learns that there is room */
  readonly back: number;
  /** cycles from that switch to the root */
  readonly behind: number;
}

export interface Sink {
  readonly net: number;
  readonly windows: Windows;
  readonly edge: EdgeStream | null;
  /** cycles from the root to where a word can be taken; negative where words come by before the root */
  readonly latency: number;
  /** words of its own that may wait at the sink, and words of the net between the root and it */
  readonly room: number;
  readonly capacity: number;
  /** cycles after which the root learns that there is room */
  readonly back: number;
  /** the nearest sink whose router the words pass on their way; it holds them up when it is full. null: none */
  readonly above: number | null;
}

export interface Nets {
  readonly nets: readonly Net[];
  readonly sources: readonly Source[];
  readonly sinks: readonly Sink[];
  readonly sharing: Sharing;
  /** the source, and the sink, of a color at a core, by channel; -1: none */
  readonly sourceAt: Int32Array;
  readonly sinkAt: Int32Array;
  readonly channels: Channels;
  /** words of a sample over each link, by router times ports plus port */
  readonly linkWords: Float64Array;
  readonly tapped: readonly TappedWords[];
}

export interface NetOptions {
  /** no two colors share a link */
  readonly ownLinks: boolean;
  readonly taps: readonly Tap[];
}

export function buildNets(program: FabricProgram, target: Target, options: NetOptions): Nets {
  return new NetBuilder(new Channels(program, target), options).build();
}

class NetBuilder {
  readonly #channels: Channels;
  readonly #nets: Net[] = [];
  readonly #sources: Source[] = [];
  readonly #sinks: Sink[] = [];
  readonly #sharing: Sharing;
  readonly #linkWords: Float64Array;
  /** numbers of taps by channel times ports plus port */
  readonly #taps = new Map<number, number>();
  readonly #tapped: TappedWords[] = [];
  readonly #sourceAt: Int32Array;
  readonly #sinkAt: Int32Array;
  /** words of a sample that the core of a channel gives */
  readonly #given: Int32Array;
  readonly #takes: Uint8Array;
  readonly #seen: Uint8Array;
  /** place of a channel among those of its net */
  readonly #place: Int32Array;

  constructor(channels: Channels, { ownLinks, taps }: NetOptions) {
    const { count } = channels;
    const { width, height } = channels.program.target;
    this.#channels = channels;
    this.#sharing = new Sharing(channels, ownLinks);
    this.#linkWords = new Float64Array(width * height * ports.length);
    for (const [tap, { x, y, color, to }] of taps.entries())
      this.#taps.set(channels.at(y * width + x, color) * ports.length + numberOf(to), tap);
    this.#sourceAt = new Int32Array(count).fill(-1);
    this.#sinkAt = new Int32Array(count).fill(-1);
    this.#given = new Int32Array(count);
    this.#takes = new Uint8Array(count);
    this.#seen = new Uint8Array(count);
    this.#place = new Int32Array(count);
  }

  build(): Nets {
    this.#countWords();
    for (let channel = 0; channel < this.#channels.count; channel++)
      if (this.#seen[channel] === 0) this.#addNet(this.#membersOf(channel));
    return {
      nets: this.#nets,
      sources: this.#sources,
      sinks: this.#sinks,
      sharing: this.#sharing,
      sourceAt: this.#sourceAt,
      sinkAt: this.#sinkAt,
      channels: this.#channels,
      linkWords: this.#linkWords,
      tapped: this.#tapped,
    };
  }

  /** Words of a sample go over a side of a channel's router. */
  #pass(channel: number, port: number, words: number): void {
    const link = (this.#channels.cell[channel] as number) * ports.length + port;
    this.#linkWords[link] = (this.#linkWords[link] as number) + words;
  }

  #countWords(): void {
    const { program } = this.#channels;
    for (const role of program.roles) {
      const given = new Map<number, number>();
      const taken = new Set<number>();
      for (const step of role.tasks.flatMap(({ steps }) => steps)) {
        const sent = wordsSent(step);
        if (sent !== null && (step.kind === "send" || step.kind === "reduce") && step.to !== null) {
          const before = given.get(step.to.color);
          given.set(step.to.color, sent + (before === undefined ? 0 : before));
        }
        if (wordsReceived(step) !== null && (step.kind === "receive" || step.kind === "reduce"))
          taken.add(step.from.color);
      }
      forEachCore(role.cores, (x, y) => {
        const cell = y * program.target.width + x;
        for (const [color, words] of given) this.#mark(cell, color, (channel) => (this.#given[channel] = words));
        for (const color of taken) this.#mark(cell, color, (channel) => (this.#takes[channel] = 1));
      });
    }
  }

  #mark(cell: number, color: number, set: (channel: number) => void): void {
    const channel = this.#channels.at(cell, color);
    if (channel >= 0) set(channel);
  }

  /** Channels that words pass between, from one of them. */
  #membersOf(first: number): number[] {
    const members = [first];
    this.#seen[first] = 1;
    const add = (channel: number): void => {
      if (channel < 0 || this.#seen[channel] === 1) return;
      this.#seen[channel] = 1;
      this.#place[channel] = members.length;
      members.push(channel);
    };
    this.#place[first] = 0;
    for (let index = 0; index < members.length; index++) {
      const channel = nth(members, index);
      for (let port = 1; port < ports.length; port++) {
        add(this.#channels.next(channel, port));
        add(this.#channels.before(channel, port));
      }
    }
    return members;
  }

  #addNet(members: readonly number[]): void {
    const net = this.#nets.length;
    const order = this.#ordered(members);
    const firstSource = this.#sources.length;
    const starts = new Map<Sequence, number>();
    const passing = this.#sequences(members, order, net);
    const words = passing.words;
    if (words === 0) return;
    const runs = flattened(passing.whole(passing.root), starts);
    const ways = this.#distances(members, passing.root);
    const firstRuns = new Map<number, number>();
    for (const [index, { source }] of runs.entries()) if (!firstRuns.has(source)) firstRuns.set(source, index);
    for (const [index, channel] of passing.sourceChannels.entries())
      this.#placeSource(firstSource + index, channel, ways, firstRuns);
    const sinks: number[] = [];
    const lists = new Map<string, Windows>();
    let linkWordsOf = 0;
    for (const [place, channel] of members.entries()) {
      const { leaves, rule } = this.#channels.rule(channel);
      const windowsFor = (port: number): Windows => {
        const isRamp = port === rampPort;
        const sequence = passing.leaving(place, port);
        return windowsOf({ sequence, words, runs, starts, filter: isRamp ? rule.filter : null, known: lists });
      };
      for (let port = 0; port < ports.length; port++) {
        if ((leaves & (1 << port)) === 0) continue;
        if (port !== rampPort) {
          const passed = passing.leaving(place, port).words;
          linkWordsOf += passed;
          this.#pass(channel, port, passed);
        }
        const edge = this.#channels.edges.get(channel * ports.length + port);
        const tap = this.#taps.get(channel * ports.length + port);
        if (tap !== undefined) this.#tapped.push({ tap, net, windows: windowsFor(port) });
        const isShared = this.#sharing.isShared(channel, port);
        const isSink = port === rampPort ? this.#takes[channel] === 1 : edge?.kind === "output";
        if (!isShared && !isSink) continue;
        const windows = windowsFor(port);
        if (isShared) this.#sharing.add(channel, port, { net, windows, cycles: ways.cycles[place] as number });
        if (!isSink) continue;
        if (port === rampPort) {
          this.#sinkAt[channel] = this.#sinks.length;
          this.#pass(channel, port, windows.words);
        }
        sinks.push(this.#sinks.length);
        const { target } = this.#channels;
        const out = port === rampPort ? target.link.rampCycles : this.#channels.hop(channel, port);
        const room = port === rampPort ? rampWords(target) : linkWords(target, target.link.hopCycles);
        this.#sinks.push({
          net,
          windows,
          edge: edge ?? null,
          latency: (ways.cycles[place] as number) + out,
          room,
          capacity: Math.max(0, ways.words[place] as number),
          back: Math.max(0, ways.hops[place] as number) + 1,
          above: null,
        });
      }
    }
    this.#placeSinks(members, passing.root);
    let end = 0;
    const ends = runs.map((run) => (end += run.words));
    this.#nets.push({ words, runs, ends, sinks, linkWords: linkWordsOf });
  }

  /** Says of each sink behind the root which other one its words pass last. */
  #placeSinks(members: readonly number[], root: number): void {
    const queue: { readonly channel: number; readonly above: number | null }[] = [
      { channel: nth(members, root), above: null },
    ];
    for (let index = 0; index < queue.length; index++) {
      const { channel, above } = nth(queue, index);
      const own = this.#sinkAt[channel] as number;
      if (own >= 0) this.#sinks[own] = { ...nth(this.#sinks, own), above };
      for (let port = 1; port < ports.length; port++) {
        const next = this.#channels.next(channel, port);
        if (next >= 0) queue.push({ channel: next, above: own >= 0 ? own : above });
      }
    }
  }

  /** Places of channels, each after those that it gets words of. */
  #ordered(members: readonly number[]): number[] {
    const waits = new Int32Array(members.length);
    for (const channel of members)
      for (let port = 1; port < ports.length; port++) {
        const next = this.#channels.next(channel, port);
        if (next >= 0) waits[this.#place[next] as number] = (waits[this.#place[next] as number] as number) + 1;
      }
    const order: number[] = [];
    for (let place = 0; place < members.length; place++) if (waits[place] === 0) order.push(place);
    for (let index = 0; index < order.length; index++) {
      const channel = nth(members, nth(order, index));
      for (let port = 1; port < ports.length; port++) {
        const next = this.#channels.next(channel, port);
        if (next < 0) continue;
        const place = this.#place[next] as number;
        waits[place] = (waits[place] as number) - 1;
        if (waits[place] === 0) order.push(place);
      }
    }
    if (order.length < members.length) throw new Error("internal: a route runs in a circle");
    return order;
  }

  /** What passes each router, in order; the first one that all words pass is the root. */
  #sequences(members: readonly number[], order: readonly number[], net: number): Passing {
    const parts = new Map<number, readonly Sequence[]>();
    const wholes = new Map<number, Sequence>();
    const sourceChannels: number[] = [];
    const rules = (place: number): ReturnType<Channels["rule"]> => this.#channels.rule(nth(members, place));
    const partsOf = (place: number): readonly Sequence[] => {
      const found = parts.get(place);
      if (found === undefined) throw new Error("internal: words pass a router before they come to it");
      return found;
    };
    const whole = (place: number): Sequence => {
      const known = wholes.get(place);
      if (known !== undefined) return known;
      const made = joined(partsOf(place));
      wholes.set(place, made);
      return made;
    };
    const leaving = (place: number, port: number): Sequence => {
      const { to } = rules(place);
      const taken = partsOf(place).filter((_, position) => (nth(to, position) & (1 << port)) !== 0);
      return taken.length === to.length ? whole(place) : joined(taken);
    };
    const entering = (place: number, port: number): Sequence => {
      const channel = nth(members, place);
      const before = this.#channels.before(channel, port);
      if (before >= 0) return leaving(this.#place[before] as number, backOf(port));
      const edge = this.#channels.edges.get(channel * ports.length + port) ?? null;
      const words =
        port === rampPort
          ? (this.#given[channel] as number)
          : edge?.kind === "input"
            ? edge.elements.reduce((sum, { sizes }) => sum + stridedCount(sizes), 0)
            : 0;
      const source = this.#sources.length;
      if (port === rampPort) this.#sourceAt[channel] = source;
      sourceChannels.push(channel);
      this.#sources.push({ net, words, edge, firstRun: 0, latency: 0, capacity: 0, back: 0, behind: 0 });
      return { kind: "source", source, words };
    };
    for (const place of order) {
      const { from, rule } = rules(place);
      const known = new Map<number, { readonly sequence: Sequence; taken: number }>();
      parts.set(
        place,
        from.map((port, position) => {
          const way = known.get(port) ?? { sequence: entering(place, port), taken: 0 };
          known.set(port, way);
          const words = nth(rule.positions, position).words ?? way.sequence.words;
          const part = cut(way.sequence, way.taken, Math.min(words, way.sequence.words - way.taken));
          way.taken += part.words;
          return part;
        }),
      );
    }
    const words = this.#sources
      .slice(this.#sources.length - sourceChannels.length)
      .reduce((sum, one) => sum + one.words, 0);
    const root = order.find((place) => whole(place).words === words);
    if (root === undefined) {
      const channel = nth(members, 0);
      const { width } = this.#channels.program.target;
      const cell = this.#channels.cell[channel] as number;
      throw fail("WSC7010", "the stream level takes colors whose words all pass one router", {
        subject: `router (${cell % width}, ${Math.floor(cell / width)}), color ${this.#channels.color[channel] as number}`,
        hint: "simulate it word by word: --level word",
      });
    }
    return { words, root, sourceChannels, whole, leaving };
  }

  /** Cycles, places of queues and hops from the root to every router of a net; less than nothing before the root. */
  #distances(members: readonly number[], root: number): Ways {
    const { target } = this.#channels;
    const ways: Ways = {
      cycles: new Float64Array(members.length),
      words: new Int32Array(members.length),
      hops: new Int32Array(members.length),
      place: this.#place,
    };
    const reached = new Uint8Array(members.length);
    reached[root] = 1;
    const queue = [root];
    const reach = (place: number, from: number, way: { hop: number; room: number; sign: number }): void => {
      if (reached[place] === 1) return;
      reached[place] = 1;
      ways.cycles[place] = (ways.cycles[from] as number) + way.sign * way.hop;
      ways.words[place] = (ways.words[from] as number) + way.sign * way.room;
      ways.hops[place] = (ways.hops[from] as number) + way.sign;
      queue.push(place);
    };
    for (let index = 0; index < queue.length; index++) {
      const from = nth(queue, index);
      const channel = nth(members, from);
      for (let port = 1; port < ports.length; port++) {
        const next = this.#channels.next(channel, port);
        if (next >= 0) {
          const room = linkWords(target, this.#channels.straight(channel, port));
          reach(this.#place[next] as number, from, { hop: this.#channels.hop(channel, port), room, sign: 1 });
        }
        const before = this.#channels.before(channel, port);
        if (before >= 0) {
          const room = linkWords(target, this.#channels.straight(before, backOf(port)));
          reach(this.#place[before] as number, from, { hop: this.#channels.hop(before, backOf(port)), room, sign: -1 });
        }
      }
    }
    return ways;
  }

  #placeSource(
    source: number,
    channel: number,
    { cycles, words, hops, place }: Ways,
    firstRuns: ReadonlyMap<number, number>,
  ): void {
    const { target } = this.#channels;
    const known = nth(this.#sources, source);
    const firstRun = firstRuns.get(source);
    // a source without words
    if (firstRun === undefined) return;
    const own = place[channel] as number;
    // the first switch on the way that has others pass in between
    let at = channel;
    for (;;) {
      const { from, leaves } = this.#channels.rule(at);
      if (from.length > 1 || (cycles[place[at] as number] as number) >= 0) break;
      let next = -1;
      for (let port = 1; port < ports.length && next < 0; port++)
        if ((leaves & (1 << port)) !== 0) next = this.#channels.next(at, port);
      if (next < 0) break;
      at = next;
    }
    const there = place[at] as number;
    const { rampCycles, hopCycles } = target.link;
    const isEdge = known.edge !== null;
    this.#sources[source] = {
      ...known,
      firstRun,
      latency: (isEdge ? hopCycles : rampCycles) - (cycles[own] as number),
      capacity:
        (isEdge ? linkWords(target, hopCycles) : rampWords(target)) +
        Math.max(0, (words[there] as number) - (words[own] as number)),
      back: Math.max(0, (hops[there] as number) - (hops[own] as number)) + 1,
      behind: Math.max(0, -(cycles[there] as number)),
    };
  }
}

interface Passing {
  /** words of a sample, from all sources */
  readonly words: number;
  readonly root: number;
  readonly sourceChannels: readonly number[];
  readonly whole: (place: number) => Sequence;
  readonly leaving: (place: number, port: number) => Sequence;
}

interface Ways {
  readonly cycles: Float64Array;
  readonly words: Int32Array;
  readonly hops: Int32Array;
  readonly place: Int32Array;
}
