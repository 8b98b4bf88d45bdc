/**
 * What the values of a program take at least at one time, known from types alone: the ops that become steps, in their order, and from where to where each
 * value lives. An output that may lie on an operand that dies is taken to do so, and work areas are not counted, so that the plan that is made when
 * kernels are there never takes less.
 */
import { nth } from "../../ir/access.ts";
import { storageBytes } from "../../ir/dtype.ts";
import type { Graph, Op, ValueId } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { contiguousSlices } from "./contiguous-slices.ts";
import { hostInputs } from "./host-inputs.ts";
import { inputParts } from "./input-parts.ts";
import { isBitView, isNumericTensor, typeOf } from "./op-home.ts";
import { planOps } from "./plan-ops.ts";

/** Where a value's bytes are needed: from one step to another, both included. */
interface Life {
  readonly bytes: number;
  first: number;
  last: number;
}

/** Values by the one in whose bytes they lie, and the lives of those. */
class Lives {
  readonly #graph: Graph;
  readonly #roots = new Map<ValueId, ValueId>();
  readonly #lives = new Map<ValueId, Life>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** Gives a value bytes of its own, unless it has some or takes none in memory. */
  define(value: ValueId, time: number): void {
    const type = typeOf(this.#graph, value);
    const isConstant = nth(this.#graph.values, value).constant !== undefined;
    if (this.#lives.has(value) || isConstant || !isNumericTensor(type)) return;
    this.#lives.set(value, { bytes: elementCount(type.shape) * storageBytes(type.dtype), first: time, last: time });
  }

  view(value: ValueId, of: ValueId): void {
    this.#roots.set(value, this.#roots.get(of) ?? of);
  }

  lifeOf(value: ValueId): Life | null {
    return this.#lives.get(this.#roots.get(value) ?? value) ?? null;
  }

  touch(value: ValueId, time: number): void {
    const life = this.lifeOf(value);
    if (life !== null) life.last = Math.max(life.last, time);
  }

  all(): readonly Life[] {
    return [...this.#lives.values()];
  }
}

/** Bytes of the values that lie in memory at one time, at the time when these are most. */
export function leastArenaBytes(graph: Graph): number {
  const lives = new Lives(graph);
  const parts = inputParts(graph);
  const outside = hostInputs(graph);
  for (const { value } of graph.inputs) {
    const part = parts.get(value);
    if (outside.has(value)) continue;
    lives.define(part?.whole ?? value, 0);
    if (part !== undefined) lives.view(value, part.whole);
  }
  const pieces = contiguousSlices(graph);
  const isView = (op: Op): boolean =>
    op.kind === "reshape" || (op.kind === "host" && isBitView(graph, op)) || pieces.has(op);
  const plan = planOps(graph);
  const steps: { readonly inputs: readonly ValueId[]; readonly outputs: readonly ValueId[] }[] = [];
  for (const { op, attention } of plan) {
    const [input, output] = [op.inputs[0], op.outputs[0]];
    if (attention === null && isView(op) && input !== undefined && output !== undefined) {
      lives.view(output, input);
      continue;
    }
    const time = steps.length + 1;
    const [inputs, outputs] = attention === null ? [op.inputs, op.outputs] : [attention.inputs, [attention.output]];
    for (const value of outputs) lives.define(value, time);
    for (const value of inputs) lives.touch(value, time);
    steps.push({ inputs, outputs });
  }
  for (const { value } of graph.outputs) lives.touch(value, steps.length + 1);
  for (const [index, step] of steps.entries()) shareDying(lives, step, index + 1);
  return most(lives.all(), steps.length + 2);
}

/** Takes outputs off the step that makes them which may lie on operands of their size that die there. */
function shareDying(
  lives: Lives,
  { inputs, outputs }: { readonly inputs: readonly ValueId[]; readonly outputs: readonly ValueId[] },
  time: number,
): void {
  const dying = new Set(inputs.map((value) => lives.lifeOf(value)).filter((life) => life?.last === time));
  for (const value of outputs) {
    const own = lives.lifeOf(value);
    const place = [...dying].find((life) => life !== null && life !== own && life.bytes === own?.bytes);
    if (own === null || place === undefined || own.first !== time) continue;
    dying.delete(place);
    own.first = time + 1;
  }
}

/** The largest sum of bytes that live at one time. */
function most(lives: readonly Life[], times: number): number {
  const changes = new Float64Array(times + 2);
  for (const { bytes, first, last } of lives) {
    if (last < first) continue;
    changes[first] = (changes[first] as number) + bytes;
    changes[last + 1] = (changes[last + 1] as number) - bytes;
  }
  let [sum, largest] = [0, 0];
  for (const change of changes) {
    sum += change;
    largest = Math.max(largest, sum);
  }
  return largest;
}
