/** Rewrites of open graphs leave what they compute as it is, and leave fewer ops. */
import { describe, expect, test } from "@jest/globals";
import { lowerOpenModel } from "../../compiler/frontend/open/lower.ts";
import { fuseOpenGraph } from "../../compiler/passes/fuse-open.ts";
import { bindGraph } from "../../ir/open/bind.ts";
import type { OpenGraph } from "../../ir/open/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { relativeError } from "../helpers/oracle.ts";
import { model } from "../helpers/onnx-builder.ts";
import { cases, shapesOf } from "./cases.ts";

/** How often each kind stands in a graph. */
function kindsOf({ ops }: OpenGraph): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { kind } of ops) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)));
}

describe.each(Object.entries(cases))("%s", (_, one) => {
  test("computes the same in fewer ops", async () => {
    const feeds = one.feeds(one.witness);
    const { graph, witness } = lowerOpenModel(await model(one.model), shapesOf(feeds));
    const fused = fuseOpenGraph(graph);
    const bound = bindGraph(fused, witness);
    expect(verifyGraph(bound)).toEqual([]);
    const inputs = new Map(Object.entries(feeds));
    const expected = interpretGraph(bindGraph(graph, witness), inputs);
    for (const [name, value] of interpretGraph(bound, inputs)) {
      const [actual, wanted] = [value as TensorData, expected.get(name) as TensorData];
      expect(actual.shape).toEqual(wanted.shape);
      expect(relativeError(actual.elements as Float32Array, wanted.elements as Float32Array)).toBeLessThan(1e-5);
    }
    expect({ before: kindsOf(graph), after: kindsOf(fused) }).toMatchSnapshot();
  });
});
