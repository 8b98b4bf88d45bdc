/** Loads of all devices, kept exact while items move. A move changes the loads of the two devices that it concerns and no other. */
import type { Assignment, Hypergraph, Machine } from "./hypergraph.ts";
import { loadsOf } from "./hypergraph.ts";

export class Books {
  readonly graph: Hypergraph;
  readonly machine: Machine;
  readonly devices: number;
  readonly where: Assignment;
  /** by device */
  readonly loads: Float64Array;
  readonly sizes: Float64Array;
  readonly items: Int32Array;
  /** by net and device: pins of the net on the device */
  private readonly pinCount: Int32Array;
  /** by net: devices that it touches */
  private readonly spread: Int32Array;

  constructor(graph: Hypergraph, machine: Machine, start: Assignment) {
    this.graph = graph;
    this.machine = machine;
    this.devices = machine.accelerators + machine.cpus;
    this.where = start.slice();
    this.loads = new Float64Array(this.devices);
    this.sizes = new Float64Array(this.devices);
    this.items = new Int32Array(this.devices);
    this.pinCount = new Int32Array(graph.pins.length * this.devices);
    this.spread = new Int32Array(graph.pins.length);
    this.reset(start);
  }

  /** Starts over from an assignment; also clears what rounding has left in the sums. */
  reset(assignment: Assignment): void {
    this.where.set(assignment);
    this.loads.set(loadsOf(this.graph, this.machine, assignment));
    this.sizes.fill(0);
    this.items.fill(0);
    this.pinCount.fill(0);
    this.spread.fill(0);
    for (let item = 0; item < this.graph.items; item++) {
      const device = this.where[item] ?? 0;
      this.sizes[device] = (this.sizes[device] ?? 0) + (this.graph.size[item] ?? 0);
      this.items[device] = (this.items[device] ?? 0) + 1;
      for (const net of this.graph.netsOf[item] ?? []) {
        const at = net * this.devices + device;
        if (this.pinCount[at] === 0) this.spread[net] = (this.spread[net] ?? 0) + 1;
        this.pinCount[at] = (this.pinCount[at] ?? 0) + 1;
      }
    }
  }

  /** True where a device's memory holds what is on it. */
  fits(device: number): boolean {
    return device >= this.machine.accelerators || (this.sizes[device] ?? 0) <= this.machine.sizeLimit;
  }

  /** Moves an item, without asking whether it is admitted. */
  move(item: number, to: number): void {
    const from = this.where[item] ?? 0;
    if (from === to) return;
    const { work, cpuWork, size, netsOf, cost } = this.graph;
    const { accelerators } = this.machine;
    const { devices, pinCount, spread, loads, sizes } = this;
    let less = (from < accelerators ? work[item] : cpuWork[item]) ?? 0;
    let more = (to < accelerators ? work[item] : cpuWork[item]) ?? 0;
    for (const net of netsOf[item] ?? []) {
      const amount = cost[net] ?? 0;
      const base = net * devices;
      const here = pinCount[base + from] ?? 0;
      const there = pinCount[base + to] ?? 0;
      const before = spread[net] ?? 0;
      const after = before + (there === 0 ? 1 : 0) - (here === 1 ? 1 : 0);
      pinCount[base + from] = here - 1;
      pinCount[base + to] = there + 1;
      spread[net] = after;
      if (from < accelerators) less += amount * ((before > 1 ? 1 : 0) - (after > 1 && here > 1 ? 1 : 0));
      if (to < accelerators) more += amount * ((after > 1 ? 1 : 0) - (before > 1 && there > 0 ? 1 : 0));
    }
    loads[from] = (loads[from] ?? 0) - less;
    loads[to] = (loads[to] ?? 0) + more;
    sizes[from] = (sizes[from] ?? 0) - (size[item] ?? 0);
    sizes[to] = (sizes[to] ?? 0) + (size[item] ?? 0);
    this.items[from] = (this.items[from] ?? 0) - 1;
    this.items[to] = (this.items[to] ?? 0) + 1;
    this.where[item] = to;
  }

  maxLoad(): number {
    let most = 0;
    for (const load of this.loads) if (load > most) most = load;
    return most;
  }
}
