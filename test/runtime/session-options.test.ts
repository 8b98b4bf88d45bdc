/** Options by name: those of onnxruntime are taken, mistyped ones are told. */
import { describe, expect, it, jest } from "@jest/globals";
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

  /** What is said on the console while a session is made. */
  async function warningsOf(options: object): Promise<readonly string[]> {
    const warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      const session = await InferenceSession.create(await relu(), options);
      const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(-1, 2), [1, 2]) });
      expect([...(y?.data as Float32Array)]).toEqual([0, 2]);
      return warn.mock.calls.map(([text]) => String(text));
    } finally {
      warn.mockRestore();
    }
  }

  it("that nobody knows are ignored, and warned of where they look mistyped", async () => {
    expect(await warningsOf({ turbo: true, wasm: {}, progress_callback: null, session_options: {} })).toEqual([]);
    expect(await warningsOf({ thread: 2, freeDimensionOverides: {} })).toEqual([
      expect.stringMatching(
        /^warning WSC7003: there is no session option "thread".*\n {2}help: did you mean "threads"/,
      ),
      expect.stringMatching(/"freeDimensionOverides".*\n {2}help: did you mean "freeDimensionOverrides"/),
    ]);
    expect(await warningsOf({ thread: 2, logSeverityLevel: 3 })).toEqual([]);
  });

  it("that nobody knows are refused by those who are strict", async () => {
    const strict = async (options: object): Promise<readonly string[]> =>
      codesOf(InferenceSession.create(await relu(), { ...options, strict: true }));
    expect(await strict({ turbo: true })).toEqual(["WSC7003"]);
    expect(await strict({ thread: 1, turbo: true })).toEqual(["WSC7003", "WSC7003"]);
    expect(await strict({ freeDimensionOverrides: { bacth: 8 } })).toEqual(["WSC7003"]);
    expect(await strict({ freeDimensionOverrides: { batch: 8 } })).toEqual([]);
  });

  it("bind dims that the model has", async () => {
    expect(await warningsOf({ freeDimensionOverrides: { sequence_length: 8 } })).toEqual([]);
    expect(await warningsOf({ freeDimensionOverrides: { bacth: 8, batch: 1 } })).toEqual([
      expect.stringMatching(/^warning WSC7003: the model has no dim "bacth" to bind.*\n {2}help: did you mean "batch"/),
    ]);
  });

  it("are not the only names: inputs and outputs that do not exist are told with the nearest", async () => {
    const session = await InferenceSession.create(await relu(), { freeDimensionOverrides: { batch: 1 } });
    const x = new Tensor("float32", Float32Array.of(-1, 2), [1, 2]);
    await expect(session.run({ xx: x, x })).rejects.toThrow(/no input "xx"\n {2}help: did you mean "x"\? inputs: x/);
    await expect(session.run({ x }, ["yy"])).rejects.toThrow(/no output "yy"\n {2}help: did you mean "y"\? outputs: y/);
  });
});
