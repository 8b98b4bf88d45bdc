/** Runs kernels on their own: a memory with poisoned bytes and guard zones, operands put in, one function per stage, results read back. */
import v8 from "node:v8";
import { ModuleBuilder } from "../../compiler/codegen/wasm/index.ts";

/** Turns relaxed SIMD on where it is behind a flag; says whether the engine takes it. Call before the first module is compiled. */
export function enableRelaxedSimd(): boolean {
  v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
  const probe = new ModuleBuilder({ features: { relaxedSimd: true } });
  probe.function("probe", { params: ["v128"], results: ["v128"] }, (f) => {
    for (let i = 0; i < 3; i++) f.get(f.param(0));
    f.op("f32x4.relaxed_madd");
  });
  return WebAssembly.validate(probe.finish());
}
