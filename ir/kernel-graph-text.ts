/**
 * The text form of a kernel graph:
 *
 *     kernels "lenet" {
 *       k0 conv "Conv_0" f32 flops=115200 arriving=784 leaving=4608 origin ["Conv_0", "Relu_1"] {
 *         loops {k=8, h=24, w=24, r=5, s=5}
 *         activation x0 f32 [1, 1, 28: h + r, 28: 2 w + s from -2]
 *         weight w1 f32 [8: k, 1, 5: r, 5: s]
 *         result y0 f32 [1, 8: k, 24: h, 24: w]
 *         stage conv op=0 y0 of (x0, w1) over [k, h, w, r, s] vector (k, w) point (1, 0) result (1, 0) code=2
 *       }
 *       k0 y0 -> k1 (x0) words=4608 stream=0 value=3
 *       k0 y0 -> k2 (x0) words=2304 stream=1 value=3 part starts [0, 4] sizes [2, 3] steps [1, 1]
 *       input "image" -> k0 (x0) words=784
 *       k1 y0 -> output "logits" words=10
 *       host op=7 if "decides at run time" origin ["If_3"]
 *     }
 *
 * An axis is its size with the position that an iteration touches: a sum of loops (`from` begins it elsewhere than at 0), `784: / e` dealt out
 * over a loop, or the size alone where all of it may be needed. Points and results have operations at the rate of a multiply-add, and at that of a
 * division. A stage names the operand behind each input of its op, `y0 [24: 2 h + r]` where it reads other positions than the operand's axes say.
 * `keeps x1 from "past" append op=3 of (past, x5)`: a cache that stays, and what makes it longer. `moves [3]` before the stages: ops that only order words. Stages may add `combine (l) times=2`, `gathers y0 [8: k, 24: 2 h + r]`, `shuffles` and `steps=5`. Kernels come first, in order; then edges, inputs, outputs and
 * host ops, each kind in its own order. `kernels "lenet" precision f16 {` has operands of 16 bits
 * where the model's are f32.
 */
import { nth } from "./access.ts";
import { type DType, isDType } from "./dtype.ts";
import {
  type Axis,
  type Combination,
  type Gather,
  type HostKernel,
  isKernelFamily,
  type Kernel,
  type KernelEdge,
  type KernelFamily,
  type KernelGraph,
  type KernelId,
  type KernelInput,
  type KernelOutput,
  type KernelState,
  type Loop,
  type Operand,
  operandRoles,
  type Operations,
  type Precision,
  precisions,
  type Stage,
  type StageRead,
  type Term,
  type ValuePart,
} from "./kernel-graph.ts";
import { TextReader } from "./text/lexer.ts";

const quote = (text: string): string => JSON.stringify(text);
const origins = (names: readonly string[]): string => `origin [${names.map(quote).join(", ")}]`;

/** `{n=1, k=8}`: named integers as the text forms of this stage write them. */
export const printSizes = (sizes: readonly Loop[]): string =>
  `{${sizes.map(({ name, size }) => `${name}=${size}`).join(", ")}}`;

/** Prints a kernel graph; `parseKernelGraph` gives it back equal. */
export function printKernelGraph(graph: KernelGraph): string {
  const lines = [
    ...graph.kernels.flatMap(printKernel),
    ...graph.edges.map(printEdge),
    ...graph.inputs.map(
      ({ name, kernel, operands, words }) =>
        `input ${quote(name)} -> k${kernel} (${operands.join(", ")}) words=${words}`,
    ),
    ...graph.outputs.map(
      ({ name, kernel, result, words }) => `k${kernel} ${result} -> output ${quote(name)} words=${words}`,
    ),
    ...graph.host.map(({ op, kind, reason, origin }) => `host op=${op} ${kind} ${quote(reason)} ${origins(origin)}`),
  ];
  return `kernels ${quote(graph.name)}${printPrecision(graph.precision)} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

/** ` precision f16`; operands that are f32 as in the model go without saying. */
export const printPrecision = (precision: Precision): string => (precision === "f32" ? "" : ` precision ${precision}`);

export const parsePrecision = (reader: TextReader): Precision =>
  reader.accept("precision") ? reader.oneOf(precisions) : "f32";

function printKernel(kernel: Kernel): string[] {
  const { id, name, family, dtype, loops, operands, states, stages, moves, flops, arriving, leaving, origin } = kernel;
  const figures = `flops=${flops} arriving=${arriving} leaving=${leaving}`;
  return [
    `k${id} ${family} ${quote(name)} ${dtype} ${figures} ${origins(origin)} {`,
    `  loops ${printSizes(loops)}`,
    ...operands.map((operand) => `  ${printOperand(operand)}`),
    ...states.map(printState),
    ...(moves.length === 0 ? [] : [`  moves ${printInts(moves)}`]),
    ...stages.map((stage) => `  ${printStage(stage)}`),
    "}",
  ];
}

const printState = ({ operand, past, append }: KernelState): string =>
  `  keeps ${operand} from ${quote(past)}${append === null ? "" : ` append op=${append.op} of (${append.reads.map((name) => name ?? "past").join(", ")})`}`;

const printOperand = ({ name, role, dtype, axes }: Operand): string =>
  `${role} ${name} ${dtype} [${axes.map(printAxis).join(", ")}]`;

function printAxis(axis: Axis): string {
  switch (axis.kind) {
    case "whole":
      return String(axis.size);
    case "spread":
      return `${axis.size}: / ${axis.loop}`;
    case "index":
      return `${axis.size}: ${printTerms(axis.terms)}${axis.offset === 0 ? "" : ` from ${axis.offset}`}`;
  }
}

const printTerms = (terms: readonly Term[]): string =>
  terms.map(({ loop, factor }) => (factor === 1 ? loop : `${factor} ${loop}`)).join(" + ");

function printStage(stage: Stage): string {
  const { op, kind, makes, reads, domain, vector, perPoint, perResult, combine, gathers, shuffles, steps, codeUnits } =
    stage;
  const extras = [
    ...(combine === null ? [] : [`combine (${combine.loops.join(", ")}) times=${combine.times}`]),
    ...gathers.map(({ operand, axes }) => `gathers ${operand} [${axes.map(printAxis).join(", ")}]`),
    ...(shuffles ? ["shuffles"] : []),
    ...(steps === 0 ? [] : [`steps=${steps}`]),
  ];
  const work = `point ${printOperations(perPoint)} result ${printOperations(perResult)}`;
  const over = `over [${domain.map(printTerms).join(", ")}] vector (${vector.join(", ")})`;
  const of = `of (${reads.map(printRead).join(", ")})`;
  return [`stage ${kind} op=${op} ${makes} ${of} ${over} ${work}`, ...extras, `code=${codeUnits}`].join(" ");
}

const printRead = ({ operand, axes }: StageRead): string =>
  axes === null ? operand : `${operand} [${axes.map(printAxis).join(", ")}]`;

const printOperations = ({ fast, slow }: Operations): string => `(${fast}, ${slow})`;

function printEdge({ from, result, to, operands, words, stream, value, part }: KernelEdge): string {
  const what =
    part === null
      ? ""
      : ` part starts ${printInts(part.starts)} sizes ${printInts(part.sizes)} steps ${printInts(part.steps)}`;
  return `k${from} ${result} -> k${to} (${operands.join(", ")}) words=${words} stream=${stream} value=${value}${what}`;
}

const printInts = (values: readonly number[]): string => `[${values.join(", ")}]`;

/** Reads the text form; throws WSC2007 on malformed text and on ids that no kernel has. */
export function parseKernelGraph(text: string): KernelGraph {
  const reader = new TextReader(text);
  reader.expect("kernels");
  const name = reader.string();
  const graph: Parts = {
    name,
    precision: parsePrecision(reader),
    kernels: [],
    edges: [],
    inputs: [],
    outputs: [],
    host: [],
  };
  reader.expect("{");
  while (!reader.accept("}")) parseLine(reader, graph);
  reader.end();
  return graph;
}

interface Parts {
  readonly name: string;
  readonly precision: Precision;
  readonly kernels: Kernel[];
  readonly edges: KernelEdge[];
  readonly inputs: KernelInput[];
  readonly outputs: KernelOutput[];
  readonly host: HostKernel[];
}

function parseLine(reader: TextReader, graph: Parts): void {
  if (reader.accept("host")) graph.host.push(parseHost(reader));
  else if (reader.accept("input")) graph.inputs.push(parseInput(reader, graph));
  else parseKernelLine(reader, graph);
}

function parseHost(reader: TextReader): HostKernel {
  const op = namedInteger(reader, "op");
  return { op, kind: reader.word("an op kind"), reason: reader.string(), origin: parseOrigin(reader) };
}

function parseInput(reader: TextReader, { kernels }: Parts): KernelInput {
  const name = reader.string();
  reader.expect("->");
  const kernel = parseKernelId(reader, kernels.length);
  const operands = operandNames(reader, nth(kernels, kernel));
  return { name, kernel, operands, words: namedInteger(reader, "words") };
}

/** Names of operands of a kernel. */
const operandNames = (reader: TextReader, { operands }: Kernel): string[] =>
  reader.list("(", ")", () => parseOperandName(reader, operands));

/** A line that starts with a kernel's id: its definition, an edge or an output. */
function parseKernelLine(reader: TextReader, graph: Parts): void {
  const id = parseKernelId(reader, graph.kernels.length + 1);
  const from = graph.kernels[id];
  if (from === undefined) {
    graph.kernels.push(parseKernel(reader, id));
    return;
  }
  const result = parseOperandName(reader, from.operands);
  reader.expect("->");
  if (reader.accept("output")) {
    const name = reader.string();
    graph.outputs.push({ name, kernel: id, result, words: namedInteger(reader, "words") });
  } else graph.edges.push(parseEdge(reader, from, result, graph.kernels));
}

function parseEdge(reader: TextReader, { id: from }: Kernel, result: string, kernels: readonly Kernel[]): KernelEdge {
  const to = parseKernelId(reader, kernels.length);
  const operands = operandNames(reader, nth(kernels, to));
  const words = namedInteger(reader, "words");
  const stream = namedInteger(reader, "stream");
  const value = namedInteger(reader, "value");
  return { from, result, to, operands, words, stream, value, part: reader.accept("part") ? parsePart(reader) : null };
}

function parsePart(reader: TextReader): ValuePart {
  const ints = (name: string): number[] => {
    reader.expect(name);
    return reader.list("[", "]", () => reader.integer());
  };
  return { starts: ints("starts"), sizes: ints("sizes"), steps: ints("steps") };
}

function parseKernel(reader: TextReader, id: KernelId): Kernel {
  const family = parseFamily(reader);
  const name = reader.string();
  const dtype = parseDType(reader);
  const flops = namedInteger(reader, "flops");
  const arriving = namedInteger(reader, "arriving");
  const leaving = namedInteger(reader, "leaving");
  const origin = parseOrigin(reader);
  reader.expect("{");
  reader.expect("loops");
  const loops = parseSizes(reader);
  const operands: Operand[] = [];
  while (operandRoles.some((role) => reader.at(role))) operands.push(parseOperand(reader, loops));
  const states: KernelState[] = [];
  while (reader.accept("keeps")) states.push(parseState(reader, operands));
  const moves = reader.accept("moves") ? reader.list("[", "]", () => reader.integer("an op", 0)) : [];
  const stages: Stage[] = [];
  while (reader.accept("stage")) stages.push(parseStage(reader, loops, operands));
  reader.expect("}");
  return { id, name, family, dtype, loops, operands, states, stages, moves, flops, arriving, leaving, origin };
}

function parseState(reader: TextReader, operands: readonly Operand[]): KernelState {
  const operand = parseOperandName(reader, operands);
  reader.expect("from");
  const past = reader.string();
  if (!reader.accept("append")) return { operand, past, append: null };
  const op = namedInteger(reader, "op");
  reader.expect("of");
  const reads = reader.list("(", ")", () => (reader.accept("past") ? null : parseOperandName(reader, operands)));
  return { operand, past, append: { op, reads } };
}

function parseOperand(reader: TextReader, loops: readonly Loop[]): Operand {
  const role = reader.oneOf(operandRoles);
  const name = reader.word("an operand's name");
  const dtype = parseDType(reader);
  return { name, role, dtype, axes: reader.list("[", "]", () => parseAxis(reader, loops)) };
}

function parseAxis(reader: TextReader, loops: readonly Loop[]): Axis {
  const size = reader.integer("a size", 0);
  if (!reader.accept(":")) return { kind: "whole", size };
  if (reader.accept("/")) return { kind: "spread", size, loop: parseLoop(reader, loops) };
  const terms = parseTerms(reader, loops);
  return { kind: "index", size, terms, offset: reader.accept("from") ? reader.integer("a position") : 0 };
}

/** The name of one of a kernel's loops. */
function parseLoop(reader: TextReader, loops: readonly Loop[]): string {
  const { text } = reader.peek();
  if (!loops.some(({ name }) => name === text)) throw reader.unexpected("one of the kernel's loops");
  return reader.word();
}

function parseTerms(reader: TextReader, loops: readonly Loop[]): Term[] {
  const terms: Term[] = [];
  do {
    const factor = reader.peek().kind === "number" ? reader.integer("a factor") : 1;
    terms.push({ loop: parseLoop(reader, loops), factor });
  } while (reader.accept("+"));
  return terms;
}

function parseStage(reader: TextReader, loops: readonly Loop[], operands: readonly Operand[]): Stage {
  const kind = reader.word("an op kind");
  const op = namedInteger(reader, "op");
  const makes = parseOperandName(reader, operands);
  reader.expect("of");
  const reads = reader.list("(", ")", (): StageRead => {
    const operand = parseOperandName(reader, operands);
    return { operand, axes: reader.at("[") ? reader.list("[", "]", () => parseAxis(reader, loops)) : null };
  });
  reader.expect("over");
  const domain = reader.list("[", "]", () => parseTerms(reader, loops));
  reader.expect("vector");
  const vector = reader.list("(", ")", () => parseLoop(reader, loops));
  reader.expect("point");
  const perPoint = parseOperations(reader);
  reader.expect("result");
  const perResult = parseOperations(reader);
  const combine = reader.accept("combine") ? parseCombination(reader, loops) : null;
  const gathers: Gather[] = [];
  while (reader.accept("gathers")) {
    const operand = parseOperandName(reader, operands);
    gathers.push({ operand, axes: reader.list("[", "]", () => parseAxis(reader, loops)) });
  }
  const shuffles = reader.accept("shuffles");
  const steps = reader.at("steps") ? namedInteger(reader, "steps", 1) : 0;
  const codeUnits = namedInteger(reader, "code");
  return { op, kind, makes, reads, domain, vector, perPoint, perResult, combine, gathers, shuffles, steps, codeUnits };
}

/** The name of one of a kernel's operands. */
function parseOperandName(reader: TextReader, operands: readonly Operand[]): string {
  const { text } = reader.peek();
  if (!operands.some(({ name }) => name === text)) throw reader.unexpected("one of the kernel's operands");
  return reader.word();
}

function parseCombination(reader: TextReader, loops: readonly Loop[]): Combination {
  const along = reader.list("(", ")", () => parseLoop(reader, loops));
  return { loops: along, times: namedInteger(reader, "times") };
}

function parseOperations(reader: TextReader): Operations {
  reader.expect("(");
  const fast = reader.integer("operations", 0);
  reader.expect(",");
  const slow = reader.integer("operations", 0);
  reader.expect(")");
  return { fast, slow };
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
export const parseSizes = (reader: TextReader): Loop[] =>
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
