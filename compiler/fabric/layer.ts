/** The layers of a placement as the fabric sees them: for each core its place, its tile, and what it holds of every operand. */
import { defined, nth } from "../../ir/access.ts";
import { fail } from "../../ir/diagnostic.ts";
import type { Graph, Op, ValueId } from "../../ir/graph.ts";
import {
  type Kernel,
  type KernelEdge,
  type KernelState,
  type Operand,
  operandElements,
} from "../../ir/kernel-graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { partMade, partRead, tileCores } from "../../ir/machine/layout.ts";
import { sliceOf, type Tile } from "../../ir/machine/mapping.ts";
import type { Core, PlacedKernel } from "../../ir/placement.ts";
import { movedFrom, movements } from "./moves.ts";
import type { Buffer, Hull } from "./nest.ts";
import { type LayerPhases, loopsOf } from "./phases.ts";
import { layerPhases } from "./stages/stages.ts";
import type { Holder, Needer } from "./transfer.ts";

/** A core of a layer. */
export interface LayerCore {
  readonly at: Core;
  /** its column and row in the mapping */
  readonly x: number;
  readonly y: number;
  readonly tile: Tile;
  readonly hullOf: Hull;
}

export interface Layer {
  readonly kernel: Kernel;
  readonly placed: PlacedKernel;
  readonly cores: readonly LayerCore[];
  /** null: the op only says where words go */
  readonly phases: LayerPhases | null;
  /** the region that an operand lies in */
  readonly regionOf: (operand: string) => string;
  /** elements of a buffer at each of its places in a core; -1 where it has none */
  readonly elementsOf: (buffer: Buffer, core: LayerCore) => Int32Array;
  /** cores that need an operand; elements are those of the value that the edge carries */
  readonly needersOf: (operand: string, edge: KernelEdge | null) => readonly Needer[];
  /** cores that own elements of a result, each element one */
  readonly holdersOf: (result: string) => readonly Holder[];
  /** what a core holds before the first sample, by region: elements of a constant, or of a cache */
  readonly loadsOf: (core: LayerCore, regions: ReadonlySet<string>) => readonly LayerLoad[];
}

export interface LayerLoad {
  readonly region: string;
  readonly from:
    { readonly kind: "constant"; readonly value: ValueId } | { readonly kind: "past"; readonly name: string };
  /** the element at each place, -1 for none */
  readonly elements: Int32Array;
}

/** True for a core whose tile begins all of some loops. */
export const beginsAll = ({ tile }: LayerCore, loops: readonly string[]): boolean =>
  loops.every((loop) => tile.get(loop)?.begin === 0);

export function layerOf(graph: Graph, kernel: Kernel, placed: PlacedKernel): Layer {
  const subject = `layer "${kernel.name}"`;
  for (const { name, dtype } of kernel.operands) {
    if (dtype !== "f32" && !isRowNumber(graph, kernel, name))
      throw fail("WSC5007", `operand ${name} is ${dtype}, and fabric programs compute in f32`, { subject });
  }
  const { mapping } = placed.variant;
  const { loops } = kernel;
  const at = ({ x, y }: Core): Core =>
    placed.rotated ? { x: placed.rect.x + y, y: placed.rect.y + x } : { x: placed.rect.x + x, y: placed.rect.y + y };
  const cores = tileCores(loops, mapping).map(({ x, y, tile }): LayerCore => ({
    at: at({ x, y }),
    x,
    y,
    tile,
    hullOf: ({ axes }) => sliceOf({ axes }, loops, tile),
  }));
  const operand = (name: string): Operand => {
    const found = kernel.operands.find((one) => one.name === name);
    if (found === undefined) throw new Error(`internal: ${subject} has no operand ${name}`);
    return found;
  };
  const parts = new Map<string, Int32Array>();
  const elementsOf = (buffer: Buffer, { hullOf, tile }: LayerCore): Int32Array => {
    const isMade = buffer.axes.some(({ kind }) => kind === "spread") && operand(buffer.name).role === "result";
    const key = `${buffer.name} ${hullOf(buffer)
      .map(({ begin, end }) => `${begin}:${end}`)
      .join(" ")}`;
    const known = isMade ? undefined : parts.get(key);
    if (known !== undefined) return known;
    const { elements } = (isMade ? partMade : partRead)(buffer, loops, tile);
    if (!isMade) parts.set(key, elements);
    return elements;
  };
  const [only] = kernel.stages;
  const op = only === undefined ? undefined : graph.ops[only.op];
  const given = { graph, kernel, placed, cores, operand, elementsOf };
  const isMovement = op !== undefined && kernel.stages.length === 1 && movements.has(op.kind);
  return isMovement ? movementLayer(given, op) : workingLayer(given, layerPhases(graph, kernel, mapping));
}

/** True for numbers of rows in a table, which are words like any other: exact in f32 up to 2^24. */
function isRowNumber({ ops }: Graph, { stages }: Kernel, operand: string): boolean {
  const reads = stages.flatMap(({ op, reads: own }) =>
    own.flatMap((read, input) => (read.operand === operand ? [{ op: ops[op], input }] : [])),
  );
  return reads.length > 0 && reads.every(({ op, input }) => op?.kind === "gather" && input === 1);
}

interface Given extends Pick<Layer, "kernel" | "placed" | "cores" | "elementsOf"> {
  readonly graph: Graph;
  readonly operand: (name: string) => Operand;
}

/** A layer that computes. */
function workingLayer({ graph, operand, ...given }: Given, phases: LayerPhases): Layer {
  const { kernel, cores, elementsOf } = given;
  const appended = new Map<string, { readonly state: KernelState; readonly elements: Int32Array }>();
  const kept = new Map<string, { readonly state: KernelState; readonly elements: Int32Array }>();
  for (const state of kernel.states) {
    if (state.append === null) throw new Error("internal: a cache that no stage makes longer");
    const sources = movedFrom(graph, graph.ops[state.append.op] as Op, false);
    for (const [input, elements] of sources.entries()) {
      const name = state.append.reads[input] ?? null;
      if (name === null) kept.set(state.operand, { state, elements });
      else appended.set(name, { state, elements });
    }
  }
  const reading = (name: string): readonly LayerCore[] =>
    cores.filter((core) =>
      phases.phases.some((phase) => phase.kind === "work" && phase.reads.includes(name) && beginsAll(core, phase.only)),
    );
  const values = constantsOf(graph, kernel);
  return {
    ...given,
    phases,
    regionOf: (name) => appended.get(name)?.state.operand ?? name,
    needersOf: (name, edge) => {
      const added = appended.get(name);
      const region = operand(added?.state.operand ?? name);
      const elementOf = elementsOfEdge(graph, edge);
      const mapped = mappedOnce((element) => {
        const own = added === undefined ? element : (added.elements[element] as number);
        return own < 0 ? -1 : elementOf(own);
      });
      const touchedOf = touching();
      return reading(region.name).map((core) => ({
        at: core.at,
        elements: mapped(touchedOf(region, core, elementsOf(region, core))),
      }));
    },
    holdersOf: (name) => {
      const result = operand(name);
      const has = new Set(result.axes.flatMap(loopsOf));
      const lacking = kernel.loops.flatMap((loop) => (has.has(loop.name) ? [] : [loop.name]));
      return once(
        cores.filter((core) => beginsAll(core, lacking)),
        (core) => elementsOf(result, core),
      );
    },
    loadsOf: (core, regions) =>
      kernel.operands.flatMap((one): LayerLoad[] => {
        if (!regions.has(one.name)) return [];
        if (one.role === "weight")
          return [
            { region: one.name, from: { kind: "constant", value: values(one.name) }, elements: elementsOf(one, core) },
          ];
        const past = kept.get(one.name);
        if (past === undefined) return [];
        const elements = elementsOf(one, core).map((element) =>
          element < 0 ? -1 : (past.elements[element] as number),
        );
        return [{ region: one.name, from: { kind: "past", name: past.state.past }, elements }];
      }),
  };
}

/** Without the elements that lie between the strides of a core's windows: no iteration of its tile touches them. Made once for cores alike. */
function touching(): (operand: Operand, core: LayerCore, elements: Int32Array) => Int32Array {
  const known = new Map<Int32Array, Map<string, Int32Array>>();
  return (operand, core, elements) => {
    const windows = operand.axes.flatMap((axis) =>
      axis.kind === "index" && axis.terms.length > 1 ? axis.terms.map(({ loop }) => defined(core.tile.get(loop))) : [],
    );
    if (windows.length === 0) return elements;
    const key = windows.map(({ begin, end }) => `${begin} ${end}`).join(" ");
    const alike = known.get(elements) ?? new Map<string, Int32Array>();
    known.set(elements, alike);
    const found = alike.get(key) ?? touched(operand, core, elements);
    alike.set(key, found);
    return found;
  };
}

function touched(operand: Operand, { tile, hullOf }: LayerCore, elements: Int32Array): Int32Array {
  const { axes } = operand;
  const hull = hullOf(operand);
  const met = axes.map((axis): ReadonlySet<number> | null => {
    if (axis.kind !== "index" || axis.terms.length < 2) return null;
    let positions = [axis.offset];
    for (const { loop, factor } of axis.terms) {
      const { begin, end } = defined(tile.get(loop));
      positions = positions.flatMap((position) =>
        Array.from({ length: end - begin }, (_, index) => position + factor * (begin + index)),
      );
    }
    return new Set(positions);
  });
  const hasGaps = met.some((set, axis) => set !== null && set.size < nth(hull, axis).end - nth(hull, axis).begin);
  if (!hasGaps) return elements;
  return elements.map((element, place) => {
    let rest = place;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const { begin, end } = nth(hull, axis);
      const position = begin + (rest % (end - begin));
      rest = Math.floor(rest / (end - begin));
      if (met[axis]?.has(position) === false) return -1;
    }
    return element;
  });
}

/** A layer whose words land where they lie in its result. */
function movementLayer({ graph, operand, ...given }: Given, op: Op): Layer {
  const { kernel, cores, elementsOf } = given;
  const [stage] = kernel.stages;
  if (stage === undefined) throw new Error("internal: a layer without a stage");
  const result = operand(stage.makes);
  const sources = movedFrom(
    graph,
    op,
    isSentPart(
      graph,
      op,
      stage.reads.map((read) => operand(read.operand)),
    ),
  );
  const inputsOf = (name: string): Int32Array[] =>
    stage.reads.flatMap((read, input) => (read.operand === name ? [sources[input] as Int32Array] : []));
  const values = constantsOf(graph, kernel);
  const at = (source: Int32Array, core: LayerCore): Int32Array =>
    elementsOf(result, core).map((element) => (element < 0 ? -1 : (source[element] as number)));
  return {
    ...given,
    phases: null,
    regionOf: () => result.name,
    needersOf: (name, edge) => {
      const elementOf = elementsOfEdge(graph, edge);
      return inputsOf(name).flatMap((source) =>
        cores.map((core) => ({
          at: core.at,
          elements: at(source, core).map((element) => (element < 0 ? -1 : elementOf(element))),
        })),
      );
    },
    holdersOf: () => once(cores, (core) => elementsOf(result, core)),
    loadsOf: (core) =>
      kernel.operands.flatMap((one): LayerLoad[] => {
        const state = kernel.states.find((kept) => kept.operand === one.name);
        if (one.role !== "weight" && state === undefined) return [];
        const from: LayerLoad["from"] =
          state === undefined ? { kind: "constant", value: values(one.name) } : { kind: "past", name: state.past };
        return inputsOf(one.name).map((source) => ({ region: result.name, from, elements: at(source, core) }));
      }),
  };
}

/** True for a slice that is sent what it gives and no more. */
const isSentPart = (graph: Graph, op: Op, [read]: readonly Operand[]): boolean => {
  const type = graph.values[op.inputs[0] ?? -1]?.type;
  return read !== undefined && type?.kind === "tensor" && operandElements(read) < elementCount(type.shape);
};

/** Numbers of the constants behind operands. */
function constantsOf(graph: Graph, { stages, name: layer }: Kernel): (operand: string) => ValueId {
  const found = new Map<string, ValueId>();
  for (const { op, reads } of stages) {
    for (const [input, { operand }] of reads.entries()) {
      const value = graph.ops[op]?.inputs[input];
      if (value !== undefined && !found.has(operand)) found.set(operand, rootOf(graph, value));
    }
  }
  return (operand) => {
    const value = found.get(operand);
    if (value === undefined || graph.values[value]?.constant === undefined)
      throw fail("WSC5007", `the data of operand ${operand} is not at hand`, { subject: `layer "${layer}"` });
    return value;
  };
}

/** Follows views back to the value behind them. */
function rootOf(graph: Graph, value: ValueId): ValueId {
  const op = graph.ops.find(({ outputs }) => outputs.includes(value));
  return op?.kind === "reshape" ? rootOf(graph, op.inputs[0] as ValueId) : value;
}

/** Elements that cores hold, each where it is met first. */
function once(cores: readonly LayerCore[], elementsOf: (core: LayerCore) => Int32Array): Holder[] {
  const lists = cores.map((core) => ({ at: core.at, elements: elementsOf(core) }));
  let most = -1;
  for (const elements of new Set(lists.map((list) => list.elements)))
    for (const element of elements) most = Math.max(most, element);
  const isMet = new Uint8Array(most + 1);
  return lists.map(({ at, elements }) => {
    const own = elements.filter((element) => {
      if (element < 0 || isMet[element] === 1) return false;
      isMet[element] = 1;
      return true;
    });
    return { at, elements: own };
  });
}

/** Maps lists, each but once. */
function mappedOnce(change: (element: number) => number): (elements: Int32Array) => Int32Array {
  const known = new Map<Int32Array, Int32Array>();
  return (elements) => {
    const found = known.get(elements);
    if (found !== undefined) return found;
    const mapped = elements.map((element) => (element < 0 ? -1 : change(element)));
    known.set(elements, mapped);
    return mapped;
  };
}

/** The element of an edge's value behind each element of an operand. */
function elementsOfEdge(graph: Graph, edge: KernelEdge | null): (element: number) => number {
  if (edge === null || edge.part === null) return (element) => element;
  const type = graph.values[edge.value]?.type;
  const shape = type?.kind === "tensor" ? type.shape : [];
  const { starts, sizes, steps } = edge.part;
  return (element) => {
    let rest = element;
    let found = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = sizes[axis] as number;
      const position = (starts[axis] as number) + (rest % size) * (steps[axis] as number);
      rest = Math.floor(rest / size);
      found += position * stride;
      stride *= shape[axis] as number;
    }
    return found;
  };
}
