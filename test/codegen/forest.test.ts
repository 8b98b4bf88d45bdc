import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitForest, hasConstantTables } from "../../compiler/codegen/kernels/forest.ts";
import { forestFault, leafMark, outcomes } from "../../ir/forest.ts";
import type { OpSpec } from "../../ir/graph.ts";
import { tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource } from "./run-kernel.ts";

type Random = () => number;
type Float = "f32" | "f64";

const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)] as T;

interface Growth {
  readonly trees: number;
  readonly depth: number;
  readonly features: number;
  readonly targets: number;
  /** outcomes that nodes may have */
  readonly marks: readonly number[];
}

/** Operands 1 to 5 of random trees; numbers are small, so that features equal splits often. */
function grow(random: Random, float: Float, growth: Growth): TensorData[] {
  const nodes: number[][] = [];
  const [splits, targets, weights, roots]: number[][] = [[], [], [], []];
  const add = (depth: number): number => {
    const at = nodes.length;
    splits?.push(below(random, 5));
    nodes.push([]);
    if (depth === 0 || random() < 0.2) {
      const first = targets?.length ?? 0;
      for (let vote = below(random, 4); vote > 0; vote--) {
        targets?.push(below(random, growth.targets));
        weights?.push(random() * 2 - 1);
      }
      nodes[at] = [leafMark, 0, first, targets?.length ?? 0];
    } else {
      nodes[at] = [pick(random, growth.marks), below(random, growth.features), add(depth - 1), add(depth - 1)];
    }
    return at;
  };
  for (let tree = 0; tree < growth.trees; tree++) roots?.push(add(growth.depth));
  const list = (dtype: "i32" | Float, values: readonly number[] = []): TensorData =>
    tensorFrom(dtype, [values.length], values);
  const table = tensorFrom("i32", [nodes.length, 4], nodes.flat());
  return [list("i32", roots), table, list(float, splits), list("i32", targets), list(float, weights)];
}

function rows(random: Random, float: Float, count: number, features: number): TensorData {
  const values = Array.from({ length: count * features }, () => (random() < 0.15 ? NaN : below(random, 5)));
  return tensorFrom(float, [count, features], values);
}

const { less, equal, greater, unordered } = outcomes;
const all = Array.from({ length: 16 }, (_, mark) => mark);

describe("forest", () => {
  it("leads rows to leaves as the reference does", () => {
    const growths = fc.record({
      trees: fc.nat(4),
      depth: fc.nat(5),
      features: fc.integer({ min: 1, max: 4 }),
      targets: fc.integer({ min: 1, max: 3 }),
      marks: fc.constantFrom(
        [less],
        [less | equal],
        [less, less | unordered],
        [less | greater | unordered],
        [less | greater],
        all,
      ),
    });
    const kinds = fc.constantFrom("sum" as const, "min" as const, "max" as const);
    fc.assert(
      fc.property(
        growths,
        kinds,
        fc.constantFrom<Float>("f32", "f64"),
        fc.nat(150),
        fc.nat(),
        (growth, fn, float, count, seed) => {
          const random = randomSource(seed);
          const inputs = [rows(random, float, count, growth.features), ...grow(random, float, growth)];
          const op: OpSpec = { kind: "forest", fn, targets: growth.targets, inputs: [0, 1, 2, 3, 4, 5] };
          expectLikeReference(emitForest, op, inputs, { constants: [1, 2, 3, 4, 5] });
        },
      ),
      { numRuns: 120 },
    );
  });

  it("asks for tables that are constants", () => {
    const constants = grow(randomSource(1), "f32", { trees: 1, depth: 1, features: 1, targets: 1, marks: [less] });
    expect(hasConstantTables({ inputs: [], outputs: [], constants: [undefined, ...constants] })).toBe(true);
    expect(
      hasConstantTables({ inputs: [], outputs: [], constants: [undefined, ...constants].with(3, undefined) }),
    ).toBe(false);
  });
});

describe("tables", () => {
  const tables = {
    roots: [0],
    nodes: [less, 1, 1, 2, leafMark, 0, 0, 1, leafMark, 0, 1, 2],
    targets: [0, 1],
  };
  const nodesWith = (at: number, value: number): string | null =>
    forestFault({ ...tables, nodes: tables.nodes.with(at, value) }, 2, 2);

  it("are checked, so that every way ends", () => {
    expect(forestFault(tables, 2, 2)).toBeNull();
    expect(nodesWith(2, 0)).toBe("node 0 of 3 leads to 0 and 2");
    expect(nodesWith(3, 3)).toBe("node 0 of 3 leads to 1 and 3");
    expect(nodesWith(1, 2)).toBe("the trees ask for feature 2, the input has 2");
    expect(nodesWith(1, -1)).toBe("the trees ask for feature -1, the input has 2");
    expect(nodesWith(0, 17)).toBe("node 0 has outcomes 17");
    expect(nodesWith(7, 3)).toBe("leaf 1 has votes 0 to 3");
    expect(nodesWith(6, 2)).toBe("leaf 1 has votes 2 to 1");
    expect(forestFault({ ...tables, roots: [3] }, 2, 2)).toBe("tree 0 begins at node 3 of 3");
    expect(forestFault(tables, 2, 1)).toBe("a leaf votes for target 1 of 1");
  });
});
