/** Routers at the stream level: a channel is a color at a router, with what its switch does; tables over all channels of a wafer. */
import { nth } from "../../../ir/access.ts";
import { fail } from "../../../ir/diagnostic.ts";
import {
  coreCount,
  type EdgeStream,
  type FabricProgram,
  forEachCore,
  links,
  type Port,
  ports,
  type RouterRule,
} from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { lineCycles } from "../../../ir/machine/travel.ts";

/** Router places (cells times colors) that the tables are made for: 512 MB of numbers. */
const mostPlaces = 2 ** 27;

/** A rule as numbers: ports count as in `ports`, sides as bits. */
export interface ReadyRule {
  readonly rule: RouterRule;
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** all sides that words leave by, in some position */
  readonly leaves: number;
  /** all sides that words come in by */
  readonly comes: number;
}

export const rampPort = 0;

const portNumber: ReadonlyMap<Port, number> = new Map(ports.map((port, index) => [port, index]));

export function numberOf(port: Port): number {
  const number = portNumber.get(port);
  if (number === undefined) throw new Error(`internal: no port ${port}`);
  return number;
}

/** By port: step in x and y, and the port at the other end of the link. */
const sides = ports.map((port) =>
  port === "ramp"
    ? { dx: 0, dy: 0, back: rampPort }
    : { dx: links[port].dx, dy: links[port].dy, back: numberOf(links[port].back) },
);

export class Channels {
  readonly program: FabricProgram;
  readonly target: Target;
  readonly rules: readonly ReadyRule[];
  readonly count: number;
  readonly cell: Int32Array;
  readonly color: Uint8Array;
  /** words over the edge of the wafer, by channel times ports plus port */
  readonly edges: ReadonlyMap<number, EdgeStream>;
  readonly #ruleOf: Int32Array;
  /** number of the channel plus one, by cell and color */
  readonly #at: Int32Array;

  constructor(program: FabricProgram, target: Target) {
    this.program = program;
    this.target = target;
    const { width, height, colorsPerRouter } = program.target;
    const places = width * height * colorsPerRouter;
    if (places > mostPlaces) {
      throw fail("WSC5001", `the stream level takes machines of at most ${mostPlaces} colors over all routers`, {
        subject: target.name,
        hint: `this one has ${places}`,
      });
    }
    this.#at = new Int32Array(places);
    this.rules = program.routers.map(readyRule);
    this.count = program.routers.reduce((sum, { cores }) => sum + coreCount(cores), 0);
    this.cell = new Int32Array(this.count);
    this.color = new Uint8Array(this.count);
    this.#ruleOf = new Int32Array(this.count);
    let channel = 0;
    for (const [index, { color, cores }] of program.routers.entries()) {
      forEachCore(cores, (x, y) => {
        const cell = y * width + x;
        this.cell[channel] = cell;
        this.color[channel] = color;
        this.#ruleOf[channel] = index;
        channel++;
        this.#at[cell * colorsPerRouter + color] = channel;
      });
    }
    this.edges = this.#edges();
  }

  #edges(): Map<number, EdgeStream> {
    const { width } = this.program.target;
    const found = new Map<number, EdgeStream>();
    for (const edge of this.program.edges) {
      const channel = this.at(edge.y * width + edge.x, edge.color);
      if (channel >= 0) found.set(channel * ports.length + numberOf(edge.side), edge);
    }
    return found;
  }

  /** The channel of a color at a router; -1: it has no rule for the color. */
  at(cell: number, color: number): number {
    return (this.#at[cell * this.program.target.colorsPerRouter + color] as number) - 1;
  }

  rule(channel: number): ReadyRule {
    return nth(this.rules, this.#ruleOf[channel] as number);
  }

  /** The channel beyond a side, whether or not its switch takes words from there; -1: none. */
  beyond(channel: number, port: number): number {
    const { width, height } = this.program.target;
    const { dx, dy } = nth(sides, port);
    const cell = this.cell[channel] as number;
    const x = (cell % width) + dx;
    const y = Math.floor(cell / width) + dy;
    if (x < 0 || y < 0 || x >= width || y >= height) return -1;
    return this.at(y * width + x, this.color[channel] as number);
  }

  /** The channel that words go to over a side; -1 where none takes them. */
  next(channel: number, port: number): number {
    if (port === rampPort || (this.rule(channel).leaves & (1 << port)) === 0) return -1;
    const found = this.beyond(channel, port);
    return found >= 0 && (this.rule(found).comes & (1 << nth(sides, port).back)) !== 0 ? found : -1;
  }

  /** The channel that words come from over a side; -1 where none sends them. */
  before(channel: number, port: number): number {
    if (port === rampPort || (this.rule(channel).comes & (1 << port)) === 0) return -1;
    const found = this.beyond(channel, port);
    return found >= 0 && (this.rule(found).leaves & (1 << nth(sides, port).back)) !== 0 ? found : -1;
  }

  /** Cycles from router to router over a side, with the bend of the first way in that leads there. */
  hop(channel: number, port: number): number {
    return this.straight(channel, port) + (this.#bends(channel, port) ? this.target.link.turnCycles : 0);
  }

  /** Cycles over the link alone. */
  straight(channel: number, port: number): number {
    const { width } = this.program.target;
    const { dx, dy } = nth(sides, port);
    const cell = this.cell[channel] as number;
    const start = dx === 0 ? Math.floor(cell / width) : cell % width;
    return lineCycles(this.target, dx === 0 ? "y" : "x", start, start + dx + dy);
  }

  #bends(channel: number, port: number): boolean {
    const { from, to } = this.rule(channel);
    const position = to.findIndex((bits) => (bits & (1 << port)) !== 0);
    const enters = nth(from, position);
    // ports 1 and 2, 3 and 4 lie opposite each other
    return enters !== rampPort && (enters + 1) >> 1 !== (port + 1) >> 1;
  }
}

/** The port at the other end of a side's link. */
export const backOf = (port: number): number => nth(sides, port).back;

function readyRule(rule: RouterRule): ReadyRule {
  const from = rule.positions.map((position) => numberOf(position.from));
  const to = rule.positions.map((position) => position.to.reduce((bits, port) => bits | (1 << numberOf(port)), 0));
  return {
    rule,
    from,
    to,
    leaves: to.reduce((bits, one) => bits | one, 0),
    comes: from.reduce((bits, port) => bits | (1 << port), 0),
  };
}
