/**
 * ONNX model -> graph. The model is checked as a whole, functions are inlined, symbolic dims are bound, then nodes are lowered in order.
 * Everything that is wrong is reported at once.
 */
import { type Diagnostic, fail, showName, WscError } from "../../ir/diagnostic.ts";
import type { Graph, ValueType } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { showType } from "../../ir/types.ts";
import { checkModel } from "./check-model.ts";
import { capped } from "./capped.ts";
import { checkDeclaredOutputs, claimedType } from "./declared-types.ts";
import { bindDims, type GivenTypes, inputType } from "./bind-dims.ts";
import { withBlockSizes } from "./block-sizes.ts";
import { inlineFunctions } from "./inline-functions.ts";
import { finishOutputs, lowerNodes, type Lowering, newLowering, Reported } from "./lower-graph.ts";
import type { OnnxModel, OnnxValueInfo } from "./onnx.ts";
import { Region, Scope } from "./scope.ts";
import { checkDimNames, suggestDims } from "./suggest-dims.ts";
import { type DimBindings, unboundDims, valueTypeOf } from "./types.ts";

export interface LowerOptions {
  /** values of symbolic dims, by name; a dim without a name is called `input.axis` */
  readonly dims?: ReadonlyMap<string, number>;
  /** shapes of inputs; the symbols in their declared shapes are bound by them */
  readonly inputShapes?: ReadonlyMap<string, readonly number[]>;
  /** types of inputs, for those that are no tensors of known shape as well */
  readonly inputTypes?: ReadonlyMap<string, ValueType>;
  /** inputs whose values are known: they become constants and are no inputs of the graph */
  readonly inputConstants?: ReadonlyMap<string, TensorData>;
  /** inputs with a default (an initializer of the same name) that stay inputs; all others become constants */
  readonly overridable?: ReadonlySet<string>;
  /** refuse inputs with dims that are not bound (WSC2005), instead of putting what depends on them off to run time */
  readonly requireStatic?: boolean;
  /** the graph is only looked at: deferred parts are left without their payload, which may be as large as the model */
  readonly checkOnly?: boolean;
}

export interface LowerResult {
  readonly graph: Graph;
  readonly warnings: readonly Diagnostic[];
}

export interface ModelPort {
  readonly name: string;
  readonly type: ValueType;
}

/** Inputs that must be fed: those without a default, in the model's order. */
export function requiredInputs(
  model: OnnxModel,
  overridable: ReadonlySet<string> = new Set(),
): readonly OnnxValueInfo[] {
  const { inputs, initializers } = model.graph;
  return inputs.filter(({ name }) => !initializers.has(name) || overridable.has(name));
}

/** What a model takes and gives as far as it declares it, with `dims` bound. */
export function modelPorts(
  model: OnnxModel,
  dims: ReadonlyMap<string, number> = new Map(),
): { readonly inputs: readonly ModelPort[]; readonly outputs: readonly ModelPort[] } {
  const port = ({ name, type }: OnnxValueInfo): ModelPort => ({
    name,
    type: type === null ? { kind: "dynamic", dtype: "f32", dims: null } : valueTypeOf(type, dims, name),
  });
  return { inputs: requiredInputs(model).map(port), outputs: model.graph.outputs.map(port) };
}

/** Lowers a model; throws a WscError with everything that is wrong with it. */
export function lowerModel(model: OnnxModel, options: LowerOptions = {}): LowerResult {
  checkModel(model);
  checkDimNames(model, options.dims ?? new Map());
  const { model: blocked, warnings } = withBlockSizes(inlineFunctions(model));
  const result = lowerChecked(blocked, options);
  return { ...result, warnings: [...warnings, ...result.warnings] };
}

/** Lowers a model that is known to be well-formed and to have no functions. */
export function lowerChecked(model: OnnxModel, options: LowerOptions): LowerResult {
  const given: GivenTypes = {
    shapes: options.inputShapes ?? new Map(),
    types: new Map([...(options.inputTypes ?? []), ...constantTypes(options.inputConstants)]),
    dims: options.dims ?? new Map(),
  };
  const inputs = requiredInputs(model, options.overridable);
  const dims = bindDims(inputs, given);
  if (options.requireStatic === true) {
    const admits = (more: DimBindings): boolean => canLower(model, { ...options, dims: new Map([...dims, ...more]) });
    refuseUnbound(inputs, given, dims, options.inputConstants, admits);
  }
  const lowering = newLowering(model.opsets, options.checkOnly !== true);
  const region = new Region(model.graph.name, null, lowering.fold);
  const scope = new Scope(region, null, model.graph.initializers);
  for (const input of inputs) bindInput(scope, input, inputType(input, given, dims), options.inputConstants);
  lowerMain(lowering, scope, model, dims);
  const graph = region.finish([]);
  const problems = checkDeclaredOutputs(model.graph.outputs, graph, dims);
  if (problems.some(({ severity }) => severity === "error")) throw new WscError(problems);
  return { graph, warnings: [...problems, ...capped(region.faults.map(whereReached))] };
}

/** What is wrong in a branch or a body counts where a run comes there, and not before. */
const whereReached = (fault: Diagnostic): Diagnostic => ({
  ...fault,
  severity: "warning",
  message: `a run that comes here fails: ${fault.message}`,
});

const constantTypes = (constants: LowerOptions["inputConstants"]): [string, ValueType][] =>
  [...(constants ?? [])].map(([name, { dtype, shape }]) => [name, { kind: "tensor", dtype, shape }]);

function bindInput(
  scope: Scope,
  { name }: OnnxValueInfo,
  type: ValueType,
  constants: LowerOptions["inputConstants"],
): void {
  const constant = constants?.get(name);
  const { region } = scope;
  scope.bindValue(name, constant === undefined ? region.formal(name, type) : region.constant(constant, name));
}

function refuseUnbound(
  inputs: readonly OnnxValueInfo[],
  given: GivenTypes,
  dims: ReadonlyMap<string, number>,
  constants: LowerOptions["inputConstants"],
  admits: (dims: DimBindings) => boolean,
): void {
  const open = inputs.flatMap((input) => {
    const type = inputType(input, given, dims);
    const isOpen = type.kind === "dynamic" && constants?.get(input.name) === undefined;
    return isOpen ? [{ name: input.name, type, symbols: unboundDims(type) }] : [];
  });
  if (open.length === 0) return;
  const symbols = [...new Set(open.flatMap((input) => input.symbols))];
  const shown = open.map(({ name, type }) => `"${showName(name)}" is ${showType(type)}`).join(", ");
  const what =
    symbols.length === 0 ? "shapes of inputs are not known" : `dims ${symbols.map(showName).join(", ")} have no value`;
  const hint = symbols.length === 0 ? "the model declares no shape for this input" : suggestDims(symbols, admits);
  throw fail("WSC2005", `${what}: input ${shown}`, { hint });
}

function canLower(model: OnnxModel, options: LowerOptions): boolean {
  try {
    lowerChecked(model, { ...options, requireStatic: false, checkOnly: true });
    return true;
  } catch (error) {
    if (error instanceof WscError) return false;
    throw error;
  }
}

function lowerMain(lowering: Lowering, scope: Scope, model: OnnxModel, dims: ReadonlyMap<string, number>): void {
  try {
    lowerNodes(lowering, scope, model.graph);
    if (lowering.diagnostics.length > 0) throw new Reported();
    finishOutputs(lowering, scope, model.graph, ({ name, type }, binding) =>
      type === null ? binding.type : claimedType(valueTypeOf(type, dims, name)),
    );
  } catch (error) {
    if (!(error instanceof Reported)) throw error;
    throw new WscError(capped(lowering.diagnostics));
  }
}
