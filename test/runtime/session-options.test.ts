/** Options by name: those of onnxruntime are taken, mistyped ones are told. */
import { describe, expect, it } from "@jest/globals";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { f32, modelBytes, node } from "../helpers/onnx-builder.ts";
import { codesOf } from "./codes.ts";

const relu = (): Promise<Uint8Array> =>
  modelBytes({
    opset: 17,
    inputs: { x: f32("batch", 2) },
    outputs: { y: f32("batch", 2) },
    nodes: [node("Relu", ["x"], ["y"])],
  });

describe("session options", () => {
  it("of onnxruntime are taken, with a meaning or without", async () => {
    const session = await InferenceSession.create(await relu(), {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
      enableMemPattern: false,
      logSeverityLevel: 3,
      preferredOutputLocation: "cpu",
      extra: { session: {} },
      freeDimensionOverrides: { batch: 1 },
      ...({ notSet: undefined } as object),
    });
    const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(-1, 2), [1, 2]) });
    expect([...(y?.data as Float32Array)]).toEqual([0, 2]);
  });

  it("that nobody knows are refused, with the nearest", async () => {
    const mistyped = InferenceSession.create(await relu(), { thread: 2, freeDimensionOverides: {} } as object);
    await expect(mistyped).rejects.toThrow(
      /WSC7003: there is no session option "thread"\n {2}help: did you mean "threads"/,
    );
    await expect(mistyped).rejects.toThrow(/"freeDimensionOverides"\n {2}help: did you mean "freeDimensionOverrides"/);
    expect(await codesOf(InferenceSession.create(await relu(), { turbo: true } as object))).toEqual(["WSC7003"]);
  });

  it("bind dims that the model has", async () => {
    const options = { freeDimensionOverrides: { bacth: 8 } };
    await expect(InferenceSession.create(await relu(), options)).rejects.toThrow(
      /WSC7003: the model has no dim "bacth" to bind\n {2}help: did you mean "batch"/,
    );
  });

  it("are not the only names: inputs and outputs that do not exist are told with the nearest", async () => {
    const session = await InferenceSession.create(await relu(), { freeDimensionOverrides: { batch: 1 } });
    const x = new Tensor("float32", Float32Array.of(-1, 2), [1, 2]);
    await expect(session.run({ xx: x, x })).rejects.toThrow(/no input "xx"\n {2}help: did you mean "x"\? inputs: x/);
    await expect(session.run({ x }, ["yy"])).rejects.toThrow(/no output "yy"\n {2}help: did you mean "y"\? outputs: y/);
  });
});
