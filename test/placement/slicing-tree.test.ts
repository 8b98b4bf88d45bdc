/** Slicing trees: curves against all ways to choose shapes, and changes that are taken back. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Curve, type Part, SlicingTree, treeOf } from "../../compiler/placement/arrangement/slicing-tree.ts";

type Corners = readonly (readonly [number, number])[];

/** Widths ascend and heights descend. */
const corners: fc.Arbitrary<Corners> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 4 })
  .map((boxes) =>
    [...boxes]
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .filter(([, high], index, all) => all.slice(0, index).every(([, other]) => other > high)),
  );

const curveOf = (boxes: Corners): Curve => ({
  count: boxes.length,
  widths: Uint16Array.from(boxes, ([width]) => width),
  heights: Uint16Array.from(boxes, ([, height]) => height),
});

const boxesOf = ({ widths, heights, count }: Curve): Corners =>
  Array.from({ length: count }, (_, at) => [widths[at] as number, heights[at] as number] as const);

/** The next number of an endless stream. */
const nextOf = (stream: fc.Stream<number>): number => (stream.next() as IteratorYieldResult<number>).value;

/** A random nesting of the items. */
function partOf(items: readonly number[], cut: () => number): Part {
  if (items.length === 1) return items[0] as number;
  const at = 1 + (cut() % (items.length - 1));
  return { stacked: cut() % 2 === 0, parts: [partOf(items.slice(0, at), cut), partOf(items.slice(at), cut)] };
}

/** All boxes of a part, by trying every shape of every item. */
function allBoxes(part: Part, leaves: readonly Corners[]): Corners {
  if (typeof part === "number") return leaves[part] ?? [];
  return part.parts
    .map((one) => allBoxes(one, leaves))
    .reduce((a, b) =>
      a.flatMap(([w, h]) =>
        b.map(([v, g]) => (part.stacked ? ([Math.max(w, v), h + g] as const) : ([w + v, Math.max(h, g)] as const))),
      ),
    );
}

const drawn = fc.tuple(fc.array(corners, { minLength: 2, maxLength: 6 }), fc.infiniteStream(fc.nat(1000)));
const [width, highest] = [24, 40];

function treeFor(leaves: readonly Corners[], part: Part): SlicingTree {
  const tree = new SlicingTree(leaves.length, width, highest);
  for (const [item, boxes] of leaves.entries()) tree.setLeaf(item, curveOf(boxes));
  tree.copyFrom(treeOf(part, leaves.length));
  tree.computeAll();
  return tree;
}

describe("slicing trees", () => {
  it("have the curve of the smallest boxes", () => {
    fc.assert(
      fc.property(drawn, ([leaves, stream]) => {
        const cut = (): number => nextOf(stream);
        const part = partOf([...leaves.keys()], cut);
        const tree = treeFor(leaves, part);
        const fitting = allBoxes(part, leaves).filter(([w, h]) => w <= width && h <= highest);
        const least = fitting
          .filter(([w, h]) => !fitting.some(([v, g]) => v <= w && g <= h && (v < w || g < h)))
          .map(([w, h]) => `${w} x ${h}`);
        const found = boxesOf(tree.curve(tree.root));
        const undominated = found.filter(([w, h]) => !found.some(([v, g]) => v <= w && g <= h && (v < w || g < h)));
        expect(new Set(undominated.map(([w, h]) => `${w} x ${h}`))).toEqual(new Set(least));
      }),
    );
  });

  it("are as before when changes are taken back, and as computed anew when they are kept", () => {
    fc.assert(
      fc.property(drawn, fc.array(fc.boolean(), { maxLength: 12 }), ([leaves, stream], keeps) => {
        const cut = (): number => nextOf(stream);
        const tree = treeFor(leaves, partOf([...leaves.keys()], cut));
        const inner = 2 * leaves.length - 1 - leaves.length;
        for (const keep of keeps) {
          const before = { shape: tree.shape(), curve: boxesOf(tree.curve(tree.root)) };
          const node = leaves.length + (cut() % inner);
          if (cut() % 2 === 0) tree.setStacked(node, tree.stacked[node] === 0);
          else tree.setParts(node, tree.second[node] as number, tree.first[node] as number);
          tree.updateFrom(node);
          if (keep) {
            tree.keep();
            const fresh = new SlicingTree(leaves.length, width, highest);
            for (const [item, boxes] of leaves.entries()) fresh.setLeaf(item, curveOf(boxes));
            fresh.copyFrom(tree.shape());
            fresh.computeAll();
            expect(boxesOf(tree.curve(tree.root))).toEqual(boxesOf(fresh.curve(fresh.root)));
          } else {
            tree.undo();
            expect({ shape: tree.shape(), curve: boxesOf(tree.curve(tree.root)) }).toEqual(before);
          }
        }
      }),
    );
  });
});
