/**
 * Says what is wrong with a graph, if anything: after each pass, and wherever a graph comes from outside. A valid graph defines every value
 * exactly once and before it is read, its constants hold what their types say, and its ops have the types that ir/infer.ts gives them.
 */
import { diagnostic, type Diagnostic, WscError } from "./diagnostic.ts";
import {
  type DeferredOp,
  type Graph,
  type Op,
  opSubject,
  regionsOf,
  tensorType,
  type Value,
  type ValueId,
  type ValueType,
} from "./graph.ts";
import { inferTypes } from "./infer.ts";
import { allocateElements, elementCount, slotsPerElement, type TensorData } from "./tensor.ts";
import { acceptsType, sameType, showType } from "./types.ts";

/** Every violation, as WSC2006, in the order of the graph; none for a valid graph. Takes time linear in ops and values. */
export function verifyGraph(graph: Graph): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const names = new Set<string>();
  for (const { name } of graph.inputs) {
    if (names.has(name)) found.push(violation(`two inputs are named ${JSON.stringify(name)}`));
    names.add(name);
  }
  new GraphVerifier(graph, "", found).run();
  return found;
}

const violation = (message: string, subject?: string): Diagnostic =>
  diagnostic("error", "WSC2006", message, { subject });

class GraphVerifier {
  readonly #graph: Graph;
  /** where the graph stands in the one that is verified, for messages */
  readonly #place: string;
  readonly #found: Diagnostic[];
  readonly #defined: boolean[];

  constructor(graph: Graph, place: string, found: Diagnostic[]) {
    this.#graph = graph;
    this.#place = place;
    this.#found = found;
    this.#defined = new Array<boolean>(graph.values.length).fill(false);
  }

  run(): void {
    for (const [id, value] of this.#graph.values.entries()) this.#constant(id, value);
    for (const port of this.#graph.inputs) this.#define(port.value, `input ${JSON.stringify(port.name)}`);
    for (const op of this.#graph.ops) this.#op(op);
    for (const [id, value] of this.#graph.values.entries()) {
      if (this.#defined[id] === false) this.#report(`nothing defines ${showValue(id, value)}`);
    }
    for (const port of this.#graph.outputs) this.#read(port.value, `output ${JSON.stringify(port.name)}`);
  }

  #report(message: string, subject?: string): void {
    this.#found.push(violation(`${this.#place}${message}`, subject));
  }

  #constant(id: ValueId, value: Value): void {
    if (value.constant === undefined && value.resource === undefined) return;
    this.#defined[id] = true;
    const fault = constantFault(value);
    if (fault !== null) this.#report(`constant ${showValue(id, value)} ${fault}`);
  }

  /** Marks a value as defined by `subject`; false if there is no such value. */
  #define(id: ValueId, subject: string): boolean {
    const before = this.#defined[id];
    if (before === undefined) this.#report(`defines %${id}, which does not exist`, subject);
    else if (before) this.#report(`defines %${id}, which is defined already`, subject);
    else this.#defined[id] = true;
    return before !== undefined;
  }

  /** False if `subject` may not read the value. */
  #read(id: ValueId, subject: string): boolean {
    if (this.#defined[id] === true) return true;
    const problem = this.#defined[id] === undefined ? "does not exist" : "is not defined before";
    this.#report(`reads %${id}, which ${problem}`, subject);
    return false;
  }

  #op(op: Op): void {
    const subject = opSubject(op);
    const sound = op.inputs.map((id) => this.#read(id, subject));
    for (const region of regionsOf(op)) {
      new GraphVerifier(region.graph, `${this.#place}in ${region.name} of ${subject}: `, this.#found).run();
    }
    sound.push(...op.outputs.map((id) => this.#define(id, subject)));
    if (!sound.includes(false)) this.#types(op, subject);
  }

  #types(op: Op, subject: string): void {
    const declared = this.#typesOf(op.outputs);
    const inputs = this.#typesOf(op.inputs);
    const faults = op.kind === "deferred" ? this.#deferredFaults(op) : typeFaults(op, inputs, declared);
    for (const fault of faults) this.#report(fault, subject);
  }

  #typesOf(ids: readonly ValueId[]): ValueType[] {
    return ids.flatMap((id) => this.#graph.values[id]?.type ?? []);
  }

  *#deferredFaults(op: DeferredOp): Generator<string> {
    const payload = this.#graph.values[op.inputs[0] ?? -1];
    const isBytes = payload?.type.kind === "tensor" && payload.type.dtype === "u8";
    const isConstant = payload?.constant !== undefined || payload?.resource !== undefined;
    if (!isBytes || !isConstant) yield "its payload is no constant of u8";
    if (op.inputNames.length !== op.inputs.length - 1) {
      yield `has ${op.inputNames.length} names for ${op.inputs.length - 1} inputs`;
    }
    if (op.outputNames.length !== op.outputs.length) {
      yield `has ${op.outputNames.length} names for ${op.outputs.length} outputs`;
    }
    const stray = op.valueInputs?.find((name) => !op.inputNames.includes(name));
    if (stray !== undefined) yield `wants the value of ${JSON.stringify(stray)}, which is no input`;
  }
}

const showValue = (id: ValueId, { name }: Value): string => (name === "" ? `%${id}` : `%${id} ${JSON.stringify(name)}`);

function constantFault({ type, constant, resource }: Value): string | null {
  if (type.kind !== "tensor") return `has the type ${showType(type)}`;
  if (constant === undefined) return null;
  if (resource !== undefined) return "has data and names a resource";
  const actual = tensorType(constant.dtype, constant.shape);
  if (!sameType(type, actual)) return `is ${showType(actual)}, declared ${showType(type)}`;
  // what is not at hand is checked when it is read
  return constant.source !== undefined || hasFittingElements(constant)
    ? null
    : `has elements that are not ${showType(type)}`;
}

function hasFittingElements({ dtype, shape, elements }: TensorData): boolean {
  if (elements.length !== elementCount(shape) * slotsPerElement(dtype)) return false;
  if (elements.constructor !== allocateElements(dtype, 0).constructor) return false;
  return ArrayBuffer.isView(elements) || elements.every((element) => typeof element === "string");
}

/** Declared result types against inferred ones. What regions give may be declared more or less exactly than it can be inferred. */
function* typeFaults(op: Op, inputs: readonly ValueType[], declared: readonly ValueType[]): Generator<string> {
  if (op.kind === "host") return;
  const inferred = inferredOrFault(op, inputs);
  if (typeof inferred === "string") {
    yield inferred;
    return;
  }
  if (inferred.length !== declared.length) yield `has ${declared.length} results instead of ${inferred.length}`;
  const hasRegions = regionsOf(op).length > 0;
  for (const [i, expected] of inferred.entries()) {
    const actual = declared[i];
    if (actual === undefined || sameType(expected, actual)) continue;
    if (hasRegions && (acceptsType(expected, actual) || acceptsType(actual, expected))) continue;
    yield `result ${i} is declared ${showType(actual)}, inferred ${showType(expected)}`;
  }
}

function inferredOrFault(op: Op, inputs: readonly ValueType[]): readonly ValueType[] | string {
  try {
    return inferTypes(op, inputs, op.origin);
  } catch (error) {
    if (error instanceof WscError) return error.diagnostics.map((d) => d.message).join("; ");
    if (error instanceof Error && error.message.startsWith("internal: "))
      return error.message.slice("internal: ".length);
    throw error;
  }
}
