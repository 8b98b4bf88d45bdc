/** A decoder on one region: its layers agree with the clock of published programs, and its code is that of loop forms. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { kernelsOf, lowerSource } from "../../compiler/compile.ts";
import { withPrecision } from "../../compiler/kernels/precision.ts";
import { draftOf } from "../../compiler/planner/models/build.ts";
import { resized } from "../../compiler/planner/models/config.ts";
import { namedModel } from "../../compiler/planner/models/named/index.ts";
import { modelFiles } from "../../compiler/planner/models/write.ts";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { placeInMode } from "../../compiler/placement/modes.ts";
import { wse3 } from "../../compiler/targets/wse3.ts";
import { nth } from "../../ir/access.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { decodeCycles, totalCycles } from "../../ir/machine/layer-cycles.ts";
import type { Target } from "../../ir/machine/target.ts";
import { workOfLayer } from "../../ir/machine/transformer.ts";
import type { Placement } from "../../ir/placement.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("decoder");
afterAll(scratch.remove);

const shape = { hidden: 2048, heads: 16, kvHeads: 4, headSize: 128, ffn: 5632 };
const seen = 512;

/** The usable cores of WSE-3 that regions of this test lie on. */
const side = 128;
const target: Target = { ...wse3, fabric: { width: side + 7, height: side + 2 } };

/** A decode step of so many layers; weights are holes in a file. */
async function decoder(layers: number): Promise<KernelGraph> {
  const { ffn, ...sizes } = shape;
  const config = resized(namedModel("llama3.1-8b"), { ...sizes, inner: ffn, layers, vocabulary: 1024 });
  const draft = draftOf(config, { dtype: "f16", step: "decode", batch: 1, sequence: seen });
  const { model, data } = await modelFiles(draft, "decoder", "weights", null);
  const file = path.join(scratch.path, "decoder.onnx");
  writeFileSync(file, model);
  writeFileSync(path.join(scratch.path, "weights"), "");
  truncateSync(path.join(scratch.path, "weights"), data.byteLength);
  const { graph } = await lowerSource(file);
  return withPrecision(await kernelsOf(graph, target), "f16");
}

const regionOf = ({ mode }: Placement) => {
  if (mode.kind !== "resident") throw new Error("it is a pipeline");
  return mode;
};

describe("two layers like Llama's on one region", () => {
  const placed = (async () => {
    const graph = await decoder(2);
    return { graph, placement: (await placeInMode(graph, target, { mode: "resident" })).placement };
  })();

  it("fit cores of 48 KB: code is there once for each form of loop", async () => {
    const { graph, placement } = await placed;
    expect(checkPlacement(graph, placement, target)).toEqual([]);
    const { sram } = regionOf(placement);
    // matrix-vector products, norms, softmax, expressions, gathers, concats: what published programs take, to a tenth
    expect(sram.code / 22_600).toBeGreaterThan(0.9);
    expect(sram.code / 22_600).toBeLessThan(1.1);
  });

  it("take the cycles of modelDecode to 10 %, moves between layouts included", async () => {
    const { graph, placement } = await placed;
    const { region, moves } = regionOf(placement);
    const inLayer = ({ name }: { readonly name: string }): boolean => name.startsWith("/layers/1/");
    const own = placement.kernels.filter(inLayer).reduce((sum, { variant }) => sum + variant.cycles, 0);
    const moved = moves
      .filter(({ edge }) => inLayer(nth(graph.kernels, nth(graph.edges, edge).to)))
      .reduce((sum, { cycles }) => sum + cycles, 0);
    const modelled = totalCycles(decodeCycles({ target, work: workOfLayer(shape), region, sequences: 1, seen }));
    expect(Math.abs((own + moved) / modelled - 1)).toBeLessThan(0.1);
    // products take turns in the side that they sum over, and nothing moves between most of them
    const products = placement.kernels.filter((one) => inLayer(one) && /(q|o)_proj/.test(one.name));
    const sums = products.map(({ variant }) =>
      variant.mapping.rows.some(({ loop }) => loop === "k") ? "rows" : "columns",
    );
    expect(new Set(sums).size).toBe(2);
    expect(moves.filter(({ kind }) => kind === "stays" || kind === "there").length).toBeGreaterThan(moves.length / 2);
  });
});
