import { describe, expect, it } from "@jest/globals";
import ts from "typescript";
import { emitBindings } from "../../compiler/codegen/bindings.ts";
import { tensorType } from "../../ir/graph.ts";
import { type Program, programVersion } from "../../ir/program.ts";

const program: Program = {
  version: programVersion,
  name: "classifier",
  inputs: [
    { name: "image", type: tensorType("f32", [1, 3, 224, 224]), slot: 0 },
    { name: 'it\'s "odd"\n*/ name', type: tensorType("i64", []), slot: 1 },
    { name: "__proto__", type: { kind: "dynamic", dtype: "string", dims: ["batch */", 2] }, slot: 2 },
  ],
  outputs: [
    { name: "logits/0", type: tensorType("f16", [1, 1000]), slot: 3 },
    { name: "boxes", type: { kind: "sequence", element: { kind: "dynamic", dtype: "f32", dims: null } }, slot: 4 },
    { name: "mask", type: { kind: "optional", element: tensorType("bool", [4]) }, slot: 5 },
  ],
  memory: { weightsOffset: 0, weightsBytes: 0, arenaOffset: 0, arenaBytes: 0 },
  modules: [],
  values: [],
  steps: [],
};

const runtimeDeclaration = `
export declare class Tensor { readonly dims: readonly number[] }
export interface InferenceSession { release(): Promise<void> }
export interface SessionOptions { readonly threads?: number }
`;

/** What TypeScript says about files that lie beside the bindings. */
function typeErrors(files: ReadonlyMap<string, string>): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts"],
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const plain = { ...host };
  host.fileExists = (name) => files.has(name) || plain.fileExists(name);
  host.directoryExists = () => true;
  host.readFile = (name) => files.get(name) ?? plain.readFile(name);
  host.getSourceFile = (name, ...rest) => {
    const text = files.get(name);
    return text === undefined
      ? plain.getSourceFile(name, ...rest)
      : ts.createSourceFile(name, text, ts.ScriptTarget.ES2023);
  };
  const messages = ts.getPreEmitDiagnostics(ts.createProgram(["/model/use.ts"], options, host));
  return messages.map((d) => ts.flattenDiagnosticMessageText(d.messageText, "\n"));
}

const filesWith = (use: string): ReadonlyMap<string, string> =>
  new Map([
    ["/model/package.json", '{ "type": "module" }'],
    ["/model/index.d.ts", emitBindings(program).dts],
    ["/model/node_modules/wsc/package.json", '{ "exports": { "./runtime": { "types": "./runtime.d.ts" } } }'],
    ["/model/node_modules/wsc/runtime.d.ts", runtimeDeclaration],
    ["/model/use.ts", use],
  ]);

describe("emitBindings", () => {
  it("writes the model's own types", () => {
    const { js, dts } = emitBindings(program);
    expect(dts).toMatchGolden("codegen/bindings.d.ts.txt");
    expect(js).toMatchGolden("codegen/bindings.js.txt");
  });

  it("is accepted by TypeScript, which knows shapes and element types", () => {
    const use = (type: string, last: number): string => `
      import { load } from "./index.js";
      const model = await load({ threads: 1 });
      const outputs = await model.run({
        image: { type: "${type}", data: new Float32Array(3 * 224 * 224), dims: [1, 3, 224, ${last}] },
        'it\\'s "odd"\\n*/ name': { type: "int64", data: new BigInt64Array(1), dims: [] },
        ["__proto__"]: { type: "string", data: ["a", "b"], dims: [1, 2] },
      });
      const classes: 1000 = outputs["logits/0"].dims[1];
      export const first: number | undefined = outputs.boxes[0]?.data[0] ?? outputs.mask?.data[classes];
    `;
    expect(typeErrors(filesWith(use("float32", 224)))).toEqual([]);
    expect(typeErrors(filesWith(use("float32", 225))).join()).toMatch(/225/);
    expect(typeErrors(filesWith(use("float64", 224))).join()).toMatch(/float64/);
  });
});
