/** Models whose weights lie in other files. */
import { loadOnnxProto } from "../../compiler/frontend/proto.ts";
import { f32, modelBytes, node } from "./onnx-builder.ts";

/** A model with `w` of three floats in an external file. */
export async function externalModel(entries: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const proto = await loadOnnxProto();
  const model = proto.ModelProto.decode(
    await modelBytes({
      opset: 13,
      inputs: { x: f32(3) },
      outputs: { y: f32(3) },
      nodes: [node("Add", ["x", "w"], ["y"])],
    }),
  );
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  const w = proto.TensorProto.create({
    name: "w",
    dims: [3],
    dataType: 1,
    dataLocation: proto.TensorProto.DataLocation.EXTERNAL,
    externalData,
  });
  model.graph?.initializer?.push(w);
  return proto.ModelProto.encode(model).finish();
}
