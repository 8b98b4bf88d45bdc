/**
 * Nets: words on their way from some cores to some others. A net is a tree that gathers, one way, and a tree that gives to many; at every router
 * it has one way out and takes its ways in one after the other. Nets that meet at a router have different colors.
 */
import { links, type Port, type Position, ports } from "../../ir/fabric/program.ts";
import { diagnostic } from "../../ir/diagnostic.ts";
import type { Target } from "../../ir/machine/target.ts";
import { type Core, type LinkDirection, linkDirections } from "../../ir/placement.ts";
import { CapacityError } from "./capacity.ts";
import { directionTo, keyOf, type ProgramBuilder } from "./program-builder.ts";

/** A router of a net. */
interface Junction {
  readonly at: Core;
  /** ways in with their words, in the order in which they are taken */
  readonly inputs: { readonly from: Port; words: number }[];
  /** a bit for each of `ports` */
  outputs: number;
  filter: { readonly begin: number; readonly count: number; readonly period: number } | null;
}

const bitOf: Readonly<Record<Port, number>> = { ramp: 1, east: 2, west: 4, south: 8, north: 16 };

/** Words of a sample over the links between routers, of all nets that are laid; and, on top of those, of some that are tried. */
export class Traffic {
  readonly #words = new Map<number, number>();
  readonly #below: Traffic | null;

  constructor(below: Traffic | null = null) {
    this.#below = below;
  }

  /** Words over the link between neighbours. */
  over(from: Core, to: Core): number {
    return this.#at(linkKey(from, directionTo(from, to)));
  }

  #at(key: number): number {
    return (this.#words.get(key) ?? 0) + (this.#below === null ? 0 : this.#below.#at(key));
  }

  /** Adds a net; gives the words over the busiest of its links. */
  add({ junctions }: Net): number {
    let most = 0;
    for (const { at, inputs, outputs } of junctions) {
      let words = 0;
      for (const input of inputs) words += input.words;
      for (const port of linkDirections) {
        if ((outputs & bitOf[port]) === 0) continue;
        const key = linkKey(at, port);
        this.#words.set(key, (this.#words.get(key) ?? 0) + words);
        most = Math.max(most, this.#at(key));
      }
    }
    return most;
  }
}

const linkKey = (at: Core, to: LinkDirection): number => keyOf(at) * linkDirections.length + linkDirections.indexOf(to);

/** Routers up to which a net is looked through for one; larger nets have an index. */
const mostUnindexed = 8;

export class Net {
  /** layer that is named when something is wrong with the net */
  readonly layer: string;
  /** what goes over the links already */
  readonly traffic: Traffic;
  /** colors to take if they are free, best first */
  readonly wished: readonly number[];
  readonly #junctions: Junction[] = [];
  #indexed: Map<number, Junction> | null = null;
  #color: number | null = null;

  constructor(layer: string, traffic: Traffic, wished: readonly number[] = []) {
    this.layer = layer;
    this.traffic = traffic;
    this.wished = wished;
  }

  /** Its routers, in the order in which they were met. */
  get junctions(): readonly Junction[] {
    return this.#junctions;
  }

  get color(): number {
    if (this.#color === null) throw new Error("internal: a net has no color yet");
    return this.#color;
  }

  set color(color: number) {
    this.#color = color;
  }

  #at(core: Core): Junction {
    const known = this.#known(core);
    if (known !== undefined) return known;
    const junction: Junction = { at: core, inputs: [], outputs: 0, filter: null };
    this.#junctions.push(junction);
    if (this.#indexed !== null) this.#indexed.set(keyOf(core), junction);
    else if (this.#junctions.length > mostUnindexed)
      this.#indexed = new Map(this.#junctions.map((one) => [keyOf(one.at), one]));
    return junction;
  }

  #known(core: Core): Junction | undefined {
    if (this.#indexed !== null) return this.#indexed.get(keyOf(core));
    for (const junction of this.#junctions) if (junction.at.x === core.x && junction.at.y === core.y) return junction;
    return undefined;
  }

  /** Words come in at a router, after those that came before. */
  input(core: Core, from: Port, words: number): void {
    const { inputs } = this.#at(core);
    for (const input of inputs) {
      if (input.from !== from) continue;
      input.words += words;
      return;
    }
    inputs.push({ from, words });
  }

  output(core: Core, to: Port): void {
    this.#at(core).outputs |= bitOf[to];
  }

  /** Words go over the link between neighbours. */
  link(from: Core, to: Core, words: number): void {
    const side = directionTo(from, to);
    this.output(from, side);
    this.input(to, links[side].back, words);
  }

  filter(core: Core, begin: number, count: number, period: number): void {
    if (count < period) this.#at(core).filter = { begin, count, period };
  }
}

/** Gives every net a color; WSC5007 where none is left. */
export function colorNets(nets: readonly Net[], target: Target): void {
  const { width } = target.fabric;
  /** colors in use by router, a bit each */
  const taken = new Uint32Array(width * target.fabric.height);
  const reserved = new Set(target.colors.reserved);
  const usual = Array.from({ length: target.colors.perRouter }, (_, color) => color).filter(
    (color) => !reserved.has(color),
  );
  for (const net of nets) {
    let used = 0;
    for (const { at } of net.junctions) used |= taken[at.y * width + at.x] as number;
    const color = [...net.wished, ...usual].find((one) => ((used >>> one) & 1) === 0);
    if (color === undefined) {
      const message = "no color is left on the routers that its words pass";
      throw new CapacityError([diagnostic("error", "WSC5007", message, { subject: `layer "${net.layer}"` })]);
    }
    net.color = color;
    for (const { at } of net.junctions) {
      const router = at.y * width + at.x;
      taken[router] = (taken[router] as number) | (1 << color);
    }
  }
}

/** Writes the routers of a net down. */
export function layNet(net: Net, builder: ProgramBuilder): void {
  for (const { at, inputs, outputs, filter } of net.junctions) {
    const to = ports.filter((port) => (outputs & bitOf[port]) !== 0);
    const positions: Position[] = inputs.map(({ from, words }) => ({
      from,
      to,
      words: inputs.length === 1 ? null : words,
    }));
    builder.router(at, net.color, positions, filter);
  }
}
