/**
 * Instances of the ISPD 2020 wafer placement contest, made anew from their rules (Cerebras' benchmark of 2020-02-10: networks of bottleneck
 * blocks, the same with blocks expanded into convolutions, a U-Net, a chain of products), and smaller relatives for tests.
 */

/** The contest's wafer and the memory of its cores, in words. */
const wafer = { width: 633, height: 633, memlimit: 24576 };

/** A convolution node. */
export const conv = (h, c, k, { r = 1, t = 1 } = {}) => ({ type: "conv", h, r, c, k, t });
/** Blocks: dblock keeps its image, cblock halves it. */
export const dblock = (f, h) => ({ type: "dblock", f, h });
export const cblock = (f, h) => ({ type: "cblock", f, h });

const times = (count, make) => Array.from({ length: count }, make);

/** A network of bottleneck blocks: `counts` dblocks after each of four cblocks; the first cblock's image is `first`, features are divided by `shrink`. */
export function blocks(counts, { first = 112, shrink = 1 } = {}) {
  const stages = [
    [cblock(256, first), dblock(256, 56)],
    [cblock(512, 56), dblock(512, 28)],
    [cblock(1024, 28), dblock(1024, 14)],
    [cblock(2048, 14), dblock(2048, 7)],
  ];
  const nodes = stages.flatMap(([head, body], stage) => [head, ...times(counts[stage], () => body)]);
  return chain(nodes.map((node) => ({ ...node, f: node.f / shrink })));
}

/** Nodes one after the other. */
export const chain = (nodes) => ({ nodes, edges: nodes.slice(1).map((_, index) => [index, index + 1]) });

/** The convolutions of a block, and its edges; the last of `convs` that others follow is conv3. */
function expanded({ type, f, h }) {
  const skip = [[0, 1], [1, 2], [0, 2]]; // prettier-ignore
  if (type === "dblock") {
    return { nodes: [conv(h, f, f / 4), conv(h, f / 4, f / 4, { r: 3 }), conv(h, f / 4, f)], edges: skip };
  }
  return {
    nodes: [
      conv(h, f / 2, f / 4),
      conv(h, f / 4, f / 4, { r: 3, t: 2 }),
      conv(h / 2, f / 4, f),
      conv(h, f / 2, f, { t: 2 }),
    ],
    edges: [[0, 1], [1, 2], [0, 3], [3, 2]], // prettier-ignore
  };
}

/** A graph of blocks as one of convolutions. */
export function expand({ nodes: blockNodes }) {
  const nodes = [];
  const edges = [];
  let before = null;
  for (const block of blockNodes) {
    const inner = expanded(block);
    const base = nodes.length;
    nodes.push(...inner.nodes);
    edges.push(...inner.edges.map(([from, to]) => [from + base, to + base]));
    if (before !== null) edges.push([before, base]);
    before = base + 2;
  }
  return { nodes, edges };
}

/** Products of vectors, features growing from 2 to `largest` and ending at 16. */
export function products(largest = 8192) {
  const sizes = [];
  for (let size = 2; size <= largest; size *= 2) sizes.push(size, size);
  return chain([...sizes, 16].slice(1).map((k, index) => conv(1, sizes[index], k)));
}

/** U-Net: image, features in and out, side of the filter (3 unless said). */
function unet() {
  const rows = [
    [512, 1, 64], [512, 64, 128], [256, 128, 128], [256, 128, 256], [128, 256, 256], [128, 256, 512],
    [64, 512, 512], [64, 512, 1024], [32, 1024, 1024], [32, 1024, 1024], [32, 1024, 1024, 2], [64, 1024, 512],
    [64, 512, 512], [64, 512, 512, 2], [128, 512, 256], [128, 256, 256], [128, 256, 256, 2], [256, 256, 128],
    [256, 128, 128], [256, 128, 128, 2], [512, 128, 64], [512, 64, 64], [512, 64, 2, 1],
  ]; // prettier-ignore
  const { nodes, edges } = chain(rows.map(([h, c, k, r = 3]) => conv(h, c, k, { r })));
  return { nodes, edges: [...edges, [1, 20], [3, 17], [5, 14], [7, 11]] };
}

/** Weights of cycles, wires and adapters. */
const balanced = { wdeltat: 1, wlength: 1, wadapter: 0 };
const wired = { wdeltat: 1, wlength: 4, wadapter: 0 };

/** The twenty instances by letter: the last ten are the first ten with adapters that cost (and wires of ten times the weight, in S of a hundred times). */
export function contestInstances() {
  const half = { first: 56 };
  const small = { shrink: 16 };
  const plain = [
    ["A", blocks([2, 3, 5, 2]), balanced],
    ["B", blocks([5, 7, 11, 5]), balanced],
    ["C", expand(blocks([5, 7, 11, 5])), balanced],
    ["D", expand(blocks([2, 3, 5, 2])), balanced],
    ["I", blocks([4, 5, 8, 4], half), wired],
    ["J", expand(blocks([4, 5, 8, 4], half)), wired],
    ["K", blocks([2, 3, 5, 2], small), wired],
    ["L", expand(blocks([2, 3, 5, 2], small)), wired],
    ["M", unet(), wired],
    ["N", products(), wired],
  ];
  const letters = { A: "E", B: "F", C: "G", D: "H", I: "O", J: "P", K: "Q", L: "R", M: "S", N: "T" };
  const heavy = (id, { wlength }) => ({
    wdeltat: 1,
    wlength: wlength * (id === "M" ? 100 : 10),
    wadapter: wlength === 1 ? 100 : 400,
  });
  const dear = plain.map(([id, graph, weights]) => [letters[id], graph, heavy(id, weights)]);
  return [...plain, ...dear]
    .map(([id, graph, weights]) => ({ id, graph, weights, text: contestText(id, graph, weights) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Text of a `.kgraph` file. */
export function contestText(name, { nodes, edges }, weights, { width, height, memlimit } = wafer) {
  const label = (index) => `${nodes[index].type}[${index + 1}]`;
  const head = { test: name, width, height, ...weights, memlimit };
  return [
    "(*",
    ...Object.entries(head).map(([field, value]) => `${field}=${value}`),
    "*)",
    "",
    ...nodes.map((node, index) => `${label(index)} ${fieldsOf(node)} name='k${index + 1}'`),
    "",
    ...edges.map(([from, to]) => `${label(from)}:y -> ${label(to)}:x, shape:[1][1][1]`),
    "",
  ].join("\n");
}

const fieldsOf = ({ type, f, h, r, c, k, t }) =>
  type === "conv" ? `W=${h} H=${h} R=${r} S=${r} C=${c} K=${k} T=${t} U=${t}` : `f=${f} h=${h} w=${h}`;
