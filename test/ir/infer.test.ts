import { describe, expect, it } from "@jest/globals";
import { WscError } from "../../ir/diagnostic.ts";
import { arg, binary, binaryFunctions, cast, lit, select, unary, unaryFunctions } from "../../ir/expr.ts";
import { type OpSpec, type ValueType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { parseGraph } from "../../ir/parse.ts";
import { TextReader } from "../../ir/text/lexer.ts";
import { parseType } from "../../ir/text/type.ts";
import { showType } from "../../ir/types.ts";
import { defined } from "./defined.ts";

type WithoutInputs<S> = S extends OpSpec ? Omit<S, "inputs"> : never;
const typeOf = (text: string): ValueType => parseType(new TextReader(text));

/** Result types of an op over operands of the given types; or `code message` of the diagnostic. */
function infer(attributes: WithoutInputs<OpSpec>, ...operands: readonly string[]): string {
  const spec = { ...attributes, inputs: operands.map((_, i) => i) } as OpSpec;
  try {
    return inferTypes(spec, operands.map(typeOf), ["node"]).map(showType).join(" "); // prettier-ignore
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    const d = defined(error.diagnostics[0]);
    expect(d.subject).toBe(`${spec.kind} "node"`);
    return `${d.code} ${d.message}`;
  }
}

describe("map", () => {
  const add = { kind: "map", expr: binary("add", arg(0), arg(1)) } as const;

  it("broadcasts", () => {
    expect(infer(add, "f32[2,1,4]", "f32[3,1]")).toBe("f32[2,3,4]");
    expect(infer(add, "f32[]", "f32[0,3]")).toBe("f32[0,3]");
    expect(infer(add, "f32[2,3]", "f32[4]")).toBe("WSC3004 shapes [2,3], [4] do not broadcast");
    expect(infer({ kind: "map", expr: lit("i32", 1) }, "f32[5]", "bool[2,1]")).toBe("i32[2,5]");
  });

  it("has the dtype of its expression", () => {
    expect(infer({ kind: "map", expr: binary("lt", arg(0), lit("i64", 3)) }, "i64[2]")).toBe("bool[2]");
    expect(infer({ kind: "map", expr: cast("f16", arg(0)) }, "f32[2]")).toBe("f16[2]");
    expect(infer({ kind: "map", expr: select(arg(0), arg(1), arg(2)) }, "bool[2]", "f16[1]", "f16[]")).toBe("f16[2]");
    expect(infer({ kind: "map", expr: unary("isnan", arg(0)) }, "f64[]")).toBe("bool[]");
  });

  it("refuses operands that its functions do not take", () => {
    expect(infer(add, "f32[2]", "f64[2]")).toBe("WSC3005 add of f32 and f64");
    for (const dtype of ["f16", "bf16", "string", "i4", "bool", "c64"]) {
      expect(infer(add, `${dtype}[2]`, `${dtype}[2]`)).toBe(`WSC3005 add is not defined for ${dtype}`);
    }
    expect(infer({ kind: "map", expr: unary("exp", arg(0)) }, "i32[2]")).toBe("WSC3005 exp is not defined for i32");
    expect(infer({ kind: "map", expr: unary("not", arg(0)) }, "u8[2]")).toBe("WSC3005 not is not defined for u8");
    expect(infer({ kind: "map", expr: select(arg(0), arg(0), arg(0)) }, "u8[]")).toBe("WSC3005 the condition is u8, must be bool"); // prettier-ignore
    expect(infer({ kind: "map", expr: select(arg(0), arg(0), arg(1)) }, "bool[]", "u8[]")).toBe("WSC3005 select between bool and u8"); // prettier-ignore
  });

  it("knows every function for some dtype", () => {
    const accepted = (expr: Parameters<typeof unary>[1]): boolean =>
      ["f32[]", "i32[]", "bool[]"].some((type) => !infer({ kind: "map", expr }, type).startsWith("WSC"));
    expect(unaryFunctions.filter((fn) => !accepted(unary(fn, arg(0))))).toEqual([]);
    expect(binaryFunctions.filter((fn) => !accepted(binary(fn, arg(0), arg(0))))).toEqual([]);
  });

  it("needs tensors of known shape", () => {
    expect(infer(add, "f32[2]", "sequence<f32[2]>")).toBe("WSC3005 input 1 is sequence<f32[2]>, a tensor is needed");
    expect(infer(add, "dynamic f32[n]", "f32[2]")).toBe("WSC2005 the shape of input 0 is not known: dynamic f32[n]");
    expect(() => infer({ kind: "map", expr: lit("f32", 1) })).toThrow("internal: map \"node\" has 0 operands"); // prettier-ignore
  });
});

describe("matmul", () => {
  const matmul = { kind: "matmul", transposeA: false, transposeB: false, epilogue: null } as const;

  it("multiplies batches of matrices", () => {
    expect(infer(matmul, "f32[2,3]", "f32[3,4]")).toBe("f32[2,4]");
    expect(infer(matmul, "f64[5,1,2,3]", "f64[7,3,4]")).toBe("f64[5,7,2,4]");
    expect(infer({ ...matmul, transposeA: true, transposeB: true }, "f32[3,2]", "f32[4,3]")).toBe("f32[2,4]");
    expect(infer(matmul, "f32[2,0]", "f32[0,4]")).toBe("f32[2,4]");
  });

  it("accumulates narrow integers in i32", () => {
    for (const [a, b] of [["i8", "i8"], ["u8", "i8"], ["i16", "u16"], ["u8", "u16"]]) expect(infer(matmul, `${a}[2,3]`, `${b}[3,4]`)).toBe("i32[2,4]"); // prettier-ignore
    expect(infer(matmul, "i64[2,3]", "i64[3,4]")).toBe("i64[2,4]");
    expect(infer(matmul, "i8[2,3]", "i32[3,4]")).toBe("WSC3005 cannot multiply i8[2,3] by i32[3,4]");
    expect(infer(matmul, "f16[2,3]", "f16[3,4]")).toBe("WSC3005 cannot multiply f16[2,3] by f16[3,4]");
  });

  it("names what does not fit", () => {
    expect(infer(matmul, "f32[2,3]", "f32[4,3]")).toBe("WSC3004 cannot multiply f32[2,3] by f32[4,3]: 3 columns meet 4 rows"); // prettier-ignore
    expect(infer({ ...matmul, transposeB: true }, "f32[2,3]", "f32[3,4]")).toContain("by f32[3,4] (transposed): 3 columns meet 4 rows"); // prettier-ignore
    expect(infer(matmul, "f32[3]", "f32[3,4]")).toBe("WSC3004 f32[3] is no matrix");
    expect(infer(matmul, "f32[2,1,1]", "f32[3,1,1]")).toBe("WSC3004 shapes [2], [3] do not broadcast");
  });

  it("has the dtype of its epilogue", () => {
    const scaled = { ...matmul, epilogue: binary("mul", cast("f32", arg(0)), arg(1)) };
    expect(infer(scaled, "i8[2,3]", "u8[3,4]", "f32[4]")).toBe("f32[2,4]");
    expect(infer(scaled, "i8[2,3]", "u8[3,4]", "f32[3]")).toBe("WSC3004 epilogue operand 1 f32[3] does not broadcast to [2,4]"); // prettier-ignore
    expect(infer(scaled, "i8[2,3]", "u8[3,1]", "f32[4]")).toContain("does not broadcast to [2,1]");
    expect(() => infer(matmul, "f32[2,3]", "f32[3,4]", "f32[4]")).toThrow("internal:");
  });
});

describe("quantizedMatmul", () => {
  const product = { kind: "quantizedMatmul", blockSize: 16, epilogue: null } as const;

  it("multiplies floats by integers of a byte or less", () => {
    expect(infer(product, "f32[2,40]", "u4[7,40]", "f32[7,3]", "f32[7,3]")).toBe("f32[2,7]");
    expect(infer(product, "f32[5,2,40]", "i8[7,40]", "f32[1,3]", "f32[7,1]")).toBe("f32[5,2,7]");
    expect(infer(product, "f32[2,0]", "i8[7,0]", "f32[7,0]", "f32[1,1]")).toBe("f32[2,7]");
    expect(infer(product, "f64[2,40]", "u4[7,40]", "f32[7,3]", "f32[7,3]")).toBe("WSC3005 cannot multiply f64[2,40] by weights u4[7,40]"); // prettier-ignore
    expect(infer(product, "f32[2,40]", "i16[7,40]", "f32[7,3]", "f32[7,3]")).toContain("WSC3005");
  });

  it("names what does not fit", () => {
    expect(infer(product, "f32[2,40]", "u4[7,41]", "f32[7,3]", "f32[7,3]")).toBe("WSC3004 cannot multiply f32[2,40] by weights u4[7,41], which must be [columns, 40]"); // prettier-ignore
    expect(infer(product, "f32[40]", "u4[7,40]", "f32[7,3]", "f32[7,3]")).toBe("WSC3004 f32[40] is no matrix");
    expect(infer(product, "f32[2,40]", "u4[7,40]", "f32[7,2]", "f32[7,3]")).toBe("WSC3004 scales f32[7,2] must be [7,3], a dim may be 1"); // prettier-ignore
    expect(infer(product, "f32[2,40]", "u4[7,40]", "f32[7,3]", "f32[3]")).toBe("WSC3004 zero points f32[3] must be [7,3], a dim may be 1"); // prettier-ignore
    expect(infer(product, "f32[2,40]", "u4[7,40]", "f32[7,3]", "u8[7,3]")).toBe("WSC3005 zero points are u8[7,3], must be f32"); // prettier-ignore
    expect(infer({ ...product, blockSize: 0 }, "f32[2,40]", "u4[7,40]", "f32[7,3]", "f32[7,3]")).toBe("WSC3006 blockSize must be at least 1, is 0"); // prettier-ignore
  });
});

describe("conv", () => {
  const unit = { strides: [1, 1], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0] };
  const conv = { kind: "conv", layout: "nchw", ...unit, groups: 1, epilogue: null } as const;

  it("follows ONNX's formula", () => {
    expect(infer(conv, "f32[1,3,8,9]", "f32[4,3,3,3]")).toBe("f32[1,4,6,7]");
    expect(infer({ ...conv, strides: [2, 3] }, "f32[1,3,8,9]", "f32[4,3,3,3]")).toBe("f32[1,4,3,3]");
    expect(infer({ ...conv, dilations: [2, 1] }, "f32[1,3,8,9]", "f32[4,3,3,3]")).toBe("f32[1,4,4,7]");
    expect(infer({ ...conv, padsBegin: [1, 0], padsEnd: [2, -1] }, "f32[1,3,8,9]", "f32[4,3,3,3]")).toBe(
      "f32[1,4,9,6]",
    );
    expect(infer({ ...conv, groups: 3 }, "f32[1,3,8,9]", "f32[6,1,3,3]")).toBe("f32[1,6,6,7]");
    expect(infer({ ...conv, layout: "nhwc" }, "f32[1,8,9,3]", "f32[3,3,3,4]")).toBe("f32[1,6,7,4]");
    expect(infer(conv, "f32[0,3,8,9]", "f32[4,3,3,3]")).toBe("f32[0,4,6,7]");
    expect(infer(conv, "u8[1,3,8,9]", "i8[4,3,3,3]")).toBe("i32[1,4,6,7]");
    const line = { ...conv, strides: [1], dilations: [1], padsBegin: [0], padsEnd: [0] };
    expect(infer(line, "f32[1,2,9]", "f32[5,2,9]")).toBe("f32[1,5,1]");
  });

  it("names what does not fit", () => {
    expect(infer(conv, "f32[1,3,2,9]", "f32[4,3,3,3]")).toBe("WSC3004 kernel of 3 is larger than the padded input of 2 (2 with pads 0 and 0) in spatial dim 0"); // prettier-ignore
    expect(infer({ ...conv, dilations: [1, 5] }, "f32[1,3,8,9]", "f32[4,3,3,3]")).toContain("kernel of 3 with dilation 5 (extent 11)"); // prettier-ignore
    expect(infer(conv, "f32[1,4,8,9]", "f32[4,3,3,3]")).toBe("WSC3004 input f32[1,4,8,9] has 4 channels, weights f32[4,3,3,3] in 1 groups want 3"); // prettier-ignore
    expect(infer({ ...conv, groups: 3 }, "f32[1,3,8,9]", "f32[4,1,3,3]")).toBe("WSC3004 4 output channels cannot be cut into 3 groups"); // prettier-ignore
    expect(infer({ ...conv, groups: 0 }, "f32[1,3,8,9]", "f32[4,1,3,3]")).toBe(
      "WSC3006 groups must be at least 1, is 0",
    );
    expect(infer({ ...conv, strides: [0, 1] }, "f32[1,3,8,9]", "f32[4,3,3,3]")).toBe("WSC3006 strides [0,1] must be integers >= 1"); // prettier-ignore
    expect(infer({ ...conv, padsEnd: [0] }, "f32[1,3,8,9]", "f32[4,3,3,3]")).toBe("WSC3006 padsEnd [0] must have 2 entries, one per axis"); // prettier-ignore
    expect(infer(conv, "f32[1,3,8,9]", "f32[4,3,3]")).toContain("do not have the rank of");
    expect(infer(conv, "f32[1,3,8,9]", "f32[4,3,0,3]")).toContain("have an empty kernel");
    expect(infer(conv, "f32[3,8]", "f32[4,3]")).toContain("needs batch, channels and at least one spatial dim");
  });

  it("transposed is its inverse in shape", () => {
    const transposed = { kind: "convTranspose", ...unit, outputPadding: [0, 0], groups: 1, epilogue: null } as const;
    expect(infer(transposed, "f32[1,4,6,7]", "f32[4,3,3,3]")).toBe("f32[1,3,8,9]");
    const strided = { ...transposed, strides: [2, 2], outputPadding: [1, 0], padsBegin: [1, 0] };
    expect(infer(strided, "f32[1,4,6,7]", "f32[4,3,3,3]")).toBe("f32[1,3,13,15]");
    expect(infer({ ...transposed, groups: 2 }, "f32[1,4,6,7]", "f32[4,3,3,3]")).toBe("f32[1,6,8,9]");
    expect(infer({ ...transposed, padsBegin: [9, 0] }, "f32[1,4,6,7]", "f32[4,3,3,3]")).toBe("WSC3004 pads 9 and 0 cut more than the 8 elements of spatial dim 0"); // prettier-ignore
    expect(infer(transposed, "f32[1,5,6,7]", "f32[4,3,3,3]")).toContain("has 5 channels, weights f32[4,3,3,3] want 4");
    expect(infer({ ...transposed, outputPadding: [-1, 0] }, "f32[1,4,6,7]", "f32[4,3,3,3]")).toContain("WSC3006 outputPadding [-1,0]"); // prettier-ignore
  });

  it("pools to the spatial size that is given", () => {
    const pool = { kind: "pool", fn: "max", layout: "nchw", kernel: [2, 2], ...unit, outputSpatial: [7, 8], countPadding: false, p: 0 } as const; // prettier-ignore
    expect(infer(pool, "i8[1,3,8,9]")).toBe("i8[1,3,7,8]");
    expect(infer({ ...pool, layout: "nhwc" }, "f32[1,8,9,3]")).toBe("f32[1,7,8,3]");
    expect(infer({ ...pool, fn: "lp" }, "i8[1,3,8,9]")).toBe("WSC3005 the input is i8, needs f32 or f64");
    expect(infer(pool, "bool[1,3,8,9]")).toBe("WSC3005 the input is bool, needs numbers");
    expect(infer({ ...pool, outputSpatial: [7, -1] }, "f32[1,3,8,9]")).toContain("WSC3006 outputSpatial [7,-1]");
    expect(infer({ ...pool, kernel: [2] }, "f32[1,3,8,9]")).toContain("WSC3006 kernel [2] must have 2 entries");
  });
});

describe("reductions", () => {
  const reduce = { kind: "reduce", fn: "sum", axes: [0, 2], keepDims: true } as const;

  it("drop or keep axes", () => {
    expect(infer(reduce, "f32[2,3,4]")).toBe("f32[1,3,1]");
    expect(infer({ ...reduce, keepDims: false }, "i64[2,3,4]")).toBe("i64[3]");
    expect(infer({ ...reduce, axes: [] }, "f32[2]")).toBe("f32[2]");
    expect(infer({ ...reduce, fn: "max" }, "bool[2,0,4]")).toBe("bool[1,0,1]");
    expect(infer(reduce, "bool[2,3,4]")).toBe("WSC3005 the input is bool, needs numbers");
    expect(infer({ ...reduce, axes: [1, 1] }, "f32[2,3,4]")).toBe("WSC3006 axes [1,1] are not ascending");
    expect(infer({ ...reduce, axes: [-1] }, "f32[2,3,4]")).toBe("WSC3006 axis -1 is out of range for f32[2,3,4]");
  });

  it("choose elements", () => {
    const argmax = { kind: "argReduce", fn: "max", axis: 1, keepDims: false, selectLast: false } as const;
    expect(infer(argmax, "f32[2,3]")).toBe("i64[2]");
    expect(infer(argmax, "f32[2,0]")).toBe("WSC3004 axis 1 of f32[2,0] has no elements to choose from");
    const topK = { kind: "topK", axis: 0, k: 2, largest: true } as const;
    expect(infer(topK, "i32[2,3]")).toBe("i32[2,3] i64[2,3]");
    expect(infer({ ...topK, k: 3 }, "i32[2,3]")).toBe("WSC3006 k = 3 is not between 0 and the 2 elements of axis 0 of i32[2,3]"); // prettier-ignore
  });

  it("lead rows through trees", () => {
    const forest = { kind: "forest", fn: "sum", targets: 2 } as const;
    const tables = ["i32[3]", "i32[7,4]", "f32[7]", "i32[9]", "f32[9]"];
    expect(infer(forest, "f32[5,4]", ...tables)).toBe("f32[5,2] bool[5,2]");
    expect(infer(forest, "f64[5,4]", ...tables)).toBe("WSC3005 the list of splits is f32[7], must be f64[7]");
    expect(infer(forest, "f32[5,4]", ...tables.with(2, "f32[6]"))).toBe(
      "WSC3004 the list of splits is f32[6], must be f32[7]",
    );
    expect(infer(forest, "f32[4]", ...tables)).toBe("WSC3004 the input has 1 dims, rows and features are needed");
    expect(infer(forest, "i32[5,4]", ...tables)).toBe("WSC3005 the input is i32, needs f32 or f64");
    expect(infer({ ...forest, targets: 0 }, "f32[5,4]", ...tables)).toBe("WSC3006 0 targets");
  });

  it("keep the shape", () => {
    expect(infer({ kind: "softmax", axis: 0, log: false }, "f64[2,3]")).toBe("f64[2,3]");
    expect(infer({ kind: "softmax", axis: 0, log: false }, "f32[]")).toBe("WSC3006 axis 0 is out of range for f32[]");
    expect(infer({ kind: "softmax", axis: 0, log: false }, "i32[2]")).toBe(
      "WSC3005 the input is i32, needs f32 or f64",
    );
    expect(infer({ kind: "cumulative", fn: "prod", axis: 1, exclusive: true, reverse: true }, "i32[2,3]")).toBe("i32[2,3]"); // prettier-ignore
    const norm = { kind: "normalize", axes: [1], epsilon: 1e-5, centered: true } as const;
    expect(infer(norm, "f32[2,3]", "f32[3]", "f32[1]")).toBe("f32[2,3]");
    expect(infer(norm, "f32[2,3]", "f32[2]")).toBe("WSC3004 scale f32[2] does not broadcast to [2,3]");
    expect(infer(norm, "f32[2,3]", "f32[3]", "f64[3]")).toBe("WSC3005 input 2 is f64[3], its element type must be f32");
  });
});

describe("movements", () => {
  it("reshape keeps the count", () => {
    expect(infer({ kind: "reshape", shape: [3, 1, 2] }, "string[2,3]")).toBe("string[3,1,2]");
    expect(infer({ kind: "reshape", shape: [0, 5] }, "f32[2,0]")).toBe("f32[0,5]");
    expect(infer({ kind: "reshape", shape: [4] }, "f32[2,3]")).toBe(
      "WSC3004 f32[2,3] has 6 elements, shape [4] takes 4",
    );
    expect(infer({ kind: "reshape", shape: [-2, -3] }, "f32[2,3]")).toBe("WSC3006 shape [-2,-3] must be integers >= 0");
  });

  it("transpose permutes", () => {
    expect(infer({ kind: "transpose", perm: [2, 0, 1] }, "f4e2m1[2,3,4]")).toBe("f4e2m1[4,2,3]");
    for (const perm of [[0, 0], [0], [0, 2], [0, 1, 2], [-1, 0]]) expect(infer({ kind: "transpose", perm }, "f32[2,3]")).toBe(`WSC3006 perm [${perm.join(",")}] does not permute the axes of f32[2,3]`); // prettier-ignore
  });

  it("slice stays inside", () => {
    const slice = { kind: "slice", starts: [4, 0], sizes: [3, 2], steps: [-2, 1] } as const;
    expect(infer(slice, "f32[5,2]")).toBe("f32[3,2]");
    expect(infer(slice, "f32[4,2]")).toBe("WSC3004 elements 4 to 0 are not all on axis 0 of f32[4,2]");
    expect(infer({ ...slice, sizes: [4, 2] }, "f32[5,2]")).toBe("WSC3004 elements 4 to -2 are not all on axis 0 of f32[5,2]"); // prettier-ignore
    expect(infer({ ...slice, starts: [9, 9], sizes: [0, 0] }, "f32[5,2]")).toBe("f32[0,0]");
    expect(infer({ ...slice, steps: [0, 1] }, "f32[5,2]")).toBe("WSC3006 step 0 on axis 0");
  });

  it("pad adds", () => {
    const pad = { kind: "pad", mode: "constant", before: [1, 0], after: [0, 2] } as const;
    expect(infer(pad, "i8[2,0]", "i8[]")).toBe("i8[3,2]");
    expect(infer(pad, "i8[2,0]", "i8[1]")).toBe("WSC3004 the pad value is i8[1], must be i8[]");
    expect(infer(pad, "i8[2,0]", "f32[]")).toBe("WSC3005 the pad value is f32[], must be i8[]");
    expect(infer({ ...pad, mode: "edge" }, "f32[2,3]")).toBe("f32[3,5]");
    expect(infer({ ...pad, mode: "edge" }, "f32[2,0]")).toBe("WSC3004 axis 1 of f32[2,0] has no elements to pad with");
    expect(infer({ ...pad, before: [-1, 0] }, "i8[2,0]", "i8[]")).toContain("WSC3006 before [-1,0]");
  });

  it("concat joins", () => {
    const concat = { kind: "concat", axis: 1 } as const;
    expect(infer(concat, "f32[2,3]", "f32[2,0]", "f32[2,1]")).toBe("f32[2,4]");
    expect(infer(concat, "f32[2,3]", "f32[1,3]")).toBe("WSC3004 input 1 f32[1,3] does not join f32[2,3] along axis 1");
    expect(infer(concat, "f32[2,3]", "f32[2,3,1]")).toContain("does not join");
    expect(infer(concat, "f32[2,3]", "f64[2,3]")).toContain("WSC3005 input 1 is f64[2,3]");
  });
});

describe("indexing", () => {
  it("gather splices the indices' shape", () => {
    expect(infer({ kind: "gather", axis: 1 }, "bool[2,3,4]", "i64[5,6]")).toBe("bool[2,5,6,4]");
    expect(infer({ kind: "gather", axis: 0 }, "f32[2]", "i32[]")).toBe("f32[]");
    expect(infer({ kind: "gather", axis: 0 }, "f32[2]", "u8[]")).toBe("WSC3005 indices are u8[], must be i32 or i64");
    expect(infer({ kind: "gather", axis: 0 }, "f32[]", "i32[]")).toBe("WSC3006 axis 0 is out of range for f32[]");
  });

  it("elements lie beside the axis", () => {
    const gather = { kind: "gatherElements", axis: 0 } as const;
    expect(infer(gather, "f32[2,3]", "i64[7,2]")).toBe("f32[7,2]");
    expect(infer(gather, "f32[2,3]", "i64[1,4]")).toBe("WSC3004 indices i64[1,4] do not lie within f32[2,3] beside axis 0"); // prettier-ignore
    const scatter = { kind: "scatterElements", axis: 1, reduction: "none" } as const;
    expect(infer(scatter, "string[2,3]", "i64[2,5]", "string[2,5]")).toBe("string[2,3]");
    expect(infer({ ...scatter, reduction: "add" }, "bool[2,3]", "i64[2,5]", "bool[2,5]")).toBe("WSC3005 the data is bool, needs numbers"); // prettier-ignore
    expect(infer(scatter, "f32[2,3]", "i64[2,5]", "f32[2,4]")).toBe(
      "WSC3004 updates are f32[2,4], must have shape [2,5]",
    );
  });

  it("tuples address leading dims", () => {
    const gather = { kind: "gatherND", batchDims: 1 } as const;
    expect(infer(gather, "f32[2,3,4,5]", "i64[2,6,2]")).toBe("f32[2,6,5]");
    expect(infer({ ...gather, batchDims: 0 }, "f32[2,3,4]", "i64[6,1]")).toBe("f32[6,3,4]");
    expect(infer(gather, "f32[2,3,4]", "i64[6,1]")).toBe("WSC3004 the first 1 dims of f32[2,3,4] and i64[6,1] differ");
    expect(infer(gather, "f32[2,3,4]", "i64[2,3]")).toBe("WSC3004 the last dim of indices i64[2,3] cannot address dims of f32[2,3,4] after 1 batch dims"); // prettier-ignore
    expect(infer({ ...gather, batchDims: 2 }, "f32[2,3,4]", "i64[2,3]")).toContain(
      "WSC3006 batchDims 2 is out of range",
    );
    expect(infer({ ...gather, batchDims: 0 }, "f32[2,3,4]", "i64[2,0]")).toContain("cannot address");
    const scatter = { kind: "scatterND", reduction: "max" } as const;
    expect(infer(scatter, "f32[2,3,4]", "i64[5,2]", "f32[5,4]")).toBe("f32[2,3,4]");
    expect(infer(scatter, "f32[2,3,4]", "i64[5,2]", "f32[5,3]")).toContain("must have shape [5,4]");
  });
});

describe("recurrent", () => {
  const gru = { kind: "recurrent", cell: "gru", reverse: false, hasLengths: true, activations: [unary("sigmoid", arg(0)), unary("tanh", arg(0))], clip: null, linearBeforeReset: false, inputForget: false } as const; // prettier-ignore
  const operands = ["f32[7,2,3]", "f32[12,3]", "f32[12,4]", "f32[24]", "f32[2,4]", "i32[2]"];

  it("gives the sequence and the last states", () => {
    expect(infer(gru, ...operands)).toBe("f32[7,2,4] f32[2,4]");
    const lstm = { ...gru, cell: "lstm", activations: [...gru.activations, unary("tanh", arg(0))] } as const;
    expect(infer(lstm, "f32[7,2,3]", "f32[16,3]", "f32[16,4]", "f32[32]", "f32[2,4]", "f32[2,4]", "f32[12]", "i32[2]")).toBe("f32[7,2,4] f32[2,4] f32[2,4]"); // prettier-ignore
  });

  it("names the operand that does not fit", () => {
    expect(infer(gru, ...operands.with(1, "f32[16,3]"))).toBe("WSC3004 W is f32[16,3], must be f32[12,3]");
    expect(infer(gru, ...operands.with(5, "i64[2]"))).toBe(
      "WSC3005 the tensor of sequence lengths is i64[2], must be i32[2]",
    );
    expect(infer(gru, ...operands.with(0, "f32[7,3]"))).toBe("WSC3004 input f32[7,3] must be [time, batch, input]");
    expect(infer({ ...gru, activations: [] }, ...operands)).toBe("WSC3006 0 activations, gru takes 2");
    expect(infer({ ...gru, clip: -1 }, ...operands)).toBe("WSC3006 clip must not be negative, is -1");
  });
});

describe("control flow", () => {
  const region = (body: string): ReturnType<typeof parseGraph> => parseGraph(`graph "body" { ${body} }`);
  const identity = (type: string): ReturnType<typeof parseGraph> => region(`%0 = input "x" : ${type} output "x" = %0`);

  it("joins the branches of if", () => {
    const same = { kind: "if", then: identity("f32[2]"), else: identity("f32[2]") } as const;
    expect(infer(same, "bool[]", "f32[2]")).toBe("f32[2]");
    const constant = region('%0 = input "x" : f32[2] %1 = constant [1, 2, 3] : f32[3] output "y" = %1');
    expect(infer({ ...same, else: constant }, "bool[]", "f32[2]")).toBe("dynamic f32[d0]");
    const scalar = region('%0 = input "x" : f32[2] %1 = constant [1] : f32[] output "y" = %1');
    expect(infer({ ...same, else: scalar }, "bool[]", "f32[2]")).toBe("dynamic f32[*]");
    const ints = region('%0 = input "x" : f32[2] %1 = constant [1] : i8[] output "y" = %1');
    expect(infer({ ...same, else: ints }, "bool[]", "f32[2]")).toBe("WSC3005 result 0 is f32[2] in one place and i8[] in another"); // prettier-ignore
    expect(infer(same, "f32[]", "f32[2]")).toBe("WSC3005 the condition is f32[], must be bool[]");
  });

  it("stacks what loops give", () => {
    const body = region('%0 = input "i" : i64[] %1 = input "c" : bool[] %2 = input "x" : f32[2] output "c" = %1 output "x" = %2 output "y" = %0'); // prettier-ignore
    const loop = { kind: "loop", carried: 1, body } as const;
    expect(infer(loop, "i64[]", "bool[]", "f32[2]")).toBe("f32[2] dynamic i64[iterations]");
    expect(infer({ ...loop, carried: 0 }, "i64[]", "bool[]", "f32[2]")).toBe("dynamic f32[iterations,2] dynamic i64[iterations]"); // prettier-ignore
    expect(infer(loop, "i64[]", "bool[]", "f32[3]")).toBe(
      'WSC3004 f32[3] is passed to "x" of its body, which is f32[2]',
    );
    expect(infer(loop, "i32[]", "bool[]", "f32[2]")).toBe("WSC3005 the trip count is i32[], must be i64[]");
  });

  it("takes scan's length from what is scanned", () => {
    const body = region('%0 = input "s" : f32[2] %1 = input "r" : f32[3] output "s" = %0 output "r" = %1');
    const scan = { kind: "scan", carried: 1, scanned: 1, inputAxes: [1], inputReverse: [false], outputAxes: [0], outputReverse: [true], body } as const; // prettier-ignore
    expect(infer(scan, "f32[2]", "f32[3,9]")).toBe("f32[2] f32[9,3]");
    expect(infer({ ...scan, outputAxes: [2] }, "f32[2]", "f32[3,9]")).toBe("WSC3006 output axis 2 is out of range for slices of f32[3]"); // prettier-ignore
    expect(infer({ ...scan, inputAxes: [2] }, "f32[2]", "f32[3,9]")).toBe("WSC3006 input axis 2 is out of range for f32[3,9]"); // prettier-ignore
    expect(infer({ ...scan, inputAxes: [] }, "f32[2]", "f32[3,9]")).toContain("axes and directions must be given for 1 inputs and 1 outputs"); // prettier-ignore
  });
});

it("refuses sizes that nothing can hold", () => {
  const reshape = { kind: "reshape", shape: [2 ** 30, 2 ** 30] } as const;
  expect(infer(reshape, `f32[${2 ** 30},${2 ** 30}]`)).toBe("WSC1009 the result would be f32[1073741824,1073741824], more than 2^48 elements"); // prettier-ignore
  expect(infer({ kind: "map", expr: arg(0) }, `f32[${2 ** 40},1]`, `f32[1,${2 ** 40}]`)).toContain("WSC1009");
  expect(infer({ ...reshape, shape: [0, 2 ** 50] }, "f32[0]")).toContain("WSC1009");
  expect(infer({ ...reshape, shape: [2 ** 24, 2 ** 24] }, `f32[${2 ** 48}]`)).toBe("f32[16777216,16777216]");
});

it("does not guess the types of host and deferred ops", () => {
  expect(() => infer({ kind: "host", fn: "f", attributes: {}, reason: "" }, "f32[]")).toThrow("internal:");
  expect(() => infer({ kind: "deferred", inputNames: [], outputNames: [], reason: "" }, "u8[1]")).toThrow("internal:");
});
