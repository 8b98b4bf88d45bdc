/** Contest graphs for tests: small ones drawn at random, and texts of their files. */
import fc from "fast-check";
import { type ContestGraph, readContestGraph } from "../../compiler/contest/kgraph.ts";
import { type ContestSketch, contestText, conv, cblock, dblock } from "../bench/contest-instances.mjs";

/** A graph from a sketch of its nodes and edges. */
export const contestGraph = (
  sketch: ContestSketch,
  weights = { wdeltat: 1, wlength: 1, wadapter: 0 },
  wafer = { width: 60, height: 60, memlimit: 24576 },
): ContestGraph => readContestGraph(contestText("drawn", sketch, weights, wafer));

const nodes = fc.oneof(
  fc
    .record({
      h: fc.constantFrom(1, 2, 4, 7),
      c: fc.constantFrom(1, 2, 4, 8),
      k: fc.constantFrom(2, 3, 8),
      r: fc.constantFrom(1, 2, 3),
      t: fc.constantFrom(1, 2),
    })
    .map(({ h, c, k, r, t }) => conv(h, c, k, { r, t })),
  fc.record({ f: fc.constantFrom(4, 8, 16), h: fc.constantFrom(2, 4, 7) }).map(({ f, h }) => dblock(f, h)),
  fc.record({ f: fc.constantFrom(4, 8), h: fc.constantFrom(2, 4) }).map(({ f, h }) => cblock(f, h)),
);

/** Up to `most` nodes with edges forward. */
export const sketches = (most: number): fc.Arbitrary<ContestSketch> =>
  fc.array(nodes, { minLength: 1, maxLength: most }).chain((drawn) =>
    fc
      .array(fc.tuple(fc.nat(drawn.length - 1), fc.nat(drawn.length - 1)), { maxLength: 2 * drawn.length })
      .map((pairs) => ({
        nodes: drawn,
        edges: pairs.filter(([from, to]) => from < to),
      })),
  );
