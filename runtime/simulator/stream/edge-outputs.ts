/** The edge of the wafer at the stream level: inputs word by word where values count, outputs and when their last words leave. */
import { nth } from "../../../ir/access.ts";
import { elementsOf } from "../word/edges.ts";
import type { SampleTimes } from "../word/simulation.ts";
import type { Flow } from "./flow.ts";
import type { Nets } from "./nets.ts";
import type { Values } from "./values.ts";
import { placeOn } from "./windows.ts";

interface Output {
  readonly sink: number;
  readonly net: number;
  readonly name: string;
  readonly elements: Int32Array;
  /** words that have left */
  left: number;
}

export class EdgeOutputs {
  readonly values: ReadonlyMap<string, readonly Float32Array[]>;
  readonly #nets: Nets;
  readonly #samples: number;
  readonly #lastOut: Float64Array;
  readonly #byNet = new Map<number, Output[]>();
  readonly #inputs = new Map<number, { readonly name: string; readonly elements: Int32Array }>();

  constructor(nets: Nets, samples: number) {
    this.#nets = nets;
    this.#samples = samples;
    this.#lastOut = new Float64Array(samples);
    const lengths = new Map<string, number>();
    for (const [source, { edge }] of nets.sources.entries())
      if (edge !== null) this.#inputs.set(source, { name: edge.name, elements: elementsOf(edge.elements) });
    for (const [sink, { edge, net }] of nets.sinks.entries()) {
      if (edge === null) continue;
      const output: Output = { sink, net, name: edge.name, elements: elementsOf(edge.elements), left: 0 };
      const known = this.#byNet.get(net);
      if (known === undefined) this.#byNet.set(net, [output]);
      else known.push(output);
      const length = output.elements.reduce(
        (most, element) => Math.max(most, element + 1),
        lengths.get(edge.name) ?? 0,
      );
      lengths.set(edge.name, length);
    }
    this.values = new Map(
      [...lengths].map(([name, length]) => [name, Array.from({ length: samples }, () => new Float32Array(length))]),
    );
  }

  /** Words of an input go on the fabric. */
  bring(values: Values, source: number, first: number, end: number): void {
    const input = this.#inputs.get(source);
    if (input === undefined) throw new Error("internal: a source that is no input");
    const { length } = input.elements;
    for (let word = first; word < end; word++) {
      const sample = Math.floor(word / length);
      values.input(source, input.name, input.elements[word - sample * length] as number, sample);
    }
  }

  /** Words of outputs that have passed the root of a net leave the wafer. */
  passed(net: number, flow: Flow, values: Values | null, leaves: (time: number) => void): void {
    for (const output of this.#byNet.get(net) ?? []) {
      const { sink, elements, name } = output;
      const { windows, latency } = nth(this.#nets.sinks, sink);
      const { length } = elements;
      while (output.left < length * this.#samples) {
        const place = placeOn(windows, output.left);
        if (!flow.hasPassed(net, place)) return;
        const sample = Math.floor(output.left / length);
        const word = output.left - sample * length;
        if (values !== null) {
          const made = nth(this.values.get(name) ?? [], sample);
          made[elements[word] as number] = values.passed(net, place);
        }
        if (word === length - 1) {
          const time = Math.ceil(flow.timeOf(net, place) + latency);
          this.#lastOut[sample] = Math.max(this.#lastOut[sample] as number, time);
          leaves(time);
        }
        output.left++;
      }
    }
  }

  times(firstIn: Float64Array): SampleTimes[] {
    return Array.from({ length: this.#samples }, (_, sample) => ({
      firstIn: firstIn[sample] as number,
      lastOut: this.#lastOut[sample] as number,
    }));
  }
}
