/** Plans use the clock that the published tables are compared with. */
import { describe, expect, it } from "@jest/globals";
import { totalCycles } from "../../ir/machine/layer-cycles.ts";
import { decodeLayerCycles } from "../../ir/machine/transformer.ts";
import { defined } from "../../ir/access.ts";
import { findSystem } from "../../compiler/planner/machines/systems.ts";
import { shapeOf } from "../../compiler/planner/models/build.ts";
import { namedModel, namedModels } from "../../compiler/planner/models/named/index.ts";
import { itemsOf } from "../../compiler/planner/plan/formats.ts";
import { type PartOnRegion, sharedClock } from "../../compiler/planner/speed/clock.ts";
import { partOfWork, workOfShape } from "../../compiler/planner/speed/layer-work.ts";
import { modelDecode, modelPrefill } from "../../compiler/validate/models.ts";

const { target } = await findSystem("wse3");

/** Sizes of models with gated feed-forward, as modelDecode takes them. */
const decoders = [
  ["llama3.1-8b", { layers: 32, hidden: 4096, heads: 32, kvHeads: 8, ffn: 14_336 }],
  ["llama3.1-70b", { layers: 80, hidden: 8192, heads: 64, kvHeads: 8, ffn: 28_672 }],
  ["qwen3-32b", { layers: 64, hidden: 5120, heads: 64, kvHeads: 8, headSize: 128, ffn: 25_600 }],
] as const;

const layerOn = (name: string, layer: string, side: number, width = side): PartOnRegion => {
  const config = namedModel(name);
  const shape = defined(shapeOf(config).layers.find((each) => each.name === layer));
  return { target, work: workOfShape(config, shape, null), region: { width, height: side }, dense: 1, experts: 1 };
};

describe("a layer of a plan", () => {
  it.each(decoders)("of %s takes the cycles of modelDecode and modelPrefill on a square", (name, sizes) => {
    for (const grid of [160, 256, 420, 660]) {
      const question = { ...sizes, grid, context: 4096, target };
      const part = layerOn(name, "layers.3", grid);
      expect(totalCycles(sharedClock.decode(part, 1, 4096))).toBeCloseTo(modelDecode(question).cyclesPerLayer, 6);
      expect(totalCycles(sharedClock.prefill(part, 4096, 4096)) / modelPrefill(question).cyclesPerLayer).toBeCloseTo(
        1,
        9,
      );
    }
  });

  it("takes the gate's function of all elements inside the feed-forward", () => {
    const functions = (ffn: number): number =>
      decodeLayerCycles({
        target,
        shape: { hidden: 4096, heads: 32, kvHeads: 8, ffn },
        grid: 256,
        context: 4096,
      }).functions;
    // an exponential of 24 cycles and a division of 50 for each that the fullest core has
    expect(functions(14_336) - functions(4096)).toBeCloseTo(((14_336 - 4096) / 256) * (24 + 50), 6);
  });

  it("takes on a rectangle between what it takes on the squares of its sides", () => {
    const [wide, square, tall] = [
      [700, 700],
      [700, 300],
      [300, 300],
    ].map(([width, height]) =>
      totalCycles(sharedClock.decode(layerOn("llama3.1-8b", "layers.0", height ?? 0, width), 1, 4096)),
    );
    expect(square).toBeLessThan(defined(wide));
    expect(square).toBeGreaterThan(defined(tall));
  });

  it("takes longer for more sequences, for each of them less", () => {
    const part = layerOn("llama3.1-8b", "layers.0", 256);
    const [one, eight] = [1, 8].map((sequences) => totalCycles(sharedClock.decode(part, sequences, 4096)));
    expect(eight).toBeGreaterThan(defined(one));
    expect(eight).toBeLessThan(8 * defined(one));
  });

  it("with experts takes the chosen ones alone, and a part of them as often as tokens find theirs there", () => {
    const part = layerOn("gpt-oss-120b", "layers.0", 300);
    const { experts } = part.work;
    expect(defined(experts).products).toEqual([
      { k: 2880, n: 4 * 2880 },
      { k: 2880, n: 4 * 2880 },
      { k: 4 * 2880, n: 2880 },
    ]);
    const cycles = (share: number): number =>
      totalCycles(sharedClock.decode({ ...part, dense: 0, experts: share }, 1, 128));
    expect(cycles(0.25)).toBeCloseTo(cycles(1) / 4, 6);
  });
});

describe("the work of a layer", () => {
  it.each([...namedModels.values()].map((config) => [config.name, config] as const))(
    "of %s has every matrix and the chosen experts",
    (_, config) => {
      const items = itemsOf(config, shapeOf(config).layers, "fp16", 512, false);
      for (const { does, work, name } of items) {
        const products = [...does.dense.products, ...(does.experts?.products ?? [])];
        const counted = products.reduce((sum, { k, n }) => sum + k * n, 0);
        // an expert's biases are in its parameters and in no product
        expect([name, Math.abs(counted / Math.max(1, work) - (work === 0 ? 0 : 1)) < 2e-3]).toEqual([name, true]);
      }
    },
  );

  it("is cut with the columns of its matrices", () => {
    const { dense } = layerOn("llama3.1-8b", "layers.0", 256).work;
    const sum = ({ products }: typeof dense): number => products.reduce((total, { k, n }) => total + k * n, 0);
    expect(sum(partOfWork(0.25, dense))).toBeCloseTo(sum(dense) / 4);
  });
});
