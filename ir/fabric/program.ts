/**
 * The fabric program: what every core and every router of a wafer does for one sample, again and again. Its concepts are those of CSL: colors,
 * queues, tasks, vector instructions over strided operands, switches and filters of routers.
 *
 * A role is a set of cores with the same program: the same regions of SRAM and the same tasks. What differs from core to core stands beside the
 * roles: the constants that its regions are filled with (`loads`), and its router (`routers`). Coordinates are those of a placement (ir/placement.ts).
 *
 * Words have 32 bits; an element takes one word. Offsets, sizes and strides of operands count words.
 */
import { type Expr, walkExpr } from "../expr.ts";
import type { SramCategory } from "../machine/cost.ts";
import type { Core, DeadLink, LinkDirection } from "../placement.ts";

export const fabricVersion = 1;

/** Limits of every machine that wsc knows: 8 input and 8 output queues, a default and three more positions of a switch (wafer-facts, section 3). */
export const queuesPerCore = 8;
export const switchPositions = 4;
/** instructions on words of the fabric that run side by side in a core (wafer-facts, section 3) */
export const microthreads = 8;
/** dims of a strided operand (a memory descriptor of CSL) */
export const descriptorDims = 4;

/** The machine's figures that a program depends on, copied so that it can be checked alone. */
export interface FabricTarget {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly sramBytes: number;
  readonly colorsPerRouter: number;
  readonly reservedColors: readonly number[];
  readonly deadCores: readonly Core[];
  /** left out where all work */
  readonly deadLinks?: readonly DeadLink[];
}

/** Cores of a rectangle, every `stepX`th column and every `stepY`th row from (x, y); `columns` and `rows` count the cores taken. */
export interface CoreSet {
  readonly x: number;
  readonly y: number;
  readonly columns: number;
  readonly rows: number;
  readonly stepX: number;
  readonly stepY: number;
}

/** A part of a core's SRAM. With two slots, samples alternate between them: one is worked on while the next arrives. */
export interface Region {
  readonly name: string;
  /** bytes from the start of SRAM */
  readonly address: number;
  /** words of one slot */
  readonly words: number;
  readonly slots: number;
  readonly category: SramCategory;
  /** tasks that write a part of each sample, and that read it: the slot is full when all have published, free when all have freed it */
  readonly writers: number;
  readonly readers: number;
}

/** Words of a region: `offset` plus every sum of indices times strides, the last dim fastest. */
export interface Strided {
  readonly region: string;
  readonly offset: number;
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** Where words of a stream go, one after the other; null: they are dropped. */
export interface Landing {
  readonly words: number;
  readonly into: Strided | null;
}

/** A color at a core, and the queue that its words wait in. */
export interface Endpoint {
  readonly color: number;
  readonly queue: number;
}

/** How two numbers become one. */
export const combiners = ["add", "max", "min"] as const;

export type Combiner = (typeof combiners)[number];

/** An operand of a computation: strides by loop. */
export interface Operand {
  readonly region: string;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** The rows of a table that a core holds. */
export interface Lookup {
  readonly kind: "lookup";
  /** rows of the whole table: a number below 0 counts from its end */
  readonly size: number;
  /** the first row that the core holds, and how many */
  readonly first: number;
  readonly rows: number;
  /** words from row to row */
  readonly stride: number;
}

/**
 * What a computation does to `out` for each iteration: `out += a * b`, `out = combine(out, a)`, `out = expr(args)`, or `out =` the word of table `a` in
 * the row that `b` says, 0 where the core does not hold that row.
 */
export type Operation =
  | { readonly kind: "multiplyAdd" }
  | { readonly kind: "combine"; readonly with: Combiner }
  | { readonly kind: "map"; readonly expr: Expr }
  | Lookup;

/** Waits for, or hands on, the slot of the sample. */
export const syncKinds = ["claim", "publish", "take", "free"] as const;

export type SyncKind = (typeof syncKinds)[number];

/** One step of a task. A task runs its steps in order, sample after sample. */
export type Step =
  /** `claim`: until the slot may be written; `publish`: it is written; `take`: until it is; `free`: it has been read */
  | { readonly kind: SyncKind; readonly region: string }
  /** words of a color into SRAM */
  | { readonly kind: "receive"; readonly from: Endpoint; readonly into: readonly Landing[] }
  /** words of SRAM onto a color */
  | { readonly kind: "send"; readonly to: Endpoint; readonly words: readonly Strided[] }
  /** words of a color, each combined with one of SRAM, go on to another color or stay */
  | {
      readonly kind: "reduce";
      readonly with: Combiner;
      readonly from: Endpoint;
      readonly own: Strided;
      readonly to: Endpoint | null;
    }
  | { readonly kind: "fill"; readonly into: Strided; readonly value: number }
  /**
   * a nest of loops, outermost first; vector instructions run along loop `vector`. With `begins` the first of the values that come together at a
   * place takes the place of what was there: a product instead of a multiply-add
   */
  | {
      readonly kind: "compute";
      readonly operation: Operation;
      readonly begins: boolean;
      readonly sizes: readonly number[];
      readonly vector: number;
      readonly out: Operand;
      readonly args: readonly Operand[];
    };

export interface Task {
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Role {
  readonly name: string;
  /** index into `FabricProgram.layers` */
  readonly layer: number;
  readonly cores: readonly CoreSet[];
  readonly regions: readonly Region[];
  readonly tasks: readonly Task[];
}

/** The sides of a router: its core, and its four links. */
export type Port = "ramp" | LinkDirection;

export const ports: readonly Port[] = ["ramp", "east", "west", "south", "north"];

/** A position of a switch: where words come from and go to, and after how many of them the next position is taken (null: never). */
export interface Position {
  readonly from: Port;
  readonly to: readonly Port[];
  readonly words: number | null;
}

/** Of every `period` words that would go to the core, it gets those with numbers begin..begin+count-1. */
export interface Filter {
  readonly begin: number;
  readonly count: number;
  readonly period: number;
}

/** What the routers of some cores do with a color. Positions follow each other, and after the last comes the first. */
export interface RouterRule {
  readonly color: number;
  readonly cores: readonly CoreSet[];
  readonly positions: readonly Position[];
  readonly filter: Filter | null;
}

/** Elements of a tensor in the order of a strided descriptor. */
export interface Elements {
  readonly offset: number;
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** What a region holds before the first sample: a constant (index into `Graph.values`), or a cache that an input of the model names. */
export type LoadSource =
  { readonly kind: "constant"; readonly value: number } | { readonly kind: "past"; readonly name: string };

/** Elements that a region of a core holds from word `at` on, in all slots. */
export interface Load {
  readonly x: number;
  readonly y: number;
  readonly region: string;
  readonly at: number;
  readonly from: LoadSource;
  readonly elements: readonly Elements[];
}

/** Words of a model's input or output over the edge of the wafer: they enter, or leave, the router through one of its outer ports. */
export interface EdgeStream {
  readonly kind: "input" | "output";
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly side: LinkDirection;
  readonly color: number;
  readonly elements: readonly Elements[];
}

export interface FabricProgram {
  readonly version: typeof fabricVersion;
  readonly name: string;
  readonly target: FabricTarget;
  /** names of layers, for messages */
  readonly layers: readonly string[];
  readonly roles: readonly Role[];
  readonly routers: readonly RouterRule[];
  readonly loads: readonly Load[];
  readonly edges: readonly EdgeStream[];
}

/** Words that an operand of a computation touches, all rows of a table that it looks into among them. */
export function wordsOfOperand({ operation, sizes, args }: Step & { kind: "compute" }, operand: Operand): Strided {
  const { region, offset, strides } = operand;
  return operation.kind === "lookup" && operand === args[0]
    ? { region, offset, sizes: [...sizes, operation.rows], strides: [...strides, operation.stride] }
    : { region, offset, sizes, strides };
}

/** Operands that an operation takes at least. */
export function operandsOf(operation: Operation): number {
  switch (operation.kind) {
    case "multiplyAdd":
    case "lookup":
      return 2;
    case "combine":
      return 1;
    case "map": {
      let most = 0;
      walkExpr(operation.expr, (expr) => {
        if (expr.op === "arg") most = Math.max(most, expr.index + 1);
      });
      return most;
    }
  }
}

/** Elements that a descriptor covers. */
export const stridedCount = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);

/** Words that a step takes of its color, or null where it takes none. */
export function wordsReceived(step: Step): number | null {
  switch (step.kind) {
    case "receive":
      return step.into.reduce((sum, { words }) => sum + words, 0);
    case "reduce":
      return stridedCount(step.own.sizes);
    default:
      return null;
  }
}

/** Words that a step puts on a color, or null where it puts none. */
export function wordsSent(step: Step): number | null {
  switch (step.kind) {
    case "send":
      return step.words.reduce((sum, { sizes }) => sum + stridedCount(sizes), 0);
    case "reduce":
      return step.to === null ? null : stridedCount(step.own.sizes);
    default:
      return null;
  }
}

/** Calls `visit` for every core of some sets. */
export function forEachCore(sets: readonly CoreSet[], visit: (x: number, y: number) => void): void {
  for (const { x, y, columns, rows, stepX, stepY } of sets) {
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) visit(x + column * stepX, y + row * stepY);
  }
}

export const coreCount = (sets: readonly CoreSet[]): number =>
  sets.reduce((sum, { columns, rows }) => sum + columns * rows, 0);

/** Step in x and y of each link, and the port at its other end. */
export const links: Readonly<
  Record<LinkDirection, { readonly dx: number; readonly dy: number; readonly back: LinkDirection }>
> = {
  east: { dx: 1, dy: 0, back: "west" },
  west: { dx: -1, dy: 0, back: "east" },
  south: { dx: 0, dy: 1, back: "north" },
  north: { dx: 0, dy: -1, back: "south" },
};

/** Bytes of a region, all slots. */
export const regionBytes = ({ words, slots }: Pick<Region, "words" | "slots">): number => words * slots * 4;
