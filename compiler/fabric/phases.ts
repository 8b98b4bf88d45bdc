/**
 * What the cores of a layer do for a sample, phase by phase: they work on their tiles, sum up what lies in several of them, and take what they lack
 * from others. The phases are those of all cores; which loops a core must begin at 0 to take part in one is said by `only`.
 */
import { nth } from "../../ir/access.ts";
import { fail } from "../../ir/diagnostic.ts";
import { arg, type Expr } from "../../ir/expr.ts";
import type { Combiner, Operation, Step } from "../../ir/fabric/program.ts";
import type { Graph, Op } from "../../ir/graph.ts";
import type { Axis, Kernel, Loop, Operand, Stage } from "../../ir/kernel-graph.ts";
import { summedLoops } from "../../ir/machine/layout.ts";
import { type Mapping, piecesOfLoop, type Range, type Tile } from "../../ir/machine/mapping.ts";
import {
  type Access,
  type Buffer,
  coefficientsOf,
  type CoreNest,
  type Hull,
  lookupStep,
  NestError,
  nestStep,
  rangeOf,
  type Variable,
  variablesOf,
  whole,
} from "./nest.ts";

/** A core's tile, and its part of each buffer. */
export interface CoreTile {
  readonly tile: Tile;
  readonly hullOf: Hull;
}

export type Phase =
  /** every core works on its own tile */
  | {
      readonly kind: "work";
      readonly only: readonly string[];
      readonly writes: string;
      readonly reads: readonly string[];
      readonly steps: (core: CoreTile) => Step[];
    }
  /** what cores hold that differ in `over` alone becomes one sum, in the first of them or (`isShared`) in all */
  | {
      readonly kind: "sum";
      readonly only: readonly string[];
      readonly buffer: Buffer;
      readonly combiner: Combiner;
      readonly over: readonly string[];
      readonly isShared: boolean;
    }
  /** positions of `from` that `into` has and a core has not made come from other cores */
  | {
      readonly kind: "gather";
      readonly only: readonly string[];
      readonly from: Buffer;
      readonly into: Buffer;
      /** the element of `from` at each of `into`, -1 for none; null: they are the same */
      readonly elements: Int32Array | null;
    };

export interface LayerPhases {
  readonly buffers: ReadonlyMap<string, Buffer>;
  readonly phases: readonly Phase[];
  /** loops that a core must begin at 0 to hold an operand */
  readonly only: ReadonlyMap<string, readonly string[]>;
}

/** A stage while its phases are written. */
export class StageWriter {
  readonly op: Op;
  readonly stage: Stage;
  readonly graph: Graph;
  readonly kernel: Kernel;
  readonly reads: readonly Access[];
  readonly made: Access;
  readonly variables: readonly Variable[];
  /** loops that the stage sums over and that are cut */
  readonly cutSums: readonly string[];
  /** a later stage runs over them again, so that all of their cores need the sums */
  readonly isShared: boolean;
  readonly #layer: LayerWriter;
  #only: readonly string[];

  constructor(
    layer: LayerWriter,
    given: Pick<StageWriter, "op" | "stage" | "reads" | "made" | "variables" | "cutSums" | "isShared">,
    only: readonly string[],
  ) {
    this.#layer = layer;
    this.graph = layer.graph;
    this.kernel = layer.kernel;
    this.op = given.op;
    this.stage = given.stage;
    this.reads = given.reads;
    this.made = given.made;
    this.variables = given.variables;
    this.cutSums = given.cutSums;
    this.isShared = given.isShared;
    this.#only = only;
  }

  /** Loops that a core must begin at 0 to take part in what comes next. */
  get only(): readonly string[] {
    return this.#only;
  }

  refuse(message: string): never {
    return this.#layer.refuse(message);
  }

  /** Memory that the stage works with. */
  buffer(suffix: string, axes: readonly Axis[]): Access {
    return whole(this.#layer.buffer(`${this.made.buffer.name}_${suffix}`, axes));
  }

  isCut(loop: string): boolean {
    return this.#layer.isCut(loop);
  }

  /** A nest over some variables of the stage. `ranges` narrows them down, core by core, into one nest or several. */
  work(given: {
    readonly operation: Operation;
    readonly out: Access;
    readonly args: readonly Access[];
    readonly begins?: boolean;
    readonly variables?: readonly Variable[];
    readonly along?: readonly string[];
    readonly pieces?: (core: CoreTile, ranges: readonly Range[]) => readonly Piece[];
  }): void {
    const { operation, out, args, begins = false, variables = this.variables, along = [] } = given;
    const { loops } = this.kernel;
    this.#layer.add({
      kind: "work",
      only: this.#only,
      writes: out.buffer.name,
      reads: args.map(({ buffer }) => buffer.name),
      steps: (core) => {
        const ranges = this.#layer.named(() => made(out.axes, variables, loops, core.tile));
        const pieces = given.pieces?.(core, ranges) ?? [{ ranges }];
        return pieces.flatMap((piece) => {
          const nest: CoreNest = { loops, variables, ranges: piece.ranges, hullOf: core.hullOf };
          return this.#layer.named(() =>
            nestStep({ operation: piece.operation ?? operation, begins, out, args, along }, nest),
          );
        });
      },
    });
  }

  /** The same value in all of a buffer, before sums grow in it. */
  fill({ buffer }: Access, value: number): void {
    this.#layer.add({
      kind: "work",
      only: this.#only,
      writes: buffer.name,
      reads: [],
      steps: ({ hullOf }) => {
        const words = hullOf(buffer).reduce((product, { begin, end }) => product * (end - begin), 1);
        return [{ kind: "fill", into: { region: buffer.name, offset: 0, sizes: [words], strides: [1] }, value }];
      },
    });
  }

  map(expr: Expr, out: Access, args: readonly Access[], variables: readonly Variable[] = this.variables): void {
    this.work({ operation: { kind: "map", expr }, out, args, variables, along: this.stage.vector });
  }

  /** A value as it is, in other memory. */
  copy(out: Access, from: Access): void {
    this.work({ operation: { kind: "map", expr: arg(0) }, out, args: [from], variables: this.keptBy(out.axes) });
  }

  /** Rows of a table by number, `along` one of its axes; zeros for those that a core does not hold. */
  lookup(given: {
    readonly out: Access;
    readonly table: Access;
    readonly index: Access;
    readonly along: number;
  }): void {
    const { out, table, index } = given;
    const { loops } = this.kernel;
    const variables = this.keptBy(out.axes);
    this.#layer.add({
      kind: "work",
      only: this.#only,
      writes: out.buffer.name,
      reads: [table.buffer.name, index.buffer.name],
      steps: ({ tile, hullOf }) =>
        this.#layer.named(() =>
          lookupStep(given, { loops, variables, ranges: made(out.axes, variables, loops, tile), hullOf }),
        ),
    });
  }

  /** Sums up what cores hold that differ in these loops alone, where they are cut. */
  sum({ buffer }: Access, combiner: Combiner, over: readonly string[], isShared: boolean): void {
    const cut = over.filter((loop) => this.isCut(loop));
    if (cut.length === 0) return;
    this.#layer.add({ kind: "sum", only: this.#only, buffer, combiner, over: cut, isShared });
    if (!isShared) this.#only = [...new Set([...this.#only, ...cut])];
  }

  /** Variables whose value some axes depend on. */
  keptBy(axes: readonly Axis[]): readonly Variable[] {
    const names = new Set(axes.flatMap(loopsOf));
    return this.variables.filter(({ terms }) => terms.every(({ loop }) => names.has(loop)));
  }
}

/** Values of the variables in a core, without those at which a result would lie outside its value: windows reach beyond it. */
function made(axes: readonly Axis[], variables: readonly Variable[], loops: readonly Loop[], tile: Tile): Range[] {
  const ranges = variables.map((variable) => rangeOf(variable, tile));
  for (const axis of axes) {
    if (axis.kind !== "index") continue;
    const steps = coefficientsOf(axis, variables, loops);
    const moving = steps?.flatMap((step, variable) => (step > 0 ? [variable] : [])) ?? [];
    const [variable] = moving;
    if (variable === undefined || moving.length > 1) continue;
    const [step, { begin, end }] = [nth(steps ?? [], variable), nth(ranges, variable)];
    ranges[variable] = {
      begin: Math.max(begin, Math.ceil(-axis.offset / step)),
      end: Math.min(end, Math.floor((axis.size - 1 - axis.offset) / step) + 1),
    };
  }
  return ranges;
}

/** A part of a nest's iterations, with an operation of its own where that differs. */
export interface Piece {
  readonly ranges: readonly Range[];
  readonly operation?: Operation;
}

/** Names of the loops that the positions along an axis depend on. */
export const loopsOf = (axis: Axis): readonly string[] =>
  axis.kind === "index" ? axis.terms.map(({ loop }) => loop) : axis.kind === "spread" ? [axis.loop] : [];

/** A layer while its phases are written. */
export class LayerWriter {
  readonly graph: Graph;
  readonly kernel: Kernel;
  readonly #mapping: Mapping;
  readonly #buffers = new Map<string, Buffer>();
  readonly #phases: Phase[] = [];
  readonly #only = new Map<string, readonly string[]>();

  constructor(graph: Graph, kernel: Kernel, mapping: Mapping) {
    this.graph = graph;
    this.kernel = kernel;
    this.#mapping = mapping;
    for (const { name, axes } of kernel.operands) this.buffer(name, axes);
  }

  refuse(message: string): never {
    throw fail("WSC5007", message, { subject: `layer "${this.kernel.name}"` });
  }

  /** Runs what a nest's faults may stop; they are the layer's. */
  named<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof NestError) this.refuse(`a layer that ${error.message} has no fabric program`);
      throw error;
    }
  }

  buffer(name: string, axes: readonly Axis[]): Buffer {
    const buffer = { name, axes };
    this.#buffers.set(name, buffer);
    return buffer;
  }

  isCut(loop: string): boolean {
    return piecesOfLoop(this.#mapping.rows, loop) * piecesOfLoop(this.#mapping.columns, loop) > 1;
  }

  add(phase: Phase): void {
    this.#phases.push(phase);
  }

  /** Lets a cache take in what an operand made here adds to it. */
  append(state: string, made: string, elements: Int32Array): void {
    const [from, into] = [this.#operand(made), this.#operand(state)];
    this.#phases.push({
      kind: "gather",
      only: this.#only.get(made) ?? [],
      from: this.buffer(made, from.axes),
      into: this.buffer(state, into.axes),
      elements,
    });
    this.#only.set(state, this.#only.get(made) ?? []);
  }

  finish(): LayerPhases {
    return { buffers: this.#buffers, phases: this.#phases, only: this.#only };
  }

  /** Writes the phases of a stage. */
  stage(stage: Stage, write: (writer: StageWriter) => void): void {
    const { kernel, graph } = this;
    const op = graph.ops[stage.op];
    if (op === undefined) throw new Error(`internal: no op ${stage.op}`);
    const made = this.#operand(stage.makes);
    const summed = summedLoops(stage, made);
    const index = kernel.stages.indexOf(stage);
    const later = new Set(
      kernel.stages.slice(index + 1).flatMap(({ domain }) => domain.flat().map(({ loop }) => loop)),
    );
    const only = [...new Set(stage.reads.flatMap(({ operand }) => this.#only.get(operand) ?? []))];
    const variables = this.named(() => variablesOf(stage, kernel.loops, summed));
    const reads = stage.reads.map(({ operand, axes }, input) =>
      this.#access(this.#operand(operand), axes, { stage, input, only }),
    );
    const writer = new StageWriter(
      this,
      {
        op,
        stage,
        reads,
        made: whole(this.buffer(made.name, made.axes)),
        variables,
        cutSums: summed.filter((loop) => this.isCut(loop)),
        isShared: summed.some((loop) => later.has(loop)),
      },
      only,
    );
    write(writer);
    this.#only.set(made.name, writer.only);
  }

  #operand(name: string): Operand {
    const operand = this.kernel.operands.find((one) => one.name === name);
    if (operand === undefined) throw new Error(`internal: layer "${this.kernel.name}" has no operand ${name}`);
    return operand;
  }

  /** What a stage reads: where it was made if all of it lies there, else in a buffer that other cores help to fill. */
  #access(
    { name, role, axes: own }: Operand,
    axes: readonly Axis[] | null,
    at: { readonly stage: Stage; readonly input: number; readonly only: readonly string[] },
  ): Access {
    const buffer = this.buffer(name, own);
    const isMadeHere = role === "local" || role === "result";
    if (axes === null) return whole(buffer);
    if (!isMadeHere) return { buffer, axes };
    if (this.#isAtHand(own, axes)) return { buffer, axes };
    const into = this.buffer(`${name}_for_${at.stage.makes}_${at.input}`, axes);
    this.#phases.push({ kind: "gather", only: at.only, from: buffer, into, elements: null });
    return whole(into);
  }

  /** True when other dims, but the same positions in every core, are read: loops alike, each position one digit. */
  #isAtHand(own: readonly Axis[], read: readonly Axis[]): boolean {
    const cut = (axes: readonly Axis[]): string => {
      const strides: string[] = [];
      let below = 1;
      for (const axis of axes.toReversed()) {
        if (axis.kind === "index")
          for (const { loop, factor } of axis.terms) if (this.isCut(loop)) strides.push(`${loop} ${factor * below}`);
        below *= axis.size;
      }
      return strides.sort().join(", ");
    };
    const isWindow = (axis: Axis): boolean =>
      axis.kind === "index" && (axis.offset !== 0 || axis.terms.some(({ factor }) => factor < 0));
    const isOpen = (axes: readonly Axis[]): boolean => axes.some((axis) => axis.kind === "whole" && axis.size > 1);
    if (read.some(isWindow) || own.some(isWindow) || isOpen(read) !== isOpen(own)) return false;
    return cut(own) === cut(read);
  }
}
