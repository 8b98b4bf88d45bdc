/** The edge of the wafer: inputs of a model as words that come in as fast as the fabric takes them, outputs as words that are collected. */
import { type Elements, type FabricProgram, ports, stridedCount } from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { offsetsOf } from "./cores.ts";
import type { Queues } from "./queues.ts";
import { channelKey, linkWords, numberOf, type Routers } from "./routers.ts";
import type { SampleTimes } from "./simulation.ts";

interface EdgeOptions {
  readonly routers: Routers;
  readonly queues: Queues;
  /** number of the first edge agent */
  readonly firstAgent: number;
  readonly samples: number;
  readonly inputs: (name: string, sample: number) => Float32Array;
}

/** The elements of some descriptors, in order. */
export function elementsOf(elements: readonly Elements[]): Int32Array {
  const indices = new Int32Array(elements.reduce((sum, { sizes }) => sum + stridedCount(sizes), 0));
  let at = 0;
  for (const part of elements) for (const offset of offsetsOf(part)) indices[at++] = part.offset + offset;
  return indices;
}

export class Edges {
  /** agents that bring words; those that take them follow */
  readonly sources: number;
  readonly agents: number;
  readonly queueOf: number[] = [];
  readonly freeAt: Float64Array;
  readonly outputs: Map<string, Float32Array[]> = new Map<string, Float32Array[]>();
  readonly #names: string[] = [];
  readonly #elements: Int32Array[] = [];
  readonly #at: Int32Array;
  readonly #sample: Int32Array;
  readonly #firstIn: Float64Array;
  readonly #lastOut: Float64Array;
  readonly #samples: number;
  readonly #inputs: (name: string, sample: number) => Float32Array;

  constructor(program: FabricProgram, target: Target, { routers, queues, firstAgent, samples, inputs }: EdgeOptions) {
    const sources = program.edges.filter(({ kind }) => kind === "input");
    const sinks = program.edges.filter(({ kind }) => kind === "output");
    this.sources = sources.length;
    this.agents = program.edges.length;
    this.#samples = samples;
    this.#inputs = inputs;
    for (const [index, { kind, name, x, y, side, color, elements }] of [...sources, ...sinks].entries()) {
      const channel = routers.channelAt.get(channelKey(program, x, y, color));
      const agent = firstAgent + index;
      const room = linkWords(target, target.link.hopCycles);
      if (channel === undefined) this.queueOf.push(-1);
      else {
        const at = channel * ports.length + numberOf(side);
        const queue = kind === "input" ? queues.add(room, agent, channel) : queues.add(room, channel, agent);
        (kind === "input" ? routers.inQueue : routers.outQueue)[at] = queue;
        this.queueOf.push(queue);
      }
      this.#names.push(name);
      this.#elements.push(elementsOf(elements));
    }
    for (const name of new Set(sinks.map((sink) => sink.name))) {
      const own = this.#elements.filter((_, agent) => agent >= this.sources && this.#names[agent] === name);
      const length = own.reduce((most, indices) => indices.reduce((top, index) => Math.max(top, index + 1), most), 0);
      this.outputs.set(
        name,
        Array.from({ length: samples }, () => new Float32Array(length)),
      );
    }
    this.freeAt = new Float64Array(this.agents);
    this.#at = new Int32Array(this.agents);
    this.#sample = new Int32Array(this.agents);
    this.#firstIn = new Float64Array(samples).fill(Infinity);
    this.#lastOut = new Float64Array(samples);
  }

  hasMore(agent: number): boolean {
    return (this.#sample[agent] as number) < this.#samples;
  }

  /** The next word of a source. */
  take(agent: number, now: number): number {
    const sample = this.#sample[agent] as number;
    const at = this.#at[agent] as number;
    const elements = this.#elements[agent] as Int32Array;
    if (at === 0) this.#firstIn[sample] = Math.min(this.#firstIn[sample] as number, now);
    this.#step(agent, elements.length);
    return this.#inputs(this.#names[agent] as string, sample)[elements[at] as number] as number;
  }

  /** A word that leaves the wafer; words beyond the last sample are counted by `isDone`. */
  give(agent: number, value: number, now: number): void {
    const sample = this.#sample[agent] as number;
    const elements = this.#elements[agent] as Int32Array;
    const values = this.outputs.get(this.#names[agent] as string)?.[sample];
    if (values !== undefined) {
      values[elements[this.#at[agent] as number] as number] = value;
      this.#lastOut[sample] = Math.max(this.#lastOut[sample] as number, now);
    }
    this.#step(agent, elements.length);
  }

  #step(agent: number, length: number): void {
    const next = (this.#at[agent] as number) + 1;
    this.#at[agent] = next === length ? 0 : next;
    if (next === length) this.#sample[agent] = (this.#sample[agent] as number) + 1;
  }

  isDone(): boolean {
    return this.#sample.every((sample, agent) => sample === this.#samples && this.#at[agent] === 0);
  }

  /** Streams that are not at their end, in words. */
  unfinished(): string[] {
    return this.#names.flatMap((name, agent) => {
      const sample = this.#sample[agent] as number;
      if (sample === this.#samples && this.#at[agent] === 0) return [];
      const verb = agent < this.sources ? "brought" : "taken";
      return [`"${name}" has ${verb} ${this.#at[agent] as number} words of sample ${sample} over the edge`];
    });
  }

  times(): SampleTimes[] {
    return Array.from({ length: this.#samples }, (_, sample) => ({
      firstIn: this.#firstIn[sample] as number,
      lastOut: this.#lastOut[sample] as number,
    }));
  }
}
