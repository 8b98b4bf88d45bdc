/** Whether anything fits at all: a first legal assignment, or the limit that forbids one and by how much. */
import { fail, type WscError } from "../../ir/diagnostic.ts";
import { nodeLabel } from "./device-graph.ts";
import type { Assignment } from "./hypergraph.ts";
import { total } from "./hypergraph.ts";
import type { Instance } from "./instance.ts";

/** Steps of the search for a packing. */
const maxSteps = 2_000_000;

/** A legal assignment with no regard to time, or throws WSC5002 (nothing fits) or WSC5004 (none found). */
export function legalStart(instance: Instance): Assignment {
  const { graph, machine } = instance;
  refuseImpossible(instance);
  const bySize = Array.from(graph.size.keys()).sort((a, b) => (graph.size[b] ?? 0) - (graph.size[a] ?? 0) || a - b);
  const assignment = new Int32Array(graph.items);
  const room = new Float64Array(machine.accelerators).fill(machine.sizeLimit);
  const homeless: number[] = [];
  for (const item of bySize) {
    const size = graph.size[item] ?? 0;
    const device = graph.supported[item] === 1 ? room.findIndex((free) => free >= size) : -1;
    if (device < 0) homeless.push(item);
    else room[device] = (room[device] ?? 0) - size;
    assignment[item] = device < 0 ? machine.accelerators : device;
  }
  if (homeless.length === 0 || machine.cpus > 0) return assignment;
  return packExactly(instance, bySize);
}

/** What no search could mend. */
function refuseImpossible(instance: Instance): void {
  const { graph, machine, source } = instance;
  if (machine.cpus > 0) return;
  if (machine.accelerators === 0) {
    throw fail("WSC5002", "there is neither an accelerator nor a CPU to place nodes on", {
      hint: "--devices 1 or more",
    });
  }
  const cpuOnly = graph.supported.indexOf(0);
  if (cpuOnly >= 0) {
    throw fail("WSC5002", "runs on CPUs only, and there is no CPU", {
      subject: labelOf(instance, cpuOnly, ({ supported }) => !supported),
      hint: "maxCPUs of 1 or more",
    });
  }
  const largest = graph.size.reduce((most, size, item) => (size > (graph.size[most] ?? 0) ? item : most), 0);
  const { sizeLimit } = machine;
  const most = graph.size[largest] ?? 0;
  if (most > sizeLimit) {
    const nodes = instance.members[largest]?.length ?? 1;
    throw fail(
      "WSC5002",
      `memory of an accelerator is short by ${short(most, sizeLimit)}: ${nodes === 1 ? "the node takes" : `its color class of ${nodes} nodes takes`} ${most}, and maxSizePerFPGA is ${sizeLimit}`,
      { subject: labelOf(instance, largest, () => true), hint: `maxSizePerFPGA of ${most}, or a CPU` },
    );
  }
  const needed = total(graph.size);
  const have = sizeLimit * machine.accelerators;
  if (needed > have) {
    throw fail(
      "WSC5002",
      `memory of the accelerators is short by ${short(needed, have)}: the nodes take ${needed}, and ${machine.accelerators} accelerators hold ${sizeLimit} each`,
      { hint: `${Math.ceil(needed / sizeLimit)} accelerators or more, or a CPU (the graph has ${source.cpus})` },
    );
  }
}

const short = (needed: number, have: number): string => `${(100 * (needed / have - 1)).toFixed(1)}%`;

function labelOf(
  { members, source }: Instance,
  item: number,
  holds: (node: { readonly supported: boolean }) => boolean,
): string | undefined {
  const nodes = (members[item] ?? []).flatMap((index) => source.nodes[index] ?? []);
  const node = nodes.find(holds);
  return node === undefined ? undefined : nodeLabel(node);
}

/** Depth first over items by falling size, equal rooms tried once: decides whether the sizes can be packed. */
function packExactly({ graph, machine }: Instance, bySize: readonly number[]): Assignment {
  const { accelerators, sizeLimit } = machine;
  const room = new Float64Array(accelerators).fill(sizeLimit);
  const choice = new Int32Array(bySize.length).fill(-1);
  let depth = 0;
  for (let steps = 0; steps < maxSteps; steps++) {
    if (depth === bySize.length) {
      const assignment = new Int32Array(graph.items);
      for (const [place, item] of bySize.entries()) assignment[item] = choice[place] ?? 0;
      return assignment;
    }
    const size = graph.size[bySize[depth] ?? 0] ?? 0;
    const before = choice[depth] ?? -1;
    if (before >= 0) room[before] = (room[before] ?? 0) + size;
    const next = nextRoom(room, size, before);
    choice[depth] = next;
    if (next < 0) {
      depth--;
      if (depth < 0) throw notPackable(graph.items, machine.accelerators, sizeLimit);
    } else {
      room[next] = (room[next] ?? 0) - size;
      depth++;
    }
  }
  throw fail("WSC5004", `no way was found to pack the nodes' sizes into ${accelerators} accelerators of ${sizeLimit}`, {
    hint: "more accelerators, a larger maxSizePerFPGA, or a CPU",
  });
}

/** The next room behind `after` that holds `size` and is unlike those before it. */
function nextRoom(room: Float64Array, size: number, after: number): number {
  for (let device = after + 1; device < room.length; device++) {
    if ((room[device] ?? 0) < size) continue;
    if (room.indexOf(room[device] ?? 0) === device) return device;
  }
  return -1;
}

const notPackable = (items: number, accelerators: number, sizeLimit: number): WscError =>
  fail(
    "WSC5002",
    `memory of the accelerators is enough in sum, but the sizes of ${items} color classes and nodes cannot be packed into ${accelerators} accelerators of ${sizeLimit}`,
    { hint: "one accelerator more, a larger maxSizePerFPGA, or a CPU" },
  );
