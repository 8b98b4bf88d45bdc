// Synthetic kernel graphs: chains of matrix products, convolutions, elementwise kernels and softmaxes of random sizes, the same every time.

/** Numbers below a limit, from a seed. */
function randomFrom(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
}

const dims = (sizes) => Object.entries(sizes).map(([name, size]) => ({ name, size }));

const families = [
  (random) => {
    const [m, k, n] = [16 + random(48), 64 + random(256), 64 + random(256)];
    const sizes = dims({ b: 1, m, k, n });
    return { family: "matmul", dims: sizes, weightBytes: 4 * k * n, wordsIn: m * k, wordsOut: m * n, flops: 2 * m * k * n };
  },
  (random) => {
    const [h, c, k] = [7 + random(14), 16 + random(48), 16 + random(48)];
    const sizes = dims({ k, c, h, w: h, r: 3, s: 3, sh: 1, sw: 1 });
    return { family: "conv", dims: sizes, weightBytes: 36 * c * k, wordsIn: h * h * c, wordsOut: h * h * k, flops: 18 * h * h * c * k };
  },
  (random) => {
    const e = 1_000 + random(20_000);
    return { family: "elementwise", dims: dims({ e, fast: 1 }), weightBytes: 0, wordsIn: e, wordsOut: e, flops: e };
  },
  (random) => {
    const [o, l] = [16 + random(100), 16 + random(200)];
    return { family: "softmax", dims: dims({ o, l }), weightBytes: 0, wordsIn: o * l, wordsOut: o * l, flops: 5 * o * l };
  },
]; // prettier-ignore

/** A chain of `count` kernels, of which `distinct` differ; the others repeat them in order. */
export function chain(count, distinct = count) {
  const kinds = Array.from({ length: distinct }, (_, index) => {
    const random = randomFrom(7_919 * index + 17);
    random(1);
    return families[random(families.length)](random);
  });
  const sketches = Array.from({ length: count }, (_, index) => kinds[index % distinct]);
  const kernels = sketches.map((sketch, id) => ({
    id,
    name: `layer${id}`,
    ...sketch,
    wordsIn: Math.max(sketch.wordsIn, sketches[id - 1]?.wordsOut ?? 0),
    dtype: "f32",
    fanOut: 1,
    op: id,
    origin: [`layer${id}`],
  }));
  const edges = sketches
    .slice(1)
    .map((_, from) => ({ from, to: from + 1, words: sketches[from].wordsOut, value: from }));
  const inputs = [{ name: "x", kernel: 0, words: sketches[0].wordsIn }];
  const outputs = [{ name: "y", kernel: count - 1, words: sketches[count - 1].wordsOut }];
  return { name: `chain of ${count}, ${distinct} distinct`, kernels, edges, inputs, outputs, host: [] };
}
