/** One case of a pass: the graph before as text, its text after as a golden, and both computing the same. */
import { expect } from "@jest/globals";
import type { Graph } from "../../ir/graph.ts";
import { parseGraph } from "../../ir/parse.ts";
import { printGraph } from "../../ir/print.ts";
import { elementCount, tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { verifyGraph } from "../../ir/verify.ts";
import type { HostValue } from "../../runtime/host/value.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import type { Pass } from "../../compiler/passes/pass.ts";

/** Deterministic values around zero; small integers for integer types. */
export function sampleInput(dtype: TensorData["dtype"], shape: readonly number[], salt: number): TensorData {
  const values = Array.from({ length: elementCount(shape) }, (_, i) => {
    const wave = Math.sin(i * 1.37 + salt) * 2;
    return dtype === "f32" || dtype === "f64" ? wave : Math.abs(Math.round(wave));
  });
  return tensorFrom(dtype, shape, values);
}

/** Runs both graphs on the same inputs and compares their outputs. */
export function expectSameMeaning(before: Graph, after: Graph, tolerance = 1e-5): void {
  const inputs = new Map<string, HostValue>();
  for (const [salt, port] of before.inputs.entries()) {
    const type = before.values[port.value]?.type;
    if (type?.kind !== "tensor") throw new Error("the case needs static inputs");
    inputs.set(port.name, sampleInput(type.dtype, type.shape, salt));
  }
  const wanted = interpretGraph(before, inputs);
  const found = interpretGraph(after, inputs);
  expect([...found.keys()]).toEqual([...wanted.keys()]);
  for (const [name, value] of wanted) {
    const [a, b] = [value as TensorData, found.get(name) as TensorData];
    expect([b.dtype, b.shape]).toEqual([a.dtype, a.shape]);
    for (const [i, element] of Array.from(a.elements as ArrayLike<number | bigint>, Number).entries()) {
      expect(Math.abs(Number(b.elements[i]) - element)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(element)));
    }
  }
}

/** Runs passes over a text, compares the text after with a golden, and the meaning before and after. */
export function expectPasses(passes: readonly Pass[], text: string, golden: string, tolerance = 1e-5): Graph {
  const before = parseGraph(text);
  expect(verifyGraph(before)).toEqual([]);
  const after = passes.reduce((graph, pass) => pass.run(graph), before);
  expect(verifyGraph(after)).toEqual([]);
  expect(printGraph(after)).toMatchGolden(`passes/${golden}.ir`);
  expectSameMeaning(before, after, tolerance);
  return after;
}
