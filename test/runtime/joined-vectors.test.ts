/** Programs with kernels for engines that join pairs of vectors: one artifact, the same bits in every engine with relaxed SIMD. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import type { CompiledModel } from "../../compiler/compile.ts";
import { printProgram } from "../../ir/program-text.ts";
import { canJoinVectors, compileModule, hasRelaxedSimd } from "../../runtime/engine.ts";
import { InferenceSession, type SessionOptions, Tensor } from "../../runtime/index.ts";
import { firstDifference } from "../../runtime/joined-probe.ts";
import { chooseModules } from "../../runtime/modules.ts";
import { randomNumbers } from "../codegen/harness.ts";
import { digitsModel, transformerModel, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "./codes.ts";

const scratch = scratchFolder("joined-vectors");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

const models = { digits: digitsModel, transformer: transformerModel } as const;
type ModelName = keyof typeof models;
const compiled = new Map<string, CompiledModel>();

beforeAll(async () => {
  for (const [name, file] of Object.entries(models)) {
    compiled.set(name, await writeProgram(file, inScratch(name), { joinVectors: true }));
  }
});

/** The bytes of all outputs for inputs of a fixed seed. */
async function outputsOf(source: string, options: SessionOptions = {}): Promise<readonly Uint8Array[]> {
  const session = await InferenceSession.create(source, options);
  const random = randomNumbers(3);
  const feeds = Object.fromEntries(
    session.inputMetadata.map((port) => {
      const { name, type, shape } = port as { name: string; type: string; shape: readonly number[] };
      const count = shape.reduce((product, size) => product * size, 1);
      const numbers = Array.from({ length: count }, () => random());
      const data =
        type === "float32"
          ? Float32Array.from(numbers)
          : BigInt64Array.from(numbers.map((value) => BigInt(Math.floor(Math.abs(value) * 8))));
      return [name, new Tensor(type as Tensor.Type, data, [...shape])];
    }),
  );
  const results = await session.run(feeds);
  await session.release();
  return session.outputNames.map((name) => {
    const { data } = results[name] as Tensor;
    const { buffer, byteOffset, byteLength } = data as Float32Array;
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  });
}

describe("a program with joined vectors", () => {
  it("has a module for engines that join, before the others", () => {
    const { program, modules } = (compiled.get("digits") as CompiledModel).compiled;
    expect(program.modules).toEqual([
      { file: "kernels.joined.wasm", features: ["simd128", "relaxed-simd", "joined-vectors"] },
      { file: "kernels.relaxed.wasm", features: ["simd128", "relaxed-simd"] },
      { file: "kernels.wasm", features: ["simd128"] },
    ]);
    expect([...modules.keys()].toSorted()).toEqual(program.modules.map(({ file }) => file).toSorted());
    const [joined, relaxed] = program.modules.map(({ file }) => modules.get(file) as Uint8Array);
    expect(Buffer.compare(joined as Uint8Array, relaxed as Uint8Array)).not.toBe(0);
  });

  it("is the same in every compilation", async () => {
    const again = await writeProgram(digitsModel, inScratch("again"), { joinVectors: true });
    expect(printProgram(again.compiled.program)).toBe(printProgram((compiled.get("digits") as CompiledModel).compiled.program));
    for (const file of ["kernels.joined.wasm", "weights.bin"])
      expect(readFileSync(inScratch(`again/${file}`)).equals(readFileSync(inScratch(`digits/${file}`)))).toBe(true);
  }); // prettier-ignore

  it.each(["digits", "transformer"] as const)("computes %s to the same bits", async (name: ModelName) => {
    const expected = await outputsOf(models[name]);
    expect(expected[0]?.some((byte) => byte !== 0)).toBe(true);
    expect(await outputsOf(inScratch(name))).toEqual(expected);
    expect(await outputsOf(inScratch(name), { threads: 2 })).toEqual(expected);
    expect(await outputsOf(models[name], { joinVectors: true })).toEqual(expected);
    const plain = await outputsOf(models[name], { deterministic: true });
    expect(await outputsOf(inScratch(name), { deterministic: true })).toEqual(plain);
    expect(await outputsOf(models[name], { deterministic: true, joinVectors: true })).toEqual(plain);
  });

  it("runs the joined module only where the engine joins", async () => {
    rmSync(inScratch("transformer/kernels.joined.wasm"));
    expect(await codesOf(outputsOf(inScratch("transformer")))).toEqual(canJoinVectors() ? ["WSC1001"] : []);
    expect(await codesOf(outputsOf(inScratch("transformer"), { deterministic: true }))).toEqual([]);
  });

  it("has its joined modules only where they are wanted", () => {
    const { program } = (compiled.get("digits") as CompiledModel).compiled;
    const files = (joinVectors: boolean): readonly string[] =>
      chooseModules(program, { deterministic: false, joinVectors }).map(({ file }) => file);
    expect(files(false)).toEqual(["kernels.relaxed.wasm"]);
    expect(files(true)).toEqual(["kernels.relaxed.wasm", ...(canJoinVectors() ? ["kernels.joined.wasm"] : [])]);
  });
});

describe("the trial of joined kernels", () => {
  /** Opcodes of f32x4.relaxed_madd and of relaxed_nmadd, which is as long. */
  const [multiplyAdd, multiplySubtract] = [
    [0xfd, 0x85, 0x02],
    [0xfd, 0x86, 0x02],
  ] as const;

  const isAt = (binary: Uint8Array, at: number): boolean => multiplyAdd.every((byte, i) => binary[at + i] === byte);

  async function moduleOf(name: ModelName, file: string, change: (binary: Uint8Array) => void = () => undefined) {
    const binary = ((compiled.get(name) as CompiledModel).compiled.modules.get(file) as Uint8Array).slice();
    change(binary);
    return compileModule(binary, {});
  }

  it.each(["digits", "transformer"] as const)("finds nothing in the kernels of %s", async (name) => {
    hasRelaxedSimd();
    const { program } = (compiled.get(name) as CompiledModel).compiled;
    const [plain, joined] = [await moduleOf(name, "kernels.relaxed.wasm"), await moduleOf(name, "kernels.joined.wasm")];
    expect(firstDifference(program, plain, joined)).toBeNull();
  });

  it.each([0, 0.5, 0.99])("finds a subtraction for an addition, the one at %s of them", async (part) => {
    hasRelaxedSimd();
    const { program } = (compiled.get("digits") as CompiledModel).compiled;
    const plain = await moduleOf("digits", "kernels.relaxed.wasm");
    const wrong = await moduleOf("digits", "kernels.joined.wasm", (binary) => {
      const places = [...binary.keys()].filter((at) => isAt(binary, at));
      expect(places.length).toBeGreaterThan(10);
      binary.set(multiplySubtract, places[Math.floor(part * places.length)]);
    });
    const names = WebAssembly.Module.exports(wrong).map(({ name }) => name);
    expect(names).toContain(firstDifference(program, plain, wrong));
  });
});
