/**
 * ONNX model -> open graph, for the shapes at hand and all others that the graph's conditions admit. Symbols of inputs whose size is 0 or 1 at
 * hand are numbers: a batch of one, a single token and an empty cache broadcast and fold in ways of their own, and get programs of their own.
 * All other symbols are open from 2 on. Throws `NotOpen` with the reason where a model cannot be lowered so.
 */
import { nth } from "../../../ir/access.ts";
import { Assumptions, NotOpen } from "../../../ir/assumptions.ts";
import {
  type Dim,
  type DimBinding,
  type DimRange,
  type DimRanges,
  type DimSubstitution,
  isOpenDim,
  symbolDim,
} from "../../../ir/dim.ts";
import { showName, WscError } from "../../../ir/diagnostic.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { OpenGraphBuilder } from "../../../ir/open/builder.ts";
import { mostOfAnyDim } from "../../../ir/open/family.ts";
import type { OpenGraph, OpenType } from "../../../ir/open/graph.ts";
import type { TensorData } from "../../../ir/tensor.ts";
import { withBlockSizes } from "../block-sizes.ts";
import { checkModel } from "../check-model.ts";
import { Deferral } from "../deferral.ts";
import { findOperator } from "../find-operator.ts";
import { inlineFunctions } from "../inline-functions.ts";
import { requiredInputs } from "../lower.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValueInfo } from "../onnx.ts";
import { nodeSubject } from "../onnx.ts";
import { opsetIn } from "../opsets.ts";
import { sortedNodes } from "../sort.ts";
import { anonymousDim, boundDims, type DimBindings } from "../types.ts";
import { foldOpen } from "./fold-sizes.ts";
import { OpenNodeContext } from "./node-context.ts";

/** Where the symbols of an open graph come from: dim `axis` of input `input`. */
export interface SymbolSource {
  readonly name: string;
  readonly input: string;
  readonly axis: number;
}

export interface OpenLowering {
  readonly graph: OpenGraph;
  /** sizes of its symbols for the shapes at hand */
  readonly witness: DimBinding;
  /** symbols that turned out to be others, in terms of those that are left */
  readonly replaced: DimSubstitution;
}

/** Least size of an open symbol. */
export const leastOpen = 2;

export interface OpenLoweringOptions {
  /** sizes that are fixed, by symbol */
  readonly said?: DimBindings;
  /** sizes that others may have; from `leastOpen` on in any case */
  readonly ranges?: DimRanges;
  /** makes a graph even where no dim is left open; else NotOpen */
  readonly mayBeKnown?: boolean;
  /** is given what will be assumed, to look at it where the lowering fails */
  readonly onAssumptions?: (assumptions: Assumptions) => void;
}

/** Lowers a model for inputs of these shapes, by name. */
export function lowerOpenModel(
  model: OnnxModel,
  shapes: ReadonlyMap<string, readonly number[]>,
  { said = new Map(), ranges: given = new Map(), mayBeKnown = false, onAssumptions }: OpenLoweringOptions = {},
): OpenLowering {
  checkModel(model);
  const { model: plain } = withBlockSizes(inlineFunctions(model));
  const inputs = requiredInputs(plain);
  const { types, witness } = openInputs(inputs, shapes, said);
  if (witness.size === 0 && !mayBeKnown) throw new NotOpen("no dim of more than 1 is open");
  const ranges = new Map([...witness.keys()].map((name): [string, DimRange] => [name, openRange(given.get(name))]));
  const assumptions = new Assumptions(witness, ranges);
  onAssumptions?.(assumptions);
  const builder = new OpenGraphBuilder(plain.graph.name, assumptions, foldOpen(assumptions));
  const scope = new OpenScope(builder, plain.graph.initializers, null);
  for (const [name, type] of types) scope.bind(name, builder.input(name, type));
  lowerNodes(plain, scope, plain.graph);
  for (const output of plain.graph.outputs) {
    const value = scope.lookUp(output.name);
    checkDeclared(output, builder.typeOf(value));
    builder.output(output.name, value);
  }
  if (assumptions.ranges.size === 0 && !mayBeKnown) throw new NotOpen("its operators leave no dim open");
  return {
    graph: builder.finish(),
    witness: new Map([...witness].filter(([name]) => assumptions.ranges.has(name))),
    replaced: assumptions.replaced,
  };
}

/** The range of an open symbol, within what was said of it. */
const openRange = (given: DimRange = { least: 0, most: mostOfAnyDim }): DimRange => ({
  least: Math.max(leastOpen, given.least),
  most: given.most,
});

interface OpenInputs {
  readonly types: ReadonlyMap<string, OpenType>;
  readonly witness: DimBinding;
}

/** Types of the inputs, with a symbol where the model has one; a symbol that stands for two sizes is no symbol. */
function openInputs(
  inputs: readonly OnnxValueInfo[],
  shapes: ReadonlyMap<string, readonly number[]>,
  said: DimBindings,
): OpenInputs {
  const witness = new Map<string, number>();
  const types = new Map<string, OpenType>();
  for (const { name, type } of inputs) {
    const shape = shapes.get(name);
    if (type?.kind !== "tensor" || type.dims === null)
      throw new NotOpen(`input ${showName(name)} has no declared rank`);
    const declared = boundDims(type.dims, said, name) ?? [];
    const known = declared.filter((dim) => typeof dim === "number");
    const given = shape ?? (known.length === declared.length ? known : undefined);
    if (given === undefined || given.length !== declared.length)
      throw new NotOpen(`input ${showName(name)} has another rank`);
    const dims = declared.map((dim, axis): Dim => openDim(dim, nth(given, axis), witness, anonymousDim(name, axis)));
    types.set(name, { dtype: type.dtype, dims });
  }
  return { types, witness };
}

function openDim(declared: number | string, size: number, witness: Map<string, number>, where: string): Dim {
  if (typeof declared === "number") {
    if (declared !== size) throw new NotOpen(`dim ${where} is ${size}, not ${declared}`);
    return declared;
  }
  const known = witness.get(declared);
  if (known !== undefined && known !== size) throw new NotOpen(`the dim ${declared} is ${known} and ${size}`);
  if (size < leastOpen) return size;
  witness.set(declared, size);
  return symbolDim(declared);
}

/** What the model declares of an output must be possible; the way by known shapes reports what is not. */
function checkDeclared({ name, type }: OnnxValueInfo, { dtype, dims }: OpenType): void {
  if (type === null) return;
  const fits =
    type.kind === "tensor" &&
    type.dtype === dtype &&
    (type.dims === null ||
      (type.dims.length === dims.length &&
        type.dims.every((dim, axis) => typeof dim !== "number" || isOpenDim(nth(dims, axis)) || dim === dims[axis])));
  if (!fits) throw new NotOpen(`output ${showName(name)} is declared otherwise`);
}

// ---- nodes ------------------------------------------------------------------------------------------------------------------------

/** Names of one ONNX graph; what stands for a node may be a graph of its own. */
class OpenScope {
  readonly builder: OpenGraphBuilder;
  readonly #initializers: ReadonlyMap<string, TensorData>;
  readonly #parent: OpenScope | null;
  readonly #values = new Map<string, ValueId>();

  constructor(builder: OpenGraphBuilder, initializers: ReadonlyMap<string, TensorData>, parent: OpenScope | null) {
    this.builder = builder;
    this.#initializers = initializers;
    this.#parent = parent;
  }

  bind(name: string, value: ValueId): void {
    this.#values.set(name, value);
  }

  inner(initializers: ReadonlyMap<string, TensorData>): OpenScope {
    return new OpenScope(this.builder, initializers, this);
  }

  lookUp(name: string): ValueId {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const tensor = this.#initializers.get(name);
    if (tensor === undefined) {
      if (this.#parent === null) throw new NotOpen(`nothing defines ${showName(name)}`);
      return this.#parent.lookUp(name);
    }
    const value = this.builder.constant(tensor, name);
    this.bind(name, value);
    return value;
  }
}

function lowerNodes(model: OnnxModel, scope: OpenScope, graph: OnnxGraph): void {
  const { nodes, problem } = sortedNodes(graph);
  if (problem !== null) throw new NotOpen(problem.message);
  for (const node of nodes) {
    try {
      lowerNode(model, scope, node);
    } catch (error) {
      throw asNotOpen(error, node);
    }
  }
}

/** A fault of the model is for the way by known shapes to report. */
function asNotOpen(error: unknown, node: OnnxNode): unknown {
  if (error instanceof WscError) return new NotOpen(error.message);
  return error instanceof Deferral ? new NotOpen(`${nodeSubject(node)}: ${error.reason}`) : error;
}

function lowerNode(model: OnnxModel, scope: OpenScope, node: OnnxNode): void {
  const opsets = node.opsets ?? model.opsets;
  const found = findOperator(node, opsets);
  if (found.kind === "unsupported") throw new NotOpen(found.problem.message);
  if ([...node.attributes.values()].some(({ kind }) => kind === "graph" || kind === "graphs")) {
    throw new NotOpen(`${nodeSubject(node)} has regions`);
  }
  const context = new OpenNodeContext(node, opsetIn(opsets, node.domain) ?? 1, scope.builder, (name) =>
    scope.lookUp(name),
  );
  const lowered = found.version.lower(context);
  if ("nodes" in lowered) {
    const inner = scope.inner(lowered.initializers);
    lowerNodes(model, inner, lowered);
    bindResults(
      scope,
      node,
      lowered.outputs.map(({ name }) => inner.lookUp(name)),
    );
  } else bindResults(scope, node, lowered);
}

function bindResults(scope: OpenScope, node: OnnxNode, results: readonly ValueId[]): void {
  for (const [index, name] of node.outputs.entries()) {
    if (name === "") continue;
    const value = nth(results, index);
    scope.builder.nameValue(value, name);
    scope.bind(name, value);
  }
}
