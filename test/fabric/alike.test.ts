/** Cores that are said to be alike have the same work; lists by their places, and lists that say the same. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { likenessOf } from "../../compiler/fabric/alike.ts";
import { beginsAll, layerOf } from "../../compiler/fabric/layer.ts";
import { KnownLists, placesOf } from "../../compiler/fabric/places.ts";
import { nth } from "../../ir/access.ts";
import { models, placed, smallTarget } from "./placed.ts";

describe("cores that are alike", () => {
  it.each(["mlp", "convolution", "residual", "softmax"] as const)("have the same steps in %s", async (name) => {
    const { graph, kernels, placement } = await placed(models[name](), smallTarget(12, 12));
    let [cores, classes] = [0, 0];
    for (const one of placement.kernels) {
      const kernel = nth(kernels.kernels, one.kernel);
      const layer = layerOf(graph, kernel, one);
      if (layer.phases === null) continue;
      const likeness = likenessOf(graph, kernel, layer.phases.buffers.values());
      for (const phase of layer.phases.phases) {
        if (phase.kind !== "work") continue;
        const known = new Map<string, string>();
        for (const core of layer.cores) {
          if (!beginsAll(core, phase.only)) continue;
          const steps = JSON.stringify(phase.steps(core));
          const text = likeness(core.tile);
          expect(known.get(text) ?? steps).toBe(steps);
          known.set(text, steps);
          cores++;
        }
        classes += known.size;
      }
    }
    expect(classes).toBeLessThanOrEqual(cores);
  });
});

const anyList = fc.array(fc.integer({ min: -1, max: 40 })).map((list) => Int32Array.from(list));

describe("lists", () => {
  it("say where an element stands last", () => {
    fc.assert(
      fc.property(anyList, fc.constantFrom(1, 1000), (list, spread) => {
        const spreadOut = list.map((element) => (element < 0 ? -1 : element * spread));
        const placeOf = placesOf(spreadOut);
        for (let element = 0; element <= 40; element++)
          expect(placeOf(element * spread)).toBe(spreadOut.lastIndexOf(element * spread));
        expect(placeOf(-1)).toBe(-1);
      }),
    );
  });

  it("are one where they say the same, and only there", () => {
    fc.assert(
      fc.property(fc.array(anyList), (lists) => {
        const known = new KnownLists();
        for (const a of lists)
          for (const b of lists) expect(known.of(a).number === known.of(b).number).toBe(String(a) === String(b));
      }),
    );
  });
});
