/** The typed bindings of a compiled folder, as a user's TypeScript sees them: they type-check without skipLibCheck, and tell a wrong use. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { digitsModel, root, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";

const scratch = scratchFolder("bindings");
afterAll(scratch.remove);

beforeAll(async () => {
  await writeProgram(digitsModel, path.join(scratch.path, "digits"));
  mkdirSync(path.join(scratch.path, "node_modules"));
  symlinkSync(root, path.join(scratch.path, "node_modules", "wsc"));
});

const using = (body: string): string => `
import { load } from "./digits/index.js";
import { InferenceSession, Tensor } from "wsc/runtime";
const model = await load({ deterministic: true });
const data = new Float32Array(400);
${body}`;

const sources: Readonly<Record<string, string>> = {
  right: `
    const { probabilities } = await model.run({ image: { type: "float32", data, dims: [1, 1, 20, 20] } });
    const first: number | undefined = probabilities.data[0];
    const dims: readonly [1, 10] = probabilities.dims;
    const options: InferenceSession.SessionOptions = { freeDimensionOverrides: { batch: 1 } };
    const session: InferenceSession = await InferenceSession.create("model.onnx", options);
    const feeds: InferenceSession.FeedsType = { x: new Tensor("float32", data, [400]) };
    const results: InferenceSession.ReturnType = await session.run(feeds, ["y"], {});
    console.log(first, dims, results["y"]?.data);`,
  wrongName: `await model.run({ picture: { type: "float32", data, dims: [1, 1, 20, 20] } });`,
  wrongType: `await model.run({ image: { type: "int32", data, dims: [1, 1, 20, 20] } });`,
  wrongShape: `await model.run({ image: { type: "float32", data, dims: [1, 1, 20, 28] } });`,
};

/** Messages of the TypeScript compiler about each source, by its name; those about other files under theirs. */
function checkAll(): Map<string, string[]> {
  const files = Object.entries(sources).map(([name, body]) => {
    const file = path.join(scratch.path, `${name}.mts`);
    writeFileSync(file, using(body));
    return file;
  });
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    noEmit: true,
    types: [],
  });
  const messages = new Map<string, string[]>();
  for (const { file, messageText } of ts.getPreEmitDiagnostics(program)) {
    const name = path.basename(file?.fileName ?? "", ".mts");
    messages.set(name, [...(messages.get(name) ?? []), ts.flattenDiagnosticMessageText(messageText, "\n")]);
  }
  return messages;
}

describe("the bindings of a compiled model", () => {
  it("type-check where they are used rightly, and refuse a wrong name, type or shape", () => {
    const messages = checkAll();
    expect(messages.get("right")).toBeUndefined();
    expect([...messages.keys()].toSorted()).toEqual(["wrongName", "wrongShape", "wrongType"]);
    expect(messages.get("wrongName")?.join()).toContain("'picture' does not exist in type 'Inputs'");
    expect(messages.get("wrongType")?.join()).toContain(`'"int32"' is not assignable to type '"float32"'`);
    expect(messages.get("wrongShape")?.join()).toContain("'28' is not assignable to type '20'");
  });
});
