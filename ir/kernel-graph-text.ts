/**
 * The text form of a kernel graph:
 *
 *     kernels "lenet" {
 *       k0 conv "Conv_0" f32 {n=1, k=8, c=1, ...} flops=115200 weights=832 in=784 out=4608 fan=1 op=0 origin ["Conv_0", "Relu_1"]
 *       k0 -> k1 words=4608 value=3
 *       input "image" -> k0 words=784
 *       k1 -> output "logits" words=10
 *       host op=7 if "decides at run time" origin ["If_3"]
 *     }
 *
 * Kernels come first, in order; then edges, inputs, outputs and host ops, each kind in its own order.
 */
import { type DType, isDType } from "./dtype.ts";
import {
  isKernelFamily,
  type HostKernel,
  type Kernel,
  type KernelEdge,
  type KernelFamily,
  type KernelGraph,
  type KernelId,
  type KernelPort,
  type LoopDim,
} from "./kernel-graph.ts";
import { TextReader } from "./text/lexer.ts";

const quote = (text: string): string => JSON.stringify(text);
const origins = (names: readonly string[]): string => `origin [${names.map(quote).join(", ")}]`;

/** `{n=1, k=8}`: named integers as both text forms of this stage write them. */
export const printDims = (dims: readonly LoopDim[]): string =>
  `{${dims.map(({ name, size }) => `${name}=${size}`).join(", ")}}`;

/** Prints a kernel graph; `parseKernelGraph` gives it back equal. */
export function printKernelGraph(graph: KernelGraph): string {
  const lines = [
    ...graph.kernels.map(printKernel),
    ...graph.edges.map(({ from, to, words, value }) => `k${from} -> k${to} words=${words} value=${value}`),
    ...graph.inputs.map(({ name, kernel, words }) => `input ${quote(name)} -> k${kernel} words=${words}`),
    ...graph.outputs.map(({ name, kernel, words }) => `k${kernel} -> output ${quote(name)} words=${words}`),
    ...graph.host.map(({ op, kind, reason, origin }) => `host op=${op} ${kind} ${quote(reason)} ${origins(origin)}`),
  ];
  return `kernels ${quote(graph.name)} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

function printKernel(kernel: Kernel): string {
  const { id, name, family, dims, dtype, flops, weightBytes, wordsIn, wordsOut, fanOut, op, origin } = kernel;
  const cost = `flops=${flops} weights=${weightBytes} in=${wordsIn} out=${wordsOut} fan=${fanOut} op=${op}`;
  return `k${id} ${family} ${quote(name)} ${dtype} ${printDims(dims)} ${cost} ${origins(origin)}`;
}

/** Reads the text form; throws WSC2007 on malformed text and on ids that no kernel has. */
export function parseKernelGraph(text: string): KernelGraph {
  const reader = new TextReader(text);
  reader.expect("kernels");
  const graph: Parts = { name: reader.string(), kernels: [], edges: [], inputs: [], outputs: [], host: [] };
  reader.expect("{");
  while (!reader.accept("}")) parseLine(reader, graph);
  reader.end();
  return graph;
}

interface Parts {
  readonly name: string;
  readonly kernels: Kernel[];
  readonly edges: KernelEdge[];
  readonly inputs: KernelPort[];
  readonly outputs: KernelPort[];
  readonly host: HostKernel[];
}

function parseLine(reader: TextReader, graph: Parts): void {
  if (reader.accept("host")) graph.host.push(parseHost(reader));
  else if (reader.accept("input")) graph.inputs.push(parseInput(reader, graph.kernels.length));
  else parseKernelLine(reader, graph);
}

function parseHost(reader: TextReader): HostKernel {
  const op = namedInteger(reader, "op");
  return { op, kind: reader.word("an op kind"), reason: reader.string(), origin: parseOrigin(reader) };
}

function parseInput(reader: TextReader, kernels: number): KernelPort {
  const name = reader.string();
  reader.expect("->");
  return { name, kernel: parseKernelId(reader, kernels), words: namedInteger(reader, "words") };
}

/** A line that starts with a kernel's id: its definition, an edge or an output. */
function parseKernelLine(reader: TextReader, graph: Parts): void {
  const id = parseKernelId(reader, graph.kernels.length + 1);
  if (!reader.accept("->")) {
    if (id !== graph.kernels.length) throw reader.unexpected(`"->" after the second k${id}`);
    graph.kernels.push(parseKernel(reader, id));
  } else if (reader.accept("output")) {
    const name = reader.string();
    graph.outputs.push({ name, kernel: known(reader, graph, id), words: namedInteger(reader, "words") });
  } else {
    const to = parseKernelId(reader, graph.kernels.length);
    const words = namedInteger(reader, "words");
    graph.edges.push({ from: known(reader, graph, id), to, words, value: namedInteger(reader, "value") });
  }
}

function known(reader: TextReader, graph: Parts, id: KernelId): KernelId {
  if (id >= graph.kernels.length) throw reader.unexpected(`k${id} to be defined above`);
  return id;
}

function parseKernel(reader: TextReader, id: KernelId): Kernel {
  const family = parseFamily(reader);
  const name = reader.string();
  return {
    id,
    name,
    family,
    dtype: parseDType(reader),
    dims: parseDims(reader),
    flops: namedInteger(reader, "flops"),
    weightBytes: namedInteger(reader, "weights"),
    wordsIn: namedInteger(reader, "in"),
    wordsOut: namedInteger(reader, "out"),
    fanOut: namedInteger(reader, "fan", 1),
    op: namedInteger(reader, "op"),
    origin: parseOrigin(reader),
  };
}

/** A kernel family's name. */
export function parseFamily(reader: TextReader): KernelFamily {
  const word = reader.peek().text;
  if (!isKernelFamily(word)) throw reader.unexpected("a kernel family");
  reader.next();
  return word;
}

function parseDType(reader: TextReader): DType {
  const word = reader.peek().text;
  if (!isDType(word)) throw reader.unexpected("an element type");
  reader.next();
  return word;
}

/** `k12`, below `limit`. */
export function parseKernelId(reader: TextReader, limit: number): KernelId {
  const { text } = reader.peek();
  const id = /^k(0|[1-9][0-9]{0,8})$/.test(text) ? Number(text.slice(1)) : NaN;
  if (!(id < limit)) throw reader.unexpected("the id of a kernel");
  reader.next();
  return id;
}

/** `{name=1, other=2}`. */
export const parseDims = (reader: TextReader): LoopDim[] =>
  reader.list("{", "}", () => {
    const name = reader.word("the name of a loop");
    reader.expect("=");
    return { name, size: reader.integer("a size", 0) };
  });

/** `name=12`. */
export function namedInteger(reader: TextReader, name: string, least = 0): number {
  reader.expect(name);
  reader.expect("=");
  return reader.integer("an integer", least);
}

function parseOrigin(reader: TextReader): string[] {
  reader.expect("origin");
  return reader.list("[", "]", () => reader.string());
}
