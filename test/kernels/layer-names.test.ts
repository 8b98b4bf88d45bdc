import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { layerNames } from "../../compiler/kernels/layer-names.ts";
import type { Kernel } from "../../ir/kernel-graph.ts";
import { chainOf, convSketch, matmulSketch, softmaxSketch } from "../placement/instances.ts";

const some = chainOf([convSketch(8, 3, 8), matmulSketch(1, 512, 10), softmaxSketch(1, 10)]).kernels;
const named = (kernel: Kernel | undefined, name: string): Kernel => {
  if (kernel === undefined) throw new Error("no kernel");
  return { ...kernel, name };
};

describe("names of layers", () => {
  it("leaves the node's name to the layer that does most, and adds to others what they do", () => {
    const [conv, matmul, softmax] = some;
    const kernels = [named(softmax, "/a"), named(conv, "/a"), named(matmul, "/b"), named(softmax, "/a")];
    expect(layerNames(kernels)).toEqual(["/a:softmax", "/a", "/b", "/a:softmax#2"]);
  });

  it("takes no name that another layer has", () => {
    const [conv, , softmax] = some;
    expect(layerNames([named(softmax, "/a"), named(conv, "/a"), named(conv, "/a:softmax")])).toEqual([
      "/a:softmax#2",
      "/a",
      "/a:softmax",
    ]);
  });

  it("gives each layer a name of its own, and keeps names that are", () => {
    const name = fc.constantFrom("/a", "/b", "/a:conv", "/a:softmax", "/a:softmax#2");
    const layer = fc.tuple(fc.constantFrom(...some), name).map(([kernel, given]) => named(kernel, given));
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 12 }), (kernels) => {
        const names = layerNames(kernels);
        expect(new Set(names).size).toBe(kernels.length);
        expect(new Set(names)).toEqual(new Set([...names, ...kernels.map((kernel) => kernel.name)]));
      }),
    );
  });
});
