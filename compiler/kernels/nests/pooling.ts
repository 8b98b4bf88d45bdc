/** Pooling: a window of each channel becomes one element, by one comparison or addition per tap. */
import type { PoolOp } from "../../../ir/graph.ts";
import { inputAt, LoopNames, nothing, type OpNest, product, shapeAt, type Sources } from "../nest.ts";
import { addSpatial, imageOf, inLayout, windowAxes } from "./images.ts";

export function poolNest(op: PoolOp, sources: Sources): OpNest {
  const input = imageOf(inputAt(sources, 0).type.shape, op.layout);
  const output = imageOf(shapeAt(sources.outputs, 0), op.layout);
  const names = new LoopNames();
  names.add("n", output.n);
  names.add("c", output.c);
  const positions = addSpatial(names, "positions", output.spatial);
  addSpatial(names, "taps", op.kernel);
  const [n, c] = [names.axis(output.n, "n"), names.axis(output.c, "c")];
  const places = output.spatial.map((size, dim) => names.axis(size, positions[dim] ?? ""));
  return {
    family: "pool",
    loops: names.loops,
    reads: [inLayout(op.layout, n, c, windowAxes(names, input.spatial, op))],
    makes: [inLayout(op.layout, n, c, places)],
    flops: product(shapeAt(sources.outputs, 0)) * product(op.kernel),
    stage: {
      domain: names.everything(),
      vector: names.known("c", positions.at(-1) ?? ""),
      perPoint: { fast: 1, slow: 0 },
      // a mean multiplies its sum
      perResult: op.fn === "average" ? { fast: 1, slow: 0 } : nothing,
      combine: null,
      shuffles: false,
      gathers: [],
      steps: 0,
      codeUnits: 1,
    },
  };
}
