/**
 * Collective operations along a row of cores as fabric programs: the patterns of ir/machine/collectives.ts (Luczynski et al., HPDC'24), written
 * down core by core, so that a run of them judges the formulas. Core 0 is the west end and the root; the vector of core i is constant i.
 */
import type { FabricProgram, Step, Strided } from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Core } from "../../../ir/placement.ts";
import { fabricTargetOf, ProgramBuilder, straightWay } from "../program-builder.ts";

/** A row of cores with a vector each. */
export interface Row {
  readonly target: Target;
  readonly cores: number;
  /** words of the vector */
  readonly words: number;
}

/** Where the row lies. */
const origin: Core = { x: 4, y: 1 };

/** Name of the region that holds the vector of a core, and the result. */
export const dataRegion = "data";

export const coreAt = (index: number): Core => ({ x: origin.x + index, y: origin.y });

class RowBuilder {
  readonly row: Row;
  readonly program: ProgramBuilder;

  constructor(row: Row, name: string) {
    this.row = row;
    this.program = new ProgramBuilder(name, fabricTargetOf(row.target), [name]);
  }

  /** All of a core's vector. */
  vector(): Strided {
    return { region: dataRegion, offset: 0, sizes: [this.row.words], strides: [1] };
  }

  core(index: number, steps: readonly Step[], isFilled = true): void {
    const { words, target } = this.row;
    const address = target.core.systemBytes + target.core.codeBytes;
    this.program.core(coreAt(index), {
      layer: 0,
      regions: [{ name: dataRegion, address, words, slots: 1, category: "activations", writers: 0, readers: 0 }],
      tasks: [{ name: "main", steps }],
    });
    if (!isFilled) return;
    const elements = [{ offset: 0, sizes: [words], strides: [1] }];
    this.program.load({
      ...coreAt(index),
      region: dataRegion,
      at: 0,
      from: { kind: "constant", value: index },
      elements,
    });
  }

  path(color: number, from: number, to: number): void {
    this.program.path(color, straightWay(coreAt(from), coreAt(to)));
  }

  send(color: number, queue = 0): Step {
    return { kind: "send", to: { color, queue }, words: [this.vector()] };
  }

  receive(color: number, queue = 0): Step {
    return { kind: "receive", from: { color, queue }, into: [{ words: this.row.words, into: this.vector() }] };
  }

  /** The words of one color, each added to the core's own, on to another color or kept. */
  reduce(from: number, to: number | null, queue = 0): Step {
    const own = this.vector();
    return {
      kind: "reduce",
      with: "add",
      from: { color: from, queue },
      own,
      to: to === null ? null : { color: to, queue },
    };
  }

  build(): FabricProgram {
    return this.program.build();
  }
}

/** Colors of a chain's hops alternate, so that no router has one color come in and go out for different words. */
const hopColor = (core: number, first: number): number => first + (core % 2);

/** Lays a chain over `members`, from the last to the first, and gives each member's step. */
function chainSteps(
  builder: RowBuilder,
  members: readonly number[],
  firstColor: number,
  queue: number,
): Map<number, Step> {
  const steps = new Map<number, Step>();
  for (const [place, core] of members.entries()) {
    const next = members[place - 1];
    const hasBehind = place + 1 < members.length;
    const to = next === undefined ? null : hopColor(place, firstColor);
    if (next !== undefined && to !== null) builder.path(to, core, next);
    if (hasBehind) steps.set(core, builder.reduce(hopColor(place + 1, firstColor), to, queue));
    else if (to !== null) steps.set(core, builder.send(to, queue));
  }
  return steps;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Every core adds its vector to what comes from the east and hands it on; the root has the sum. */
export function chainProgram(row: Row): FabricProgram {
  const builder = new RowBuilder(row, "chain");
  const steps = chainSteps(builder, range(row.cores), 0, 0);
  for (const core of range(row.cores)) builder.core(core, stepsOf([steps.get(core)]));
  return builder.build();
}

const stepsOf = (steps: readonly (Step | undefined)[]): Step[] => steps.filter((step) => step !== undefined);

/** A chain in each group of `group` cores, then a chain over the groups' west ends. */
export function twoPhaseProgram(row: Row, group: number): FabricProgram {
  const builder = new RowBuilder(row, "two-phase");
  const heads = range(Math.ceil(row.cores / group)).map((index) => index * group);
  const within = heads.map((head) => {
    const members = range(Math.min(group, row.cores - head)).map((member) => head + member);
    return chainSteps(builder, members, 0, 0);
  });
  const across = chainSteps(builder, heads, 2, 1);
  for (const core of range(row.cores))
    builder.core(core, stepsOf([within[Math.floor(core / group)]?.get(core), across.get(core)]));
  return builder.build();
}

/** Pairs, pairs of pairs, and so on; each level has its own color. */
export function treeProgram(row: Row): FabricProgram {
  const builder = new RowBuilder(row, "tree");
  const levels = Math.ceil(Math.log2(row.cores));
  const steps = range(row.cores).map((): Step[] => []);
  for (let level = 0; level < levels; level++) {
    const distance = 2 ** level;
    for (let core = distance; core < row.cores; core += 2 * distance) {
      builder.path(level, core, core - distance);
      (steps[core] as Step[]).push(builder.send(level, level % 8));
      (steps[core - distance] as Step[]).push(builder.reduce(level, null, level % 8));
    }
  }
  for (const core of range(row.cores)) builder.core(core, steps[core] as Step[]);
  return builder.build();
}

/** Every core sends its own words, then lets pass those of the cores behind it; the root adds them all. */
export function starProgram(row: Row): FabricProgram {
  const { cores, words } = row;
  const builder = new RowBuilder(row, "star");
  const color = 0;
  for (const core of range(cores)) {
    if (core === 0) {
      builder.program.router(coreAt(0), color, [{ from: "east", to: ["ramp"], words: null }]);
      const own: Strided = { region: dataRegion, offset: 0, sizes: [cores - 1, words], strides: [0, 1] };
      builder.core(0, [{ kind: "reduce", with: "add", from: { color, queue: 0 }, own, to: null }]);
      continue;
    }
    const behind = (cores - 1 - core) * words;
    builder.program.router(
      coreAt(core),
      color,
      behind === 0
        ? [{ from: "ramp", to: ["west"], words: null }]
        : [
            { from: "ramp", to: ["west"], words },
            { from: "east", to: ["west"], words: behind },
          ],
    );
    builder.core(core, [builder.send(color)]);
  }
  return builder.build();
}

/** Routers of a broadcast from the west end: each gives the words to its core and to the next router. */
function layBroadcast(builder: RowBuilder, color: number): void {
  const last = builder.row.cores - 1;
  for (const core of range(builder.row.cores)) {
    builder.program.router(coreAt(core), color, [
      core === 0
        ? { from: "ramp", to: ["east"], words: null }
        : { from: "west", to: core === last ? ["ramp"] : ["ramp", "east"], words: null },
    ]);
  }
}

/** The root's vector goes to all cores. */
export function broadcastProgram(row: Row): FabricProgram {
  const builder = new RowBuilder(row, "broadcast");
  layBroadcast(builder, 0);
  for (const core of range(row.cores))
    builder.core(core, [core === 0 ? builder.send(0) : builder.receive(0)], core === 0);
  return builder.build();
}

/** A chain, and the sum back to all cores. */
export function allReduceProgram(row: Row): FabricProgram {
  const builder = new RowBuilder(row, "all-reduce");
  const steps = chainSteps(builder, range(row.cores), 0, 0);
  layBroadcast(builder, 2);
  for (const core of range(row.cores))
    builder.core(core, stepsOf([steps.get(core), core === 0 ? builder.send(2, 1) : builder.receive(2, 1)]));
  return builder.build();
}

/** Each core takes all words into its memory, and only then sends them on: store and forward over `cores - 1` stages. */
export function relayProgram(row: Row): FabricProgram {
  const builder = new RowBuilder(row, "relay");
  for (const core of range(row.cores)) {
    const isLast = core === row.cores - 1;
    if (!isLast) builder.path(hopColor(core, 0), core, core + 1);
    const out = builder.send(hopColor(core, 0));
    const into = builder.receive(hopColor(core + 1, 0));
    builder.core(core, core === 0 ? [out] : isLast ? [into] : [into, out], core === 0);
  }
  return builder.build();
}

/** One core sends its vector to another `distance` hops away. */
export function messageProgram(row: Row, distance: number): FabricProgram {
  const builder = new RowBuilder(row, "message");
  builder.path(0, 0, distance);
  builder.core(0, [builder.send(0)]);
  builder.core(distance, [builder.receive(0)], false);
  return builder.build();
}
