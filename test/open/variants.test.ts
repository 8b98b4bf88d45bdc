/** Graphs for all shapes of a model, found without shapes at hand. */
import { describe, expect, test } from "@jest/globals";
import { checkOpenGraph } from "../../compiler/codegen/open/lower.ts";
import { lowerVariants, type OpenVariants } from "../../compiler/frontend/open/variants.ts";
import { fuseOpenGraph } from "../../compiler/passes/fuse-open.ts";
import { nth } from "../../ir/access.ts";
import { type DimRanges, showDims } from "../../ir/dim.ts";
import { showRange } from "../../ir/open/family.ts";
import type { OpenGraph } from "../../ir/open/graph.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { f32, model, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { encoder, maskedDecoder, perceptron } from "./models.ts";
import { pyramid } from "./images.ts";

const prepare = (graph: OpenGraph): OpenGraph => {
  const ready = fuseOpenGraph(graph);
  checkOpenGraph(ready);
  return ready;
};

const variantsOf = async (
  spec: ModelSpec,
  ranges: DimRanges = new Map(),
  said: ReadonlyMap<string, number> = new Map(),
): Promise<OpenVariants> => lowerVariants(await model(spec), { said, ranges, prepare });

/** The shapes of a graph's inputs. */
const shapesIn = ({ inputs, values }: OpenGraph): string =>
  inputs.map(({ value }) => showDims(nth(values, value).type.dims)).join(" ");

describe("graphs for all shapes", () => {
  test("a row, and more of them", async () => {
    const { graphs, dims, leftOut } = await variantsOf(perceptron);
    expect(graphs.map(shapesIn)).toEqual(["[batch,12]", "[1,12]"]);
    // no rows give nothing
    expect(dims.map(showRange)).toEqual(["at least 1"]);
    expect(leftOut).toEqual([]);
  });

  test("a decoder with and without a cache; the mask's dim follows from the others", async () => {
    const { graphs, dims } = await variantsOf(maskedDecoder);
    expect(graphs).toHaveLength(12);
    const shapes = graphs.map(shapesIn);
    expect(shapes).toContain("[batch,seq] [batch,2,past,8] [batch,2,past,8] [batch,past+seq]");
    expect(shapes).toContain("[1,1] [1,2,past,8] [1,2,past,8] [1,past+1]");
    expect(shapes).toContain("[1,seq] [1,2,0,8] [1,2,0,8] [1,seq]");
    expect(dims.map(({ name, least }) => [name, least])).toEqual([
      ["batch", 1],
      ["seq", 1],
      ["past", 0],
      ["total", 0],
    ]);
  });

  test("of many dims as few as can be are 0 or 1 at once", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
    const { graphs, leftOut } = await variantsOf({
      opset: 17,
      inputs: Object.fromEntries(names.map((name) => [name, f32(name, 4)])),
      outputs: Object.fromEntries(names.map((name) => [`${name}_out`, f32(name, 4)])),
      nodes: names.map((name) => node("Relu", [name], [`${name}_out`])),
    });
    // all open, and each of them 1 by itself
    expect(graphs).toHaveLength(21);
    expect(leftOut.map(({ sizes }) => sizes)).toEqual(["0 or 1 for more than 1 of the dims at once"]);
  });

  test("ranges leave sizes out, and reach the symbols", async () => {
    const ranges = new Map([
      ["batch", { least: 1, most: 1 }],
      ["seq", { least: 1, most: 40 }],
    ]);
    const { graphs, dims } = await variantsOf(encoder, ranges);
    expect(graphs.map(shapesIn)).toEqual(["[1,seq] [1,seq]", "[1,1] [1,1]"]);
    // positions are for 40 tokens: within the range that is proven, and no guard
    expect(graphs[0]?.conditions).toEqual({ ranges: new Map([["seq", { least: 2, most: 40 }]]), guards: [] });
    expect(dims.map(showRange)).toEqual(["1", "1 to 40"]);
    const { graphs: unbounded } = await variantsOf(encoder, new Map(), new Map([["batch", 1]]));
    expect(unbounded[0]?.conditions.guards).not.toEqual([]);
  });

  test("sizes that a model does not admit are left out, with the reason", async () => {
    const { graphs, leftOut } = await variantsOf(pyramid);
    expect(graphs).toHaveLength(1);
    expect(leftOut.map(({ sizes }) => sizes)).toEqual([
      "height>=2, width=1",
      "height=1, width>=2",
      "height=1, width=1",
    ]);
    expect(leftOut[0]?.reason).toMatch(/concat "Concat_14": .* does not join/);
  });

  test("an empty batch is for those who ask for it", async () => {
    const { graphs } = await variantsOf(perceptron, new Map([["batch", { least: 0, most: 8 }]]));
    expect(graphs.map(shapesIn)).toEqual(["[batch,12]", "[1,12]", "[0,12]"]);
  });

  test("a model without an open form is refused, with the reason and the dims", async () => {
    const sums = {
      opset: 13,
      inputs: { x: f32("batch", 3) },
      outputs: { y: f32("batch", 3) },
      nodes: [node("CumSum", ["x", "axis"], ["y"])],
      initializers: { axis: tensorFrom("i64", [], [1]) },
    };
    // one row has numbers to ask for, and is all that can be compiled
    await expect(variantsOf(sums, new Map([["batch", { least: 2, most: 9 }]]))).rejects.toThrow(
      /WSC2005: the model cannot be compiled for all sizes of batch: .*it asks for the numbers of \[batch,3\]\n {2}help: bind them: --dim batch=N/,
    );
  });
});
