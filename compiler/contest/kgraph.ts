/**
 * Reads a contest graph (`.kgraph`): a head of `name=value` lines, then one line per node, then one per connection.
 *
 *     (*  test=...  width=633  height=633  wdeltat=1  wlength=1  wadapter=0  memlimit=24576  *)
 *     cblock[ 4] f=256 h=112 w=112 name='k4'
 *     cblock[ 4]:y    -> dblock[16]:x, shape:[56][56][256]
 *
 * Spaces vary inside brackets and between fields; of several names of a node the last one counts; input and output nodes are not placed.
 */
import { type Diagnostic, diagnostic, WscError } from "../../ir/diagnostic.ts";
import { blockKernel, type ContestKernel, contestTypes, type ContestType, convKernel } from "./kernel.ts";

export interface ContestGraph {
  readonly name: string;
  /** cores of the wafer */
  readonly width: number;
  readonly height: number;
  /** cost of a cycle of the slowest kernel, of a core of wire, of an adapter */
  readonly timeWeight: number;
  readonly wireWeight: number;
  readonly adapterWeight: number;
  /** words per core */
  readonly memoryLimit: number;
  /** in the order of the file */
  readonly kernels: readonly ContestKernel[];
  /** indices into `kernels` */
  readonly edges: readonly { readonly from: number; readonly to: number }[];
}

/** Head fields, all needed but the name. */
const headFields = ["width", "height", "wdeltat", "wlength", "wadapter", "memlimit"] as const;

type HeadField = (typeof headFields)[number];

/** Fields of a node by type. `U` repeats `T` in all known files and means nothing. */
const nodeFields: Readonly<Record<ContestType, readonly string[]>> = {
  conv: ["H", "W", "R", "S", "C", "K", "T"],
  dblock: ["H", "W", "F"],
  cblock: ["H", "W", "F"],
};

/** Largest wafer side, in cores, and largest size of a layer; beyond them products would not be exact. */
const largest: Readonly<Record<string, number>> = { width: 16_384, height: 16_384 };
const largestSize = 1 << 20;
const mostKernels = 20_000;

const headLine = /^(test|width|height|wdeltat|wlength|wadapter|memlimit)\s*=\s*(\S+)/;
const edgeLine = /^(\w+)\s*\[\s*(\d+)\s*\]\s*:\s*\w+\s*->\s*(\w+)\s*\[\s*(\d+)\s*\]\s*:/;
const nodeLine = /^(\w+)\s*\[\s*(\d+)\s*\]\s+(\S.*)$/;

interface Reading {
  readonly faults: Diagnostic[];
  readonly head: Map<HeadField, number>;
  name: string;
  /** by number in the file: index of the kernel, or null for inputs and outputs */
  readonly nodes: Map<number, number | null>;
  readonly kernels: ContestKernel[];
  readonly links: { readonly line: number; readonly from: number; readonly to: number }[];
}

/** Reads a graph, or throws all that is wrong with it (WSC2007). */
export function readContestGraph(text: string): ContestGraph {
  const reading: Reading = { faults: [], head: new Map(), name: "", nodes: new Map(), kernels: [], links: [] };
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .entries())
    readLine(reading, line.trim(), index + 1);
  const { faults, head, kernels } = reading;
  for (const field of headFields) {
    if (!head.has(field))
      faults.push(
        diagnostic("error", "WSC2007", `the head has no ${field}`, { hint: `a line ${field}=N between (* and *)` }),
      );
  }
  if (kernels.length > mostKernels)
    faults.push(diagnostic("error", "WSC1009", `${kernels.length} kernels; at most ${mostKernels} can be placed`));
  const edges = edgesOf(reading);
  for (const name of repeated(kernels.map((kernel) => plainName(kernel.name)))) {
    faults.push(diagnostic("error", "WSC2002", `two kernels are named ${name}`));
  }
  if (faults.length > 0) throw new WscError(faults);
  const value = (field: HeadField): number => head.get(field) ?? 0;
  return {
    name: reading.name,
    width: value("width"),
    height: value("height"),
    timeWeight: value("wdeltat"),
    wireWeight: value("wlength"),
    adapterWeight: value("wadapter"),
    memoryLimit: value("memlimit"),
    kernels,
    edges,
  };
}

/** `k01` and `k1` name the same kernel. */
export const plainName = (name: string): string => name.replace(/^([A-Za-z_]+)0+(?=\d)/, "$1");

function repeated(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.size === seen.add(name).size);
}

function fault({ faults }: Reading, line: number, message: string, hint?: string): void {
  faults.push(diagnostic("error", "WSC2007", message, { subject: `line ${line}`, hint }));
}

function readLine(reading: Reading, line: string, number: number): void {
  const head = headLine.exec(line);
  if (head !== null) {
    readHead(reading, head[1] ?? "", head[2] ?? "", number);
    return;
  }
  const edge = edgeLine.exec(line);
  if (edge !== null) {
    reading.links.push({ line: number, from: Number(edge[2]), to: Number(edge[4]) });
    return;
  }
  const node = nodeLine.exec(line);
  if (node !== null) {
    readNode(reading, node[1] ?? "", Number(node[2]), node[3] ?? "", number);
    return;
  }
  if (line !== "" && !line.startsWith("(*") && !line.endsWith("*)"))
    fault(reading, number, "is neither a node nor a connection");
}

function readHead(reading: Reading, field: string, text: string, line: number): void {
  if (field === "test") {
    reading.name = text;
    return;
  }
  const value = Number(text);
  const most = largest[field] ?? Number.MAX_SAFE_INTEGER;
  const least = field.startsWith("w") && field !== "width" ? 0 : 1;
  const whole = field === "width" || field === "height";
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    fault(reading, line, `${field} is ${text}`, `a ${whole ? "whole " : ""}number from ${least} to ${most}`);
  }
  reading.head.set(field as HeadField, value);
}

function readNode(reading: Reading, type: string, id: number, rest: string, line: number): void {
  if (reading.nodes.has(id)) {
    fault(reading, line, `node ${id} is defined twice`);
    return;
  }
  if (type === "input" || type === "output") {
    reading.nodes.set(id, null);
    return;
  }
  reading.nodes.set(id, reading.kernels.length);
  const known = contestTypes.find((candidate) => candidate === type);
  if (known === undefined) {
    fault(reading, line, `node type ${type} is not supported`, `one of ${contestTypes.join(", ")}, input, output`);
    return;
  }
  const values = new Map(
    [...rest.matchAll(/\b([A-Za-z])\s*=\s*(\d+)\b/g)].map((m) => [(m[1] ?? "").toUpperCase(), Number(m[2])]),
  );
  const missing = nodeFields[known].filter((field) => !inRange(values.get(field)));
  if (missing.length > 0) {
    fault(reading, line, `${type} ${id} needs ${missing.join(", ")}`, `whole numbers from 1 to ${largestSize}`);
    return;
  }
  const name = [...rest.matchAll(/name\s*=\s*'([^']+)'/g)].at(-1)?.[1] ?? `k${id}`;
  if (!/^\w+$/.test(name)) {
    fault(reading, line, `name '${name}' has other characters than letters, digits and _`);
    return;
  }
  reading.kernels.push(kernelOf(known, name, (field) => values.get(field) ?? 1));
}

const inRange = (value: number | undefined): boolean => value !== undefined && value >= 1 && value <= largestSize;

function kernelOf(type: ContestType, name: string, value: (field: string) => number): ContestKernel {
  if (type !== "conv") return blockKernel(name, type, value("H"), value("W"), value("F"));
  const [H, W, R, S, C, K, T] = nodeFields.conv.map(value) as [number, number, number, number, number, number, number];
  return convKernel(name, { H, W, R, S, C, K, T }, value("U"));
}

/** Connections between kernels; those to inputs and outputs carry no cost. */
function edgesOf(reading: Reading): ContestGraph["edges"] {
  const edges: { from: number; to: number }[] = [];
  for (const { line, from, to } of reading.links) {
    const ends = [from, to].map((id) => reading.nodes.get(id));
    const unknown = [from, to].filter((_, index) => ends[index] === undefined);
    for (const id of unknown) fault(reading, line, `there is no node ${id}`);
    const [a, b] = ends;
    if (typeof a === "number" && typeof b === "number") edges.push({ from: a, to: b });
  }
  return edges;
}
