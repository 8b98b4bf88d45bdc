import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import wabt from "wabt";
import { arg, binary, lit } from "../../ir/expr.ts";
import { type MatmulOp, tensorType } from "../../ir/graph.ts";
import { makeTensor, tensorFrom } from "../../ir/tensor.ts";
import { type Axis, broadcastStrides, mergeAxes } from "../../compiler/codegen/kernels/index-space.ts";
import { emitMatmul } from "../../compiler/codegen/kernels/matmul.ts";
import { arithFor } from "../../compiler/codegen/kernels/product/arith.ts";
import { packedArg } from "../../compiler/codegen/kernels/product/pack.ts";
import { panelsOf } from "../../compiler/codegen/kernels/product/product.ts";
import { rowPeriod, tileGroups } from "../../compiler/codegen/kernels/product/rows.ts";
import { chooseSchedule } from "../../compiler/codegen/kernels/product/schedule.ts";
import { kernelKey } from "../../compiler/codegen/kernel.ts";
import { ModuleBuilder } from "../../compiler/codegen/wasm/index.ts";
import { indicesOf, nth } from "./tensor-index.ts";

const f32 = arithFor("f32", "f32", true);

describe("rows in tiles", () => {
  it("run on across short rows", () => {
    expect(rowPeriod(7, 4)).toBe(4);
    expect(tileGroups(7, 4, 4).map((group) => [group.repeat, ...group.pixels.map(({ y, x }) => `${y}:${x}`)])).toEqual([
      [1, "0:0", "0:1", "0:2", "0:3"],
      [1, "0:4", "0:5", "0:6", "1:0"],
      [1, "1:1", "1:2", "1:3", "1:4"],
      [1, "1:5", "1:6", "2:0", "2:1"],
      [1, "2:2", "2:3", "2:4", "2:5"],
      [1, "2:6", "3:0", "3:1", "3:2"],
      [1, "3:3", "3:4", "3:5", "3:6"],
    ]);
  });

  it("stop at the end of long ones", () => {
    expect(rowPeriod(57, 4)).toBe(1);
    expect(tileGroups(57, 4, 1).map((group) => [group.repeat, group.pixels.length])).toEqual([
      [14, 4],
      [1, 1],
    ]);
  });

  it("cover every pixel once, in order", () => {
    const small = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(small, fc.integer({ min: 1, max: 6 }), (rowLength, tileRows) => {
        const period = rowPeriod(rowLength, tileRows);
        const seen = tileGroups(rowLength, tileRows, period).flatMap(({ pixels, repeat }) =>
          Array.from({ length: repeat }, (_, i) =>
            pixels.map(({ y, x }) => y * rowLength + x + i * pixels.length),
          ).flat(),
        );
        expect(seen).toEqual(Array.from({ length: rowLength * period }, (_, i) => i));
      }),
    );
  });
});

describe("axes", () => {
  it("merge where all operands step through them as one", () => {
    const axes: Axis[] = [
      { size: 2, strides: [12, 0] },
      { size: 3, strides: [4, 0] },
      { size: 1, strides: [99, 99] },
      { size: 4, strides: [1, 1] },
    ];
    expect(mergeAxes(axes)).toEqual([
      { size: 6, strides: [4, 0] },
      { size: 4, strides: [1, 1] },
    ]);
  });

  it("keep the position of every element when merged", () => {
    const dims = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(dims, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), (shape, kept) => {
        const other = shape.map((size, i) => (nth(kept, i) ? size : 1));
        const [a, b] = [broadcastStrides(shape, shape), broadcastStrides(other, shape)];
        const axes = shape.map((size, i) => ({ size, strides: [nth(a, i), nth(b, i)] }));
        expect(positions(mergeAxes(axes))).toEqual(positions(axes));
      }),
    );
  });
});

const positions = (axes: readonly Axis[]): number[][] =>
  indicesOf(axes.map((axis) => axis.size)).map((index) =>
    [0, 1].map((operand) => axes.reduce((sum, axis, i) => sum + nth(index, i) * nth(axis.strides, operand), 0)),
  );

describe("schedules", () => {
  const size = { outer: 1, x: 1, canBlockRun: true };

  it("use tiles of nine accumulators, and cut what is large into units", () => {
    const schedule = chooseSchedule({ ...size, y: 128, columns: 768, steps: 3072 }, f32);
    expect(schedule.tile.rows * schedule.tile.vectors).toBe(9);
    expect(schedule.kBlock).toBeLessThan(3072);
    expect(768 / (schedule.block.panels * schedule.tile.vectors * 4)).toBeGreaterThanOrEqual(8);
  });

  it("give the ragged panel a tile of its own", () => {
    // 64 columns: five panels of twelve, and four columns that nine accumulators would leave half idle
    const { tile } = chooseSchedule({ ...size, y: 3136, columns: 64, steps: 64 }, f32);
    expect(tile).toEqual({ rows: 3, vectors: 3, restRows: 6 });
  });

  it("stream a matrix that is read once", () => {
    const schedule = chooseSchedule({ ...size, y: 1, columns: 4096, steps: 4096 }, f32);
    expect(schedule.kBlock).toBe(4096);
  });

  it("leave small products whole", () => {
    const schedule = chooseSchedule({ ...size, y: 10, columns: 40, steps: 20 }, f32);
    expect(schedule.block.y).toBeGreaterThanOrEqual(10);
    expect(schedule.block.panels * schedule.tile.vectors * 4).toBeGreaterThanOrEqual(40);
  });
});

describe("packed operands", () => {
  const pack = (dtype: "f32" | "i8", shape: readonly number[], width: number, isReread = true): number[] => {
    const arith = arithFor(dtype, dtype, true, isReread);
    const [rows, columns] = shape as [number, number];
    const constant = tensorFrom(
      dtype,
      shape,
      Array.from({ length: rows * columns }, (_, i) => i + 1),
    );
    const plan = {
      arith,
      panels: panelsOf(columns, width, arith.lanes),
      source: { matrices: [], levels: [], run: [{ size: rows, stride: columns }], columnStride: 1 },
    };
    const packed = packedArg(1, constant, plan);
    const target = new Uint8Array(packed.byteLength);
    packed.write(target);
    const views = { f32: Float32Array, i16: Int16Array, i8: Int8Array };
    return Array.from(new views[arith.b as keyof typeof views](target.buffer));
  };

  it("stand panel by panel, the last one narrow and filled up with zeros", () => {
    expect(pack("f32", [2, 9], 2)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17,
      9, 0, 0, 0, 18, 0, 0, 0,
    ]); // prettier-ignore
  });

  it("hold pairs of the reduction for 8-bit arithmetic", () => {
    const pairs = [1, 5, 2, 6, 3, 7, 4, 8, 9, 0, 10, 0, 11, 0, 12, 0];
    expect(pack("i8", [3, 4], 1, false)).toEqual(pairs);
    // widened to 16 bits where they are read many times
    expect(pack("i8", [3, 4], 1)).toEqual(pairs);
  });
});

it("keys tell numbers apart that JSON does not", () => {
  const keys = [0, -0, NaN, Infinity, 1n, 1, "1"].map((value) => kernelKey("k", { value }));
  expect(new Set(keys).size).toBe(keys.length);
});

it("a product prints as text", async () => {
  const inputs = [tensorType("f32", [5, 3]), tensorType("f32", [3, 10]), tensorType("f32", [10])];
  const epilogue = binary("max", binary("add", arg(0), arg(1)), lit("f32", 0));
  const op: MatmulOp = { kind: "matmul", inputs: [0, 1, 2], outputs: [3], origin: [], transposeA: false, transposeB: false, epilogue }; // prettier-ignore
  const constants = [undefined, makeTensor("f32", [3, 10]), undefined];
  const stages = emitMatmul(op, { inputs, outputs: [tensorType("f32", [5, 10])], constants });
  const module = new ModuleBuilder({ names: true, features: { relaxedSimd: true } });
  for (const [i, stage] of stages.entries()) module.export(`stage${i}`, stage.emit(module));
  const parsed = (await wabt()).readWasm(module.finish(), { readDebugNames: true, relaxed_simd: true });
  expect(parsed.toText({ foldExprs: false, inlineExport: false })).toMatchGolden("codegen/matmul-5x3x10.wat");
  parsed.destroy();
});
