/** The layers of a placement as the fabric sees them: for each core its place, its tile, and what it holds of every operand. */
import { fail } from "../../ir/diagnostic.ts";
import type { Graph, Op, ValueId } from "../../ir/graph.ts";
import type { Kernel, KernelEdge, Operand, Stage } from "../../ir/kernel-graph.ts";
import type { ReducePattern } from "../../ir/machine/collectives.ts";
import {
  holdsSum,
  type Part,
  partMade,
  partRead,
  summedLoops,
  type TileCore,
  tileCores,
} from "../../ir/machine/layout.ts";
import type { Tile } from "../../ir/machine/mapping.ts";
import type { Core, PlacedKernel, Rect } from "../../ir/placement.ts";
import type { PlacedGraph } from "./lower.ts";
import { movedFrom } from "./moves.ts";
import { type Held, type TileWork, workOfOp } from "./tile-steps.ts";
import type { Needer } from "./transfer.ts";

export interface CoreState {
  readonly at: Core;
  readonly mappingX: number;
  readonly mappingY: number;
  readonly tile: Tile;
  /** cores of one group hold parts of the same sums, which come together in the root */
  readonly group: string;
  readonly isRoot: boolean;
  readonly result: Part;
  /** what the core holds of an input of the op */
  readonly held: (input: number) => Held;
  /** places of elements of the result */
  readonly placesOfResult: (elements: readonly number[]) => {
    readonly region: string;
    readonly places: readonly number[];
  };
}

export interface KernelState {
  readonly kernel: Kernel;
  readonly stage: Stage;
  readonly rect: Rect;
  readonly reduce: ReducePattern;
  readonly codeBytes: number;
  readonly cores: readonly CoreState[];
  readonly result: Operand;
  /** null: the op only says where words go */
  readonly work: TileWork | null;
  /** operands that are inputs of the model, by name */
  readonly inputs: readonly { readonly name: string; readonly operand: string }[];
  /** cores that need an operand; elements are those of the value that the edge carries */
  readonly needersOf: (operand: string, edge: KernelEdge | null) => Needer[];
  /** region that an operand arrives in */
  readonly regionOf: (operand: string) => string;
  /** number of the constant behind an operand */
  readonly constantOf: (operand: string) => ValueId;
}

export const kernelStates = ({ graph, kernels, placement }: PlacedGraph): KernelState[] =>
  placement.kernels.map((placed) => kernelState(graph, kernels.kernels[placed.kernel] as Kernel, placed));

function kernelState(graph: Graph, kernel: Kernel, placed: PlacedKernel): KernelState {
  const subject = `layer "${kernel.name}"`;
  const [stage, second] = kernel.stages;
  if (stage === undefined || second !== undefined)
    throw fail("WSC5007", "a layer of several ops has no fabric program yet", {
      subject,
      hint: "compile with --no-fuse",
    });
  if (kernel.moves.length > 0)
    throw fail("WSC5007", "a layer that reorders what it reads or makes has no fabric program yet", {
      subject,
      hint: "compile with --no-fuse",
    });
  for (const { name, role, dtype } of kernel.operands) {
    if (dtype !== "f32")
      throw fail("WSC5007", `operand ${name} is ${dtype}, and fabric programs compute in f32`, { subject });
    if (role === "state" || role === "local")
      throw fail(
        "WSC5007",
        `operand ${name} stays on the wafer between samples or ops, which has no fabric program yet`,
        { subject },
      );
  }
  const results = kernel.operands.filter(({ role }) => role === "result");
  const [result] = results;
  if (result === undefined || results.length > 1)
    throw fail("WSC5007", "a layer with several results has no fabric program yet", { subject });
  const op = graph.ops[stage.op] as Op;
  const isMove = op.kind === "transpose" || op.kind === "slice";
  const summed = summedLoops(stage, result);
  const operandOf = operandsOfInputs(graph, kernel, op);
  const { mapping } = placed.variant;
  const cores = tileCores(kernel.loops, mapping).map((core) =>
    coreState(kernel, placed, core, result, summed, operandOf),
  );
  const moved = isMove ? movedFrom(graph, op) : null;
  const work = isMove ? null : workOfOp(kernel, op, graph);
  // what only the epilogue reads is needed where sums come together
  const nested = new Set(work?.reads.map((input) => operandOf(input).name));
  return {
    kernel,
    stage,
    rect: placed.rect,
    reduce: mapping.reduce,
    codeBytes: placed.variant.sram.code,
    cores,
    result,
    work,
    inputs: modelInputs(graph, op, operandOf),
    needersOf: (name, edge) => {
      const operand = kernel.operands.find((one) => one.name === name);
      if (operand === undefined) throw new Error(`internal: ${subject} has no operand ${name}`);
      const elementOf = elementsOfEdge(graph, edge);
      const needing = isMove || nested.has(name) ? cores : cores.filter(({ isRoot }) => isRoot);
      return needing.map(({ at, tile, result: made }) => ({
        at,
        places:
          moved === null
            ? placesRead(partRead(operand, kernel.loops, tile), elementOf)
            : placesMoved(made, moved, elementOf),
      }));
    },
    regionOf: (operand) => (isMove ? result.name : operand),
    constantOf: (operand) => {
      const input = op.inputs.findIndex((_, index) => operandOf(index).name === operand);
      const id = op.inputs[input];
      if (id === undefined || graph.values[id]?.constant === undefined)
        throw fail("WSC5007", `the data of operand ${operand} is not at hand`, { subject });
      return id;
    },
  };
}

function coreState(
  kernel: Kernel,
  { rect, rotated }: PlacedKernel,
  { x, y, tile }: TileCore,
  result: Operand,
  summed: readonly string[],
  operandOf: (input: number) => Operand,
): CoreState {
  const at = rotated ? { x: rect.x + y, y: rect.y + x } : { x: rect.x + x, y: rect.y + y };
  const part = partMade(result, kernel.loops, tile);
  const group = [...tile].filter(([loop]) => !summed.includes(loop)).map(([loop, { begin }]) => `${loop}${begin}`);
  const placeOf = new Map<number, number>();
  for (const [place, element] of part.elements.entries()) placeOf.set(element, place);
  return {
    at,
    mappingX: x,
    mappingY: y,
    tile,
    group: group.join(" "),
    isRoot: holdsSum(tile, summed),
    result: part,
    held: (input) => {
      const operand = operandOf(input);
      return { operand, region: operand.name, part: partRead(operand, kernel.loops, tile) };
    },
    placesOfResult: (elements) => ({
      region: result.name,
      places: elements.map((element) => placeOf.get(element) as number),
    }),
  };
}

/** Follows views back to the value behind them. */
function rootOf(graph: Graph, value: ValueId): ValueId {
  const op = graph.ops.find(({ outputs }) => outputs.includes(value));
  return op?.kind === "reshape" ? rootOf(graph, op.inputs[0] as ValueId) : value;
}

/** The operand of each input; a value that is read twice in the same way is one operand. */
function operandsOfInputs(graph: Graph, kernel: Kernel, op: Op): (input: number) => Operand {
  const named = (input: number): Operand | undefined =>
    kernel.operands.find(({ name }) => name === `x${input}` || name === `w${input}`);
  return (input) => {
    const own = named(input);
    if (own !== undefined) return own;
    const root = rootOf(graph, op.inputs[input] as ValueId);
    const twin = op.inputs.findIndex((other, index) => rootOf(graph, other) === root && named(index) !== undefined);
    const found = named(twin);
    if (found === undefined)
      throw fail("WSC5007", `input ${input} is no operand of its own`, { subject: `layer "${kernel.name}"` });
    return found;
  };
}

function modelInputs(graph: Graph, op: Op, operandOf: (input: number) => Operand): { name: string; operand: string }[] {
  const found = new Map<string, { name: string; operand: string }>();
  for (const [index, value] of op.inputs.entries()) {
    const root = rootOf(graph, value);
    const port = graph.inputs.find((input) => input.value === root);
    const operand = operandOf(index).name;
    if (port !== undefined) found.set(`${port.name} ${operand}`, { name: port.name, operand });
  }
  return [...found.values()];
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

function placesRead({ elements }: Part, elementOf: (element: number) => number): Map<number, number> {
  const places = new Map<number, number>();
  for (const [place, element] of elements.entries()) if (element >= 0) places.set(elementOf(element), place);
  return places;
}

/** `moved`: the operand's element behind each element of the result. */
function placesMoved(
  { elements }: Part,
  moved: Int32Array,
  elementOf: (element: number) => number,
): Map<number, number> {
  const places = new Map<number, number>();
  for (const [place, element] of elements.entries()) places.set(elementOf(moved[element] as number), place);
  return places;
}
