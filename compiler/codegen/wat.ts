/** The kernels of a program as WebAssembly text: for people and for goldens. The text comes from wabt, loaded when it is asked for. */
import { createRequire } from "node:module";
import type { CompiledProgram } from "../../ir/program.ts";

interface WabtModule {
  readonly generateNames: () => void;
  readonly toText: (options: { readonly foldExprs: boolean; readonly inlineExport: boolean }) => string;
  readonly destroy: () => void;
}
type Wabt = () => Promise<{
  readonly readWasm: (binary: Uint8Array, options: Readonly<Record<string, boolean>>) => WabtModule;
}>;

/** Text of the plain-SIMD module, the one that every engine runs. */
export async function printWat({ program, modules }: CompiledProgram): Promise<string> {
  const plain = program.modules.find(({ features }) => !features.includes("relaxed-simd"));
  const binary = plain === undefined ? undefined : modules.get(plain.file);
  if (binary === undefined) throw new Error("internal: a program without plain kernels");
  const load = createRequire(import.meta.url)("wabt") as Wabt;
  const module = (await load()).readWasm(binary, { readDebugNames: true, simd: true });
  try {
    return module.toText({ foldExprs: false, inlineExport: false });
  } finally {
    module.destroy();
  }
}
