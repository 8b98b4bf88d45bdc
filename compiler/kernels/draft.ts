/**
 * A kernel graph while it is being made: kernels come and go, edges know the operands that they feed, kernels know the values that they make. What is
 * left is numbered in the order of the data and its traffic is counted by `finish`.
 */
import { nth } from "../../ir/access.ts";
import type { ValueId } from "../../ir/graph.ts";
import {
  type HostKernel,
  type Kernel,
  type KernelEdge,
  type KernelGraph,
  type KernelId,
  type KernelInput,
  type KernelPort,
  resultWords,
} from "../../ir/kernel-graph.ts";
import { layerNames } from "./layer-names.ts";

/** A kernel, and the operands that hold the values which it makes. */
export interface DraftKernel {
  readonly kernel: Kernel;
  readonly made: ReadonlyMap<ValueId, string>;
}

/** An edge whose value its producer knows by `made`. */
export type DraftEdge = Omit<KernelEdge, "result">;

/** A port, and the value as its producer made it. */
export interface DraftOutput extends KernelPort {
  readonly value: ValueId;
}

/** What a kernel exchanges with the rest of the model. */
export interface Surroundings {
  readonly into: readonly DraftEdge[];
  readonly outOf: readonly DraftEdge[];
  readonly inputs: readonly KernelInput[];
  readonly outputs: readonly DraftOutput[];
}

/** Kernels looked at at most to find out what lies between two. */
const mostVisited = 200;

interface Node extends DraftKernel {
  into: DraftEdge[];
  outOf: DraftEdge[];
  readonly places: Places;
}

/** Places of a kernel's first and last op in the order of the data. */
export interface Places {
  readonly first: number;
  readonly last: number;
}

/** Kernels by id; ids are those of the drafting and stay until `finish`. */
export class Draft {
  readonly name: string;
  readonly host: readonly HostKernel[];
  readonly #nodes = new Map<KernelId, Node>();
  #inputs: KernelInput[] = [];
  #outputs: DraftOutput[] = [];
  #next = 0;

  constructor(name: string, host: readonly HostKernel[]) {
    this.name = name;
    this.host = host;
  }

  /** Ids in the order in which they were given. */
  get ids(): readonly KernelId[] {
    return [...this.#nodes.keys()];
  }

  /** The id of the next kernel. */
  get next(): KernelId {
    return this.#next;
  }

  has(id: KernelId): boolean {
    return this.#nodes.has(id);
  }

  at(id: KernelId): DraftKernel {
    return this.#node(id);
  }

  around(id: KernelId): Surroundings {
    const { into, outOf } = this.#node(id);
    return {
      into,
      outOf,
      inputs: this.#inputs.filter(({ kernel }) => kernel === id),
      outputs: this.#outputs.filter(({ kernel }) => kernel === id),
    };
  }

  /** Adds a kernel that reads and makes nothing yet; without places it comes after all others. */
  add(draft: DraftKernel, places: Places = { first: this.#next, last: this.#next }): KernelId {
    const id = this.#next++;
    this.#nodes.set(id, { ...draft, into: [], outOf: [], places });
    return id;
  }

  /** Puts another kernel in the place of one; operands that edges name must still be there. */
  set(id: KernelId, draft: DraftKernel): void {
    this.#nodes.set(id, { ...this.#node(id), ...draft });
  }

  connect(edge: DraftEdge): void {
    this.#node(edge.from).outOf.push(edge);
    this.#node(edge.to).into.push(edge);
  }

  disconnect(edge: DraftEdge): void {
    const from = this.#node(edge.from);
    const to = this.#node(edge.to);
    from.outOf = from.outOf.filter((other) => other !== edge);
    to.into = to.into.filter((other) => other !== edge);
  }

  addInput(port: KernelInput): void {
    this.#inputs.push(port);
  }

  addOutput(port: DraftOutput): void {
    this.#outputs.push(port);
  }

  /** Changes or drops (null) input ports. */
  mapInputs(change: (port: KernelInput) => KernelInput | null): void {
    this.#inputs = this.#inputs.flatMap((port) => change(port) ?? []);
  }

  mapOutputs(change: (port: DraftOutput) => DraftOutput | null): void {
    this.#outputs = this.#outputs.flatMap((port) => change(port) ?? []);
  }

  /** Takes a kernel out with all that it exchanges. */
  remove(id: KernelId): void {
    const { into, outOf } = this.#node(id);
    for (const edge of [...into, ...outOf]) this.disconnect(edge);
    this.mapInputs((port) => (port.kernel === id ? null : port));
    this.mapOutputs((port) => (port.kernel === id ? null : port));
    this.#nodes.delete(id);
  }

  placesOf(id: KernelId): Places {
    return this.#node(id).places;
  }

  /** Two kernels and all on ways from one to the other, in the order of the data; null where they are more than `most`, or too far apart to tell. */
  between(from: KernelId, to: KernelId, most: number): readonly KernelId[] | null {
    const earliest = this.placesOf(from).first;
    const before = new Set<KernelId>([to]);
    const open = [to];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (before.size > mostVisited) return null;
      if (id === from) continue;
      for (const edge of this.#node(id).into) {
        if (before.has(edge.from) || this.placesOf(edge.from).last < earliest) continue;
        before.add(edge.from);
        open.push(edge.from);
      }
    }
    if (!before.has(from)) return null;
    const members = new Set<KernelId>();
    const order: KernelId[] = [];
    // readers come after what they read, so that the reverse of a depth-first search stands in order
    const visit = (id: KernelId): void => {
      members.add(id);
      for (const { to: next } of this.#node(id).outOf) if (before.has(next) && !members.has(next)) visit(next);
      order.unshift(id);
    };
    visit(from);
    return order.length > most + 2 ? null : order;
  }

  #node(id: KernelId): Node {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`internal: no kernel ${id} in the draft`);
    return node;
  }

  /** The kernel graph: producers before their readers, else in the order of their ops. */
  finish(): KernelGraph {
    const order = this.#inOrder();
    const numbers = new Map(order.map((id, number) => [id, number] as const));
    const numberOf = (id: KernelId): KernelId => {
      const number = numbers.get(id);
      if (number === undefined) throw new Error(`internal: kernel ${id} has no place`);
      return number;
    };
    const streams = new Map<number, number>();
    const edges = order.flatMap((id) =>
      this.#node(id).into.map((edge): KernelEdge => {
        const stream = streams.get(edge.stream) ?? streams.size;
        streams.set(edge.stream, stream);
        return {
          ...edge,
          from: numberOf(edge.from),
          to: numberOf(edge.to),
          result: this.#resultOf(edge.from, edge.value),
          stream,
        };
      }),
    );
    const kernels = order.map((id) => withTraffic(this.at(id).kernel, this.around(id)));
    const names = layerNames(kernels);
    return {
      name: this.name,
      precision: "f32",
      kernels: kernels.map((kernel, id) => ({ ...kernel, id, name: nth(names, id) })),
      edges,
      inputs: this.#inputs.map((port) => ({ ...port, kernel: numberOf(port.kernel) })),
      outputs: this.#outputs.map(({ name, kernel, words, value }) => ({
        name,
        kernel: numberOf(kernel),
        result: this.#resultOf(kernel, value),
        words,
      })),
      host: this.host,
    };
  }

  #resultOf(id: KernelId, value: ValueId): string {
    const result = this.#node(id).made.get(value);
    if (result === undefined) throw new Error(`internal: kernel ${id} does not make %${value}`);
    return result;
  }

  #inOrder(): readonly KernelId[] {
    const waits = new Map<KernelId, number>();
    for (const [id, { into }] of this.#nodes) waits.set(id, into.length);
    const ready = [...this.#nodes.keys()].filter((id) => waits.get(id) === 0);
    const order: KernelId[] = [];
    const byPlace = (a: KernelId, b: KernelId): number => this.placesOf(a).first - this.placesOf(b).first || a - b;
    ready.sort(byPlace);
    for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
      order.push(id);
      for (const { to } of this.#node(id).outOf) {
        const left = (waits.get(to) as number) - 1;
        waits.set(to, left);
        if (left > 0) continue;
        const at = ready.findIndex((other) => byPlace(to, other) < 0);
        if (at < 0) ready.push(to);
        else ready.splice(at, 0, to);
      }
    }
    if (order.length !== this.#nodes.size) throw new Error("internal: kernels wait for each other in a circle");
    return order;
  }
}

const wordsOfAll = (list: readonly { readonly words: number }[]): number =>
  list.reduce((sum, { words }) => sum + words, 0);

/** Words of each thing that a kernel reads and sends. */
type Traffic = { readonly [side in keyof Surroundings]: readonly { readonly words: number }[] };

/** A kernel with the words over its border; readers of parts share one sending of the whole. */
export function withTraffic(kernel: Kernel, { into, outOf, inputs, outputs }: Traffic): Kernel {
  return {
    ...kernel,
    arriving: wordsOfAll(into) + wordsOfAll(inputs),
    leaving: Math.max(resultWords(kernel), wordsOfAll(outOf) + wordsOfAll(outputs)),
  };
}
