/** The inputs and outputs of a model, as a caller sees them: initializers that are also listed as inputs are not asked for. */
import type { ValueType } from "../../ir/graph.ts";
import type { OnnxModel, OnnxValueInfo } from "./onnx.ts";
import { type DimBindings, valueTypeOf } from "./types.ts";

export interface ModelPorts {
  readonly inputs: readonly { readonly name: string; readonly type: ValueType }[];
  readonly outputs: readonly { readonly name: string; readonly type: ValueType }[];
}

export function modelPorts({ graph }: OnnxModel, bindings: DimBindings): ModelPorts {
  const port = ({ name, type }: OnnxValueInfo): { readonly name: string; readonly type: ValueType } => ({
    name,
    type: type === null ? { kind: "dynamic", dtype: "f32", dims: null } : valueTypeOf(type, bindings, name),
  });
  return {
    inputs: graph.inputs.filter(({ name }) => !graph.initializers.has(name)).map(port),
    outputs: graph.outputs.map(port),
  };
}
