/**
 * The device placement problem as data: an operator graph with costs, and the machine it is split over. The JSON form is that of "Efficient
 * Algorithms for Device Placement of DNN Graph Operators" (Tarnawski et al., NeurIPS 2020). Read here, checked here, trusted behind.
 */
import { type Diagnostic, type DiagnosticCode, diagnostic, showName, WscError } from "../../ir/diagnostic.ts";
import { findCycle } from "./cycle.ts";

/** A node's id as its file writes it. */
export type NodeId = number | string;

export interface DeviceNode {
  readonly id: NodeId;
  readonly name: string;
  /** time on an accelerator; of no meaning unless `supported` */
  readonly work: number;
  /** time on a CPU */
  readonly cpuWork: number;
  /** memory on an accelerator */
  readonly size: number;
  /** may run on an accelerator */
  readonly supported: boolean;
  /** nodes of one class stay on one device; null for none */
  readonly colorClass: NodeId | null;
  readonly backward: boolean;
}

/** `from`, `to`: indices of nodes. */
export interface DeviceEdge {
  readonly from: number;
  readonly to: number;
}

export interface DeviceGraph {
  readonly nodes: readonly DeviceNode[];
  /** each pair once; without cycles */
  readonly edges: readonly DeviceEdge[];
  /** by node: time to move its output between an accelerator and the host */
  readonly transfer: readonly number[];
  readonly accelerators: number;
  readonly cpus: number;
  /** memory of one accelerator */
  readonly sizeLimit: number;
  /** what was strange, yet could be read */
  readonly warnings: readonly Diagnostic[];
}

/** A split: ids of nodes per device. */
export interface Split {
  readonly accelerators: readonly (readonly NodeId[])[];
  readonly cpus: readonly (readonly NodeId[])[];
}

/** Devices and nodes that are accepted; beyond, the search's tables would not fit memory. */
export const maxDevices = 256;
const maxNodes = 200_000;
const maxEdges = 2_000_000;
/** Times, sizes and costs that are accepted: their sums and powers stay finite. */
const maxAmount = 1e100;

type Fields = Readonly<Record<string, unknown>>;

/** Collects everything wrong with a file, so that one run tells it all. */
class Reader {
  readonly problems: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];
  private readonly subject: string;

  constructor(subject: string) {
    this.subject = subject;
  }

  wrong(code: DiagnosticCode, message: string, hint?: string): void {
    this.problems.push(diagnostic("error", code, message, { subject: this.subject, hint }));
  }

  warn(message: string): void {
    this.warnings.push(diagnostic("warning", "WSC2004", message, { subject: this.subject }));
  }

  throwIfAny(): void {
    if (this.problems.length > 0) throw new WscError(this.problems);
  }

  /** A finite number of at least zero; `absent` stands in for a missing one. */
  amount(fields: Fields, key: string, where: string, absent?: number): number {
    const value = fields[key] ?? absent;
    if (typeof value === "number" && value >= 0 && value <= maxAmount) return value;
    this.wrong(
      "WSC2006",
      value === undefined
        ? `${where} has no ${key}`
        : `${where}: ${key} must be a number from 0 to ${maxAmount}, not ${shown(value)}`,
    );
    return 0;
  }

  flag(fields: Fields, key: string, where: string, absent: boolean): boolean {
    const value = fields[key] ?? absent;
    if (value === true || value === 1) return true;
    if (value !== false && value !== 0) this.wrong("WSC2006", `${where}: ${key} must be 0 or 1, not ${shown(value)}`);
    return false;
  }

  count(fields: Fields, key: string): number {
    const value = fields[key];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= maxDevices) return value;
    this.wrong("WSC2006", `${key} must be a whole number from 0 to ${maxDevices}, not ${shown(value)}`);
    return 0;
  }
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return showName(typeof value === "number" ? String(value) : JSON.stringify(value));
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isId = (value: unknown): value is NodeId =>
  typeof value === "string" || (typeof value === "number" && Number.isFinite(value));

/** How a node is called in messages. */
export const nodeLabel = ({ id, name }: Pick<DeviceNode, "id" | "name">): string =>
  name === "" ? `node ${showName(String(id))}` : `node ${showName(String(id))} ("${showName(name)}")`;

/** Checks an operator graph read from JSON; throws a WscError that lists everything wrong with it. */
export function parseDeviceGraph(json: unknown, file: string): DeviceGraph {
  const reader = new Reader(showName(file));
  if (!isFields(json)) {
    reader.wrong("WSC2006", "an operator graph is an object with nodes and edges", 'see "Input" in docs/partition.md');
    reader.throwIfAny();
    throw new Error("internal: unreachable");
  }
  const accelerators = reader.count(json, "maxFPGAs");
  const cpus = reader.count(json, "maxCPUs");
  const sizeLimit =
    json["maxSizePerFPGA"] === undefined ? Infinity : reader.amount(json, "maxSizePerFPGA", "the graph");
  const nodes = readNodes(reader, json["nodes"]);
  const { edges, transfer } = readEdges(reader, json["edges"], nodes);
  reader.throwIfAny();
  refuseCycle(reader, nodes, edges);
  reader.throwIfAny();
  return { nodes, edges, transfer, accelerators, cpus, sizeLimit, warnings: reader.warnings };
}

/** The list under a key, or null after saying that it is none. */
function listOf(reader: Reader, value: unknown, key: string, most: number): readonly unknown[] | null {
  if (!Array.isArray(value)) {
    reader.wrong("WSC2006", `${key} must be a list, not ${shown(value)}`);
    return null;
  }
  if (value.length > most) {
    reader.wrong("WSC1009", `the graph has ${value.length} ${key}; at most ${most} are accepted`);
    return null;
  }
  return value as readonly unknown[];
}

function readNodes(reader: Reader, value: unknown): DeviceNode[] {
  const list = listOf(reader, value, "nodes", maxNodes);
  if (list === null) return [];
  if (list.length === 0) reader.wrong("WSC2006", "the graph has no nodes");
  const seen = new Set<NodeId>();
  return list.flatMap((item, index) => {
    const node = readNode(reader, item, index);
    if (node === null) return [];
    if (seen.has(node.id)) reader.wrong("WSC2002", `two nodes have the id ${showName(String(node.id))}`);
    seen.add(node.id);
    return [node];
  });
}

function readNode(reader: Reader, item: unknown, index: number): DeviceNode | null {
  if (!isFields(item)) {
    reader.wrong("WSC2006", `nodes[${index}] must be an object, not ${shown(item)}`);
    return null;
  }
  const id = item["id"];
  if (!isId(id)) {
    reader.wrong("WSC2006", `nodes[${index}].id must be a number or a string, not ${shown(id)}`);
    return null;
  }
  const name = typeof item["name"] === "string" ? item["name"] : "";
  const where = nodeLabel({ id, name });
  const supported = reader.flag(item, "supportedOnFpga", where, true);
  const color = item["colorClass"] ?? null;
  if (color !== null && !isId(color)) {
    reader.wrong("WSC2006", `${where}: colorClass must be a number, a string or null, not ${shown(color)}`);
  }
  return {
    id,
    name,
    // what a node would cost where it cannot run does not matter
    work: supported ? reader.amount(item, "fpgaLatency", where) : 0,
    cpuWork: reader.amount(item, "cpuLatency", where),
    size: reader.amount(item, "size", where, 0),
    supported,
    colorClass: isId(color) ? color : null,
    backward: reader.flag(item, "isBackwardNode", where, false),
  };
}

/** Edges by index, and the cost of each node's output: the last one given counts where a source's edges disagree. */
function readEdges(
  reader: Reader,
  value: unknown,
  nodes: readonly DeviceNode[],
): { readonly edges: DeviceEdge[]; readonly transfer: number[] } {
  const transfer = nodes.map(() => 0);
  const list = listOf(reader, value, "edges", maxEdges);
  if (list === null) return { edges: [], transfer };
  const indexOf = new Map(nodes.map(({ id }, index) => [id, index]));
  const edges: DeviceEdge[] = [];
  const seen = new Set<number>();
  const costed = new Set<number>();
  for (const [index, item] of list.entries()) {
    if (!isFields(item)) {
      reader.wrong("WSC2006", `edges[${index}] must be an object, not ${shown(item)}`);
      continue;
    }
    const from = endOf(reader, item, "sourceId", index, indexOf);
    const to = endOf(reader, item, "destId", index, indexOf);
    const cost = reader.amount(item, "cost", `edges[${index}]`);
    if (from === undefined || to === undefined) continue;
    if (costed.has(from) && transfer[from] !== cost) warnCost(reader, nodes[from], transfer[from] ?? 0, cost);
    costed.add(from);
    transfer[from] = cost;
    const key = from * nodes.length + to;
    if (seen.has(key)) continue;
    seen.add(key);
    edges.push({ from, to });
  }
  return { edges, transfer };
}

/** Operators that wait for each other never run. */
function refuseCycle(reader: Reader, nodes: readonly DeviceNode[], edges: readonly DeviceEdge[]): void {
  const successors: number[][] = nodes.map(() => []);
  for (const { from, to } of edges) successors[from]?.push(to);
  const cycle = findCycle(successors);
  if (cycle === null) return;
  const named = cycle.slice(0, shownOfCycle).flatMap((index) => nodes[index] ?? []);
  const more = cycle.length > named.length ? [`${cycle.length - named.length} more`] : [];
  const first = named.slice(0, 1);
  const way = [...named.map(nodeLabel), ...more, ...first.map(nodeLabel)].join(" -> ");
  reader.wrong("WSC2003", `the edges form a cycle: ${way}`);
}

const shownOfCycle = 5;

function warnCost(reader: Reader, node: DeviceNode | undefined, before: number, after: number): void {
  if (node === undefined || reader.warnings.length >= maxWarnings) return;
  reader.warn(`${nodeLabel(node)} sends its output at a cost of ${before} and of ${after}; the last one counts`);
}

const maxWarnings = 20;

function endOf(
  reader: Reader,
  item: Fields,
  key: "sourceId" | "destId",
  index: number,
  indexOf: ReadonlyMap<NodeId, number>,
): number | undefined {
  const id = item[key];
  const found = isId(id) ? indexOf.get(id) : undefined;
  if (found === undefined) {
    reader.wrong("WSC2001", `edges[${index}].${key} is ${shown(id)}, and no node has that id`);
  }
  return found;
}
