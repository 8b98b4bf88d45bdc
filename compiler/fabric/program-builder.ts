/** Puts a fabric program together core by core and router by router; equal ones become one role, one rule. */
import {
  type EdgeStream,
  type FabricProgram,
  type FabricTarget,
  fabricVersion,
  type Filter,
  links,
  type Load,
  type Port,
  type Position,
  type Region,
  type Task,
} from "../../ir/fabric/program.ts";
import type { Target } from "../../ir/machine/target.ts";
import { type Core, type DeadLink, type LinkDirection, linkDirections } from "../../ir/placement.ts";
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

interface Group<T> {
  readonly what: T;
  readonly cores: Core[];
}

export class ProgramBuilder {
  readonly #name: string;
  readonly #target: FabricTarget;
  readonly #layers: readonly string[];
  readonly #roles = new Map<string, Group<CorePlan>>();
  readonly #rules = new Map<string, Group<{ color: number; positions: readonly Position[]; filter: Filter | null }>>();
  readonly #loads: Load[] = [];
  readonly #edges: EdgeStream[] = [];

  constructor(name: string, target: FabricTarget, layers: readonly string[]) {
    this.#name = name;
    this.#target = target;
    this.#layers = layers;
  }

  core(at: Core, plan: CorePlan): void {
    add(this.#roles, plan, at);
  }

  router(at: Core, color: number, positions: readonly Position[], filter: Filter | null = null): void {
    add(this.#rules, { color, positions, filter }, at);
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

function add<T>(groups: Map<string, Group<T>>, what: T, core: Core): void {
  const key = JSON.stringify(what);
  const known = groups.get(key);
  if (known === undefined) groups.set(key, { what, cores: [core] });
  else known.cores.push(core);
}

/** The link that leads to a neighbour. */
export function directionTo(from: Core, to: Core): LinkDirection {
  const found = linkDirections.find((side) => from.x + links[side].dx === to.x && from.y + links[side].dy === to.y);
  if (found === undefined) throw new Error(`internal: (${from.x}, ${from.y}) and (${to.x}, ${to.y}) are no neighbours`);
  return found;
}

/** The routers of a straight way, both ends included. */
export function straightWay(from: Core, to: Core): Core[] {
  const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y));
  const [dx, dy] = [Math.sign(to.x - from.x), Math.sign(to.y - from.y)];
  return Array.from({ length: steps + 1 }, (_, step) => ({ x: from.x + step * dx, y: from.y + step * dy }));
}
