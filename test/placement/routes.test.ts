/** Routes between rectangles that lie in one line, where straight ways share few links. */
import { describe, expect, it } from "@jest/globals";
import { type RouteProblem, routeEdges, type Routing } from "../../compiler/placement/routing/routes.ts";
import type { Rect } from "../../ir/placement.ts";

const side = 2;

/** Four squares side by side, three of which send to the last one. */
function routed(words: number): Routing {
  const rects = [0, 1, 2, 3].map((i): Rect => ({ x: 4 + i * side, y: 10, width: side, height: side }));
  const problem: RouteProblem = {
    width: 24,
    height: 24,
    edges: [0, 1, 2].map((from) => ({
      from,
      result: "y0",
      to: 3,
      operands: [],
      words,
      stream: from,
      value: from,
      part: null,
    })),
    operandOrder: [0, 1, 2],
    switchPositions: 1,
    rects,
    ports: rects.map(() => side),
    colors: [4, 5, 6, 7],
    cyclesPerWord: 1,
    interval: 100,
    dead: [],
    kept: new Map(),
  };
  const routing = routeEdges(problem);
  if (!("routes" in routing)) throw new Error("no routes");
  return routing;
}

const shapes = ({ routes }: Routing): ReadonlySet<string> => new Set(routes.map(({ shape }) => shape));

describe("routes", () => {
  it("run straight while links can carry them", () => {
    const routing = routed(50);
    expect(shapes(routing)).toEqual(new Set(["horizontal"]));
    expect(routing.fullestLink).toBeLessThanOrEqual(100);
  });

  it("go around with two bends where links would be overloaded", () => {
    const routing = routed(100);
    expect(routing.fullestLink).toBeLessThanOrEqual(100);
    expect(shapes(routing)).toEqual(new Set(["horizontal", "yxy"]));
  });
});
