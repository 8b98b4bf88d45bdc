/**
 * Lower bounds on the largest load of any split, contiguous or not.
 *
 * The plain one: in a time T, accelerators do at most T each, and CPUs take at most what a fractional knapsack of T each takes off them.
 */
import { type Hypergraph, type Machine } from "./hypergraph.ts";

/** Relative precision to which bounds are found; they are rounded down by it. */
const precision = 1e-9;

/** The least time in which the work could be done if it could be cut anywhere and moved for nothing. */
export function workBound(graph: Hypergraph, machine: Machine): number {
  let low = largestItem(graph, machine);
  const relief = cpuRelief(graph, machine);
  if (relief(low)) return low;
  let high = Math.max(low, 1e-300);
  while (!relief(high)) {
    high *= 2;
    if (!Number.isFinite(high)) return low;
  }
  while (high - low > precision * high) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    if (relief(middle)) high = middle;
    else low = middle;
  }
  return low;
}

/** Every item runs somewhere: the longest of the shortest times. */
function largestItem({ items, work, cpuWork, supported }: Hypergraph, machine: Machine): number {
  let most = 0;
  for (let item = 0; item < items; item++) {
    const onAccelerator = supported[item] === 1 && machine.accelerators > 0 ? (work[item] ?? 0) : Infinity;
    const onCpu = machine.cpus > 0 ? (cpuWork[item] ?? 0) : Infinity;
    most = Math.max(most, Math.min(onAccelerator, onCpu));
  }
  return most;
}

/** Whether a time is enough: CPUs take what they alone can run, then the items that spare accelerators most per time. */
function cpuRelief({ items, work, cpuWork, supported }: Hypergraph, machine: Machine): (time: number) => boolean {
  let forced = 0;
  let shared = 0;
  const movable: number[] = [];
  for (let item = 0; item < items; item++) {
    if (supported[item] === 0 || machine.accelerators === 0) forced += cpuWork[item] ?? 0;
    else {
      const own = work[item] ?? 0;
      shared += own;
      // what takes no time spares none
      if (own > 0) movable.push(item);
    }
  }
  // by work / cpuWork, multiplied out: on a CPU an item may take no time
  movable.sort((a, b) => (work[b] ?? 0) * (cpuWork[a] ?? 0) - (work[a] ?? 0) * (cpuWork[b] ?? 0));
  return (time) => {
    let room = machine.cpus * time - forced;
    if (room < 0) return false;
    let left = shared - machine.accelerators * time;
    for (const item of movable) {
      if (left <= 0) return true;
      const cost = cpuWork[item] ?? 0;
      if (cost > room) return left - (work[item] ?? 0) * (room / cost) <= 0;
      room -= cost;
      left -= work[item] ?? 0;
    }
    return left <= 0;
  };
}
