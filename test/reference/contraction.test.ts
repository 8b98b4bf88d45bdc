import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { arg, binary, cast, lit } from "../../ir/expr.ts";
import type { ConvOp } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { counting, f32, i64, noise, numbers, plain, run, tensor } from "./tensors.ts";
import { nth } from "../../runtime/reference/access.ts";

const relu = binary("max", arg(0), lit("f32", 0));
const matmul = { kind: "matmul", transposeA: false, transposeB: false, epilogue: null } as const;

/** Reads a tensor at a position; 0 outside. */
function at(x: TensorData, index: readonly number[]): number {
  if (index.some((i, axis) => i < 0 || i >= nth(x.shape, axis))) return 0;
  return Number(x.elements[x.shape.reduce((sum, size, axis) => sum * size + nth(index, axis), 0)]);
}

type Position = readonly [number, number, number, number, ...number[]];

/** Every position of a shape. */
function* positions(shape: readonly number[]): Generator<Position> {
  for (let flat = 0; flat < elementCount(shape); flat++) {
    let rest = flat;
    const index = new Array<number>(shape.length);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % nth(shape, axis);
      rest = Math.floor(rest / nth(shape, axis));
    }
    yield index as unknown as Position;
  }
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  const worst = actual.reduce((max, value, i) => Math.max(max, Math.abs(value - nth(expected, i))), 0);
  expect(worst).toBeLessThan(tolerance);
}

describe("quantizedMatmul", () => {
  it("dequantizes by column and block", () => {
    const a = tensor("f32", [1, 10, 100], [1, 3]);
    const weights = tensor("i4", [1, 2, 3, -4, -5, -6], [2, 3]);
    const [scales, zeros] = [tensor("f32", [1, 2, 0.5, 1], [2, 2]), tensor("f32", [1, -4], [2, 1])];
    const spec = { kind: "quantizedMatmul", blockSize: 2, epilogue: null } as const;
    // column 0: (0, 1) * 1, (2) * 2; column 1: (0, -1) * 0.5, (-2) * 1
    expect(numbers(run(spec, a, weights, scales, zeros))).toEqual([410, -205]);
    const one = tensor("f32", [0], [1, 1]);
    expect(numbers(run({ ...spec, epilogue: relu }, a, weights, tensor("f32", [1], [1, 1]), one))).toEqual([321, 0]);
  });
});

describe("matmul", () => {
  it("multiplies", () => {
    expect(numbers(run(matmul, counting("f32", [2, 3]), counting("f32", [3, 2])))).toEqual([10, 13, 28, 40]);
  });

  it("broadcasts batches, and transposes either side", () => {
    const dims = fc.integer({ min: 1, max: 5 });
    // few rows and many rows take different ways
    const rows = fc.integer({ min: 1, max: 14 });
    fc.assert(
      fc.property(rows, dims, dims, fc.boolean(), fc.boolean(), (m, k, n, transposeA, transposeB) => {
        const a = noise([2, 1, ...(transposeA ? [k, m] : [m, k])], 1);
        const b = noise([3, ...(transposeB ? [n, k] : [k, n])], 2);
        const result = run({ ...matmul, transposeA, transposeB }, a, b);
        expect(result.shape).toEqual([2, 3, m, n]);
        const expected = [...positions(result.shape)].map(([p, q, i, j]) => {
          let sum = 0;
          for (let l = 0; l < k; l++) {
            const left = at(a, [p, 0, ...(transposeA ? [l, i] : [i, l])]);
            sum += left * at(b, [q, ...(transposeB ? [j, l] : [l, j])]);
          }
          return sum;
        });
        expectClose(numbers(result), expected);
      }),
      { numRuns: 30 },
    );
  });

  it("accumulates narrow integers in i32, wide ones modulo their width", () => {
    const product = run(matmul, tensor("u8", [255, 255], [1, 2]), tensor("i8", [-128, -128], [2, 1]));
    expect([product.dtype, ...plain(product)]).toEqual(["i32", -65280]);
    expect(plain(run(matmul, tensor("i32", [65537], [1, 1]), tensor("i32", [65537], [1, 1])))).toEqual([131073]);
    expect(plain(run(matmul, i64([2n ** 40n, 1n], [1, 2]), i64([2n ** 30n, 5n], [2, 1])))).toEqual([BigInt.asIntN(64, 2n ** 70n + 5n)]); // prettier-ignore
  });

  it("accumulates f32 in double", () => {
    expect(numbers(run(matmul, f32([1e8, 1, -1e8], [1, 3]), f32([1, 1, 1], [3, 1])))).toEqual([1]);
  });

  it("applies an epilogue with broadcast operands", () => {
    const epilogue = binary("max", binary("add", arg(0), arg(1)), lit("f32", 0));
    const result = run({ ...matmul, epilogue }, counting("f32", [2, 2]), counting("f32", [2, 2]), f32([-7, 1]));
    expect(numbers(result)).toEqual([0, 4, 0, 12]);
    const scaled = { ...matmul, epilogue: binary("mul", cast("f32", arg(0)), arg(1)) };
    const dequantized = run(scaled, tensor("i8", [2], [1, 1]), tensor("i8", [3], [1, 1]), f32([0.5], []));
    expect([dequantized.dtype, ...numbers(dequantized)]).toEqual(["f32", 3]);
  });

  it("of an empty inner dim is zero", () => {
    expect(numbers(run(matmul, f32([], [2, 0]), f32([], [0, 1])))).toEqual([0, 0]);
  });
});

type ConvSpec = Omit<ConvOp, "inputs" | "outputs" | "origin">;

/** The definition, one output element after the other. */
function directConv(op: ConvSpec, x: TensorData, w: TensorData, shape: readonly number[]): number[] {
  const perGroup = nth(w.shape, 0) / op.groups;
  const kernel = w.shape.slice(2);
  return [...positions(shape)].map(([n, m, ...out]) => {
    let sum = 0;
    for (const [c, ...tap] of positions([nth(w.shape, 1), ...kernel])) {
      const channel = Math.floor(m / perGroup) * nth(w.shape, 1) + c;
      const from = tap.map(
        (t, i) => nth(out, i) * nth(op.strides, i) + t * nth(op.dilations, i) - nth(op.padsBegin, i),
      );
      sum += at(x, [n, channel, ...from]) * at(w, [m, c, ...tap]);
    }
    return sum;
  });
}

const plainConv = {
  kind: "conv",
  layout: "nchw",
  strides: [1, 1],
  dilations: [1, 1],
  padsBegin: [0, 0],
  padsEnd: [0, 0],
  groups: 1,
  epilogue: null,
} as const;

const windows = fc.record({
  rank: fc.constantFrom(1, 2, 2, 3),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  begin: fc.integer({ min: -1, max: 3 }),
  end: fc.integer({ min: -1, max: 2 }),
  groups: fc.constantFrom(1, 2),
  kernel: fc.integer({ min: 1, max: 3 }),
});

describe("conv", () => {
  it("sums over windows", () => {
    const x = counting("f32", [1, 1, 3, 3]);
    const w = f32([1, 1, 1, 1], [1, 1, 2, 2]);
    expect(numbers(run(plainConv, x, w))).toEqual([8, 12, 20, 24]);
    const padded = run({ ...plainConv, padsBegin: [1, 1], padsEnd: [0, 0] }, x, w);
    expect(numbers(padded)).toEqual([0, 1, 3, 3, 8, 12, 9, 20, 24]);
  });

  it("matches the direct sum for any window, in both layouts", () => {
    fc.assert(
      fc.property(windows, ({ rank, stride, dilation, begin, end, groups, kernel }) => {
        const list = (value: number, last = value): number[] => [...new Array<number>(rank - 1).fill(value), last];
        const spec: ConvSpec = {
          kind: "conv",
          layout: "nchw",
          strides: list(stride, 1 + (stride % 3)),
          dilations: list(dilation),
          padsBegin: list(begin),
          padsEnd: list(end),
          groups,
          epilogue: null,
        };
        const x = noise([2, 2, ...list(7, 8)], 3);
        const w = noise([10, 2 / groups, ...list(kernel, 2)], 4);
        const result = run(spec, x, w);
        expectClose(numbers(result), directConv(spec, x, w, result.shape));
        const spatial = Array.from({ length: rank }, (_, i) => i + 2);
        const toLast = [0, ...spatial, 1];
        const xLast = run({ kind: "transpose", perm: toLast }, x);
        const wLast = run({ kind: "transpose", perm: [...spatial, 1, 0] }, w);
        const last = run({ ...spec, layout: "nhwc" }, xLast, wLast);
        expect(last).toEqual(run({ kind: "transpose", perm: toLast }, result));
      }),
      { numRuns: 30 },
    );
  });

  it("accumulates bytes exactly and applies an epilogue", () => {
    const x = tensor("u8", new Array<number>(9).fill(255), [1, 1, 3, 3]);
    const w = tensor("i8", new Array<number>(9).fill(-128), [1, 1, 3, 3]);
    const epilogue = binary("add", arg(0), arg(1));
    expect(plain(run({ ...plainConv, epilogue }, x, w, tensor("i32", [7], [1, 1, 1, 1])))).toEqual([-9 * 255 * 128 + 7]); // prettier-ignore
    expect(numbers(run({ ...plainConv, epilogue: relu }, f32([-1], [1, 1, 1, 1]), f32([1], [1, 1, 1, 1])))).toEqual([0]); // prettier-ignore
  });
});

describe("convTranspose", () => {
  const plainTranspose = { ...plainConv, kind: "convTranspose", outputPadding: [0, 0] } as const;

  it("spreads each element over a window", () => {
    const { layout: _, ...op } = plainTranspose;
    const result = run({ ...op, strides: [2, 2] }, f32([1, 2, 3, 4], [1, 1, 2, 2]), f32([1, 1, 1, 1], [1, 1, 2, 2]));
    expect(numbers(result)).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
  });

  it("is the adjoint of conv: <conv(x), y> = <x, convTranspose(y)>", () => {
    const dot = (a: TensorData, b: TensorData): number =>
      numbers(a).reduce((sum, v, i) => sum + v * nth(numbers(b), i), 0);
    fc.assert(
      fc.property(windows, ({ stride, dilation, begin, end, groups, kernel }) => {
        const [padsBegin, padsEnd] = [[Math.max(0, begin)], [Math.max(0, end)]];
        const window = { strides: [stride], dilations: [dilation], padsBegin, padsEnd, groups, epilogue: null };
        const x = noise([2, 4, 11], 5);
        const w = noise([6, 4 / groups, kernel], 6);
        const forward = run({ ...window, kind: "conv", layout: "nchw" }, x, w);
        const y = noise(forward.shape, 7);
        const used =
          stride * (nth(forward.shape, 2) - 1) + (kernel - 1) * dilation + 1 - nth(padsBegin, 0) - nth(padsEnd, 0);
        const back = run({ ...window, kind: "convTranspose", outputPadding: [11 - used] }, y, w);
        expect(back.shape).toEqual(x.shape);
        expect(Math.abs(dot(forward, y) - dot(x, back))).toBeLessThan(1e-4);
      }),
      { numRuns: 30 },
    );
  });
});

describe("pool", () => {
  const pool = {
    kind: "pool",
    layout: "nchw",
    kernel: [2, 2],
    strides: [1, 1],
    dilations: [1, 1],
    padsBegin: [1, 1],
    padsEnd: [0, 0],
    outputSpatial: [2, 2],
    countPadding: false,
    p: 0,
  } as const;
  const x = f32([1, -2, 3, 4], [1, 1, 2, 2]);

  it("takes maxima of the taps inside", () => {
    expect(numbers(run({ ...pool, fn: "max" }, x))).toEqual([1, 1, 3, 4]);
    expect(numbers(run({ ...pool, fn: "max" }, f32([-1, NaN, -3, -4], [1, 1, 2, 2])))).toEqual([-1, NaN, -1, NaN]);
    expect(plain(run({ ...pool, fn: "max" }, tensor("i8", [-1, -2, -3, -4], [1, 1, 2, 2])))).toEqual([-1, -1, -1, -1]);
    expect(plain(run({ ...pool, fn: "max" }, i64([1, 2n ** 62n, 3, 4], [1, 1, 2, 2])))).toEqual([1n, 2n ** 62n, 3n, 2n ** 62n]); // prettier-ignore
  });

  it("averages over the taps inside, or inside the padding as well", () => {
    expect(numbers(run({ ...pool, fn: "average" }, x))).toEqual([1, -0.5, 2, 1.5]);
    expect(numbers(run({ ...pool, fn: "average", countPadding: true }, x))).toEqual([0.25, -0.25, 1, 1.5]);
  });

  it("leaves taps beyond the padding out of the count", () => {
    const ceil = { ...pool, fn: "average", padsBegin: [0, 0], strides: [2, 2], countPadding: true } as const;
    const y = counting("f32", [1, 1, 3, 3]);
    expect(numbers(run(ceil, y))).toEqual([2, 3.5, 6.5, 8]);
  });

  it("takes p-norms", () => {
    const norm = { ...pool, fn: "lp", p: 2, padsBegin: [0, 0], outputSpatial: [1, 1] } as const;
    expect(numbers(run(norm, x))[0]).toBeCloseTo(Math.sqrt(30), 6);
  });

  it("works with dilation and channels last", () => {
    const y = noise([2, 3, 7, 6], 8);
    const op = { ...pool, fn: "max", dilations: [2, 1], kernel: [3, 2], strides: [2, 2], padsBegin: [0, 0], outputSpatial: [2, 3] } as const; // prettier-ignore
    const result = run(op, y);
    const expected = [...positions(result.shape)].map(([n, c, i, j]) =>
      Math.max(...[0, 1, 2].flatMap((p) => [0, 1].map((q) => at(y, [n, c, i * 2 + p * 2, j * 2 + q])))),
    );
    expect(numbers(result)).toEqual(expected);
    const perm = [0, 2, 3, 1];
    const last = run({ ...op, layout: "nhwc" }, run({ kind: "transpose", perm }, y));
    expect(last).toEqual(run({ kind: "transpose", perm }, result));
  });
});
