/**
 * Lowers the nodes of one ONNX graph, in order, into the region of its scope. A node that is wrong is reported, and those that read its
 * results are skipped, so that one run tells all that is wrong. A node that asks for what only the run knows is put off (deferral.ts),
 * and so is every node that reads one put off; deferred-part.ts makes one op of them at the end of the region. In a branch or a body, which
 * may never run, a node that is wrong is put off too: a run that comes there is told.
 */
import { type Diagnostic, fail, showName, WscError } from "../../ir/diagnostic.ts";
import type { FoldHook } from "../../ir/builder.ts";
import type { ValueId, ValueType } from "../../ir/graph.ts";
import { sameShape, showType } from "../../ir/types.ts";
import { foldConstants } from "./fold.ts";
import { findOperator } from "./find-operator.ts";
import { readNames } from "./free-names.ts";
import { Deferral } from "./deferral.ts";
import { deferredTypes, openShape, type TypeLookUp } from "./deferred-types.ts";
import { emitDeferredPart, type WantedResult } from "./deferred-part.ts";
import { type Formal, type LoweredRegion, NodeLowering } from "./node-context.ts";
import { nodeSubject, type OnnxGraph, type OnnxNode, type OnnxValueInfo } from "./onnx.ts";
import { opsetIn } from "./opsets.ts";
import { chosenBranch } from "./operators/control-flow.ts";
import { type Binding, type DeferredNode, Region, Scope } from "./scope.ts";
import { sortedNodes } from "./sort.ts";
import { valueTypeOf } from "./types.ts";
import { unrolledLoop } from "./unroll.ts";

/** What all regions of one model share. */
export interface Lowering {
  readonly opsets: ReadonlyMap<string, number>;
  readonly diagnostics: Diagnostic[];
  readonly fold: FoldHook;
  /** nodes that may still be lowered: bodies are lowered anew when a carried shape turns out to change, and nesting multiplies that */
  nodesLeft: number;
  /** false: deferred parts are left empty, for a graph that is only looked at */
  readonly encodesParts: boolean;
}

const maxLoweredNodes = 4_000_000;

export const newLowering = (opsets: ReadonlyMap<string, number>, encodesParts: boolean): Lowering => ({
  opsets,
  encodesParts,
  diagnostics: [],
  fold: foldConstants,
  nodesLeft: maxLoweredNodes,
});

/** Thrown when a graph could not be lowered for reasons that are in `Lowering.diagnostics` already. */
export class Reported extends Error {}

/** The version of a node's domain that holds for it. */
export const opsetOf = (lowering: Pick<Lowering, "opsets">, node: OnnxNode): number =>
  opsetIn(node.opsets ?? lowering.opsets, node.domain) ?? 1;

/** Lowers all nodes of `graph` into `scope`, where its inputs are bound. */
export function lowerNodes(lowering: Lowering, scope: Scope, graph: OnnxGraph): void {
  const { nodes, problem } = sortedNodes(graph);
  if (problem !== null) throw new WscError([problem]);
  for (const node of nodes) lowerNode(lowering, scope, node);
}

function lowerNode(lowering: Lowering, scope: Scope, node: OnnxNode): void {
  if (--lowering.nodesLeft < 0) {
    const message = `more than ${maxLoweredNodes} nodes are to be lowered: loops within loops multiply`;
    throw fail("WSC1009", message, { subject: nodeSubject(node) });
  }
  const blocker = firstBlocker(scope, node);
  if (blocker?.kind === "failed") bindAll(scope, node, blocker);
  else if (blocker?.kind === "deferred") deferNode(scope, node, blocker.by.reason, []);
  else lowerOrDefer(lowering, scope, node);
}

function lowerOrDefer(lowering: Lowering, scope: Scope, node: OnnxNode): void {
  try {
    lowerWithOperator(lowering, scope, node);
  } catch (error) {
    if (error instanceof Deferral) {
      deferNode(scope, node, error.reason, error.neededValue === null ? [] : [error.neededValue]);
    } else if (error instanceof Reported) {
      bindAll(scope, node, { kind: "failed" });
    } else {
      reportOrDefer(
        lowering,
        scope,
        node,
        problemsOf(error, node).map((problem) => withInputs(problem, scope, node)),
      );
    }
  }
}

function reportOrDefer(lowering: Lowering, scope: Scope, node: OnnxNode, problems: readonly Diagnostic[]): void {
  if (scope.region.isCertain || lowering.nodesLeft < 0) {
    lowering.diagnostics.push(...problems);
    bindAll(scope, node, { kind: "failed" });
  } else deferNode(scope, node, problems[0]?.message ?? "", [], problems);
}

/** What went wrong in a node's lowering, for the user; throws what is a defect, with the node's name. */
function problemsOf(error: unknown, node: OnnxNode): readonly Diagnostic[] {
  if (error instanceof WscError) return error.diagnostics;
  const said = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError) {
    // an array of a length that cannot be: a constant of the model asks for it
    return fail("WSC1009", `it asks for more memory than there can be (${said})`, { subject: nodeSubject(node) })
      .diagnostics;
  }
  throw new Error(`internal: ${nodeSubject(node)}: ${said.replace(/^internal: /, "")}`, { cause: error });
}

/** Inputs that a message shows; a loop may have hundreds. */
const inputsShown = 8;

/** Sizes that do not go together mostly come from outside: the inputs that they are sizes of are named. */
function withInputs(problem: Diagnostic, scope: Scope, node: OnnxNode): Diagnostic {
  if (problem.code !== "WSC3004" || problem.hint !== undefined) return problem;
  const typeOf = typesIn(scope);
  const shown = node.inputs.flatMap((name) => {
    const type = name === "" ? undefined : typeOf(name);
    return type === undefined ? [] : [`"${showName(name)}" ${showType(type)}`];
  });
  const more = shown.length > inputsShown ? `, and ${shown.length - inputsShown} more` : "";
  const hint = `its inputs are ${shown.slice(0, inputsShown).join(", ")}${more}`;
  return shown.length === 0 ? problem : { ...problem, hint };
}

/** The first thing that a node reads and that has no value yet; an undefined name is an error of the model. */
function firstBlocker(scope: Scope, node: OnnxNode): Exclude<Binding, { readonly kind: "value" }> | null {
  let blocker: Exclude<Binding, { readonly kind: "value" }> | null = null;
  for (const name of readNames(node)) {
    if (name === "") continue;
    const binding = scope.lookUp(name);
    if (binding === undefined) throw undefinedName(node, name);
    if (binding.kind === "failed") return binding;
    if (binding.kind === "deferred") blocker ??= binding;
  }
  return blocker;
}

export const undefinedName = (node: OnnxNode, name: string): WscError =>
  fail("WSC2001", `it reads "${showName(name)}", which nothing defines`, { subject: nodeSubject(node) });

function lowerWithOperator(lowering: Lowering, scope: Scope, node: OnnxNode): void {
  const found = findOperator(node, node.opsets ?? lowering.opsets);
  if (found.kind === "unsupported") throw new WscError([found.problem]);
  const context = new NodeLowering(node, opsetOf(lowering, node), scope, (...args) => lowerRegion(lowering, ...args));
  const branch = chosenBranch(context);
  if (branch !== null) {
    inlineGraph(lowering, scope, node, branch);
    return;
  }
  const reported = lowering.diagnostics.length;
  const unrolled = unrolledLoop(context, (inner, body) => {
    lowerNodes(lowering, inner, body);
    if (lowering.diagnostics.length > reported) throw new Reported();
  });
  const lowered = unrolled ?? found.version.lower(context);
  if ("nodes" in lowered) inlineGraph(lowering, scope, node, lowered);
  else bindResults(scope, node, lowered);
}

function bindResults(scope: Scope, node: OnnxNode, results: readonly ValueId[]): void {
  for (const [i, name] of node.outputs.entries()) {
    if (name === "") continue;
    const id = results[i];
    if (id === undefined) {
      const message = `output ${i} is asked for, which ${node.opType} does not give with these attributes`;
      throw fail("WSC3003", message, { subject: nodeSubject(node) });
    }
    scope.region.builder.nameValue(id, name);
    scope.bindValue(name, id);
  }
}

/** Lowers a subgraph into a region of its own. Throws `Reported` when a result of it could not be lowered. */
export function lowerRegion(
  lowering: Lowering,
  scope: Scope,
  graph: OnnxGraph,
  formals: readonly Formal[],
  origin: readonly string[],
): LoweredRegion {
  const region = new Region(graph.name, scope, lowering.fold);
  const inner = new Scope(region, scope, graph.initializers);
  const names = formals.map((_, i) => graph.inputs[i]?.name ?? "");
  const inputs = formals.map(({ type }, i) => region.formal(names[i] ?? "", type));
  for (const [i, { constant, shape }] of formals.entries()) {
    const [name = "", input = -1] = [names[i], inputs[i]];
    const id = constant === undefined ? input : region.constant(constant, name);
    inner.bindValue(name, shape === undefined ? id : reshaped(region, id, shape, origin));
  }
  lowerNodes(lowering, inner, graph);
  const ids = finishOutputs(lowering, inner, graph, ({ name, type }, binding) =>
    openShape(type === null ? binding.type : valueTypeOf(type, new Map(), name)),
  );
  const { builder } = region;
  return { region, types: ids.map((id) => builder.typeOf(id)), constants: ids.map((id) => builder.constantOf(id)) };
}

function reshaped(region: Region, id: ValueId, shape: readonly number[], origin: readonly string[]): ValueId {
  const type = region.builder.typeOf(id);
  if (type.kind === "tensor" && sameShape(type.shape, shape)) return id;
  return region.builder.emitOne({ kind: "reshape", inputs: [id], shape }, { origin });
}

type DeferredBinding = Extract<Binding, { readonly kind: "deferred" }>;

/** Declares the region's outputs; those that were put off come out of its deferred part, as `typeOf` says. */
export function finishOutputs(
  lowering: Lowering,
  scope: Scope,
  graph: OnnxGraph,
  typeOf: (output: OnnxValueInfo, binding: DeferredBinding) => ValueType,
): readonly ValueId[] {
  const bindings = graph.outputs.map(({ name }) => scope.lookUp(name));
  const wanted: WantedResult[] = [];
  for (const [i, output] of graph.outputs.entries()) {
    const binding = bindings[i];
    if (binding === undefined) throw fail("WSC2001", `nothing defines the output "${showName(output.name)}"`);
    if (binding.kind === "failed") throw new Reported();
    if (binding.kind === "deferred") wanted.push({ binding, type: typeOf(output, binding) });
  }
  const given = emitDeferredPart(scope.region, wanted, lowering);
  return graph.outputs.map(({ name }, i) => {
    const binding = bindings[i];
    const id = binding?.kind === "value" ? binding.id : given[wanted.findIndex((want) => want.binding === binding)];
    if (id === undefined) throw new Error(`internal: no value for output "${name}"`);
    scope.region.builder.output(name, id);
    return id;
  });
}

/** Puts a graph in the place of a node: a branch that is known to be taken, or what the node stands for. */
function inlineGraph(lowering: Lowering, scope: Scope, node: OnnxNode, graph: OnnxGraph): void {
  const inner = new Scope(scope.region, scope, graph.initializers);
  lowerNodes(lowering, inner, graph);
  for (const [i, name] of node.outputs.entries()) {
    if (name === "") continue;
    const result = graph.outputs[i]?.name;
    const binding = result === undefined ? undefined : inner.lookUp(result);
    if (binding === undefined) throw new Error(`internal: ${nodeSubject(node)} has no result ${i}`);
    scope.bind(name, binding);
  }
}

function bindAll(scope: Scope, node: OnnxNode, binding: Binding): void {
  for (const name of node.outputs) if (name !== "") scope.bind(name, binding);
}

function deferNode(
  scope: Scope,
  node: OnnxNode,
  reason: string,
  valueInputs: readonly string[],
  faults: readonly Diagnostic[] = [],
): void {
  const by: DeferredNode = { node, scope, reason, valueInputs, faults };
  scope.region.deferred.push(by);
  const types = deferredTypes(node, typesIn(scope));
  for (const [i, name] of node.outputs.entries()) {
    const type = types[i];
    if (name !== "" && type !== undefined) scope.bind(name, { kind: "deferred", type, by, name });
  }
}

/** Types of the names of a scope, for what a put-off node's results may be. */
function typesIn(scope: Scope): TypeLookUp {
  return (name) => {
    const binding = scope.lookUp(name);
    if (binding === undefined || binding.kind === "failed") return undefined;
    return binding.kind === "value" ? scope.region.builder.typeOf(binding.id) : binding.type;
  };
}
