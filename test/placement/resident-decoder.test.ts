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
import { type LayerShape, workOfLayer } from "../../ir/machine/transformer.ts";
import type { Placement } from "../../ir/placement.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("decoder");
afterAll(scratch.remove);

interface Decoder {
  readonly shape: Required<LayerShape>;
  /** tokens in the cache, with the new one */
  readonly seen: number;
  /** usable cores along a side of the wafer */
  readonly side: number;
}

const targetOf = ({ side }: Decoder): Target => ({ ...wse3, fabric: { width: side + 7, height: side + 2 } });

/** A decode step of so many layers; weights are holes in a file. */
async function decoder(each: Decoder, layers: number): Promise<KernelGraph> {
  const { ffn, ...sizes } = each.shape;
  const config = resized(namedModel("llama3.1-8b"), { ...sizes, inner: ffn, layers, vocabulary: 1024 });
  const draft = draftOf(config, { dtype: "f16", step: "decode", batch: 1, sequence: each.seen });
  const { model, data } = await modelFiles(draft, "decoder", "weights", null);
  const file = path.join(scratch.path, "decoder.onnx");
  writeFileSync(file, model);
  writeFileSync(path.join(scratch.path, "weights"), "");
  truncateSync(path.join(scratch.path, "weights"), data.byteLength);
  const { graph } = await lowerSource(file);
  return withPrecision(await kernelsOf(graph, targetOf(each)), "f16");
}

const heads = (count: number, kvHeads: number) => ({ heads: count, kvHeads, headSize: 128 });

/** Keys shared by four heads, and by none; attention is one kernel with its softmax, or three. */
const decoders = {
  "1,024 columns": { shape: { hidden: 1024, ...heads(8, 2), ffn: 2816 }, seen: 512, side: 128 },
  "2,048 columns": { shape: { hidden: 2048, ...heads(16, 4), ffn: 5632 }, seen: 512, side: 128 },
  "2,048 columns, keys of every head": { shape: { hidden: 2048, ...heads(16, 16), ffn: 5632 }, seen: 512, side: 128 },
  "4,096 columns": { shape: { hidden: 4096, ...heads(32, 8), ffn: 14_336 }, seen: 512, side: 512 },
} satisfies Readonly<Record<string, Decoder>>;

const regionOf = ({ mode }: Placement) => {
  if (mode.kind !== "resident") throw new Error("it is a pipeline");
  return mode;
};

async function placed(each: Decoder): Promise<{ readonly graph: KernelGraph; readonly placement: Placement }> {
  const graph = await decoder(each, 2);
  return { graph, placement: (await placeInMode(graph, targetOf(each), { mode: "resident" })).placement };
}

/** Cycles of the second layer, moves between layouts included, for each that the law of published programs has. */
function againstLaw(each: Decoder, graph: KernelGraph, placement: Placement): number {
  const { region, moves } = regionOf(placement);
  const own = placement.kernels.filter(inLayer).reduce((sum, { variant }) => sum + variant.cycles, 0);
  const moved = moves
    .filter(({ edge }) => inLayer(nth(graph.kernels, nth(graph.edges, edge).to)))
    .reduce((sum, { cycles }) => sum + cycles, 0);
  const { shape, seen } = each;
  const work = workOfLayer(shape);
  return (own + moved) / totalCycles(decodeCycles({ target: targetOf(each), work, region, sequences: 1, seen }));
}

const inLayer = ({ name }: { readonly name: string }): boolean => name.startsWith("/layers/1/");

describe("two layers like Llama's on one region", () => {
  const each = decoders["2,048 columns"];
  const both = placed(each);

  it("fit cores of 48 KB: code is there once for each form of loop", async () => {
    const { graph, placement } = await both;
    expect(checkPlacement(graph, placement, targetOf(each))).toEqual([]);
    const { sram } = regionOf(placement);
    // matrix-vector products, norms, softmax, expressions, gathers, concats: what published programs take, to a tenth
    expect(sram.code / 22_600).toBeGreaterThan(0.9);
    expect(sram.code / 22_600).toBeLessThan(1.1);
  });

  it("take turns in the side that products sum over, and nothing moves between most of them", async () => {
    const { graph, placement } = await both;
    expect(Math.abs(againstLaw(each, graph, placement) - 1)).toBeLessThan(0.1);
    const products = placement.kernels.filter((one) => inLayer(one) && /(q|o)_proj/.test(one.name));
    const sums = products.map(({ variant }) =>
      variant.mapping.rows.some(({ loop }) => loop === "k") ? "rows" : "columns",
    );
    expect(new Set(sums).size).toBe(2);
    const { moves } = regionOf(placement);
    expect(moves.filter(({ kind }) => kind === "stays" || kind === "there").length).toBeGreaterThan(moves.length / 2);
  });

  it.each(["1,024 columns", "4,096 columns"] as const)("take the cycles of modelDecode to 10 %%: %s", async (name) => {
    const { graph, placement } = await placed(decoders[name]);
    expect(Math.abs(againstLaw(decoders[name], graph, placement) - 1)).toBeLessThan(0.1);
  });

  it("take less where no keys have to be brought to several heads: the gate is dealt out over more cores than a line has", async () => {
    const each = decoders["2,048 columns, keys of every head"];
    const { graph, placement } = await placed(each);
    const ratio = againstLaw(each, graph, placement);
    expect(ratio).toBeLessThan(1);
    expect(ratio).toBeGreaterThan(0.85);
    const gate = placement.kernels.find((one) => inLayer(one) && one.name.includes("up_proj"));
    const pieces = [...(gate?.variant.mapping.rows ?? []), ...(gate?.variant.mapping.columns ?? [])];
    const over = pieces.filter(({ loop }) => loop === "n").reduce((product, cut) => product * cut.pieces, 1);
    expect(over).toBeGreaterThan(regionOf(placement).region.width);
  });
});
