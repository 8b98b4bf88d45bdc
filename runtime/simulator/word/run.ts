/**
 * Runs a fabric program word by word: routers, queues with back-pressure, tasks, vector instructions. Time comes from the machine's primitive
 * figures alone (Target: link, ramp, queue, instruction), never from the closed forms of ir/machine/cost.ts and collectives.ts. docs/simulator.md
 * has the rules and an example of a few cores.
 */
import { fail } from "../../../ir/diagnostic.ts";
import { type FabricProgram, ports } from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import { layerBounds } from "../bounds.ts";
import { type OnSpan, stepText } from "../spans.ts";
import { combine } from "./computation.ts";
import { Counts } from "./counts.ts";
import { buildCores, type Cores, type ReadyRole, type ReadyStep, type ReadyTask } from "./cores.ts";
import { Edges } from "./edges.ts";
import { loadRegions } from "./load.ts";
import { Jitter } from "./jitter.ts";
import { Queues } from "./queues.ts";
import { buildRouters, channelKey, rampPort, rampWords, type Routers } from "./routers.ts";
import type { SimulateOptions, Simulation } from "./simulation.ts";
import { leftoverError, stuckError } from "./stuck.ts";
import { Wheel } from "./wheel.ts";

const defaultMaxCycles = 1e9;

/** Runs a program that the verifier has accepted. WSC7010 when it does not come to its end, or leaves words behind. */
export function simulateWords(program: FabricProgram, target: Target, options: SimulateOptions): Simulation {
  if (target.link.cyclesPerWord < 1) {
    throw fail("WSC5001", "the word-level simulator takes machines whose links pass a word a cycle or fewer", {
      subject: target.name,
    });
  }
  return new Machine(program, target, options).run();
}

/** A task that waits: for what. */
export type Waiting = "words" | "room" | "region" | null;

class Machine {
  readonly program: FabricProgram;
  readonly target: Target;
  readonly queues: Queues = new Queues();
  readonly routers: Routers;
  readonly cores: Cores;
  readonly edges: Edges;
  readonly wheel: Wheel;
  readonly samples: number;
  readonly #jitter: Jitter | null;
  readonly #maxCycles: number;
  readonly #noise: number;
  readonly #onSpan: OnSpan | null;

  // tasks
  readonly tasks: readonly ReadyTask[];
  readonly coreOf: Int32Array;
  readonly firstTask: Int32Array;
  readonly step: Int32Array;
  readonly sample: Int32Array;
  readonly #word: Int32Array;
  readonly #segment: Int32Array;
  readonly #until: Float64Array;
  /** when the task came to its step */
  readonly #began: Float64Array;
  readonly waiting: Waiting[];
  /** queues of the stream step that a task is at */
  readonly #in: Int32Array;
  readonly #out: Int32Array;
  readonly #inQueue = new Map<number, number>();
  readonly #outQueue = new Map<number, number>();

  // cores
  readonly #coreUntil: Float64Array;
  readonly #rampFree: Float64Array;
  readonly semaphoreSample: Int32Array;
  readonly semaphoreLeft: Int32Array;
  readonly semaphoreWritten: Int32Array;

  // channels
  readonly #position: Int32Array;
  readonly #passed: Int32Array;
  readonly #filterAt: Int32Array;
  readonly #linkFree: Float64Array;
  /** channel that found a link busy and has the next word on it, and the cycle in which it may pass; others may after that */
  readonly #nextOnLink: Int32Array;
  readonly #turnAt: Float64Array;
  readonly #blocked: Uint8Array;

  // counts
  readonly #counts: Counts;
  readonly #coreAtChannel: Int32Array;
  #unfinished: number;

  constructor(program: FabricProgram, target: Target, options: SimulateOptions) {
    this.program = program;
    this.target = target;
    this.samples = options.samples ?? 1;
    this.#maxCycles = options.maxCycles ?? defaultMaxCycles;
    this.#jitter = options.jitter === undefined ? null : new Jitter(options.jitter);
    this.#noise = this.#jitter === null ? 0 : 1;
    this.#onSpan = options.onSpan ?? null;
    this.routers = buildRouters(program, target, this.queues, options.ownLinks === true);
    this.cores = buildCores(program, target);
    const { cores, routers } = this;
    const tasks: ReadyTask[] = [];
    const coreOf: number[] = [];
    this.firstTask = new Int32Array(cores.count + 1);
    for (let core = 0; core < cores.count; core++) {
      this.firstTask[core] = tasks.length;
      for (const task of this.#roleOf(core).tasks) {
        tasks.push(task);
        coreOf.push(core);
      }
    }
    this.firstTask[cores.count] = tasks.length;
    this.tasks = tasks;
    this.coreOf = Int32Array.from(coreOf);
    const count = tasks.length;
    this.step = new Int32Array(count);
    this.sample = new Int32Array(count);
    this.#word = new Int32Array(count).fill(-1);
    this.#segment = new Int32Array(count);
    this.#until = new Float64Array(count);
    this.#began = new Float64Array(count).fill(1);
    this.waiting = new Array<Waiting>(count).fill(null);
    this.#in = new Int32Array(count).fill(-1);
    this.#out = new Int32Array(count).fill(-1);
    this.#unfinished = this.samples === 0 ? 0 : count;
    this.#connectTasks();
    this.edges = new Edges(program, target, {
      routers,
      queues: this.queues,
      firstAgent: routers.count + count,
      samples: this.samples,
      inputs: options.inputs,
    });
    this.queues.seal();
    this.#coreUntil = new Float64Array(cores.count);
    this.#rampFree = new Float64Array(cores.count);
    this.semaphoreSample = new Int32Array(cores.semaphoreCount).fill(-1);
    this.semaphoreLeft = new Int32Array(cores.semaphoreCount);
    this.semaphoreWritten = new Int32Array(cores.semaphoreCount);
    this.#position = new Int32Array(routers.count);
    this.#passed = new Int32Array(routers.count);
    this.#filterAt = new Int32Array(routers.count);
    this.#linkFree = new Float64Array(routers.linkCount);
    this.#nextOnLink = new Int32Array(routers.linkCount);
    this.#turnAt = new Float64Array(routers.linkCount).fill(-1);
    this.#blocked = new Uint8Array(routers.count + count + this.edges.agents);
    this.#coreAtChannel = Int32Array.from(
      { length: routers.count },
      (_, channel) =>
        cores.at.get((routers.y[channel] as number) * program.target.width + (routers.x[channel] as number)) ?? -1,
    );
    this.#counts = new Counts(cores, routers);
    this.wheel = new Wheel(routers.count + count + this.edges.agents);
    loadRegions(program, cores, options);
  }

  #roleOf(core: number): ReadyRole {
    const ready = this.cores.roles[this.cores.roleOf[core] as number];
    if (ready === undefined) throw new Error("internal: a core without a role");
    return ready;
  }

  /** Gives every endpoint of a task its queue, and the channel of its color the other end. */
  #connectTasks(): void {
    const { routers, cores, program, target, queues } = this;
    const room = rampWords(target);
    for (const [task, { steps }] of this.tasks.entries()) {
      const core = this.coreOf[task] as number;
      const agent = routers.count + task;
      for (const step of steps) {
        if (step.kind !== "stream") continue;
        for (const [end, known, table] of [
          [step.from, this.#inQueue, routers.outQueue],
          [step.to, this.#outQueue, routers.inQueue],
        ] as const) {
          if (end === null) continue;
          const key = core * program.target.colorsPerRouter + end.color;
          if (known.has(key)) continue;
          const [x, y] = [cores.x[core] as number, cores.y[core] as number];
          const channel = routers.channelAt.get(channelKey(program, x, y, end.color)) ?? -1;
          const receives = known === this.#inQueue;
          const queue = queues.add(room, receives ? channel : agent, receives ? agent : channel);
          known.set(key, queue);
          if (channel >= 0) table[channel * ports.length + rampPort] = queue;
        }
      }
    }
  }

  run(): Simulation {
    const { wheel, routers, edges } = this;
    const { count } = routers;
    const taskEnd = count + this.tasks.length;
    for (let agent = count; agent < taskEnd + edges.sources; agent++) wheel.at(agent, 1);
    for (let agents = wheel.next(); agents !== null; agents = wheel.next()) {
      if (wheel.now > this.#maxCycles) throw stuckError(this, `is not done after ${this.#maxCycles} cycles`);
      for (const agent of agents) {
        if (!wheel.begins(agent)) continue;
        if (this.#noise === 1) {
          const stall = (this.#jitter as Jitter).next();
          if (stall > 0) {
            wheel.at(agent, wheel.now + stall);
            continue;
          }
        }
        if (agent < count) this.#route(agent);
        else if (agent < taskEnd) this.#runTask(agent - count);
        else this.#edge(agent - taskEnd);
      }
    }
    if (this.#unfinished > 0 || !edges.isDone()) throw stuckError(this, "stands still: nothing moves any more");
    const left = leftoverError(this);
    if (left !== null) throw left;
    return this.#result();
  }

  /** A channel passes on one word, if it can. */
  #route(channel: number): void {
    const { routers, queues, wheel } = this;
    const { now } = wheel;
    const position = (routers.firstPosition[channel] as number) + (this.#position[channel] as number);
    const from = routers.from[position] as number;
    const queue = routers.inQueue[channel * 5 + from] as number;
    if (queue < 0 || (queues.counts[queue] as number) === 0) return;
    const ready = queues.readyAt(queue);
    if (ready > now) {
      wheel.at(channel, Math.ceil(ready));
      return;
    }
    let to = routers.to[position] as number;
    const period = routers.filterPeriod[channel] as number;
    if (period > 0 && (to & 1) !== 0) {
      const ahead = (this.#filterAt[channel] as number) - (routers.filterBegin[channel] as number);
      if (ahead < 0 || ahead >= (routers.filterCount[channel] as number)) to &= ~1;
    }
    for (let port = 0; port < 5; port++) {
      if ((to & (1 << port)) === 0) continue;
      const link = routers.link[channel * 5 + port] as number;
      const free = this.#linkFree[link] as number;
      if (free > now + 1 - 1e-9) {
        // colors of a router take turns
        const turn = Math.floor(free + 1e-9);
        if ((this.#turnAt[link] as number) < turn) {
          this.#turnAt[link] = turn;
          this.#nextOnLink[link] = channel;
        }
        wheel.at(channel, turn);
        return;
      }
      if ((this.#turnAt[link] as number) >= now && this.#nextOnLink[link] !== channel) {
        wheel.at(channel, now + 1);
        return;
      }
      const out = routers.outQueue[channel * 5 + port] as number;
      if (out < 0 || !queues.hasRoom(out)) {
        this.#blocked[channel] = 1;
        return;
      }
    }
    const value = this.#pop(queue);
    const { cyclesPerWord, turnCycles, rampCycles } = this.target.link;
    for (let port = 0; port < 5; port++) {
      if ((to & (1 << port)) === 0) continue;
      const at = channel * 5 + port;
      const link = routers.link[at] as number;
      this.#linkFree[link] = Math.max(this.#linkFree[link] as number, now) + cyclesPerWord;
      this.#counts.link(link);
      let latency = rampCycles;
      if (port !== rampPort) {
        this.#counts.words++;
        latency = routers.hop[at] as number;
        // ports 1 and 2, 3 and 4 lie opposite each other
        if (from !== rampPort && (from + 1) >> 1 !== (port + 1) >> 1) latency += turnCycles;
      }
      this.#push(routers.outQueue[at] as number, value, now + latency);
    }
    if (period > 0 && ((routers.to[position] as number) & 1) !== 0)
      this.#filterAt[channel] = ((this.#filterAt[channel] as number) + 1) % period;
    this.#advance(channel, position);
    const core = this.#coreAtChannel[channel] as number;
    if (core >= 0) this.#counts.act(core, now);
    const next = routers.inQueue[
      channel * 5 +
        (routers.from[(routers.firstPosition[channel] as number) + (this.#position[channel] as number)] as number)
    ] as number;
    if (next >= 0 && (queues.counts[next] as number) > 0) wheel.at(channel, now + 1);
  }

  #advance(channel: number, position: number): void {
    const { routers } = this;
    const words = routers.words[position] as number;
    if (words === 0) return;
    const passed = (this.#passed[channel] as number) + 1;
    if (passed < words) {
      this.#passed[channel] = passed;
      return;
    }
    this.#passed[channel] = 0;
    this.#position[channel] = ((this.#position[channel] as number) + 1) % (routers.positionCount[channel] as number);
  }

  /** Takes a word out of a queue; who waits for room there goes on. */
  #pop(queue: number): number {
    const producer = this.queues.producers[queue] as number;
    if (producer >= 0 && this.#blocked[producer] === 1) {
      this.#blocked[producer] = 0;
      this.wheel.at(producer, this.wheel.now + 1);
    }
    return this.queues.pop(queue);
  }

  #push(queue: number, value: number, time: number): void {
    const wasEmpty = (this.queues.counts[queue] as number) === 0;
    this.queues.push(queue, value, time);
    const consumer = this.queues.consumers[queue] as number;
    if (wasEmpty && consumer >= 0) this.wheel.at(consumer, Math.max(this.wheel.now + 1, Math.ceil(time)));
  }

  #runTask(task: number): void {
    const { wheel } = this;
    const until = this.#until[task] as number;
    if (until > wheel.now) {
      wheel.at(task + this.routers.count, until);
      return;
    }
    for (;;) {
      if ((this.sample[task] as number) >= this.samples) return;
      const step = (this.tasks[task] as ReadyTask).steps[this.step[task] as number] as ReadyStep;
      if (!this.#runStep(task, step)) return;
    }
  }

  /** True when the next step follows in the same cycle. */
  #runStep(task: number, step: ReadyStep): boolean {
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
    const { length } = (this.tasks[task] as ReadyTask).steps;
    if (this.#onSpan !== null) this.#tell(task, this.#onSpan);
    const next = (this.step[task] as number) + 1;
    this.#word[task] = -1;
    this.waiting[task] = null;
    if (next < length) {
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
    const core = this.coreOf[task] as number;
    const { name, steps } = this.tasks[task] as ReadyTask;
    onSpan({
      x: this.cores.x[core] as number,
      y: this.cores.y[core] as number,
      layer: this.#roleOf(core).role.layer,
      task: task - (this.firstTask[core] as number),
      name,
      what: stepText(steps[this.step[task] as number] as ReadyStep),
      sample: this.sample[task] as number,
      begin,
      end,
    });
  }

  #sleep(task: number, until: number): void {
    this.#until[task] = until;
    this.wheel.at(task + this.routers.count, until);
  }

  #stream(task: number, step: ReadyStep & { kind: "stream" }): boolean {
    const { wheel, queues, cores } = this;
    const { now } = wheel;
    const agent = task + this.routers.count;
    const core = this.coreOf[task] as number;
    let word = this.#word[task] as number;
    if (word < 0) {
      // the step begins
      const colors = this.program.target.colorsPerRouter;
      this.#in[task] = step.from === null ? -1 : (this.#inQueue.get(core * colors + step.from.color) as number);
      this.#out[task] = step.to === null ? -1 : (this.#outQueue.get(core * colors + step.to.color) as number);
      this.#word[task] = 0;
      this.#segment[task] = 0;
      this.#sleep(task, now + this.target.core.fabricStartup);
      return false;
    }
    if (word === step.places.length) {
      this.#finishStep(task);
      return true;
    }
    const input = this.#in[task] as number;
    if (input >= 0) {
      if ((queues.counts[input] as number) === 0) {
        this.waiting[task] = "words";
        return false;
      }
      const ready = queues.readyAt(input);
      if (ready > now) {
        wheel.at(agent, Math.ceil(ready));
        return false;
      }
    }
    const output = this.#out[task] as number;
    if (output >= 0) {
      if (!queues.hasRoom(output)) {
        this.#blocked[agent] = 1;
        this.waiting[task] = "room";
        return false;
      }
      const free = this.#rampFree[core] as number;
      if (free > now + 1 - 1e-9) {
        wheel.at(agent, Math.floor(free + 1e-9));
        return false;
      }
      this.#rampFree[core] = Math.max(free, now) + this.target.link.cyclesPerWord;
    }
    this.waiting[task] = null;
    let segment = step.segments[this.#segment[task] as number];
    const place = step.places[word] as number;
    const at =
      (cores.memoryAt[core] as number) +
      place +
      (segment === undefined ? 0 : ((this.sample[task] as number) % segment.slots) * segment.perSlot);
    let value = 0;
    if (input >= 0) {
      value = this.#pop(input);
      if (step.with !== null) value = combine(step.with, cores.memory[at] as number, value);
      if (output < 0 && place >= 0) cores.memory[at] = value;
    } else value = cores.memory[at] as number;
    // a word that is worked on leaves a cycle after it came
    if (output >= 0) this.#push(output, value, now + this.target.link.rampCycles + (input >= 0 ? 1 : 0));
    this.#counts.act(core, now);
    this.#counts.move(core, now);
    word++;
    this.#word[task] = word;
    if (word === step.places.length) {
      const isLast = (this.step[task] as number) + 1 === (this.tasks[task] as ReadyTask).steps.length;
      this.#sleep(task, now + 1 + (input >= 0 && !isLast ? this.target.core.taskCycles : 0));
      return false;
    }
    segment = step.segments[(this.#segment[task] as number) + 1];
    if (segment?.begin === word) {
      // the next instruction of the step starts
      this.#segment[task] = (this.#segment[task] as number) + 1;
      this.#sleep(task, now + this.target.core.fabricStartup);
      return false;
    }
    wheel.at(agent, now + 1);
    return false;
  }

  #compute(task: number, { cycles, tile }: ReadyStep & { kind: "compute" }): boolean {
    const { now } = this.wheel;
    if (this.#word[task] === 0) {
      this.#finishStep(task);
      return true;
    }
    const core = this.coreOf[task] as number;
    const free = this.#coreUntil[core] as number;
    if (free > now) {
      this.wheel.at(task + this.routers.count, free);
      return false;
    }
    tile(this.cores.memory, this.cores.memoryAt[core] as number, this.sample[task] as number);
    this.#coreUntil[core] = now + cycles;
    this.#began[task] = now;
    this.#word[task] = 0;
    this.#sleep(task, now + Math.max(1, cycles));
    this.#counts.compute(core, now, cycles);
    return false;
  }

  #synchronize(task: number, step: ReadyStep & { kind: "claim" | "publish" | "take" | "free" }): boolean {
    const core = this.coreOf[task] as number;
    const sample = this.sample[task] as number;
    const own = step.semaphore + (sample % step.slots);
    const at = (this.cores.semaphoreAt[core] as number) + own;
    switch (step.kind) {
      case "claim":
        // a slot is free, or other tasks write the same sample
        if (this.semaphoreSample[at] === -1) this.semaphoreSample[at] = sample;
        else if (this.semaphoreSample[at] !== sample || this.semaphoreLeft[at] !== 0) return this.#waitForRegion(task);
        break;
      case "take":
        if (this.semaphoreSample[at] !== sample || this.semaphoreLeft[at] === 0) return this.#waitForRegion(task);
        break;
      case "publish":
        this.semaphoreWritten[at] = (this.semaphoreWritten[at] as number) + 1;
        if (this.semaphoreWritten[at] !== this.#roleOf(core).writers[own]) break;
        this.semaphoreWritten[at] = 0;
        this.semaphoreLeft[at] = this.#roleOf(core).readers[own] as number;
        // what nobody reads is free at once
        if (this.semaphoreLeft[at] === 0) this.semaphoreSample[at] = -1;
        this.#wake(core);
        break;
      case "free":
        this.semaphoreLeft[at] = (this.semaphoreLeft[at] as number) - 1;
        if (this.semaphoreLeft[at] !== 0) break;
        this.semaphoreSample[at] = -1;
        this.#wake(core);
        break;
    }
    this.#finishStep(task);
    return true;
  }

  #waitForRegion(task: number): boolean {
    this.waiting[task] = "region";
    return false;
  }

  /** Tasks of a core that wait for a region look again. */
  #wake(core: number): void {
    for (let task = this.firstTask[core] as number; task < (this.firstTask[core + 1] as number); task++) {
      if (this.waiting[task] === "region")
        this.wheel.at(task + this.routers.count, this.wheel.now + Math.max(1, this.target.core.taskCycles));
    }
  }

  #edge(agent: number): void {
    const { wheel, queues, edges } = this;
    const { now } = wheel;
    const id = agent + this.routers.count + this.tasks.length;
    const { cyclesPerWord, hopCycles } = this.target.link;
    if (agent < edges.sources) {
      const queue = edges.queueOf[agent] as number;
      if (queue < 0 || !edges.hasMore(agent)) return;
      if (!queues.hasRoom(queue)) {
        this.#blocked[id] = 1;
        return;
      }
      const free = edges.freeAt[agent] as number;
      if (free > now + 1 - 1e-9) {
        wheel.at(id, Math.floor(free + 1e-9));
        return;
      }
      edges.freeAt[agent] = Math.max(free, now) + cyclesPerWord;
      this.#push(queue, edges.take(agent, now), now + hopCycles);
      wheel.at(id, now + 1);
      return;
    }
    const queue = edges.queueOf[agent] as number;
    while ((queues.counts[queue] as number) > 0) {
      const ready = queues.readyAt(queue);
      if (ready > now) {
        wheel.at(id, Math.ceil(ready));
        return;
      }
      edges.give(agent, this.#pop(queue), now);
    }
  }

  #result(): Simulation {
    const { cores, program } = this;
    return {
      cycles: this.wheel.now,
      samples: this.edges.times(),
      outputs: this.edges.outputs,
      words: this.#counts.words,
      bounds: layerBounds(program.layers.length, cores.roles, this.target),
      activeCoreCycles: this.#counts.activeCoreCycles,
      cores: this.#counts.cores(),
      links: this.#counts.links(),
      sram: (x, y, name, slot = 0) => {
        const core = cores.at.get(y * program.target.width + x);
        const region =
          core === undefined ? undefined : this.#roleOf(core).role.regions.find((one) => one.name === name);
        if (core === undefined || region === undefined) throw new Error(`internal: no region ${name} at (${x}, ${y})`);
        const begin = (cores.memoryAt[core] as number) + region.address / 4 + slot * region.words;
        return cores.memory.slice(begin, begin + region.words);
      },
    };
  }
}

export type { Machine };
