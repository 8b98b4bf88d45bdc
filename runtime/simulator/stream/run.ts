/**
 * Runs a fabric program stream by stream: the steps of every core, and the words of every net as pieces of even pace (flow.ts). Time comes from
 * the machine's primitive figures, as at the word level. docs/simulator.md says what is left out.
 */
import { nth } from "../../../ir/access.ts";
import { type FabricProgram, ports } from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { layerBounds } from "../bounds.ts";
import { type OnSpan, stepText } from "../spans.ts";
import type { LinkActivity } from "../word/simulation.ts";
import type { ReadyStep, ReadyTask } from "../word/cores.ts";
import { Wheel } from "../word/wheel.ts";
import { CoreTable } from "./cores.ts";
import { EdgeOutputs } from "./edge-outputs.ts";
import { Flow } from "./flow.ts";
import { buildNets, type Nets } from "./nets.ts";
import type { StreamCore, StreamOptions, StreamSimulation } from "./simulation.ts";
import { stuckStreams } from "./stuck.ts";
import { Taps } from "./taps.ts";
import { Values } from "./values.ts";
import { placeOn } from "./windows.ts";

const defaultMaxCycles = 1e12;

/** Runs a program that the verifier has accepted. WSC7010 when it does not come to its end. */
export function simulateStreams(program: FabricProgram, target: Target, options: StreamOptions = {}): StreamSimulation {
  return new StreamMachine(program, target, options).run();
}

type StreamStep = ReadyStep & { readonly kind: "stream" };

/** What a task waits for. */
export const waits = ["nothing", "words", "region"] as const;

const waiting = { nothing: 0, words: 1, region: 2 } as const;

export class StreamMachine {
  readonly program: FabricProgram;
  readonly target: Target;
  readonly samples: number;
  readonly cores: CoreTable;
  readonly nets: Nets;
  readonly flow: Flow;
  readonly wheel: Wheel;
  readonly #maxCycles: number;
  readonly #values: Values | null;
  readonly #outputs: EdgeOutputs;
  readonly #taps: Taps;
  readonly #onSpan: OnSpan | null;

  // tasks
  readonly tasks: readonly ReadyTask[];
  readonly step: Int32Array;
  readonly sample: Int32Array;
  readonly wait: Uint8Array;
  /** when the task came to its step */
  readonly #began: Float64Array;
  /** part of a stream step that is under way; -1: the step begins, or is over */
  readonly #part: Int32Array;
  readonly #isOver: Uint8Array;
  /** ends of the part that are not done, and when the others were */
  readonly #open: Uint8Array;
  readonly #partEnd: Float64Array;

  // cores
  readonly #coreUntil: Float64Array;
  readonly #rampFree: Float64Array;
  readonly #semaphoreSample: Int32Array;
  readonly #semaphoreLeft: Int32Array;
  readonly #semaphoreWritten: Int32Array;

  // ends of nets
  readonly #taskOfSink: Int32Array;
  readonly #taskOfSource: Int32Array;

  // counts
  #unfinished: number;
  #events = 0;
  #lastCycle = 0;
  readonly #busy: Float64Array;
  readonly #busyOfCore: Float64Array;
  readonly #firstActive: Float64Array;
  readonly #lastActive: Float64Array;
  readonly #firstIn: Float64Array;

  constructor(program: FabricProgram, target: Target, options: StreamOptions) {
    this.program = program;
    this.target = target;
    this.samples = options.samples ?? 1;
    this.#maxCycles = options.maxCycles ?? defaultMaxCycles;
    this.cores = new CoreTable(program, target);
    const { taps = [], ownLinks = false } = options;
    this.nets = buildNets(program, target, { taps, ownLinks });
    this.#taps = new Taps(taps.length, this.nets.tapped, this.samples);
    this.#onSpan = options.onSpan ?? null;
    const { cores, nets } = this;
    const count = cores.coreOfTask.length;
    const tasks: ReadyTask[] = [];
    for (let core = 0; core < cores.count; core++) for (const task of cores.roleOf(core).tasks) tasks.push(task);
    this.tasks = tasks;
    this.step = new Int32Array(count);
    this.sample = new Int32Array(count);
    this.wait = new Uint8Array(count);
    this.#began = new Float64Array(count).fill(1);
    this.#part = new Int32Array(count).fill(-1);
    this.#isOver = new Uint8Array(count);
    this.#open = new Uint8Array(count);
    this.#partEnd = new Float64Array(count);
    this.#coreUntil = new Float64Array(cores.count);
    this.#rampFree = new Float64Array(cores.count);
    const semaphores = cores.firstSemaphore[cores.count] as number;
    this.#semaphoreSample = new Int32Array(semaphores).fill(-1);
    this.#semaphoreLeft = new Int32Array(semaphores);
    this.#semaphoreWritten = new Int32Array(semaphores);
    this.#taskOfSink = new Int32Array(nets.sinks.length).fill(-1);
    this.#taskOfSource = new Int32Array(nets.sources.length).fill(-1);
    this.#unfinished = this.samples === 0 ? 0 : count;
    const layers = program.layers.length;
    this.#busy = new Float64Array(layers);
    this.#busyOfCore = new Float64Array(cores.count);
    this.#firstActive = new Float64Array(layers).fill(Infinity);
    this.#lastActive = new Float64Array(layers);
    this.#firstIn = new Float64Array(this.samples).fill(Infinity);
    this.wheel = new Wheel(count + nets.nets.length);
    this.#values =
      options.values === undefined
        ? null
        : new Values(program, cores, { sources: nets.sources.length, nets: nets.nets.length }, options.values);
    this.#outputs = new EdgeOutputs(nets, this.samples);
    this.flow = new Flow(
      nets,
      target,
      this.samples,
      {
        taken: (sink, time) => {
          this.#taken(sink, time);
        },
        given: (source, time) => {
          this.#partIsDone(this.#taskOfSource[source] as number, time);
        },
        passed: (net, source, first, end) => {
          this.#passed(net, source, first, end);
        },
        forwards: (sink, first, end) => {
          this.#forwards(sink, first, end);
        },
        later: (net, time) => {
          this.wheel.at(count + net, time);
        },
        forgotten: (net, before) => this.#values?.forget(net, before),
      },
      () => this.wheel.now,
    );
  }

  run(): StreamSimulation {
    const { wheel, flow } = this;
    const count = this.tasks.length;
    for (let task = 0; task < count; task++) wheel.at(task, 1);
    flow.begin();
    flow.settle();
    for (let agents = wheel.next(); agents !== null; agents = wheel.next()) {
      if (wheel.now > this.#maxCycles) throw stuckStreams(this, `is not done after ${this.#maxCycles} cycles`);
      for (const agent of agents) {
        if (!wheel.begins(agent)) continue;
        this.#events++;
        if (agent < count) this.#runTask(agent);
        else flow.wake(agent - count);
        flow.settle();
      }
      this.#lastCycle = wheel.now;
    }
    const isStuck = this.#unfinished > 0 || this.nets.nets.some((_, net) => !flow.isDone(net));
    if (isStuck) throw stuckStreams(this, "stands still: nothing moves any more");
    return this.#result();
  }

  coreOf(task: number): number {
    return this.cores.coreOfTask[task] as number;
  }

  stepOf(task: number): ReadyStep {
    return nth(nth(this.tasks, task).steps, this.step[task] as number);
  }

  #layerOf(core: number): number {
    return this.cores.roleOf(core).role.layer;
  }

  #runTask(task: number): void {
    while ((this.sample[task] as number) < this.samples && this.#runStep(task)) this.#events++;
  }

  /** True when the next step follows in the same cycle. */
  #runStep(task: number): boolean {
    const step = this.stepOf(task);
    switch (step.kind) {
      case "stream":
        return this.#stream(task, step);
      case "compute":
        return this.#compute(task, step);
      case "claim":
      case "publish":
      case "take":
      case "free":
        return this.#synchronize(task, step);
    }
  }

  #finishStep(task: number): void {
    if (this.#onSpan !== null) this.#tell(task, this.#onSpan);
    const next = (this.step[task] as number) + 1;
    this.#part[task] = -1;
    this.#isOver[task] = 0;
    this.wait[task] = waiting.nothing;
    if (next < nth(this.tasks, task).steps.length) {
      this.step[task] = next;
      return;
    }
    this.step[task] = 0;
    this.sample[task] = (this.sample[task] as number) + 1;
    if (this.sample[task] === this.samples) this.#unfinished--;
  }

  #tell(task: number, onSpan: OnSpan): void {
    const [begin, end] = [this.#began[task] as number, this.wheel.now];
    this.#began[task] = end;
    if (end <= begin) return;
    const core = this.coreOf(task);
    const cell = this.cores.cells[core] as number;
    const { width } = this.program.target;
    onSpan({
      x: cell % width,
      y: Math.floor(cell / width),
      layer: this.#layerOf(core),
      task: task - (this.cores.firstTask[core] as number),
      name: nth(this.tasks, task).name,
      what: stepText(this.stepOf(task)),
      sample: this.sample[task] as number,
      begin,
      end,
    });
  }

  #stream(task: number, step: StreamStep): boolean {
    if (this.#isOver[task] === 1) {
      this.#finishStep(task);
      return true;
    }
    if (this.#part[task] !== -1) return false;
    const start = this.wheel.now + this.target.core.fabricStartup;
    if (step.places.length === 0) {
      this.#isOver[task] = 1;
      this.wheel.at(task, Math.ceil(Math.max(start, this.wheel.now + 1)));
      return false;
    }
    this.wait[task] = waiting.words;
    this.#startPart(task, step, 0, start);
    return false;
  }

  /** One instruction of a step that moves words. */
  #startPart(task: number, step: StreamStep, part: number, start: number): void {
    const { flow, nets } = this;
    const core = this.coreOf(task);
    this.#part[task] = part;
    this.#partEnd[task] = 0;
    const [first, end] = partOf(step, part);
    const words = end - first;
    const source = step.to === null ? null : this.#endAt(core, step.to.color, nets.sourceAt);
    const sink = step.from === null ? null : this.#endAt(core, step.from.color, nets.sinkAt);
    this.#open[task] = (source === null ? 0 : 1) + (sink === null ? 0 : 1);
    if (source !== null) this.#taskOfSource[source] = task;
    if (sink !== null) {
      this.#taskOfSink[sink] = task;
      if (source !== null) flow.expectForwarded(source, words);
      flow.take(sink, words, start, source);
    } else if (source !== null) {
      const time = Math.max(start, this.#rampFree[core] as number);
      const queued = Math.min(words, nth(nets.sources, source).capacity);
      this.#rampFree[core] = time + queued * this.target.link.cyclesPerWord;
      this.#values?.send(source, core, step, [first, end], this.sample[task] as number);
      flow.give(source, words, time);
    }
  }

  /** The end of a color at a core; a verified program has one for each color of its steps. */
  #endAt(core: number, color: number, ends: Int32Array): number {
    const channel = this.nets.channels.at(this.cores.cells[core] as number, color);
    const end = channel < 0 ? -1 : (ends[channel] as number);
    if (end < 0) throw new Error(`internal: color ${color} has no end at a core that uses it`);
    return end;
  }

  #taken(sink: number, time: number): void {
    const task = this.#taskOfSink[sink] as number;
    const step = this.stepOf(task);
    if (step.kind !== "stream") throw new Error("internal: words for a task that takes none");
    if (this.#values !== null && step.to === null) this.#keep(sink, task, step, this.#values);
    this.#partIsDone(task, time);
  }

  #keep(sink: number, task: number, step: StreamStep, values: Values): void {
    const { net, windows } = nth(this.nets.sinks, sink);
    const sample = this.sample[task] as number;
    const [first, end] = partOf(step, this.#part[task] as number);
    for (let word = first; word < end; word++)
      values.keep(
        this.coreOf(task),
        step,
        word,
        sample,
        values.passed(net, placeOn(windows, sample * windows.words + this.#before(task, step) + word)),
      );
  }

  /** Words of a sample that earlier steps of the task take of the step's color. */
  #before(task: number, step: StreamStep): number {
    let sum = 0;
    for (const one of nth(this.tasks, task).steps) {
      if (one === step) return sum;
      if (one.kind === "stream" && one.from !== null && one.from.color === step.from?.color) sum += one.places.length;
    }
    throw new Error("internal: a step is not of its task");
  }

  #forwards(sink: number, first: number, end: number): void {
    if (this.#values === null) return;
    const task = this.#taskOfSink[sink] as number;
    const step = this.stepOf(task);
    if (step.kind !== "stream") throw new Error("internal: words for a task that takes none");
    const { net, windows } = nth(this.nets.sinks, sink);
    const sample = this.sample[task] as number;
    const source = this.#endAt(this.coreOf(task), step.to?.color ?? -1, this.nets.sourceAt);
    const before = sample * windows.words + this.#before(task, step);
    for (let word = first; word < end; word++) {
      const value = this.#values.passed(net, placeOn(windows, word));
      this.#values.forward(source, this.coreOf(task), step, word - before, sample, value);
    }
  }

  #passed(net: number, source: number, first: number, end: number): void {
    this.#events++;
    const { edge, words } = nth(this.nets.sources, source);
    if (edge !== null) {
      const sample = Math.floor(first / words);
      if (first === sample * words) this.#enters(source, first, sample);
      if (this.#values !== null) this.#outputs.bring(this.#values, source, first, end);
    }
    this.#values?.pass(net, source, first, end);
    if (this.#values !== null) this.#taps.passed(net, this.flow, this.#values);
    this.#outputs.passed(net, this.flow, this.#values, (time) => (this.#lastCycle = Math.max(this.#lastCycle, time)));
  }

  /** The first word of a sample comes over the edge when the words before it have made room. */
  #enters(source: number, word: number, sample: number): void {
    const { net, capacity, behind, back } = nth(this.nets.sources, source);
    const before = word - capacity;
    const room = before < 0 ? 0 : this.flow.timeOf(net, this.flow.placeOfSource(source, before)) - behind + back;
    const time = Math.max(1 + word * this.target.link.cyclesPerWord, room);
    this.#firstIn[sample] = Math.min(this.#firstIn[sample] as number, time);
  }

  /** One end of a part is done; with the last one the part is. */
  #partIsDone(task: number, time: number): void {
    this.#partEnd[task] = Math.max(this.#partEnd[task] as number, time);
    this.#open[task] = (this.#open[task] as number) - 1;
    if (this.#open[task] !== 0) return;
    const step = this.stepOf(task);
    if (step.kind !== "stream") throw new Error("internal: words for a task that moves none");
    const ended = this.#partEnd[task];
    const part = this.#part[task] as number;
    this.#note(this.coreOf(task), ended);
    const { core } = this.target;
    if (part + 1 < step.segments.length) {
      this.#startPart(task, step, part + 1, Math.ceil(ended + core.fabricStartup));
      return;
    }
    const isLast = (this.step[task] as number) + 1 === nth(this.tasks, task).steps.length;
    this.#isOver[task] = 1;
    const next = ended + 1 + (step.from !== null && !isLast ? core.taskCycles : 0);
    this.wheel.at(task, Math.max(this.wheel.now + 1, Math.ceil(next)));
  }

  #compute(task: number, { cycles, tile }: ReadyStep & { kind: "compute" }): boolean {
    if (this.#isOver[task] === 1) {
      this.#finishStep(task);
      return true;
    }
    const { now } = this.wheel;
    const core = this.coreOf(task);
    const free = this.#coreUntil[core] as number;
    if (free > now) {
      this.wheel.at(task, free);
      return false;
    }
    this.#values?.compute(core, tile, this.sample[task] as number);
    this.#coreUntil[core] = now + cycles;
    this.#began[task] = now;
    this.#busyOfCore[core] = (this.#busyOfCore[core] as number) + cycles;
    this.#isOver[task] = 1;
    this.wheel.at(task, now + Math.max(1, cycles));
    const layer = this.#layerOf(core);
    this.#busy[layer] = (this.#busy[layer] as number) + cycles;
    this.#note(core, now);
    return false;
  }

  #synchronize(task: number, step: ReadyStep & { kind: "claim" | "publish" | "take" | "free" }): boolean {
    const core = this.coreOf(task);
    const sample = this.sample[task] as number;
    const own = step.semaphore + (sample % step.slots);
    const at = (this.cores.firstSemaphore[core] as number) + own;
    const { writers, readers } = this.cores.roleOf(core);
    switch (step.kind) {
      case "claim":
        // a slot is free, or other tasks write the same sample
        if (this.#semaphoreSample[at] === -1) this.#semaphoreSample[at] = sample;
        else if (this.#semaphoreSample[at] !== sample || this.#semaphoreLeft[at] !== 0)
          return this.#waitForRegion(task);
        break;
      case "take":
        if (this.#semaphoreSample[at] !== sample || this.#semaphoreLeft[at] === 0) return this.#waitForRegion(task);
        break;
      case "publish":
        this.#semaphoreWritten[at] = (this.#semaphoreWritten[at] as number) + 1;
        if (this.#semaphoreWritten[at] !== writers[own]) break;
        this.#semaphoreWritten[at] = 0;
        this.#semaphoreLeft[at] = readers[own] as number;
        // what nobody reads is free at once
        if (this.#semaphoreLeft[at] === 0) this.#semaphoreSample[at] = -1;
        this.#wake(core);
        break;
      case "free":
        this.#semaphoreLeft[at] = (this.#semaphoreLeft[at] as number) - 1;
        if (this.#semaphoreLeft[at] !== 0) break;
        this.#semaphoreSample[at] = -1;
        this.#wake(core);
        break;
    }
    this.#finishStep(task);
    return true;
  }

  #waitForRegion(task: number): boolean {
    this.wait[task] = waiting.region;
    return false;
  }

  /** Tasks of a core that wait for a region look again. */
  #wake(core: number): void {
    const end = this.cores.firstTask[core + 1] as number;
    for (let task = this.cores.firstTask[core] as number; task < end; task++)
      if (this.wait[task] === waiting.region)
        this.wheel.at(task, this.wheel.now + Math.max(1, this.target.core.taskCycles));
  }

  #note(core: number, time: number): void {
    const layer = this.#layerOf(core);
    this.#firstActive[layer] = Math.min(this.#firstActive[layer] as number, time);
    this.#lastActive[layer] = Math.max(this.#lastActive[layer] as number, time);
  }

  #cores(): StreamCore[] {
    const { width } = this.program.target;
    return Array.from(this.cores.cells, (cell, core) => ({
      x: cell % width,
      y: Math.floor(cell / width),
      layer: this.#layerOf(core),
      busy: this.#busyOfCore[core] as number,
    }));
  }

  #links(): LinkActivity[] {
    const { width } = this.program.target;
    const found: LinkActivity[] = [];
    for (const [link, words] of this.nets.linkWords.entries()) {
      if (words === 0) continue;
      const cell = Math.floor(link / ports.length);
      const to = nth(ports, link % ports.length);
      found.push({ x: cell % width, y: Math.floor(cell / width), to, words: words * this.samples });
    }
    return found;
  }

  #result(): StreamSimulation {
    const { program, cores } = this;
    const counts = new Int32Array(program.layers.length);
    for (let core = 0; core < cores.count; core++) {
      const layer = this.#layerOf(core);
      counts[layer] = (counts[layer] as number) + 1;
    }
    return {
      cycles: this.#lastCycle,
      samples: this.#outputs.times(this.#firstIn),
      outputs: this.#outputs.values,
      words: this.samples * this.nets.nets.reduce((sum, { linkWords }) => sum + linkWords, 0),
      events: this.#events,
      bounds: layerBounds(program.layers.length, cores.roles, this.target),
      cores: () => this.#cores(),
      links: () => this.#links(),
      tapped: (tap, sample) => this.#taps.words(tap, sample),
      layers: program.layers.map((name, layer) => ({
        name,
        cores: counts[layer] as number,
        busy: this.#busy[layer] as number,
        first: this.#firstActive[layer] as number,
        last: this.#lastActive[layer] as number,
      })),
      sram: (x, y, name, slot = 0) => {
        const core = cores.at(y * program.target.width + x);
        if (core === null || this.#values === null)
          throw new Error(`internal: no region ${name} at (${x}, ${y}), or no values`);
        return this.#values.region(core, cores.roleOf(core), name, slot);
      },
    };
  }
}

/** First word of an instruction of a step, and the one after its last. */
function partOf({ segments, places }: StreamStep, part: number): readonly [number, number] {
  const next = segments[part + 1];
  return [nth(segments, part).begin, next === undefined ? places.length : next.begin];
}
