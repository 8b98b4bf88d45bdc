import { describe, expect, it } from "@jest/globals";
import { leastSlots, slotsBetween } from "../../compiler/fabric/depth.ts";

describe("samples that wait in front of a layer", () => {
  const layers = [0, 1, 2, 3].map((kernel) => ({ kernel, latency: 100 }));
  const chain = [0, 1, 2].map((from) => ({ from, to: from + 1 }));

  it("are one and the next where there is one way", () => {
    const slots = slotsBetween(layers, chain, 100);
    for (const { from, to } of chain) expect(slots(from, to)).toBe(leastSlots);
  });

  it("are as many more on a short way as come while the longest takes", () => {
    const slots = slotsBetween(layers, [...chain, { from: 0, to: 3 }], 100);
    // two layers more, of 100 cycles each, and two ways of an interval each
    expect(slots(0, 3)).toBe(leastSlots + 4);
    expect(slots(2, 3)).toBe(leastSlots);
  });
});
