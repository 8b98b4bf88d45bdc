/**
 * Nets: words on their way from some cores to some others. A net is a tree that gathers, one way, and a tree that gives to many; at every router
 * it has one way out and takes its ways in one after the other. Nets that meet at a router have different colors.
 */
import { type Port, type Position, ports } from "../../ir/fabric/program.ts";
import { diagnostic } from "../../ir/diagnostic.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { Core } from "../../ir/placement.ts";
import { CapacityError } from "./capacity.ts";
import { directionTo, type ProgramBuilder } from "./program-builder.ts";

/** A router of a net. */
interface Junction {
  readonly at: Core;
  /** ways in with their words, in the order in which they are taken */
  readonly inputs: { readonly from: Port; readonly words: number }[];
  readonly outputs: Set<Port>;
  filter: { readonly begin: number; readonly count: number; readonly period: number } | null;
}

/** Words of a sample over the links between routers, of all nets that are laid; and, on top of those, of some that are tried. */
export class Traffic {
  readonly #words = new Map<string, number>();
  readonly #below: Traffic | null;

  constructor(below: Traffic | null = null) {
    this.#below = below;
  }

  /** Words over the link between neighbours. */
  over(from: Core, to: Core): number {
    return this.#at(linkKey(from, directionTo(from, to)));
  }

  #at(key: string): number {
    return (this.#words.get(key) ?? 0) + (this.#below === null ? 0 : this.#below.#at(key));
  }

  /** Words over the busiest of the links that nets on top go over. */
  busiest(): number {
    let most = 0;
    for (const key of this.#words.keys()) most = Math.max(most, this.#at(key));
    return most;
  }

  add({ junctions }: Net): void {
    for (const { at, inputs, outputs } of junctions.values()) {
      const words = inputs.reduce((sum, input) => sum + input.words, 0);
      for (const port of outputs) {
        if (port === "ramp") continue;
        const key = linkKey(at, port);
        this.#words.set(key, (this.#words.get(key) ?? 0) + words);
      }
    }
  }
}

const linkKey = ({ x, y }: Core, to: Port): string => `${x} ${y} ${to}`;

export class Net {
  /** layer that is named when something is wrong with the net */
  readonly layer: string;
  /** what goes over the links already */
  readonly traffic: Traffic;
  /** colors to take if they are free, best first */
  readonly wished: readonly number[];
  readonly junctions: Map<string, Junction> = new Map<string, Junction>();
  #color: number | null = null;

  constructor(layer: string, traffic: Traffic, wished: readonly number[] = []) {
    this.layer = layer;
    this.traffic = traffic;
    this.wished = wished;
  }

  get color(): number {
    if (this.#color === null) throw new Error("internal: a net has no color yet");
    return this.#color;
  }

  set color(color: number) {
    this.#color = color;
  }

  #at(core: Core): Junction {
    const key = `${core.x} ${core.y}`;
    const known = this.junctions.get(key);
    if (known !== undefined) return known;
    const junction: Junction = { at: core, inputs: [], outputs: new Set(), filter: null };
    this.junctions.set(key, junction);
    return junction;
  }

  /** Words come in at a router, after those that came before. */
  input(core: Core, from: Port, words: number): void {
    const { inputs } = this.#at(core);
    const index = inputs.findIndex((input) => input.from === from);
    if (index < 0) inputs.push({ from, words });
    else inputs[index] = { from, words: (inputs[index]?.words ?? 0) + words };
  }

  output(core: Core, to: Port): void {
    this.#at(core).outputs.add(to);
  }

  /** Words go over the link between neighbours. */
  link(from: Core, to: Core, words: number): void {
    const side = directionTo(from, to);
    this.output(from, side);
    this.input(to, directionTo(to, from), words);
  }

  filter(core: Core, begin: number, count: number, period: number): void {
    if (count < period) this.#at(core).filter = { begin, count, period };
  }
}

/** Gives every net a color; WSC5007 where none is left. */
export function colorNets(nets: readonly Net[], target: Target): void {
  const taken = new Map<string, number>();
  const reserved = new Set(target.colors.reserved);
  const usual = Array.from({ length: target.colors.perRouter }, (_, color) => color).filter(
    (color) => !reserved.has(color),
  );
  for (const net of nets) {
    let used = 0;
    for (const key of net.junctions.keys()) used |= taken.get(key) ?? 0;
    const color = [...net.wished, ...usual].find((one) => ((used >>> one) & 1) === 0);
    if (color === undefined) {
      const message = "no color is left on the routers that its words pass";
      throw new CapacityError([diagnostic("error", "WSC5007", message, { subject: `layer "${net.layer}"` })]);
    }
    net.color = color;
    for (const key of net.junctions.keys()) taken.set(key, ((taken.get(key) ?? 0) | (1 << color)) >>> 0);
  }
}

/** Writes the routers of a net down. */
export function layNet(net: Net, builder: ProgramBuilder): void {
  for (const { at, inputs, outputs, filter } of net.junctions.values()) {
    const to = ports.filter((port) => outputs.has(port));
    const positions: Position[] = inputs.map(({ from, words }) => ({
      from,
      to,
      words: inputs.length === 1 ? null : words,
    }));
    builder.router(at, net.color, positions, filter);
  }
}
