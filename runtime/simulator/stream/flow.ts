/**
 * Words on their way at the stream level. Of each net the times are kept at which its words pass the root, as pieces of even pace. A piece is made
 * when all that it depends on is known: the source has begun to put its words on the net, it is their turn, all sinks have begun to take the words
 * that must make room, and the links that the net shares are free. Nothing is corrected afterwards.
 */
import { nth } from "../../../ir/access.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { Busy } from "./busy.ts";
import { Clock, timeIn } from "./clocks.ts";
import { Heap } from "./heap.ts";
import { Least } from "./limits.ts";
import type { Net, Nets, Sink, Source } from "./nets.ts";
import type { NetShare } from "./sharing.ts";
import { overlap, placeOn, wordsBefore } from "./windows.ts";

/** Words that a net passes over a shared link before another one may: a word each on the machine. Less costs time, more costs exactness. */
const turnWords = 4;

/** Words that a source puts on its net, the first at `time`, the others `pace` cycles apart; words count over all samples. */
interface Offer {
  readonly first: number;
  readonly end: number;
  readonly time: number;
  readonly pace: number;
}

/** Word `place` of a net waits for room, which is there from `time` on. */
interface Credit {
  readonly place: number;
  readonly time: number;
}

/** Words of a net that pass its root next. */
interface Plan {
  readonly source: number;
  /** first of them among the source's words, counted over all samples, and among the net's words of a sample */
  readonly first: number;
  readonly index: number;
  readonly count: number;
  readonly time: number;
  /** when the first comes from its source, and the cycles between two of them */
  readonly comes: number;
  readonly pace: number;
  readonly endsRun: boolean;
}

/** What the flow of words tells the cores. */
export interface FlowEvents {
  /** the sink has its last word, or the source has put its last word on the net */
  readonly taken: (sink: number, time: number) => void;
  readonly given: (source: number, time: number) => void;
  /** words of a source have passed the root of its net */
  readonly passed: (net: number, source: number, first: number, end: number) => void;
  /** words of a sink that it adds to its own and passes on */
  readonly forwards: (sink: number, first: number, end: number) => void;
  /** the net asks to be looked at again */
  readonly later: (net: number, time: number) => void;
  /** words before one are of no use any more */
  readonly forgotten: (net: number, before: number) => void;
}

export class Flow {
  readonly #target: Target;
  readonly #nets: readonly Net[];
  readonly #sources: readonly Source[];
  readonly #sinks: readonly Sink[];
  readonly #shares: readonly (readonly NetShare[])[];
  readonly #samples: number;
  readonly #events: FlowEvents;
  readonly #wheelNow: () => number;

  // nets
  readonly #clocks: readonly Clock[];
  readonly #at: Float64Array;
  readonly #last: Float64Array;
  readonly #credit: Float64Array;
  readonly #credits: readonly Heap<Credit>[];
  readonly #run: Int32Array;
  readonly #limits: readonly Least[];
  readonly #waiting: readonly Heap<number>[];
  readonly #links: readonly Busy[];
  readonly #queued: Uint8Array;
  readonly #isTaking: Uint8Array;
  readonly #work: number[] = [];

  // sources
  readonly #offers: Offer[][];
  readonly #put: Float64Array;
  readonly #passedWords: Float64Array;
  /** sources that wait for room: the word that must pass before, and when they would be done without it */
  readonly #isPending: Uint8Array;
  readonly #pendingWord: Float64Array;
  readonly #pendingTime: Float64Array;

  // sinks
  readonly #placeInNet: Int32Array;
  readonly #begun: Float64Array;
  readonly #first: Float64Array;
  readonly #start: Float64Array;
  readonly #done: Float64Array;
  readonly #lastPlace: Float64Array;
  /** source that the sink's words go on to, and how many have; -1: none */
  readonly #feeds: Int32Array;
  readonly #fed: Float64Array;
  readonly #feeding: number[][];
  /** first word of the net that a sink holds up until it begins another part, words that it has held up, and sinks that do not know their words' times */
  readonly #held: Float64Array;
  readonly #holds: Credit[][];
  readonly #behind: number[][];

  constructor(nets: Nets, target: Target, samples: number, events: FlowEvents, now: () => number) {
    this.#target = target;
    this.#nets = nets.nets;
    this.#sources = nets.sources;
    this.#sinks = nets.sinks;
    this.#samples = samples;
    this.#events = events;
    this.#wheelNow = now;
    const { links, of } = nets.sharing.byNet(nets.nets.length);
    this.#shares = of;
    this.#links = Array.from({ length: links }, () => new Busy());
    const count = nets.nets.length;
    this.#clocks = Array.from({ length: count }, () => new Clock());
    this.#at = new Float64Array(count);
    this.#last = new Float64Array(count).fill(-Infinity);
    this.#credit = new Float64Array(count);
    this.#credits = Array.from({ length: count }, () => new Heap<Credit>(({ place }) => place));
    this.#run = new Int32Array(count);
    this.#queued = new Uint8Array(count);
    this.#isTaking = new Uint8Array(count);
    const sources = nets.sources.length;
    this.#offers = Array.from({ length: sources }, () => []);
    this.#put = new Float64Array(sources);
    this.#passedWords = new Float64Array(sources);
    this.#isPending = new Uint8Array(sources);
    this.#pendingWord = new Float64Array(sources);
    this.#pendingTime = new Float64Array(sources);
    const sinks = nets.sinks.length;
    this.#placeInNet = new Int32Array(sinks);
    this.#begun = new Float64Array(sinks);
    this.#first = new Float64Array(sinks);
    this.#start = new Float64Array(sinks);
    this.#done = new Float64Array(sinks);
    this.#lastPlace = new Float64Array(sinks);
    this.#feeds = new Int32Array(sinks).fill(-1);
    this.#fed = new Float64Array(sinks);
    this.#feeding = Array.from({ length: count }, () => []);
    this.#held = new Float64Array(sinks).fill(Infinity);
    this.#holds = Array.from({ length: sinks }, () => []);
    this.#behind = Array.from({ length: sinks }, () => []);
    this.#waiting = Array.from({ length: count }, () => new Heap((sink: number) => this.#lastPlace[sink] as number));
    this.#limits = nets.nets.map((net) => new Least(net.sinks.length));
    for (const net of nets.nets) {
      for (const [place, sink] of net.sinks.entries()) {
        this.#placeInNet[sink] = place;
        if (nth(nets.sinks, sink).edge === null) this.#limit(sink);
        else this.#done[sink] = Infinity;
      }
    }
  }

  /** Inputs come from cycle 1 on, as fast as the fabric takes them. */
  begin(): void {
    for (const [source, { edge, words, net }] of this.#sources.entries()) {
      if (edge === null) continue;
      this.#put[source] = words * this.#samples;
      nth(this.#offers, source).push({
        first: 0,
        end: words * this.#samples,
        time: 1,
        pace: this.#target.link.cyclesPerWord,
      });
      this.#look(net);
    }
  }

  /** True when all words of all samples have passed. */
  isDone(net: number): boolean {
    return (this.#at[net] as number) >= this.#samples * nth(this.#nets, net).words;
  }

  hasPassed(net: number, word: number): boolean {
    return word < (this.#at[net] as number);
  }

  /** When a word of a net passed its root; it has. */
  timeOf(net: number, word: number): number {
    return nth(this.#clocks, net).timeOf(word);
  }

  /** Source words that have passed. */
  passedOf(source: number): number {
    return this.#passedWords[source] as number;
  }

  /** A source's words go on the net from a time on. */
  give(source: number, words: number, time: number): void {
    const pace = Math.max(1, this.#target.link.cyclesPerWord);
    const first = this.#put[source] as number;
    this.#offer(source, { first, end: first + words, time, pace });
    this.#expectGiven(source, time + (words - 1) * pace);
  }

  /** A sink takes words from a time on; to a source that they go on to, or null. */
  take(sink: number, words: number, time: number, to: number | null): void {
    const { net, windows, back } = nth(this.#sinks, sink);
    // the word that found no room until now goes on when the first word of this part makes some
    const place = nth(this.#limits, net).get(this.#placeInNet[sink] as number);
    const ahead = (place - (this.#at[net] as number) + 1) * this.#target.link.cyclesPerWord;
    if (time + back > (this.#last[net] as number) + ahead) nth(this.#credits, net).push({ place, time: time + back });
    const { latency } = nth(this.#sinks, sink);
    const router = latency - this.#target.link.rampCycles;
    nth(this.#holds, sink).push({ place: this.#held[sink] as number, time: time + 1 - router });
    const first = this.#begun[sink] as number;
    this.#begun[sink] = first + words;
    this.#first[sink] = first;
    this.#start[sink] = time;
    this.#limit(sink);
    this.#lastPlace[sink] = placeOn(windows, first + words - 1);
    nth(this.#waiting, net).push(sink);
    if (to !== null) {
      this.#feeds[sink] = to;
      this.#fed[sink] = first;
      nth(this.#feeding, net).push(sink);
      this.#feed(sink);
    }
    for (const other of nth(this.#behind, sink).splice(0)) {
      if (this.#feeds[other] === -1) nth(this.#waiting, net).push(other);
      else this.#feed(other);
    }
    this.#take(net);
    this.#look(net);
  }

  /** A sink's words go on: its source is done when the last of them has found room. */
  expectForwarded(source: number, words: number): void {
    this.#isPending[source] = 1;
    this.#pendingTime[source] = 0;
    this.#pendingWord[source] = (this.#put[source] as number) + words - 1 - nth(this.#sources, source).capacity;
    this.#settleSource(source);
  }

  /** Looks at a net again. */
  wake(net: number): void {
    this.#look(net);
  }

  /** Makes all pieces that can be made. */
  settle(): void {
    for (let net = this.#work.pop(); net !== undefined; net = this.#work.pop()) {
      this.#queued[net] = 0;
      this.#advance(net);
    }
  }

  #look(net: number): void {
    if (this.#queued[net] === 1) return;
    this.#queued[net] = 1;
    this.#work.push(net);
  }

  #offer(source: number, offer: Offer): void {
    this.#put[source] = offer.end;
    nth(this.#offers, source).push(offer);
    this.#look(nth(this.#sources, source).net);
  }

  #limit(sink: number): void {
    const { net, windows, room, capacity } = nth(this.#sinks, sink);
    const place = placeOn(windows, (this.#begun[sink] as number) + room);
    this.#held[sink] = place;
    nth(this.#limits, net).set(this.#placeInNet[sink] as number, place + capacity);
  }

  /** One piece after the other, as far as they go. */
  #advance(net: number): void {
    for (let plan = this.#planned(net); plan !== null; plan = this.#planned(net)) this.#pass(net, plan);
  }

  /** The words that pass next, and the earliest times at which they may; null where something is not known yet. */
  #planned(net: number): Plan | null {
    const { words, runs, ends } = nth(this.#nets, net);
    const isShared = nth(this.#shares, net).length > 0;
    const at = this.#at[net] as number;
    const sample = Math.floor(at / words);
    if (sample >= this.#samples) return null;
    const index = at - sample * words;
    const run = nth(runs, this.#run[net] as number);
    const end = nth(ends, this.#run[net] as number);
    const { source } = run;
    const { words: own, latency } = nth(this.#sources, source);
    const first = sample * own + run.offset + index - (end - run.words);
    const offers = nth(this.#offers, source);
    while (offers.length > 1 && nth(offers, 0).end <= first) offers.shift();
    const offer = offers[0];
    if (offer === undefined || offer.end <= first || offer.first > first) return null;
    const free = Math.min(end - index, offer.end - first, nth(this.#limits, net).least - at);
    if (free <= 0) return null;
    const { cyclesPerWord } = this.#target.link;
    const comes = offer.time + (first - offer.first) * offer.pace + latency;
    const time = Math.max((this.#last[net] as number) + cyclesPerWord, comes, this.#creditAt(net, at));
    const count = this.#cutByCredit(net, at, isShared ? Math.min(free, turnWords) : free, time);
    // words for a shared link are looked at again when it is their time
    if (isShared && Math.ceil(time) > this.#wheelNow()) {
      this.#events.later(net, Math.ceil(time));
      return null;
    }
    return { source, first, index, count, time, comes, pace: offer.pace, endsRun: index + count === end };
  }

  #pass(net: number, { source, first, index, count, time: earliest, comes, pace: offered, endsRun }: Plan): void {
    const at = this.#at[net] as number;
    const { cyclesPerWord } = this.#target.link;
    const time = this.#shareLinks(net, index, index + count, earliest);
    const last = Math.max(time + (count - 1) * cyclesPerWord, comes + (count - 1) * offered);
    const pace = count > 1 ? (last - time) / (count - 1) : cyclesPerWord;
    nth(this.#clocks, net).add({ from: at, to: at + count, time, pace });
    this.#last[net] = last;
    this.#at[net] = at + count;
    if (endsRun) this.#run[net] = ((this.#run[net] as number) + 1) % nth(this.#nets, net).runs.length;
    this.#passedWords[source] = first + count;
    this.#events.passed(net, source, first, first + count);
    this.#settleSource(source);
    for (const sink of nth(this.#feeding, net).slice()) this.#feed(sink);
    this.#take(net);
    this.#forget(net);
  }

  /** Takes places on the links that words share with those of other nets, and gives the time from which they have them: who comes first goes first. */
  #shareLinks(net: number, begin: number, end: number, earliest: number): number {
    const passing = nth(this.#shares, net).flatMap(({ link, windows, cycles }) => {
      const words = overlap(windows, begin, end);
      return words === 0 ? [] : [{ link, cycles, words }];
    });
    const { cyclesPerWord } = this.#target.link;
    let time = earliest;
    for (let before = -Infinity; before < time;) {
      before = time;
      for (const { link, cycles, words } of passing)
        time = Math.max(time, nth(this.#links, link).fits(time + cycles, words * cyclesPerWord) - cycles);
    }
    for (const { link, cycles, words } of passing)
      nth(this.#links, link).take(time + cycles, time + cycles + words * cyclesPerWord, this.#wheelNow());
    return time;
  }

  /** When there is room for a word. */
  #creditAt(net: number, at: number): number {
    const credits = nth(this.#credits, net);
    for (let known = credits.popBelow(at + 1); known !== null; known = credits.popBelow(at + 1))
      this.#credit[net] = Math.max(this.#credit[net] as number, known.time);
    return this.#credit[net] as number;
  }

  /** As many words as there is room for in time. */
  #cutByCredit(net: number, at: number, count: number, time: number): number {
    const credits = nth(this.#credits, net);
    for (let next = credits.popBelow(at + count); next !== null; next = credits.popBelow(at + count)) {
      if (next.time <= time + (next.place - at) * this.#target.link.cyclesPerWord) continue;
      credits.push(next);
      return next.place - at;
    }
    return count;
  }

  /** Sinks whose last word has passed the root are done when it has come to them. */
  #take(net: number): void {
    // a sink that begins with its next words here is found by the loop that told it: thousands of short runs must not pile up calls
    if (this.#isTaking[net] === 1) return;
    this.#isTaking[net] = 1;
    const waiting = nth(this.#waiting, net);
    const clock = nth(this.#clocks, net);
    for (
      let sink = waiting.popBelow(this.#at[net] as number);
      sink !== null;
      sink = waiting.popBelow(this.#at[net] as number)
    ) {
      const last = this.#lastPlace[sink] as number;
      const holding = this.#holding(sink, last);
      if (holding !== null) {
        nth(this.#behind, holding).push(sink);
        continue;
      }
      const end = this.#begun[sink] as number;
      const words = end - (this.#first[sink] as number);
      const arrives = this.#arrival(sink, last, clock.timeOf(last));
      this.#done[sink] = end;
      this.#events.taken(sink, Math.max((this.#start[sink] as number) + words - 1, arrives));
    }
    this.#isTaking[net] = 0;
  }

  /** A sink on the way that may hold a word up, and has not begun to take the words before it; null: none. */
  #holding(sink: number, word: number): number | null {
    for (let { above } = nth(this.#sinks, sink); above !== null; { above } = nth(this.#sinks, above))
      if ((this.#held[above] as number) <= word) return above;
    return null;
  }

  /** When a word that passes the root at some time comes to a sink, over the routers of others. */
  #arrival(sink: number, word: number, passes: number): number {
    let time = passes;
    const { latency, above } = nth(this.#sinks, sink);
    for (let other = above; other !== null; other = nth(this.#sinks, other).above) {
      const holds = nth(this.#holds, other);
      let index = holds.length - 1;
      while (index >= 0 && nth(holds, index).place > word) index--;
      const hold = holds[index];
      if (hold !== undefined) time = Math.max(time, hold.time + (word - hold.place) * this.#target.link.cyclesPerWord);
    }
    return time + latency;
  }

  /** Words that a sink adds to its own and passes on, as far as they have come. */
  #feed(sink: number): void {
    const { net, windows } = nth(this.#sinks, sink);
    const source = this.#feeds[sink] as number;
    const first = this.#first[sink] as number;
    const start = this.#start[sink] as number;
    const known = Math.min(this.#begun[sink] as number, wordsBefore(windows, this.#at[net] as number));
    while ((this.#fed[sink] as number) < known) {
      const fed = this.#fed[sink] as number;
      const piece = nth(this.#clocks, net).pieceOf(placeOn(windows, fed));
      const end = Math.min(known, wordsBefore(windows, piece.to));
      const holding = this.#holding(sink, placeOn(windows, end - 1));
      if (holding !== null) {
        nth(this.#behind, holding).push(sink);
        return;
      }
      const takenAt = (word: number): number => {
        const place = placeOn(windows, word);
        return Math.max(start + word - first, this.#arrival(sink, place, timeIn(piece, place)));
      };
      const count = end - fed;
      const time = takenAt(fed) + 1;
      const pace = count > 1 ? (takenAt(end - 1) + 1 - time) / (count - 1) : 1;
      this.#events.forwards(sink, fed, end);
      this.#fed[sink] = end;
      const put = this.#put[source] as number;
      this.#offer(source, { first: put, end: put + count, time, pace });
    }
    if ((this.#fed[sink] as number) < (this.#begun[sink] as number)) return;
    const feeding = nth(this.#feeding, net);
    const place = feeding.indexOf(sink);
    if (place >= 0) feeding.splice(place, 1);
    this.#settleSource(source);
  }

  #expectGiven(source: number, time: number): void {
    this.#isPending[source] = 1;
    this.#pendingTime[source] = time;
    this.#pendingWord[source] = (this.#put[source] as number) - 1 - nth(this.#sources, source).capacity;
    this.#settleSource(source);
  }

  /** A source is done when its last word has found room: when the word that it takes the place of is past the switch. */
  #settleSource(source: number): void {
    if (this.#isPending[source] === 0) return;
    const word = this.#pendingWord[source] as number;
    if (word >= (this.#passedWords[source] as number)) return;
    const { net, behind, back } = nth(this.#sources, source);
    const free = word < 0 ? 0 : this.timeOf(net, this.placeOfSource(source, word)) - behind + back;
    this.#isPending[source] = 0;
    this.#events.given(source, Math.max(this.#pendingTime[source] as number, free));
  }

  /** Where a source's word stands on its net. */
  placeOfSource(source: number, word: number): number {
    const { net, words, firstRun } = nth(this.#sources, source);
    const { runs, ends, words: all } = nth(this.#nets, net);
    const sample = Math.floor(word / words);
    const own = word - sample * words;
    let found = firstRun;
    let run = nth(runs, found);
    while (run.source !== source || own < run.offset || own >= run.offset + run.words) run = nth(runs, ++found);
    return sample * all + nth(ends, found) - run.words + own - run.offset;
  }

  /** Drops times that nobody will ask for. */
  #forget(net: number): void {
    const clock = nth(this.#clocks, net);
    if (!clock.isLong) return;
    let needed = this.#at[net] as number;
    for (const sink of nth(this.#nets, net).sinks) {
      const done = this.#done[sink] as number;
      if (done === Infinity) continue;
      const holds = nth(this.#holds, sink);
      // the last one before what is needed still counts
      if (holds.length > 64) holds.splice(0, holds.length - 64);
      needed = Math.min(needed, placeOn(nth(this.#sinks, sink).windows, done));
    }
    for (const { source } of nth(this.#nets, net).runs) {
      const { capacity } = nth(this.#sources, source);
      const word = Math.max(0, (this.#passedWords[source] as number) - 1 - capacity);
      needed = Math.min(needed, this.placeOfSource(source, word));
    }
    clock.forget(needed);
    this.#events.forgotten(net, needed);
  }
}
