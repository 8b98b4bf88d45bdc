// Synthetic kernel graphs: chains of matrix products, convolutions, elementwise kernels and softmaxes of random sizes, the same every time.

/** Numbers below a limit, from a seed. */
function randomFrom(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
}

const { opNest } = await import("../../dist/compiler/kernels/op-nest.js");

const tensor = (shape) => ({ kind: "tensor", dtype: "f32", shape });

/** The kernel of an op on float32 tensors: the first operand moves, the second stays. */
function kernelOf(op, moving, resident, result) {
  const inputs = [{ type: tensor(moving), resident: false }];
  if (resident !== null) inputs.push({ type: tensor(resident), resident: true });
  const { family, loops, reads, makes, stage, flops } = opNest(op, { inputs, outputs: [tensor(result)] });
  const operands = reads.map((axes, index) => ({
    name: `${index === 0 ? "x" : "w"}${index}`,
    role: index === 0 ? "activation" : "weight",
    dtype: "f32",
    axes,
  }));
  const readings = operands.map(({ name }) => ({ operand: name, axes: null }));
  operands.push({ name: "y0", role: "result", dtype: "f32", axes: makes[0] });
  const words = (shape) => shape.reduce((product, size) => product * size, 1);
  const stages = [{ op: 0, kind: op.kind, makes: "y0", reads: readings, ...stage }];
  return { family, loops, operands, stages, flops, arriving: words(moving), leaving: words(result) };
}

const families = [
  (random) => {
    const [m, k, n] = [16 + random(48), 64 + random(256), 64 + random(256)];
    return kernelOf({ kind: "matmul", transposeA: false, transposeB: false, epilogue: null }, [m, k], [k, n], [m, n]);
  },
  (random) => {
    const [h, c, k] = [7 + random(14), 16 + random(48), 16 + random(48)];
    const same = { strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1] };
    const op = { kind: "conv", layout: "nchw", groups: 1, epilogue: null, ...same };
    return kernelOf(op, [1, c, h, h], [k, c, 3, 3], [1, k, h, h]);
  },
  (random) => {
    const e = 1_000 + random(20_000);
    const half = { op: "binary", fn: "mul", x: { op: "arg", index: 0 }, y: { op: "const", dtype: "f32", value: 0.5 } };
    return kernelOf({ kind: "map", expr: half }, [e], null, [e]);
  },
  (random) => {
    const [o, l] = [16 + random(100), 16 + random(200)];
    return kernelOf({ kind: "softmax", axis: 1, log: false }, [o, l], null, [o, l]);
  },
];

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
    arriving: Math.max(sketch.arriving, id === 0 ? 0 : sketches[id - 1].leaving),
    dtype: "f32",
    states: [],
    moves: [],
    origin: [`layer${id}`],
  }));
  const edges = sketches.slice(1).map((_, from) => ({
    from,
    result: "y0",
    to: from + 1,
    operands: ["x0"],
    words: sketches[from].leaving,
    stream: from,
    value: from,
    part: null,
  }));
  const inputs = [{ name: "x", kernel: 0, words: sketches[0].arriving, operands: ["x0"] }];
  const outputs = [{ name: "y", kernel: count - 1, words: sketches[count - 1].leaving, result: "y0" }];
  return { name: `chain of ${count}, ${distinct} distinct`, kernels, edges, inputs, outputs, host: [] };
}
