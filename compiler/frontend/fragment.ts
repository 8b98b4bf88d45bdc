/** Lowers the payload of a `deferred` op once its inputs are there. */
import type { ValueType } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { withDecodedOpset } from "./encode.ts";
import { lowerChecked, type LowerResult } from "./lower.ts";
import { decodeModel } from "./decode.ts";
import { fail } from "../../ir/diagnostic.ts";
import type { OnnxModel } from "./onnx.ts";
import { loadOnnxProto, onnxProto } from "./proto.ts";

/** What is known of an input of a deferred part: its type now, and its value where that may decide shapes. */
export interface FragmentInput {
  readonly type: ValueType;
  readonly constant?: TensorData;
}

interface Fragment {
  readonly model: OnnxModel;
  readonly valueInputs: readonly string[];
}

function readFragment({ elements }: TensorData): Fragment {
  if (!(elements instanceof Uint8Array)) throw new Error("internal: a deferred part is not made of bytes");
  // a copy: the payload may stand in the memory of a program, whose buffer does not last
  const proto = onnxProto().ModelProto.decode(elements.slice());
  const decoded = decodeModel(proto, null, "a deferred part", { movable: true });
  const graph = { ...decoded.graph, nodes: decoded.graph.nodes.map(withDecodedOpset) };
  const text = proto.metadataProps.find(({ key }) => key === "wsc.value_inputs")?.value ?? "[]";
  return { model: { ...decoded, graph }, valueInputs: JSON.parse(text) as string[] };
}

/** Names of the inputs whose values must be given as constants to `lowerFragment`. */
export async function fragmentValueInputs(payload: TensorData): Promise<readonly string[]> {
  await loadOnnxProto();
  return readFragment(payload).valueInputs;
}

/**
 * Lowers a deferred part for inputs of these types. Inputs with a `constant` become constants (small integer tensors should be given so,
 * and the op's `valueInputs` must be); every other input stays an input of the graph.
 */
export async function lowerFragment(
  payload: TensorData,
  inputs: ReadonlyMap<string, FragmentInput>,
): Promise<LowerResult> {
  await loadOnnxProto();
  return lowerLoadedFragment(payload, inputs);
}

/** A deferred part as a model, whose inputs are declared to have these dims. */
export async function openFragment(
  payload: TensorData,
  dims: ReadonlyMap<string, readonly (number | string)[]>,
): Promise<OnnxModel> {
  await loadOnnxProto();
  const { model } = readFragment(payload);
  const inputs = model.graph.inputs.map((input) => {
    const own = dims.get(input.name);
    return own === undefined || input.type?.kind !== "tensor"
      ? input
      : { ...input, type: { ...input.type, dims: own } };
  });
  return { ...model, graph: { ...model.graph, inputs } };
}

/** `lowerFragment` without waiting, for a process that has loaded onnx-proto: one that lowered the model. */
export function lowerLoadedFragment(payload: TensorData, inputs: ReadonlyMap<string, FragmentInput>): LowerResult {
  const { model, valueInputs } = readFragment(payload);
  for (const name of valueInputs) {
    if (inputs.get(name)?.constant === undefined)
      throw new Error(`internal: the value of "${name}" is needed and not given`);
  }
  const constants = new Map<string, TensorData>();
  const types = new Map<string, ValueType>();
  for (const [name, { type, constant }] of inputs) {
    types.set(name, type);
    if (constant !== undefined) constants.set(name, constant);
  }
  const result = lowerChecked(model, { inputConstants: constants, inputTypes: types });
  expectProgress(model, result, inputs);
  return result;
}

/** A part of which nothing could be lowered although all is known would be put off for ever. */
function expectProgress(model: OnnxModel, { graph }: LowerResult, inputs: ReadonlyMap<string, FragmentInput>): void {
  const [op, ...more] = graph.ops;
  const allKnown = [...inputs.values()].every(({ type }) => type.kind !== "dynamic");
  const isStuck = more.length === 0 && op?.kind === "deferred" && op.outputNames.length === model.graph.outputs.length;
  const first = model.graph.nodes[0];
  if (!isStuck || !allKnown || op.origin.length < new Set(model.graph.nodes.map(({ name }) => name)).size) return;
  if ((op.valueInputs ?? []).some((name) => inputs.get(name)?.constant === undefined)) return;
  throw fail("WSC3001", `it cannot be run: ${op.reason}`, { subject: first && `${first.opType} "${first.name}"` });
}
