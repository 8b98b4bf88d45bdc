/**
 * Makes one kernel of two, where one reads what the other makes. Dims of the value between them say which loops are the same. Where the reader looks
 * through a window, the producer's positions are dealt out by the reader's: each core makes its own and takes the seam from its neighbours
 * (`exchange`), or makes all that it reads, seams twice (`recompute`). Where the reader needs a whole dim, cores gather it.
 */
import type { ValueId } from "../../../ir/graph.ts";
import type { Axis, Gather, Kernel, KernelFamily, Loop, Operand, Stage, Term } from "../../../ir/kernel-graph.ts";
import type { DraftEdge, DraftKernel } from "../draft.ts";
import { align, type Atom } from "./align.ts";
import {
  type Body,
  freshName,
  loopsOfAxis,
  loopsOfStage,
  renamedTo,
  type Replacement,
  rewrite,
  splitLoop,
} from "./loops.ts";

export const seamWays = ["exchange", "recompute"] as const;

/** Who makes what two neighbours read. */
export type SeamWay = (typeof seamWays)[number];

/** Two kernels, and what goes from one to the other. */
export interface Pair {
  readonly producer: DraftKernel;
  readonly reader: DraftKernel;
  /** all edges between them */
  readonly edges: readonly DraftEdge[];
  /** values of the producer that others need too */
  readonly leaving: ReadonlySet<ValueId>;
}

export interface Merged extends DraftKernel {
  /** new names of the reader's operands; those that it read from the producer are gone */
  readonly renamed: ReadonlyMap<string, string>;
  /** true where the other way of making seams gives another kernel */
  readonly hasSeams: boolean;
}

/** Loops of a kernel at most: more of them are cut too coarsely. */
const mostLoops = 14;

/** One kernel that does the work of two, or null where their loops cannot be brought together. */
export function merge({ producer, reader, edges, leaving }: Pair, way: SeamWay): Merged | null {
  const own: Body = producer.kernel;
  const renamed = apart(reader.kernel, producer.kernel);
  const links = linksOf(producer, edges, renamed.operandNames);
  if (links === null) return null;
  const aligned = alignAll(own, renamed.body, links);
  if (aligned === null) return null;
  const system = new LoopSystem(aligned.made, aligned.read, way);
  for (const { pairs } of aligned.pairs) for (const [made, read] of pairs) if (!system.add(made, read)) return null;
  const bodies = system.solve();
  if (bodies === null) return null;
  const gone = new Set(links.map(({ read }) => read));
  const inner = new Set(links.map(({ made }) => made));
  const gathers = gathersOf(aligned.pairs, bodies);
  const kept = new Set([...leaving].flatMap((value) => producer.made.get(value) ?? []));
  const operands = [
    ...bodies.made.operands.map((operand): Operand =>
      inner.has(operand.name) && !kept.has(operand.name) ? { ...operand, role: "local" } : operand,
    ),
    ...bodies.read.operands.filter(({ name }) => !gone.has(name)),
  ];
  const [first, ...others] = bodies.read.stages;
  if (first === undefined || bodies.loops.length > mostLoops) return null;
  const linked = [{ ...first, gathers: [...first.gathers, ...gathers] }, ...others].map((stage) =>
    readingFrom(stage, aligned.pairs, bodies),
  );
  const stages = [...bodies.made.stages, ...linked];
  const main = mainOf(producer.kernel, reader.kernel);
  const made = new Map(producer.made);
  for (const [value, name] of reader.made) made.set(value, renamed.operandNames.get(name) ?? name);
  for (const [value, name] of made) if (inner.has(name) && !kept.has(name)) made.delete(value);
  return {
    kernel: {
      ...main,
      loops: bodies.loops,
      operands,
      stages,
      states: [...producer.kernel.states, ...renamedStates(reader.kernel.states, renamed.operandNames, links)],
      moves: [...new Set([...producer.kernel.moves, ...reader.kernel.moves])],
      flops: producer.kernel.flops + reader.kernel.flops,
      origin: [...new Set([...producer.kernel.origin, ...reader.kernel.origin])],
    },
    made,
    renamed: new Map([...renamed.operandNames].filter(([, name]) => !gone.has(name))),
    hasSeams: system.hasSeams,
  };
}

/** How much a family decides about how a kernel is cut, the most first. */
const weightOfFamily: readonly KernelFamily[] = [
  "conv",
  "matmul",
  "depthwiseConv",
  "generic",
  "dataMovement",
  "softmax",
  "normalization",
  "pool",
  "reduction",
  "elementwise",
];

/** The kernel that gives both its name, family and type. */
function mainOf(producer: Kernel, reader: Kernel): Kernel {
  const [a, b] = [producer, reader].map(({ family }) => weightOfFamily.indexOf(family)) as [number, number];
  if (a === b) return reader.flops > producer.flops ? reader : producer;
  return a < b ? producer : reader;
}

interface Renamed {
  readonly body: Body;
  readonly operandNames: ReadonlyMap<string, string>;
}

/** The reader's body with names that the producer does not use. */
function apart(reader: Kernel, producer: Kernel): Renamed {
  const loops: Loop[] = [];
  const replacements = new Map<string, Replacement>();
  for (const { name, size } of reader.loops) {
    const isTaken = producer.loops.some((loop) => loop.name === name);
    const fresh = isTaken ? freshName([...producer.loops, ...reader.loops, ...loops], name) : name;
    loops.push({ name: fresh, size });
    replacements.set(name, renamedTo(fresh));
  }
  const rewritten = rewrite(reader, replacements);
  if (rewritten === null) throw new Error("internal: new names change no sum");
  const taken = producer.operands.map(({ name }) => ({ name }));
  const operandNames = new Map<string, string>();
  for (const { name } of reader.operands) {
    const fresh = taken.some((other) => other.name === name) ? freshName([...taken, ...reader.operands], name) : name;
    taken.push({ name: fresh });
    operandNames.set(name, fresh);
  }
  const nameOf = (name: string): string => operandNames.get(name) ?? name;
  return {
    body: {
      loops,
      operands: rewritten.operands.map((operand) => ({ ...operand, name: nameOf(operand.name) })),
      stages: rewritten.stages.map((stage) => ({
        ...stage,
        makes: nameOf(stage.makes),
        reads: stage.reads.map((read) => ({ ...read, operand: nameOf(read.operand) })),
        gathers: stage.gathers.map((gather) => ({ ...gather, operand: nameOf(gather.operand) })),
      })),
    },
    operandNames,
  };
}

/** An operand of the producer, and one of the reader that it becomes. */
interface Link {
  readonly made: string;
  readonly read: string;
  /** dims that are read backwards */
  readonly reversed: ReadonlySet<number>;
}

function linksOf(
  producer: DraftKernel,
  edges: readonly DraftEdge[],
  names: ReadonlyMap<string, string>,
): readonly Link[] | null {
  const links: Link[] = [];
  for (const { value, operands, part } of edges) {
    const made = producer.made.get(value);
    if (made === undefined) return null;
    const reversed = new Set<number>();
    if (part !== null) {
      for (const [dim, step] of part.steps.entries()) if (step === -1) reversed.add(dim);
      // of a part only the order may differ
      const isAll =
        part.steps.every((step) => step === 1 || step === -1) &&
        part.starts.every((start, dim) => start === (reversed.has(dim) ? (part.sizes[dim] as number) - 1 : 0));
      if (!isAll) return null;
    }
    for (const operand of operands) links.push({ made, read: names.get(operand) ?? operand, reversed });
  }
  return links;
}

interface AlignedLink extends Link {
  readonly pairs: readonly (readonly [made: Atom, read: Atom])[];
}

/** Splits loops until the dims of all links stand side by side. */
function alignAll(
  made: Body,
  read: Body,
  links: readonly Link[],
): { readonly made: Body; readonly read: Body; readonly pairs: readonly AlignedLink[] } | null {
  let sides = { made, read };
  for (let splits = 0; splits <= mostLoops; splits++) {
    const pairs: AlignedLink[] = [];
    let splitSides: typeof sides | null = null;
    for (const link of links) {
      const alignment = align(
        axesOf(sides.made, link.made),
        sides.made.loops,
        readAxes(axesOf(sides.read, link.read), link),
        sides.read.loops,
      );
      if (alignment === null) return null;
      if (alignment.kind === "pairs") pairs.push({ ...link, pairs: alignment.pairs });
      else {
        const { side, loop, outer } = alignment;
        const split = splitLoop(sides[side], loop, outer);
        if (split === null) return null;
        splitSides = { ...sides, [side]: split };
        break;
      }
    }
    if (splitSides === null) return { ...sides, pairs };
    sides = splitSides;
  }
  return null;
}

const axesOf = ({ operands }: Body, name: string): readonly Axis[] => {
  const operand = operands.find((other) => other.name === name);
  if (operand === undefined) throw new Error(`internal: no operand ${name}`);
  return operand.axes;
};

/** A stage that reads what the producer holds, where it read operands that are gone. */
function readingFrom(stage: Stage, links: readonly Link[], { made, read }: Solved): Stage {
  return {
    ...stage,
    reads: stage.reads.map((one) => {
      const link = links.find((other) => other.read === one.operand);
      if (link === undefined) return one;
      const own = one.axes ?? axesOf({ loops: [], ...read }, link.read);
      const axes = own.map((axis, dim) => (link.reversed.has(dim) ? backwards(axis) : axis));
      const isAlike = positionsOf(axes) === positionsOf(axesOf({ loops: [], ...made }, link.made));
      return { operand: link.made, axes: isAlike ? null : axes };
    }),
  };
}

/** The same positions from the last to the first. */
const backwards = (axis: Axis): Axis =>
  axis.kind !== "index"
    ? axis
    : {
        ...axis,
        terms: axis.terms.map(({ loop, factor }) => ({ loop, factor: -factor })),
        offset: axis.size - 1 - axis.offset,
      };

/** Caches of the reader under the names that its operands have in the kernel that is made. */
const renamedStates = (
  states: Kernel["states"],
  names: ReadonlyMap<string, string>,
  links: readonly Link[],
): Kernel["states"] => {
  const nameOf = (name: string): string => {
    const own = names.get(name) ?? name;
    return links.find(({ read }) => read === own)?.made ?? own;
  };
  return states.map((state) => ({
    ...state,
    operand: nameOf(state.operand),
    append:
      state.append === null
        ? null
        : { ...state.append, reads: state.append.reads.map((name) => (name === null ? null : nameOf(name))) },
  }));
};

/** What is read backwards may lie in any core along that dim. */
const readAxes = (axes: readonly Axis[], { reversed }: Link): readonly Axis[] =>
  reversed.size === 0
    ? axes
    : axes.map((axis, dim): Axis => (reversed.has(dim) ? { kind: "whole", size: axis.size } : axis));

/** Which loops of two kernels are the same. */
class LoopSystem {
  readonly #made: Body;
  readonly #read: Body;
  readonly #way: SeamWay;
  readonly #same = new Map<string, string>();
  /** loops of the producer that follow the reader's positions */
  readonly #follows = new Map<string, Replacement>();
  readonly #extra: Loop[] = [];
  hasSeams = false;

  constructor(made: Body, read: Body, way: SeamWay) {
    this.#made = made;
    this.#read = read;
    this.#way = way;
  }

  #rootOf(name: string): string {
    let root = name;
    for (let next = this.#same.get(root); next !== undefined; next = this.#same.get(root)) root = next;
    return root;
  }

  /** Takes in one dim; false where it cannot be. */
  add(made: Atom, read: Atom): boolean {
    if (made.kind === "window") return false;
    if (made.kind === "whole" || read.kind === "whole") return true;
    if (read.kind === "loop") {
      const [a, b] = [this.#rootOf(made.loop), this.#rootOf(read.loop)];
      if (a !== b) this.#same.set(b, a);
      return true;
    }
    const known = this.#follows.get(made.loop);
    const follows = this.#window(made, read.axis);
    if (follows === null) return false;
    if (known !== undefined) return JSON.stringify(known) === JSON.stringify(follows);
    this.#follows.set(made.loop, follows);
    return true;
  }

  /** The producer's position by the reader's. */
  #window(made: Extract<Atom, { kind: "loop" }>, axis: Extract<Axis, { kind: "index" }>): Replacement | null {
    const results = new Set(
      this.#read.operands.flatMap(({ role, axes }) => (role === "result" ? axes.flatMap(loopsOfAxis) : [])),
    );
    const [position, ...more] = axis.terms.filter(({ loop }) => results.has(loop));
    const places = this.#read.loops.find(({ name }) => name === position?.loop);
    // every position is some core's own, none is nobody's
    const isCovered =
      position !== undefined &&
      more.length === 0 &&
      position.factor >= 1 &&
      places?.size === made.size / position.factor;
    const taps = axis.terms.filter((term) => term !== position);
    const [tap] = taps;
    const reach = this.#read.loops.find(({ name }) => name === tap?.loop);
    // windows side by side have no seams
    if (isCovered && taps.length === 1 && axis.offset === 0 && tap?.factor === 1 && reach?.size === position.factor)
      return { terms: axis.terms, offset: 0 };
    this.hasSeams = true;
    if (this.#way === "recompute") return { terms: axis.terms, offset: axis.offset };
    if (!isCovered) return null;
    const stride = position.factor;
    if (stride === 1) return { terms: [position], offset: 0 };
    const known = this.#follows.get(made.loop)?.terms.at(-1)?.loop;
    const inner = known ?? freshName([...this.#made.loops, ...this.#read.loops, ...this.#extra], "q");
    if (known === undefined) this.#extra.push({ name: inner, size: stride });
    const terms: Term[] = [position, { loop: inner, factor: 1 }];
    return { terms, offset: 0 };
  }

  /** Rewrites both bodies in the loops that are left; null where one stage would run along a diagonal. */
  solve(): Solved | null {
    const replacements = new Map<string, Replacement>();
    const all = [...this.#made.loops, ...this.#read.loops];
    for (const { name } of all) {
      const root = this.#rootOf(name);
      if (root !== name) replacements.set(name, renamedTo(root));
    }
    for (const [name, { terms, offset }] of this.#follows) {
      if ([...replacements].some(([from, to]) => from === name || to.terms[0]?.loop === name)) return null;
      replacements.set(name, {
        terms: terms.map((term) => ({ ...term, loop: this.#rootOf(term.loop) })),
        offset,
      });
    }
    for (const body of [this.#made, this.#read]) if (this.#isDiagonal(body)) return null;
    const made = rewrite(this.#made, replacements);
    const read = rewrite(this.#read, replacements);
    if (made === null || read === null) return null;
    const loops = [...all, ...this.#extra].filter(({ name }) => !replacements.has(name));
    return { loops, made, read, replacements };
  }

  /** True when two loops that became one are used side by side. */
  #isDiagonal({ operands, stages }: Body): boolean {
    const clash = (names: Iterable<string>): boolean => {
      const roots = [...new Set(names)].map((name) => this.#rootOf(name));
      return new Set(roots).size < roots.length;
    };
    return (
      stages.some((stage) => clash(loopsOfStage(stage))) ||
      operands.some(({ axes }) => clash(axes.flatMap(loopsOfAxis)))
    );
  }
}

interface Solved {
  readonly loops: readonly Loop[];
  readonly made: Pick<Body, "operands" | "stages">;
  readonly read: Pick<Body, "operands" | "stages">;
  readonly replacements: ReadonlyMap<string, Replacement>;
}

/** What the reader's first stage takes from other cores. */
function gathersOf(links: readonly AlignedLink[], { made, read }: Solved): readonly Gather[] {
  const gathers: Gather[] = [];
  for (const link of links) {
    // a dim that every core makes whole is at hand, and so is one that both go through alike
    if (link.pairs.every(([own, other]) => own.kind === "whole" || other.kind === "loop")) continue;
    const axes = readAxes(axesOf({ loops: [], ...read }, link.read), link);
    if (positionsOf(axes) !== positionsOf(axesOf({ loops: [], ...made }, link.made)))
      gathers.push({ operand: link.made, axes });
  }
  return gathers;
}

/** The same for axes that touch the same positions. */
const positionsOf = (axes: readonly Axis[]): string =>
  JSON.stringify(
    axes
      .filter(({ size }) => size > 1)
      .map((axis) =>
        axis.kind === "index"
          ? [axis.size, axis.offset, ...axis.terms.map(({ loop, factor }) => `${factor} ${loop}`).sort()]
          : axis,
      ),
  );
