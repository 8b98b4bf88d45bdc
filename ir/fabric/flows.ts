/** Words on their way: that each router gets what its switches wait for, that what is sent arrives, and that no route runs in a circle. */
import type { Core, LinkDirection } from "../placement.ts";
import type { FabricFaults } from "./faults.ts";
import {
  type FabricProgram,
  forEachCore,
  links,
  type Port,
  ports,
  type RouterRule,
  stridedCount,
  wordsReceived,
  wordsSent,
} from "./program.ts";

/** A color at a router. */
export interface Channel {
  readonly at: Core;
  readonly rule: RouterRule;
  /** words of a sample that come in, by port */
  readonly arriving: Map<Port, number>;
}

export interface Flows {
  readonly channels: ReadonlyMap<number, Channel>;
  readonly key: (core: Core, color: number) => number;
}

/** Words that the tasks of a core give and take, by color. */
interface CoreWords {
  readonly given: Map<number, number>;
  readonly taken: Map<number, number>;
}

const addTo = <K>(map: Map<K, number>, key: K, words: number): void => {
  map.set(key, (map.get(key) ?? 0) + words);
};

function coreWords(program: FabricProgram): CoreWords[] {
  return program.roles.map(({ tasks }) => {
    const words: CoreWords = { given: new Map(), taken: new Map() };
    for (const step of tasks.flatMap(({ steps }) => steps)) {
      const [received, sent] = [wordsReceived(step), wordsSent(step)];
      if (received !== null && (step.kind === "receive" || step.kind === "reduce"))
        addTo(words.taken, step.from.color, received);
      if (sent !== null && (step.kind === "send" || step.kind === "reduce") && step.to !== null)
        addTo(words.given, step.to.color, sent);
    }
    return words;
  });
}

/** Follows all words of a sample. */
export function checkFlows(program: FabricProgram, faults: FabricFaults): Flows {
  const { width, colorsPerRouter } = program.target;
  const key = ({ x, y }: Core, color: number): number => (y * width + x) * colorsPerRouter + color;
  const channels = new Map<number, Channel>();
  for (const rule of program.routers)
    forEachCore(rule.cores, (x, y) =>
      channels.set(key({ x, y }, rule.color), { at: { x, y }, rule, arriving: new Map() }),
    );
  const flows = { channels, key };
  const words = coreWords(program);
  const delivered = new Map<number, number>();
  for (const [index, role] of program.roles.entries()) {
    forEachCore(role.cores, (x, y) => {
      for (const [color, count] of words[index]?.given ?? []) {
        const channel = channels.get(key({ x, y }, color));
        if (channel === undefined)
          faults.at({ x, y }, "the core sends words, and its router has no rule for them", color);
        else addTo(channel.arriving, "ramp", count);
      }
    });
  }
  const leaving = new Map<string, number>();
  for (const { kind, name, x, y, side, color, elements } of program.edges) {
    const channel = channels.get(key({ x, y }, color));
    const count = elements.reduce((sum, { sizes }) => sum + stridedCount(sizes), 0);
    const beyond = { x: x + links[side].dx, y: y + links[side].dy };
    const isEdge = beyond.x < 0 || beyond.y < 0 || beyond.x >= width || beyond.y >= program.target.height;
    if (channel === undefined || !isEdge)
      faults.at({ x, y }, `${kind} "${name}" does not cross the edge of the wafer there`, color);
    else if (kind === "input") addTo(channel.arriving, side, count);
    else leaving.set(`${key({ x, y }, color)} ${side}`, count);
  }
  const order = topological(flows, faults);
  if (order === null) return flows;
  for (const channel of order) pass(channel, { flows, faults, delivered, leaving });
  for (const [where, count] of leaving)
    faults.add("the edge of the wafer", `an output waits for ${count} words that never come (${where})`);
  checkDelivered(program, words, { flows, delivered }, faults);
  return flows;
}

const neighbour = ({ x, y }: Core, side: LinkDirection): Core => ({ x: x + links[side].dx, y: y + links[side].dy });

/** True for neighbours; beyond the fabric's edge lies nothing. */
const areNext = (a: Core, b: Core): boolean => Math.abs(a.x - b.x) + Math.abs(a.y - b.y) === 1;

export const outputsOf = ({ positions }: RouterRule): ReadonlySet<Port> => new Set(positions.flatMap(({ to }) => to));

/** Channels, each after those that it gets words of; null where routes run in a circle. */
function topological({ channels, key }: Flows, faults: FabricFaults): Channel[] | null {
  const incoming = new Map<Channel, number>();
  const next = (channel: Channel): Channel[] =>
    [...outputsOf(channel.rule)].flatMap((port) => {
      const found = port === "ramp" ? undefined : channels.get(key(neighbour(channel.at, port), channel.rule.color));
      return found !== undefined && areNext(channel.at, found.at) ? [found] : [];
    });
  for (const channel of channels.values()) for (const after of next(channel)) addTo(incoming, after, 1);
  const ready = [...channels.values()].filter((channel) => !incoming.has(channel));
  const order: Channel[] = [];
  for (let channel = ready.pop(); channel !== undefined; channel = ready.pop()) {
    order.push(channel);
    for (const after of next(channel)) {
      addTo(incoming, after, -1);
      if (incoming.get(after) === 0) ready.push(after);
    }
  }
  if (order.length === channels.size) return order;
  const seen = new Set(order);
  const circle = [...channels.values()].find((channel) => !seen.has(channel));
  if (circle !== undefined) faults.at(circle.at, "its route runs in a circle", circle.rule.color);
  return null;
}

interface Passing {
  readonly flows: Flows;
  readonly faults: FabricFaults;
  readonly delivered: Map<number, number>;
  readonly leaving: Map<string, number>;
}

/** Passes the words of one router on. */
function pass(channel: Channel, { flows, faults, delivered, leaving }: Passing): void {
  const { at, rule, arriving } = channel;
  const { color, positions, filter } = rule;
  const wanted = new Map<Port, number>();
  const given = new Map<Port, number>();
  for (const { from, to, words } of positions) {
    const count = words ?? arriving.get(from) ?? 0;
    addTo(wanted, from, count);
    for (const port of to) addTo(given, port, count);
  }
  for (const port of ports) {
    const [comes, waits] = [arriving.get(port) ?? 0, wanted.get(port) ?? 0];
    if (comes === waits) continue;
    faults.at(at, `${comes} words come from ${port}, and its switch takes ${waits}`, color);
  }
  for (const port of ports) {
    const count = given.get(port);
    if (count === undefined) continue;
    if (count === 0) faults.at(at, `a route to ${port} that no words come on`, color);
    const key = flows.key(at, color);
    if (port === "ramp") {
      if (filter !== null && count % filter.period !== 0)
        faults.at(at, `a filter of period ${filter.period} sees ${count} words`, color);
      delivered.set(key, filter === null ? count : (count / filter.period) * filter.count);
      continue;
    }
    if (leaving.get(`${key} ${port}`) === count) {
      leaving.delete(`${key} ${port}`);
      continue;
    }
    const after = flows.channels.get(flows.key(neighbour(at, port), color));
    if (after === undefined || !areNext(at, after.at))
      faults.at(at, `${count} words go ${port}, where no router takes them`, color);
    else addTo(after.arriving, links[port].back, count);
  }
}

/** What routers bring to cores is what tasks take. */
function checkDelivered(
  program: FabricProgram,
  words: readonly CoreWords[],
  { flows, delivered }: { readonly flows: Flows; readonly delivered: Map<number, number> },
  faults: FabricFaults,
): void {
  for (const [index, role] of program.roles.entries()) {
    forEachCore(role.cores, (x, y) => {
      for (const [color, count] of words[index]?.taken ?? []) {
        const key = flows.key({ x, y }, color);
        const brought = delivered.get(key) ?? 0;
        delivered.delete(key);
        if (brought !== count)
          faults.at({ x, y }, `its tasks take ${count} words of a sample, and ${brought} come`, color);
      }
    });
  }
  for (const [key, count] of delivered) {
    const channel = flows.channels.get(key);
    if (channel !== undefined)
      faults.at(channel.at, `${count} words come to the core, and no task takes them`, channel.rule.color);
  }
}
