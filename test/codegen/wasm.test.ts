import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import wabt from "wabt";
import { increment, loopRange, madd, ModuleBuilder, pushAddress } from "../../compiler/codegen/wasm/index.ts";
import { ByteWriter } from "../../compiler/codegen/wasm/bytes.ts";
import { instruction, instructionNames, type OpName } from "../../compiler/codegen/wasm/opcodes.ts";
import { hasRelaxedSimd } from "../../runtime/engine.ts";

const relaxedSimd = hasRelaxedSimd();
const i32x2 = { params: ["i32", "i32"], results: ["i32"] } as const;

function instantiate(module: ModuleBuilder): Record<string, (...args: number[]) => number> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory } });
  return instance.exports as Record<string, (...args: number[]) => number>;
}

async function toWat(module: ModuleBuilder): Promise<string> {
  const tools = await wabt();
  const parsed = tools.readWasm(module.finish(), { readDebugNames: true, relaxed_simd: true });
  try {
    return parsed.toText({ foldExprs: false, inlineExport: false });
  } finally {
    parsed.destroy();
  }
}

function decodeSigned(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte & 0x7f) << BigInt(7 * i);
  return BigInt.asIntN(7 * bytes.length, value);
}

describe("number formats", () => {
  it("writes signed LEB128 in the fewest bytes that give the value back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const writer = new ByteWriter();
        writer.s64(value);
        expect(decodeSigned(writer.view())).toBe(value);
      }),
    );
  });

  it.each([
    [0, [0]],
    [63, [63]],
    [64, [0xc0, 0]],
    [-1, [0x7f]],
    [-64, [0x40]],
    [-65, [0xbf, 0x7f]],
    [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
  ])("writes %d as signed LEB128", (value, bytes) => {
    const writer = new ByteWriter();
    writer.s32(value);
    expect([...writer.view()]).toEqual(bytes);
  });

  it("writes unsigned LEB128 of addresses above 2 GiB", () => {
    const writer = new ByteWriter();
    writer.u32(0xffffffff);
    expect([...writer.view()]).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
  });
});

describe("instructions", () => {
  it("are all accepted by the engine with the signatures of the tables", () => {
    const module = new ModuleBuilder({ features: { relaxedSimd } });
    let checked = 0;
    for (const name of instructionNames) {
      const { params, results, alignLog2, relaxed, bytes } = instruction(name as OpName);
      if (relaxed && !relaxedSimd) continue;
      const isLane = name.includes("_lane");
      const isMemory = alignLog2 > 0 || /load|store/.test(name);
      module.function(name, { params, results }, (f) => {
        for (const param of f.params) f.get(param);
        if (isMemory && isLane) f.memoryLane(name as "v128.load8_lane", 0, 16);
        else if (isMemory) f.load(name as "i32.load", 300);
        else if (isLane) f.lane(name as "i32x4.extract_lane", 1);
        else f.op(name as OpName);
      });
      expect(bytes.length).toBeGreaterThan(0);
      checked++;
    }
    expect(checked).toBeGreaterThan(380);
    expect(() => new WebAssembly.Module(module.finish())).not.toThrow();
  });

  it("have the names that wabt knows them by", async () => {
    const module = new ModuleBuilder({ features: { relaxedSimd: true } });
    const plain = instructionNames.filter((name) => !/load|store|_lane/.test(name));
    for (const name of plain) {
      const { params, results } = instruction(name as OpName);
      module.function(name, { params, results }, (f) => {
        for (const param of f.params) f.get(param);
        f.op(name as OpName);
      });
    }
    const text = await toWat(module);
    const emitted = text.split("\n").map((line) => line.trim().replace(/[()]/g, ""));
    for (const name of plain) expect(emitted).toContain(name);
  });
});

describe("functions", () => {
  it("run loops with constant and variable bounds", () => {
    const module = new ModuleBuilder();
    for (const [name, step] of [
      ["by1", 1],
      ["by3", 3],
    ] as const) {
      const index = module.function(name, i32x2, (f) => {
        const [counter, sum] = [f.local("i32"), f.local("i32")];
        loopRange(f, counter, f.param(0), f.param(1), step, () => {
          increment(f, sum, 1);
        });
        f.get(sum);
      });
      module.export(name, index);
    }
    const { by1, by3 } = instantiate(module);
    expect([by1?.(2, 9), by1?.(5, 5), by1?.(6, 5), by3?.(0, 7), by3?.(0, 9)]).toEqual([7, 0, 0, 3, 3]);
  });

  it("branch out of blocks with a result", () => {
    const module = new ModuleBuilder();
    const clamp = module.function("clamp", i32x2, (f) => {
      f.block((out) => {
        f.get(f.param(0));
        f.get(f.param(0));
        f.get(f.param(1));
        f.op("i32.lt_s");
        f.brIf(out);
        f.drop();
        f.get(f.param(1));
      }, "i32");
    });
    module.export("clamp", clamp);
    const exports = instantiate(module);
    expect([exports["clamp"]?.(3, 10), exports["clamp"]?.(30, 10)]).toEqual([3, 10]);
  });

  it("call helpers that are added while they are emitted", () => {
    const module = new ModuleBuilder();
    const square = (m: ModuleBuilder): number =>
      m.function("square", { params: ["i32"], results: ["i32"] }, (f) => {
        f.get(f.param(0));
        f.get(f.param(0));
        f.op("i32.mul");
      });
    const sum = module.function("sumOfSquares", i32x2, (f) => {
      for (const param of f.params) {
        f.get(param);
        f.call(f.module.shared("square", square));
      }
      f.op("i32.add");
    });
    module.export("sumOfSquares", sum);
    expect(module.functionCount).toBe(2);
    expect(instantiate(module)["sumOfSquares"]?.(3, 4)).toBe(25);
  });

  it("print as text", async () => {
    const module = new ModuleBuilder({ names: true, minPages: 3, features: { relaxedSimd: true } });
    const type = { params: ["i32", "i32", "i32"], results: [] } as const;
    const index = module.function("axpy", type, (f) => {
      const [x, y, n] = [f.param(0), f.param(1), f.param(2)];
      const [i, acc] = [f.local("i32"), f.local("v128")];
      loopRange(f, i, 0, n, 4, () => {
        pushAddress(f, y, i, 4);
        pushAddress(f, y, i, 4);
        f.load("v128.load");
        f.set(acc);
        pushAddress(f, x, i, 4);
        f.load("v128.load", 64);
        f.splatConst("f32x4", 0.5);
        madd(f, "f32x4", acc);
        f.get(acc);
        f.store("v128.store");
      });
    });
    module.export("axpy", index);
    expect(await toWat(module)).toMatchGolden("codegen/axpy.wat");
  });

  it("import a shared memory on request", () => {
    const module = new ModuleBuilder({ shared: true, minPages: 2 });
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 16, shared: true });
    const compiled = new WebAssembly.Module(module.finish());
    expect(() => new WebAssembly.Instance(compiled, { env: { memory } })).not.toThrow();
  });
});

describe("mistakes of an emitter", () => {
  const module = new ModuleBuilder();
  const emit =
    (body: Parameters<ModuleBuilder["function"]>[2]): (() => number) =>
    () =>
      module.function("wrong", { params: ["f32"], results: ["i32"] }, body);

  it("are reported at the instruction", () => {
    expect(
      emit((f) => {
        f.i32(1);
        f.get(f.param(0));
        f.op("i32.add");
      }),
    ).toThrow("internal: wrong: i32.add needs i32, but finds f32");
    expect(
      emit((f) => {
        f.op("i32.add");
      }),
    ).toThrow("internal: wrong: i32.add needs i32, but the stack is empty");
    expect(
      emit((f) => {
        f.i32(1);
        f.i32(2);
      }),
    ).toThrow("internal: wrong: end leaves 1 values too many");
    expect(
      emit((f) => {
        f.i32(1);
        f.block(() => {
          f.drop();
        });
      }),
    ).toThrow("internal: wrong: drop needs a value, but the stack is empty");
    expect(
      emit((f) => {
        f.splatConst("f32x4", 1);
        f.splatConst("f32x4", 1);
        f.splatConst("f32x4", 1);
        f.op("f32x4.relaxed_madd");
      }),
    ).toThrow("internal: wrong: f32x4.relaxed_madd in a module without relaxed SIMD");
  });

  it("do not include code after a return", () => {
    expect(
      emit((f) => {
        f.i32(1);
        f.return();
        f.op("i32.add");
      }),
    ).not.toThrow();
  });
});
