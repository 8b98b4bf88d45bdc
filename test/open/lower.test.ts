/** The meaning of open graphs: bound to any shape that they admit, they compute what the model lowered for that shape computes. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { lowerOpenModel } from "../../compiler/frontend/open/lower.ts";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { bindGraph } from "../../ir/open/bind.ts";
import type { OpenGraph } from "../../ir/open/graph.ts";
import { showDims } from "../../ir/dim.ts";
import { showGuard } from "../../ir/assumptions.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { model } from "../helpers/onnx-builder.ts";
import { anySizes, cases, type OpenCase, shapesOf } from "./cases.ts";

const lowerCase = async ({ model: spec, witness, feeds }: OpenCase): Promise<OpenGraph> =>
  lowerOpenModel(await model(spec), shapesOf(feeds(witness))).graph;

describe.each(Object.entries(cases))("%s", (_, one) => {
  test("bound to any shape it computes what the static graph computes", async () => {
    const [graph, decoded] = [await lowerCase(one), await model(one.model)];
    const sizes = anySizes(one);
    fc.assert(
      fc.property(sizes, (chosen) => {
        const feeds = one.feeds(chosen);
        const bound = bindGraph(graph, new Map(Object.entries(chosen)));
        expect(verifyGraph(bound)).toEqual([]);
        const inputs = new Map(Object.entries(feeds));
        const expected = interpretGraph(lowerModel(decoded, { inputShapes: shapesOf(feeds) }).graph, inputs);
        expect(interpretGraph(bound, inputs)).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });

  test("its outputs, guards and ranges", async () => {
    const { values, outputs, conditions, ops } = await lowerCase(one);
    expect({
      outputs: outputs.map(({ name, value }) => `${name} ${showDims(values[value]?.type.dims ?? [])}`),
      guards: conditions.guards.map(showGuard),
      ranges: [...conditions.ranges],
      ops: ops.length,
    }).toMatchSnapshot();
  });
});
