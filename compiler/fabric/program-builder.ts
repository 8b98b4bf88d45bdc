/** Puts a fabric program together core by core and router by router; equal ones become one role, one rule. */
import {
  type EdgeStream,
  type FabricProgram,
  type FabricTarget,
  fabricVersion,
  type Filter,
  type Load,
  type Port,
  type Position,
  ports,
  type Region,
  type Task,
} from "../../ir/fabric/program.ts";
import type { Target } from "../../ir/machine/target.ts";
import { type Core, type DeadLink, type LinkDirection } from "../../ir/placement.ts";
import { coreSetsOf } from "./core-sets.ts";

/** What a core runs. */
export interface CorePlan {
  readonly layer: number;
  readonly regions: readonly Region[];
  readonly tasks: readonly Task[];
}

/** What programs need to know of a machine. */
export const fabricTargetOf = (
  target: Target,
  deadCores: readonly Core[] = [],
  deadLinks: readonly DeadLink[] = [],
): FabricTarget => ({
  name: target.name,
  width: target.fabric.width,
  height: target.fabric.height,
  sramBytes: target.core.sramBytes,
  colorsPerRouter: target.colors.perRouter,
  reservedColors: target.colors.reserved,
  deadCores: [...(target.deadCores ?? []).map(([x, y]) => ({ x, y })), ...deadCores],
  ...(deadLinks.length === 0 ? {} : { deadLinks }),
});

interface Rule {
  readonly color: number;
  readonly positions: readonly Position[];
  readonly filter: Filter | null;
}

interface Group<T> {
  readonly what: T;
  readonly cores: Core[];
}

export class ProgramBuilder {
  readonly #name: string;
  readonly #target: FabricTarget;
  readonly #layers: readonly string[];
  readonly #roles = new Map<string, Group<CorePlan>>();
  readonly #rules = new Map<string | number, Group<Rule>>();
  readonly #loads: Load[] = [];
  readonly #edges: EdgeStream[] = [];

  constructor(name: string, target: FabricTarget, layers: readonly string[]) {
    this.#name = name;
    this.#target = target;
    this.#layers = layers;
  }

  core(at: Core, plan: CorePlan): void {
    this.role(plan).push(at);
  }

  /** The cores that run a plan, for more of them to be added. */
  role(plan: CorePlan): Core[] {
    return coresOf(this.#roles, JSON.stringify(plan), () => plan);
  }

  router(at: Core, color: number, positions: readonly Position[], filter: Filter | null = null): void {
    const rule: Rule = { color, positions, filter };
    coresOf(this.#rules, keyOfRule(rule), () => rule).push(at);
  }

  /** A color from the core of the first router along neighbouring routers to the core of the last. */
  path(color: number, routers: readonly Core[]): void {
    for (const [index, router] of routers.entries()) {
      const before = routers[index - 1];
      const after = routers[index + 1];
      const from: Port = before === undefined ? "ramp" : directionTo(router, before);
      const to: Port = after === undefined ? "ramp" : directionTo(router, after);
      this.router(router, color, [{ from, to: [to], words: null }]);
    }
  }

  load(load: Load): void {
    this.#loads.push(load);
  }

  edge(stream: EdgeStream): void {
    this.#edges.push(stream);
  }

  build(): FabricProgram {
    return {
      version: fabricVersion,
      name: this.#name,
      target: this.#target,
      layers: this.#layers,
      roles: [...this.#roles.values()].map(({ what, cores }, index) => ({
        name: `r${index}`,
        ...what,
        cores: coreSetsOf(cores),
      })),
      routers: [...this.#rules.values()]
        .sort((a, b) => a.what.color - b.what.color)
        .map(({ what, cores }) => ({ ...what, cores: coreSetsOf(cores) })),
      loads: this.#loads,
      edges: this.#edges,
    };
  }
}

function coresOf<K, T>(groups: Map<K, Group<T>>, key: K, make: () => T): Core[] {
  const known = groups.get(key);
  if (known !== undefined) return known.cores;
  const cores: Core[] = [];
  groups.set(key, { what: make(), cores });
  return cores;
}

/** What a rule says; a number for those that most routers have: one way in, ways out in the order of `ports`, no filter. */
function keyOfRule(rule: Rule): string | number {
  const { color, positions, filter } = rule;
  const [only, ...others] = positions;
  if (only === undefined || others.length > 0 || filter !== null || only.words !== null) return JSON.stringify(rule);
  let to = 0;
  for (const port of only.to) {
    const bit = 1 << ports.indexOf(port);
    if (bit <= to) return JSON.stringify(rule);
    to |= bit;
  }
  return ((color * ports.length + ports.indexOf(only.from)) << ports.length) | to;
}

/** A core by one number. */
export const keyOf = ({ x, y }: Core): number => y * 0x1_00_00 + x;

/** The link that leads to a neighbour. */
export function directionTo(from: Core, to: Core): LinkDirection {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (dy === 0 && dx === 1) return "east";
  if (dy === 0 && dx === -1) return "west";
  if (dx === 0 && dy === 1) return "south";
  if (dx === 0 && dy === -1) return "north";
  throw new Error(`internal: (${from.x}, ${from.y}) and (${to.x}, ${to.y}) are no neighbours`);
}

/** The routers of a straight way, both ends included. */
export function straightWay(from: Core, to: Core): Core[] {
  const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y));
  const [dx, dy] = [Math.sign(to.x - from.x), Math.sign(to.y - from.y)];
  return Array.from({ length: steps + 1 }, (_, step) => ({ x: from.x + step * dx, y: from.y + step * dy }));
}
