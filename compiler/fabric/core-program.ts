/** The program of one core while it is put together: regions at addresses, queues, tasks. */
import { diagnostic } from "../../ir/diagnostic.ts";
import {
  type Combiner,
  type Endpoint,
  type Load,
  queuesPerCore,
  type Region,
  regionBytes,
  type Step,
  type Strided,
  type Task,
} from "../../ir/fabric/program.ts";
import type { SramCategory } from "../../ir/machine/cost.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { Core } from "../../ir/placement.ts";
import { elementsOf, landingsOf, stridedOf } from "./descriptors.ts";
import { CapacityError } from "./capacity.ts";
import type { Net } from "./nets.ts";
import type { CorePlan } from "./program-builder.ts";
import type { Receiving } from "./transfer.ts";

export class CoreProgram {
  readonly #layer: string;
  readonly #at: Core;
  readonly #target: Target;
  readonly #regions: Region[] = [];
  readonly #tasks: Task[] = [];
  readonly #sends: Task[] = [];
  readonly #loads: Load[] = [];
  readonly #receivings = new Map<string, Receiving[]>();
  readonly #inQueues = new Map<number, number>();
  readonly #outQueues = new Map<number, number>();
  #address: number;

  constructor(layer: string, at: Core, target: Target, codeBytes: number) {
    this.#layer = layer;
    this.#at = at;
    this.#target = target;
    this.#address = target.core.systemBytes + codeBytes;
  }

  /** Words of a net that go to a region. */
  receive(region: string, receiving: Receiving): void {
    this.#receivings.set(region, [...(this.#receivings.get(region) ?? []), receiving]);
  }

  receives(region: string): boolean {
    return this.#receivings.has(region);
  }

  has(region: string): boolean {
    return this.#regions.some(({ name }) => name === region);
  }

  /** A region that tasks hand to each other; with it the tasks that receive into it. */
  handedOn(name: string, words: number, category: SramCategory, slots: number, readers: number): void {
    const receivings = this.#receivings.get(name) ?? [];
    this.#region({
      name,
      words,
      slots,
      category,
      readers,
      writers: readers === 0 && receivings.length === 0 ? 0 : Math.max(1, receivings.length),
    });
    for (const [index, { net, places }] of receivings.entries()) {
      this.#tasks.push({
        name: `in_${name}_${index}`,
        steps: [
          { kind: "claim", region: name },
          { kind: "receive", from: this.#end(this.#inQueues, net), into: landingsOf(name, places) },
          { kind: "publish", region: name },
        ],
      });
    }
  }

  constant(name: string, value: number, elements: Int32Array): void {
    this.#region({ name, words: elements.length, slots: 1, category: "weights", readers: 0, writers: 0 });
    this.#loads.push({ ...this.#at, region: name, at: 0, value, elements: elementsOf(elements) });
  }

  task(name: string, steps: readonly Step[]): void {
    this.#tasks.push({ name, steps });
  }

  sumStep(how: Combiner, own: Strided, from: Net | null, to: Net | null): Step {
    if (from === null) {
      if (to === null) throw new Error("internal: a sum that neither takes nor gives");
      return { kind: "send", to: this.#end(this.#outQueues, to), words: [own] };
    }
    const ends = { from: this.#end(this.#inQueues, from), to: to === null ? null : this.#end(this.#outQueues, to) };
    return { kind: "reduce", with: how, own, ...ends };
  }

  /** Words of the result on a net. */
  send(net: Net, { region, places }: { readonly region: string; readonly places: readonly number[] }): void {
    this.#sends.push({
      name: `out_${this.#sends.length}`,
      steps: [
        { kind: "take", region },
        { kind: "send", to: this.#end(this.#outQueues, net), words: stridedOf(region, places) },
        { kind: "free", region },
      ],
    });
  }

  finish(layer: number): { readonly plan: CorePlan; readonly loads: readonly Load[] } {
    if (this.#address > this.#target.core.sramBytes)
      throw this.#refuse(`needs ${this.#address} bytes of SRAM, and has ${this.#target.core.sramBytes}`);
    return { plan: { layer, regions: this.#regions, tasks: [...this.#tasks, ...this.#sends] }, loads: this.#loads };
  }

  #region(region: Omit<Region, "address">): void {
    const whole = { ...region, address: this.#address };
    this.#regions.push(whole);
    this.#address += regionBytes(whole);
  }

  /** The queue of a color at this core. */
  #end(queues: Map<number, number>, { color }: Net): Endpoint {
    const queue = queues.get(color) ?? queues.size;
    if (queue >= queuesPerCore) throw this.#refuse(`needs more than ${queuesPerCore} queues`);
    queues.set(color, queue);
    return { color, queue };
  }

  #refuse(message: string): CapacityError {
    const subject = `layer "${this.#layer}", core (${this.#at.x}, ${this.#at.y})`;
    return new CapacityError([diagnostic("error", "WSC5007", message, { subject })]);
  }
}
