// The operators that operators.mjs times, by name: each a function that gives a model of one node and what it is fed.

/** Random numbers below 1, the same in every run. */
function randomSource(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const count = (dims) => dims.reduce((product, size) => product * size, 1);
const filled = (type, ArrayType, dims, element) => {
  const random = randomSource(count(dims) + 7);
  return { type, dims, data: ArrayType.from({ length: count(dims) }, (_, i) => element(random, i)) };
};

const floats = (dims, low = -4, high = 4) =>
  filled("float32", Float32Array, dims, (random) => low + random() * (high - low));
const doubles = (dims, low = -4, high = 4) =>
  filled("float64", Float64Array, dims, (random) => low + random() * (high - low));
const int32s = (dims, below) => filled("int32", Int32Array, dims, (random) => Math.floor(random() * below));
const int64s = (dims, below) => filled("int64", BigInt64Array, dims, (random) => BigInt(Math.floor(random() * below)));
const bools = (dims, share = 0.5) => filled("bool", Uint8Array, dims, (random) => Number(random() < share));
const bytes = (dims, below = 256) => filled("uint8", Uint8Array, dims, (random) => Math.floor(random() * below));
const sparse = (dims, share) => filled("float32", Float32Array, dims, (random) => (random() < share ? random() : 0));
const scalar64 = (value) => ({ type: "int64", dims: [], data: BigInt64Array.of(BigInt(value)) });
const list64 = (...values) => ({ type: "int64", dims: [values.length], data: BigInt64Array.from(values, BigInt) });
const scalar = (value) => ({ type: "float32", dims: [], data: Float32Array.of(value) });
const float = (value) => ({ float: value });

const cases = {};
const sizes = { "1k": [1024], "64k": [65536], "1M": [1048576] };

// ---- functions of one element ------------------------------------------------------------------------------------------------------

const unary = {
  Sin: [-4, 4],
  Cos: [-4, 4],
  Tan: [-4, 4],
  Asin: [-1, 1],
  Acos: [-1, 1],
  Atan: [-4, 4],
  Sinh: [-4, 4],
  Cosh: [-4, 4],
  Tanh: [-4, 4],
  Asinh: [-4, 4],
  Acosh: [1, 20],
  Atanh: [-1, 1],
  Exp: [-4, 4],
  Log: [0.01, 10],
  Erf: [-4, 4],
  Sigmoid: [-4, 4],
  Softplus: [-4, 4],
  Softsign: [-4, 4],
  Mish: [-4, 4],
  Gelu: [-4, 4],
  Elu: [-4, 4],
  Selu: [-4, 4],
  Celu: [-4, 4],
  HardSwish: [-4, 4],
  HardSigmoid: [-4, 4],
  Relu: [-4, 4],
  LeakyRelu: [-4, 4],
  ThresholdedRelu: [-4, 4],
  Shrink: [-4, 4],
  Reciprocal: [0.5, 4],
  Sqrt: [0, 4],
  Abs: [-4, 4],
  Neg: [-4, 4],
  Floor: [-4, 4],
  Ceil: [-4, 4],
  Round: [-4, 4],
  Sign: [-4, 4],
};
for (const [op, [low, high]] of Object.entries(unary)) {
  for (const [size, dims] of Object.entries(sizes)) {
    if (size === "1M" && !["Sin", "Cos", "Atan", "Exp", "Erf"].includes(op)) continue;
    cases[`${op} ${size}`] = () => ({ op, inputs: [floats(dims, low, high)] });
  }
}
for (const op of ["Sin", "Cos", "Tan"]) {
  cases[`${op} 64k up to 1e4`] = () => ({ op, inputs: [floats([65536], -1e4, 1e4)] });
  cases[`${op} 64k up to 1e9`] = () => ({ op, inputs: [floats([65536], -1e9, 1e9)] });
}
for (const op of ["Sin", "Cos", "Exp", "Log", "Erf", "Tanh", "Sigmoid", "Sqrt"]) {
  cases[`${op} f64 64k`] = () => ({ op, inputs: [doubles([65536], 0.1, 4)], outputs: ["float64"] });
}
for (const op of ["IsNaN", "IsInf"]) {
  cases[`${op} 64k`] = () => ({ op, inputs: [floats([65536])], outputs: ["bool"] });
}
cases["QuickGelu 64k"] = () => ({ op: "QuickGelu", domain: "com.microsoft", inputs: [floats([65536])] });
cases["FastGelu 64k"] = () => ({ op: "FastGelu", domain: "com.microsoft", inputs: [floats([65536])] });
cases["Gelu tanh 64k"] = () => ({ op: "Gelu", attributes: { approximate: "tanh" }, inputs: [floats([65536])] });
cases["Clip 64k"] = () => ({ op: "Clip", inputs: [floats([65536]), scalar(-1), scalar(1)] });
cases["Abs int32 64k"] = () => ({ op: "Abs", inputs: [int32s([65536], 1000)], outputs: ["int32"] });
cases["Neg int64 64k"] = () => ({ op: "Neg", inputs: [int64s([65536], 1000)], outputs: ["int64"] });
cases["Sign int64 64k"] = () => ({ op: "Sign", inputs: [int64s([65536], 1000)], outputs: ["int64"] });
cases["Not 64k"] = () => ({ op: "Not", inputs: [bools([65536])], outputs: ["bool"] });
for (const [to, outputs] of [
  [6, ["int32"]],
  [7, ["int64"]],
  [11, ["float64"]],
  [9, ["bool"]],
  [2, ["uint8"]],
]) {
  cases[`Cast to ${outputs[0]} 64k`] = () => ({ op: "Cast", attributes: { to }, inputs: [floats([65536])], outputs });
}
cases["Cast int64 to float 64k"] = () => ({ op: "Cast", attributes: { to: 1 }, inputs: [int64s([65536], 1000)] });

// ---- functions of two elements and more --------------------------------------------------------------------------------------------

for (const [size, dims] of Object.entries(sizes)) {
  cases[`Pow ${size}`] = () => ({ op: "Pow", inputs: [floats(dims, 0.1, 4), floats(dims, -3, 3)] });
  cases[`Pow with integers as floats ${size}`] = () => ({
    op: "Pow",
    inputs: [floats(dims), filled("float32", Float32Array, dims, (random) => Math.floor(random() * 5))],
  });
  cases[`Pow by a scalar ${size}`] = () => ({ op: "Pow", inputs: [floats(dims, 0.1, 4), scalar(1.7)] });
  cases[`Mod fmod ${size}`] = () => ({
    op: "Mod",
    attributes: { fmod: 1 },
    inputs: [floats(dims, -100, 100), floats(dims, 0.5, 7)],
  });
}
for (const exponent of [0.5, -0.5, 2, 3, 4]) {
  cases[`Pow by a constant ${exponent} 64k`] = () => ({
    op: "Pow",
    inputs: [floats([65536], 0.1, 4), scalar(exponent)],
    constants: [1],
  });
}
cases["Pow f64 64k"] = () => ({
  op: "Pow",
  inputs: [doubles([65536], 0.1, 4), doubles([65536], -3, 3)],
  outputs: ["float64"],
});
cases["Pow int32 64k"] = () => ({ op: "Pow", inputs: [int32s([65536], 6), int32s([65536], 6)], outputs: ["int32"] });
cases["Pow int64 64k"] = () => ({ op: "Pow", inputs: [int64s([65536], 6), int64s([65536], 6)], outputs: ["int64"] });
cases["Pow float by int64 64k"] = () => ({ op: "Pow", inputs: [floats([65536]), int64s([65536], 6)] });
cases["Mod fmod of large quotients 64k"] = () => ({
  op: "Mod",
  attributes: { fmod: 1 },
  inputs: [floats([65536], -1e6, 1e6), floats([65536], 0.001, 1)],
});
const narrow = (type, ArrayType) => filled(type, ArrayType, [65536], (random) => 1 + Math.floor(random() * 90));
for (const [type, ArrayType] of [
  ["uint8", Uint8Array],
  ["int8", Int8Array],
]) {
  for (const op of ["Add", "Mul", "Max", "Less", "BitwiseAnd"]) {
    cases[`${op} ${type} 64k`] = () => ({
      op,
      inputs: [narrow(type, ArrayType), narrow(type, ArrayType)],
      outputs: [op === "Less" ? "bool" : type],
    });
  }
}
for (const exponent of [2, 3]) {
  cases[`Pow by one exponent, fed, ${exponent} 64k`] = () => ({
    op: "Pow",
    inputs: [floats([65536], 0.1, 4), scalar(exponent)],
  });
  cases[`Pow int32 by a constant ${exponent} 64k`] = () => ({
    op: "Pow",
    inputs: [int32s([65536], 9), { type: "int32", dims: [], data: Int32Array.of(exponent) }],
    constants: [1],
    outputs: ["int32"],
  });
}
const positive = (make) => (dims) => {
  const tensor = make(dims);
  return { ...tensor, data: tensor.data.map((value) => (typeof value === "bigint" ? value + 1n : value + 1)) };
};
for (const [type, make] of [
  ["int32", int32s],
  ["int64", int64s],
]) {
  cases[`Mod ${type} 64k`] = () => ({
    op: "Mod",
    inputs: [make([65536], 1000), positive((dims) => make(dims, 9))([65536])],
    outputs: [type],
  });
  cases[`Div ${type} 64k`] = () => ({
    op: "Div",
    inputs: [make([65536], 1000), positive((dims) => make(dims, 9))([65536])],
    outputs: [type],
  });
  for (const op of ["Add", "Mul", "Max"]) {
    cases[`${op} ${type} 64k`] = () => ({ op, inputs: [make([65536], 1000), make([65536], 9)], outputs: [type] });
  }
  cases[`Less ${type} 64k`] = () => ({
    op: "Less",
    inputs: [make([65536], 1000), make([65536], 9)],
    outputs: ["bool"],
  });
  cases[`Equal ${type} 64k`] = () => ({ op: "Equal", inputs: [make([65536], 9), make([65536], 9)], outputs: ["bool"] });
}
for (const op of ["Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu"]) {
  cases[`${op} 64k`] = () => ({ op, inputs: [floats([65536]), floats([65536], 1, 2)] });
  cases[`${op} of rows and columns 1M`] = () => ({
    op,
    inputs: [floats([1024, 1024]), floats([op === "PRelu" ? 1024 : 1024, 1])],
  });
}
for (const op of ["Less", "Greater", "Equal", "LessOrEqual"]) {
  cases[`${op} 64k`] = () => ({ op, inputs: [floats([65536]), floats([65536])], outputs: ["bool"] });
}
for (const op of ["And", "Or", "Xor"]) {
  cases[`${op} 64k`] = () => ({ op, inputs: [bools([65536]), bools([65536], 0.3)], outputs: ["bool"] });
}
for (const [size, dims] of Object.entries(sizes)) {
  cases[`Where ${size}`] = () => ({ op: "Where", inputs: [bools(dims), floats(dims), floats(dims)] });
}
cases["Where with a scalar 64k"] = () => ({ op: "Where", inputs: [bools([65536]), floats([65536]), scalar(1)] });
cases["Where int64 64k"] = () => ({
  op: "Where",
  inputs: [bools([65536]), int64s([65536], 9), int64s([65536], 99)],
  outputs: ["int64"],
});
cases["BitShift uint8 64k"] = () => ({
  op: "BitShift",
  attributes: { direction: "LEFT" },
  inputs: [bytes([65536]), bytes([65536], 8)],
  outputs: ["uint8"],
});
cases["BitwiseAnd int32 64k"] = () => ({
  op: "BitwiseAnd",
  inputs: [int32s([65536], 1000), int32s([65536], 500)],
  outputs: ["int32"],
});
cases["Sum of three 64k"] = () => ({ op: "Sum", inputs: [floats([65536]), floats([65536]), floats([65536])] });
cases["Mean of three 64k"] = () => ({ op: "Mean", inputs: [floats([65536]), floats([65536]), floats([65536])] });

// ---- running sums ------------------------------------------------------------------------------------------------------------------

for (const [shape, dims, axis] of [
  ["1k", [1024], 0],
  ["1M in one", [1048576], 0],
  ["64 x 1024, inner", [64, 1024], 1],
  ["1024 x 1024, inner", [1024, 1024], 1],
  ["1024 x 1024, outer", [1024, 1024], 0],
  ["64 x 128 x 64, middle", [64, 128, 64], 1],
  ["64 x 128 x 3, middle", [64, 128, 3], 1],
  ["16384 x 8, inner", [16384, 8], 1],
]) {
  cases[`CumSum ${shape}`] = () => ({ op: "CumSum", inputs: [floats(dims), scalar64(axis)], constants: [1] });
}
for (const [name, attributes] of [
  ["exclusive", { exclusive: 1 }],
  ["reverse", { reverse: 1 }],
  ["both", { exclusive: 1, reverse: 1 }],
]) {
  for (const axis of [0, 1]) {
    cases[`CumSum 256 x 256, ${axis === 0 ? "outer" : "inner"}, ${name}`] = () => ({
      op: "CumSum",
      attributes,
      inputs: [floats([256, 256]), scalar64(axis)],
      constants: [1],
    });
  }
}
for (const [type, make] of [
  ["int32", int32s],
  ["int64", int64s],
  ["float64", doubles],
]) {
  for (const axis of [0, 1]) {
    cases[`CumSum ${type} 256 x 256, ${axis === 0 ? "outer" : "inner"}`] = () => ({
      op: "CumSum",
      inputs: [make([256, 256], 9), scalar64(axis)],
      constants: [1],
      outputs: [type],
    });
  }
}
cases["CumSum 64 x 1024, axis fed"] = () => ({ op: "CumSum", inputs: [floats([64, 1024]), scalar64(1)] });

// ---- signals -----------------------------------------------------------------------------------------------------------------------

for (const length of [16, 128, 1024, 16384, 15, 100, 400, 480, 1000, 1023, 1009]) {
  const lanes = Math.max(1, Math.floor(16384 / length));
  for (const parts of [1, 2]) {
    cases[`DFT ${lanes} x ${length} ${parts === 1 ? "real" : "complex"}`] = () => ({
      op: "DFT",
      opset: 20,
      inputs: [floats([lanes, length, parts]), scalar64(length), scalar64(1)],
      constants: [1, 2],
    });
  }
}
for (const length of [128, 1000]) {
  cases[`DFT 1 x ${length} real`] = () => ({
    op: "DFT",
    opset: 20,
    inputs: [floats([1, length, 1]), scalar64(length), scalar64(1)],
    constants: [1, 2],
  });
  cases[`DFT 64 x ${length} real, onesided`] = () => ({
    op: "DFT",
    opset: 20,
    attributes: { onesided: 1 },
    inputs: [floats([64, length, 1]), scalar64(length), scalar64(1)],
    constants: [1, 2],
  });
  cases[`DFT ${length} x 64 along the outer axis`] = () => ({
    op: "DFT",
    opset: 20,
    inputs: [floats([1, length, 64, 2]), scalar64(length), scalar64(1)],
    constants: [1, 2],
  });
  cases[`DFT 64 x ${length} inverse`] = () => ({
    op: "DFT",
    opset: 20,
    attributes: { inverse: 1 },
    inputs: [floats([64, length, 2]), scalar64(length), scalar64(1)],
    constants: [1, 2],
  });
}
for (const [samples, frame, step] of [
  [16000, 400, 160],
  [16384, 512, 128],
  [4096, 256, 64],
]) {
  cases[`STFT ${samples}, frames of ${frame}`] = () => ({
    op: "STFT",
    opset: 17,
    inputs: [floats([1, samples, 1]), scalar64(step), floats([frame], 0, 1), scalar64(frame)],
    constants: [1, 2, 3],
  });
}
cases["HannWindow 1024"] = () => ({ op: "HannWindow", opset: 17, inputs: [scalar64(1024)] });

// ---- results whose size depends on values ------------------------------------------------------------------------------------------

const boxes = (batches, n) => {
  const random = randomSource(n);
  const total = batches * n;
  const all = new Float32Array(total * 4);
  for (let i = 0; i < total; i++) {
    const [y, x, h, w] = [random() * 600, random() * 600, 10 + random() * 80, 10 + random() * 80];
    all.set([y, x, y + h, x + w], 4 * i);
  }
  return { type: "float32", dims: [batches, n, 4], data: all };
};
const suppression = (n, classes, most, iou, least) => () => ({
  op: "NonMaxSuppression",
  inputs: [boxes(1, n), floats([1, classes, n], 0, 1), list64(most), scalarList(iou), scalarList(least)],
  constants: [2, 3, 4],
  outputs: ["int64"],
});
const scalarList = (value) => ({ type: "float32", dims: [1], data: Float32Array.of(value) });
cases["NonMaxSuppression 100 boxes"] = suppression(100, 1, 100, 0.5, 0.3);
cases["NonMaxSuppression 1,000 boxes"] = suppression(1000, 1, 200, 0.5, 0.3);
cases["NonMaxSuppression 5,000 boxes"] = suppression(5000, 1, 300, 0.5, 0.3);
cases["NonMaxSuppression 5,000 boxes, all"] = suppression(5000, 1, 5000, 0.5, 0);
cases["NonMaxSuppression 5,000 boxes, few scores"] = suppression(5000, 1, 300, 0.5, 0.95);
cases["NonMaxSuppression 1,000 boxes, 20 classes"] = suppression(1000, 20, 100, 0.45, 0.5);
cases["NonMaxSuppression 8,400 boxes, 80 classes, few scores"] = suppression(8400, 80, 300, 0.45, 0.995);
for (const [name, share] of [
  ["few", 0.01],
  ["half", 0.5],
  ["all", 1],
]) {
  cases[`NonZero 1k, ${name}`] = () => ({ op: "NonZero", inputs: [sparse([1024], share)], outputs: ["int64"] });
  cases[`NonZero 256 x 256, ${name}`] = () => ({
    op: "NonZero",
    inputs: [sparse([256, 256], share)],
    outputs: ["int64"],
  });
  cases[`NonZero 16 x 64 x 1024, ${name}`] = () => ({
    op: "NonZero",
    inputs: [sparse([16, 64, 1024], share)],
    outputs: ["int64"],
  });
  cases[`NonZero bool 256 x 256, ${name}`] = () => ({
    op: "NonZero",
    inputs: [bools([256, 256], share)],
    outputs: ["int64"],
  });
  cases[`NonZero int64 256 x 256, ${name}`] = () => {
    const { type, dims, data } = int64s([256, 256], 1000);
    return {
      op: "NonZero",
      inputs: [{ type, dims, data: data.map((value) => (value < 1000 * share ? value + 1n : 0n)) }],
      outputs: ["int64"],
    };
  };
}
const uniqueOutputs = (type) => [type, "int64", "int64", "int64"];
for (const [distinct, below] of [
  ["few", 50],
  ["many", 1e6],
]) {
  for (const [size, dims] of [
    ["1k", [1024]],
    ["64k", [65536]],
  ]) {
    cases[`Unique int64 ${size}, ${distinct}`] = () => ({
      op: "Unique",
      inputs: [int64s(dims, below)],
      outputs: uniqueOutputs("int64"),
    });
    cases[`Unique ${size}, ${distinct}`] = () => ({
      op: "Unique",
      inputs: [filled("float32", Float32Array, dims, (random) => Math.floor(random() * below))],
      outputs: uniqueOutputs("float32"),
    });
  }
  cases[`Unique 64k, ${distinct}, values only`] = () => ({
    op: "Unique",
    inputs: [filled("float32", Float32Array, [65536], (random) => Math.floor(random() * below))],
  });
  cases[`Unique 64k, ${distinct}, unsorted`] = () => ({
    op: "Unique",
    attributes: { sorted: 0 },
    inputs: [filled("float32", Float32Array, [65536], (random) => Math.floor(random() * below))],
    outputs: uniqueOutputs("float32"),
  });
}
for (const axis of [0, 1]) {
  cases[`Unique 1024 x 16, axis ${axis}`] = () => ({
    op: "Unique",
    attributes: { axis },
    inputs: [filled("float32", Float32Array, [1024, 16], (random) => Math.floor(random() * 1.2))],
    outputs: uniqueOutputs("float32"),
  });
}
cases["Unique int64 4096 x 4, axis 0"] = () => ({
  op: "Unique",
  attributes: { axis: 0 },
  inputs: [int64s([4096, 4], 4)],
  outputs: uniqueOutputs("int64"),
});
cases["Compress 64k"] = () => ({ op: "Compress", inputs: [floats([65536]), bools([65536])] });
cases["Compress 1k"] = () => ({ op: "Compress", inputs: [floats([1024]), bools([1024])] });
cases["Compress 512 x 128, axis 0"] = () => ({
  op: "Compress",
  attributes: { axis: 0 },
  inputs: [floats([512, 128]), bools([512])],
});
cases["Compress 128 x 512, axis 1"] = () => ({
  op: "Compress",
  attributes: { axis: 1 },
  inputs: [floats([128, 512]), bools([512])],
});

// ---- order -------------------------------------------------------------------------------------------------------------------------

for (const [shape, dims, k] of [
  ["1k, 10", [1024], 10],
  ["64k, 100", [65536], 100],
  ["64k, all", [65536], 65536],
  ["64 x 1024, 5", [64, 1024], 5],
  ["64 x 1024, 200", [64, 1024], 200],
]) {
  cases[`TopK ${shape}`] = () => ({
    op: "TopK",
    inputs: [floats(dims), list64(k)],
    constants: [1],
    outputs: ["float32", "int64"],
  });
  cases[`TopK ${shape}, k fed`] = () => ({
    op: "TopK",
    inputs: [floats(dims), list64(k)],
    outputs: ["float32", "int64"],
  });
}
cases["TopK 1024 x 64, 5, axis 0"] = () => ({
  op: "TopK",
  attributes: { axis: 0 },
  inputs: [floats([1024, 64]), list64(5)],
  constants: [1],
  outputs: ["float32", "int64"],
});
cases["TopK int64 64 x 1024, 5"] = () => ({
  op: "TopK",
  inputs: [int64s([64, 1024], 1e6), list64(5)],
  constants: [1],
  outputs: ["int64", "int64"],
});
for (const op of ["ArgMax", "ArgMin"]) {
  for (const [shape, dims, axis] of [
    ["64k in one", [65536], 0],
    ["256 x 256, inner", [256, 256], 1],
    ["256 x 256, outer", [256, 256], 0],
    ["64 x 21 x 1024, middle", [64, 21, 1024], 1],
    ["1024 x 10, inner", [1024, 10], 1],
  ]) {
    cases[`${op} ${shape}`] = () => ({ op, attributes: { axis }, inputs: [floats(dims)], outputs: ["int64"] });
  }
}

// ---- reductions --------------------------------------------------------------------------------------------------------------------

for (const op of [
  "ReduceLogSumExp",
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSum",
]) {
  for (const [shape, dims, axes] of [
    ["1k", [1024], [0]],
    ["256 x 256, inner", [256, 256], [1]],
    ["256 x 256, outer", [256, 256], [0]],
    ["16 x 64 x 64, middle", [16, 64, 64], [1]],
    ["256 x 256, all", [256, 256], [0, 1]],
  ]) {
    const [low, high] = op === "ReduceLogSum" ? [0.1, 1] : op === "ReduceProd" ? [0.9, 1.1] : [-4, 4];
    cases[`${op} ${shape}`] = () => ({
      op,
      opset: 18,
      inputs: [floats(dims, low, high), list64(...axes)],
      constants: [1],
    });
  }
}
cases["ReduceSum int64 256 x 256, inner"] = () => ({
  op: "ReduceSum",
  opset: 18,
  inputs: [int64s([256, 256], 9), list64(1)],
  constants: [1],
  outputs: ["int64"],
});
cases["ReduceSum int32 256 x 256, outer"] = () => ({
  op: "ReduceSum",
  opset: 18,
  inputs: [int32s([256, 256], 9), list64(0)],
  constants: [1],
  outputs: ["int32"],
});
for (const op of ["Softmax", "LogSoftmax", "Hardmax"]) {
  for (const [shape, dims, axis] of [
    ["1k", [1024], 0],
    ["256 x 256, inner", [256, 256], 1],
    ["256 x 256, outer", [256, 256], 0],
  ]) {
    cases[`${op} ${shape}`] = () => ({ op, attributes: { axis }, inputs: [floats(dims)] });
  }
}

// ---- movement ----------------------------------------------------------------------------------------------------------------------

cases["Expand [256, 1] to 256 x 256"] = () => ({
  op: "Expand",
  inputs: [floats([256, 1]), list64(256, 256)],
  constants: [1],
});
cases["Expand [1, 256] to 256 x 256"] = () => ({
  op: "Expand",
  inputs: [floats([1, 256]), list64(256, 256)],
  constants: [1],
});
cases["Expand [256, 1, 4] to 256 x 64 x 4"] = () => ({
  op: "Expand",
  inputs: [floats([256, 1, 4]), list64(256, 64, 4)],
  constants: [1],
});
cases["Expand [1] to 64k"] = () => ({ op: "Expand", inputs: [floats([1]), list64(65536)], constants: [1] });
cases["Expand [256, 1], shape fed"] = () => ({ op: "Expand", inputs: [floats([256, 1]), list64(256, 256)] });
cases["Tile 64 x 64, 4 x 4"] = () => ({ op: "Tile", inputs: [floats([64, 64]), list64(4, 4)], constants: [1] });
cases["Tile 1024 x 2, 1 x 16"] = () => ({ op: "Tile", inputs: [floats([1024, 2]), list64(1, 16)], constants: [1] });
for (const axis of [0, 1]) {
  cases[`GatherElements 256 x 256, axis ${axis}`] = () => ({
    op: "GatherElements",
    attributes: { axis },
    inputs: [floats([256, 256]), int64s([256, 256], 256)],
  });
  cases[`ScatterElements 256 x 256, axis ${axis}`] = () => ({
    op: "ScatterElements",
    opset: 18,
    attributes: { axis },
    inputs: [floats([256, 256]), int64s([256, 256], 256), floats([256, 256])],
  });
  cases[`ScatterElements add 256 x 256, axis ${axis}`] = () => ({
    op: "ScatterElements",
    opset: 18,
    attributes: { axis, reduction: "add" },
    inputs: [floats([256, 256]), int64s([256, 256], 256), floats([256, 256])],
  });
  cases[`Gather 256 x 256, axis ${axis}`] = () => ({
    op: "Gather",
    attributes: { axis },
    inputs: [floats([256, 256]), int64s([256], 256)],
  });
  cases[`OneHot 256 into 256, axis ${axis}`] = () => ({
    op: "OneHot",
    attributes: { axis },
    inputs: [int64s([256], 256), scalar64(256), { type: "float32", dims: [2], data: Float32Array.of(0, 1) }],
    constants: [1],
  });
}
cases["GatherElements 1k"] = () => ({ op: "GatherElements", inputs: [floats([1024]), int64s([1024], 1024)] });
cases["GatherND 256 x 256, 4,096 rows"] = () => ({
  op: "GatherND",
  inputs: [floats([256, 16, 4]), int64s([4096, 2], 16)],
});
cases["ScatterND 256 x 256, 128 rows"] = () => ({
  op: "ScatterND",
  opset: 18,
  inputs: [floats([256, 256]), int64s([128, 1], 256), floats([128, 256])],
});
cases["ScatterND 64k elements, 4,096"] = () => ({
  op: "ScatterND",
  opset: 18,
  inputs: [floats([256, 256]), int64s([4096, 2], 256), floats([4096])],
});
for (const upper of [0, 1])
  cases[`Trilu 512 x 512, ${upper ? "upper" : "lower"}`] = () => ({
    op: "Trilu",
    attributes: { upper },
    inputs: [floats([512, 512])],
  });
cases["Trilu 64 x 32 x 32"] = () => ({ op: "Trilu", inputs: [floats([64, 32, 32])] });
cases["EyeLike 512 x 512"] = () => ({ op: "EyeLike", inputs: [floats([512, 512])] });
cases["ReverseSequence 64 x 32 x 32"] = () => ({
  op: "ReverseSequence",
  attributes: { batch_axis: 0, time_axis: 1 },
  inputs: [floats([64, 32, 32]), positive((dims) => int64s(dims, 32))([64])],
});
cases["Concat 256 x 128, axis 1"] = () => ({
  op: "Concat",
  attributes: { axis: 1 },
  inputs: [floats([256, 128]), floats([256, 128])],
});
cases["Transpose 256 x 256"] = () => ({ op: "Transpose", attributes: { perm: [1, 0] }, inputs: [floats([256, 256])] });
cases["Transpose 16 x 64 x 64, 0 2 1"] = () => ({
  op: "Transpose",
  attributes: { perm: [0, 2, 1] },
  inputs: [floats([16, 64, 64])],
});
cases["Pad 256 x 256 by 8"] = () => ({ op: "Pad", inputs: [floats([256, 256]), list64(8, 8, 8, 8)], constants: [1] });
cases["Pad reflect 256 x 256 by 8"] = () => ({
  op: "Pad",
  attributes: { mode: "reflect" },
  inputs: [floats([256, 256]), list64(8, 8, 8, 8)],
  constants: [1],
});
cases["Slice 256 x 256, every second"] = () => ({
  op: "Slice",
  inputs: [floats([256, 256]), list64(0, 0), list64(256, 256), list64(0, 1), list64(2, 2)],
  constants: [1, 2, 3, 4],
});
cases["DepthToSpace 64 x 32 x 32"] = () => ({
  op: "DepthToSpace",
  attributes: { blocksize: 2 },
  inputs: [floats([1, 64, 32, 32])],
});
cases["SpaceToDepth 16 x 64 x 64"] = () => ({
  op: "SpaceToDepth",
  attributes: { blocksize: 2 },
  inputs: [floats([1, 16, 64, 64])],
});
cases["Range 64k"] = () => ({ op: "Range", inputs: [scalar(0), scalar(65536), scalar(1)] });
cases["Shape 64k"] = () => ({ op: "Shape", inputs: [floats([256, 256])], outputs: ["int64"] });
cases["Identity 64k"] = () => ({ op: "Identity", inputs: [floats([65536])] });
cases["Identity 16"] = () => ({ op: "Identity", inputs: [floats([16])] });

// ---- others ------------------------------------------------------------------------------------------------------------------------

cases["Det 64 x 16 x 16"] = () => ({ op: "Det", inputs: [floats([64, 16, 16])] });
cases["QuantizeLinear 64k"] = () => ({
  op: "QuantizeLinear",
  inputs: [floats([65536]), scalar(0.1), { type: "uint8", dims: [], data: Uint8Array.of(128) }],
  constants: [1, 2],
  outputs: ["uint8"],
});
cases["DequantizeLinear 64k"] = () => ({
  op: "DequantizeLinear",
  inputs: [bytes([65536]), scalar(0.1), { type: "uint8", dims: [], data: Uint8Array.of(128) }],
  constants: [1, 2],
});
cases["DynamicQuantizeLinear 64k"] = () => ({
  op: "DynamicQuantizeLinear",
  inputs: [floats([65536])],
  outputs: ["uint8", "float32", "uint8"],
});
cases["LayerNormalization 256 x 256"] = () => ({
  op: "LayerNormalization",
  inputs: [floats([256, 256]), floats([256]), floats([256])],
});
cases["InstanceNormalization 16 x 64 x 64"] = () => ({
  op: "InstanceNormalization",
  inputs: [floats([1, 16, 64, 64]), floats([16]), floats([16])],
});
cases["LpNormalization 256 x 256"] = () => ({ op: "LpNormalization", inputs: [floats([256, 256])] });
cases["LRN 16 x 64 x 64"] = () => ({ op: "LRN", attributes: { size: 5 }, inputs: [floats([1, 16, 64, 64])] });
for (const mode of ["nearest", "linear", "cubic"]) {
  cases[`Resize ${mode} 8 x 64 x 64 by 2`] = () => ({
    op: "Resize",
    opset: 19,
    attributes: { mode },
    inputs: [
      floats([1, 8, 64, 64]),
      { type: "float32", dims: [0], data: new Float32Array(0) },
      { type: "float32", dims: [4], data: Float32Array.of(1, 1, 2, 2) },
    ],
    constants: [1, 2],
  });
  cases[`GridSample ${mode} 8 x 64 x 64`] = () => ({
    op: "GridSample",
    opset: 20,
    attributes: { mode },
    inputs: [floats([1, 8, 64, 64]), floats([1, 64, 64, 2], -1, 1)],
  });
}
cases["RoiAlign 16 x 32 x 32, 50 boxes"] = () => ({
  op: "RoiAlign",
  opset: 16,
  attributes: { output_height: 7, output_width: 7, sampling_ratio: 2 },
  inputs: [
    floats([1, 16, 32, 32]),
    { type: "float32", dims: [50, 4], data: boxes(1, 50).data.map((v) => v / 21) },
    { type: "int64", dims: [50], data: new BigInt64Array(50) },
  ],
});
cases["Einsum ij,ik->jk 256"] = () => ({
  op: "Einsum",
  attributes: { equation: "ij,ik->jk" },
  inputs: [floats([256, 64]), floats([256, 64])],
});
cases["MaxPool 16 x 64 x 64"] = () => ({
  op: "MaxPool",
  attributes: { kernel_shape: [3, 3], strides: [2, 2] },
  inputs: [floats([1, 16, 64, 64])],
});
cases["AveragePool 16 x 64 x 64"] = () => ({
  op: "AveragePool",
  attributes: { kernel_shape: [3, 3], strides: [2, 2] },
  inputs: [floats([1, 16, 64, 64])],
});
cases["GlobalAveragePool 64 x 32 x 32"] = () => ({ op: "GlobalAveragePool", inputs: [floats([1, 64, 32, 32])] });
cases["LpPool 16 x 64 x 64"] = () => ({
  op: "LpPool",
  attributes: { kernel_shape: [3, 3], strides: [2, 2] },
  inputs: [floats([1, 16, 64, 64])],
});

// ---- other types and shapes of the same operators ----------------------------------------------------------------------------------

const halves = (dims) =>
  filled(
    "float16",
    Uint16Array,
    dims,
    (random) => (random() < 0.5 ? 0x8000 : 0) + 0x3000 + Math.floor(random() * 0x1800),
  );
const uint64s = (dims, below) =>
  filled("uint64", BigUint64Array, dims, (random) => BigInt(Math.floor(random() * below)));
const int8s = (dims) => filled("int8", Int8Array, dims, (random) => Math.floor(random() * 200) - 100);
const int16s = (dims) => filled("int16", Int16Array, dims, (random) => Math.floor(random() * 2000) - 1000);
for (const [many, n] of [
  [64, 5],
  [64, 8],
  [64, 32],
  [4, 64],
  [1, 128],
  [1, 256],
]) {
  cases[`Det ${many} x ${n} x ${n}`] = () => ({ op: "Det", inputs: [floats([many, n, n])] });
}
cases["Det f64 16 x 32 x 32"] = () => ({ op: "Det", inputs: [doubles([16, 32, 32])], outputs: ["float64"] });
for (const [shape, dims, axis, k] of [
  ["64 x 1024, axis 0", [64, 1024], 0, 5],
  ["16 x 100 x 64, axis 1", [16, 100, 64], 1, 10],
]) {
  for (const [type, make] of [
    ["float32", floats],
    ["float64", doubles],
    ["int64", (d) => int64s(d, 1e6)],
    ["int32", (d) => int32s(d, 1e6)],
  ]) {
    cases[`TopK ${type} ${shape}, ${k}`] = () => ({
      op: "TopK",
      attributes: { axis },
      inputs: [make(dims), list64(k)],
      constants: [1],
      outputs: [type, "int64"],
    });
  }
}
for (const [type, make] of [
  ["float32", floats],
  ["int64", (d) => int64s(d, 1e6)],
  ["float64", doubles],
  ["uint8", (d) => bytes(d)],
]) {
  for (const [shape, dims, axis] of [
    ["16 x 64 x 32, axis 1", [16, 64, 32], 1],
    ["64 x 256 x 3, axis 1", [64, 256, 3], 1],
    ["8 x 64 x 256, axis 1", [8, 64, 256], 1],
    ["128 x 512, axis 1", [128, 512], 1],
    ["512 x 128, axis 0", [512, 128], 0],
  ]) {
    cases[`Compress ${type} ${shape}`] = () => ({
      op: "Compress",
      attributes: { axis },
      inputs: [make(dims), bools([dims[axis]])],
      outputs: [type],
    });
  }
}
for (const [type, make] of [
  ["int32", int32s],
  ["int64", int64s],
]) {
  for (const [shape, dims, axes] of [
    ["256 x 256, inner", [256, 256], [1]],
    ["256 x 256, outer", [256, 256], [0]],
    ["256 x 256, all", [256, 256], [0, 1]],
  ]) {
    for (const op of ["ReduceLogSumExp", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceL1", "ReduceL2"]) {
      cases[`${op} ${type} ${shape}`] = () => ({
        op,
        opset: 18,
        inputs: [make(dims, 9), list64(...axes)],
        constants: [1],
        outputs: [type],
      });
    }
  }
}
for (const [shape, dims, axes] of [
  ["256 x 256, inner", [256, 256], [1]],
  ["256 x 256, outer", [256, 256], [0]],
  ["16 x 64 x 64, middle", [16, 64, 64], [1]],
  ["256 x 256, all", [256, 256], [0, 1]],
]) {
  for (const op of [
    "ReduceLogSumExp",
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceL1",
    "ReduceL2",
  ]) {
    cases[`${op} f64 ${shape}`] = () => ({
      op,
      opset: 18,
      inputs: [doubles(dims, 0.9, 1.1), list64(...axes)],
      constants: [1],
      outputs: ["float64"],
    });
  }
}
for (const [type, make] of [
  ["int8", int8s],
  ["uint8", bytes],
  ["int16", int16s],
  ["int32", (d) => int32s(d, 100)],
  ["int64", (d) => int64s(d, 100)],
  ["float64", doubles],
]) {
  cases[`Shrink ${type} 64k`] = () => ({
    op: "Shrink",
    attributes: { lambd: float(5), bias: float(1) },
    inputs: [make([65536])],
    outputs: [type],
  });
}
const castable = {
  float32: floats,
  float64: doubles,
  float16: halves,
  int8: int8s,
  uint8: bytes,
  int16: int16s,
  int32: (d) => int32s(d, 1000),
  int64: (d) => int64s(d, 1000),
  uint64: (d) => uint64s(d, 1000),
  bool: bools,
};
const castNumbers = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint64: 13,
};
for (const [from, make] of Object.entries(castable)) {
  for (const [to, number] of Object.entries(castNumbers)) {
    if (to === from) continue;
    cases[`Cast ${from} to ${to}, 65,536`] = () => ({
      op: "Cast",
      attributes: { to: number },
      inputs: [make([65536])],
      outputs: [to],
    });
  }
}
for (const [op, outputs] of [
  ["ArgMax", ["int64"]],
  ["ArgMin", ["int64"]],
  ["Softmax", null],
  ["LogSoftmax", null],
  ["Hardmax", null],
]) {
  for (const [type, make] of [
    ["float64", doubles],
    ["int32", (d) => int32s(d, 1e6)],
    ["int8", int8s],
    ["uint8", bytes],
  ]) {
    if (outputs === null && type !== "float64") continue;
    for (const [shape, dims, axis] of [
      ["1k", [1024], 0],
      ["256 x 256, inner", [256, 256], 1],
      ["256 x 256, outer", [256, 256], 0],
      ["64 x 21 x 1024, middle", [64, 21, 1024], 1],
      ["1024 x 10, inner", [1024, 10], 1],
    ]) {
      cases[`${op} ${type} ${shape}`] = () => ({
        op,
        attributes: { axis },
        inputs: [make(dims)],
        outputs: outputs ?? [type],
      });
    }
  }
}
for (const length of [16, 64, 128, 256, 512, 1000, 1024, 2048]) {
  const lanes = Math.max(1, Math.floor(16384 / length));
  for (const parts of [1, 2]) {
    cases[`DFT f64 ${lanes} x ${length} ${parts === 1 ? "real" : "complex"}`] = () => ({
      op: "DFT",
      opset: 20,
      inputs: [doubles([lanes, length, parts]), scalar64(length), scalar64(1)],
      constants: [1, 2],
      outputs: ["float64"],
    });
  }
  cases[`DFT f64 1 x ${length} real`] = () => ({
    op: "DFT",
    opset: 20,
    inputs: [doubles([1, length, 1]), scalar64(length), scalar64(1)],
    constants: [1, 2],
    outputs: ["float64"],
  });
}
for (const length of [256, 512]) {
  cases[`DFT 32 x ${length} real, f32`] = () => ({
    op: "DFT",
    opset: 20,
    inputs: [floats([32, length, 1]), scalar64(length), scalar64(1)],
    constants: [1, 2],
  });
}
for (const [type, make] of [
  ["float64", (d) => filled("float64", Float64Array, d, (random) => Math.floor(random() * 2))],
  ["int64", (d) => int64s(d, 2)],
  ["int32", (d) => int32s(d, 2)],
]) {
  for (const [shape, dims] of [
    ["16 x 1024", [16, 1024]],
    ["256 x 256", [256, 256]],
    ["1024 x 16", [1024, 16]],
  ]) {
    cases[`Unique ${type} ${shape}, axis 1`] = () => ({
      op: "Unique",
      attributes: { axis: 1 },
      inputs: [make(dims)],
      outputs: uniqueOutputs(type),
    });
  }
}
for (const [shape, dims, axis] of [
  ["256 x 256, outer, axis fed", [256, 256], 0],
  ["1024 x 1024, inner, axis fed", [1024, 1024], 1],
  ["4096 x 16, inner, axis fed", [4096, 16], 1],
]) {
  cases[`CumSum ${shape}`] = () => ({ op: "CumSum", inputs: [floats(dims), scalar64(axis)] });
}
for (const [name, make] of [
  ["f32", (d) => floats(d, 0, 4)],
  ["f64", (d) => doubles(d, 0, 4)],
  ["int32", (d) => int32s(d, 4)],
]) {
  const type = { f32: "float32", f64: "float64", int32: "int32" }[name];
  cases[`Pow int64 by ${name} 64k`] = () => ({
    op: "Pow",
    inputs: [int64s([65536], 6), make([65536])],
    outputs: ["int64"],
  });
  cases[`Pow ${name} by int32 64k`] = () => ({
    op: "Pow",
    inputs: [make([65536]), int32s([65536], 4)],
    outputs: [type],
  });
}
for (const [type, make] of [
  ["int64", (d) => int64s(d, 1e6)],
  ["float64", doubles],
  ["uint8", (d) => bytes(d)],
]) {
  for (const axis of [0, 1]) {
    cases[`GatherElements ${type} 256 x 256, axis ${axis}`] = () => ({
      op: "GatherElements",
      attributes: { axis },
      inputs: [make([256, 256]), int64s([256, 256], 256)],
      outputs: [type],
    });
  }
}
cases["GatherElements int32 indices 256 x 256"] = () => ({
  op: "GatherElements",
  attributes: { axis: 1 },
  inputs: [floats([256, 256]), int32s([256, 256], 256)],
});
cases["Range int64 64k"] = () => ({
  op: "Range",
  inputs: [scalar64(0), scalar64(65536), scalar64(1)],
  outputs: ["int64"],
});
cases["Range int64 100"] = () => ({
  op: "Range",
  inputs: [scalar64(0), scalar64(100), scalar64(1)],
  outputs: ["int64"],
});

export const operatorCases = cases;
