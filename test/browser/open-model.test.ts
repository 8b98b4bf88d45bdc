/**
 * `InferenceSession.create("model.onnx")` in a page, in four ways: the prebuilt file, and an app bundled by Vite, esbuild and webpack. The compiler works
 * in a worker, and a program that was compiled once is there when the page comes again.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { tensorFrom } from "../../ir/tensor.ts";
import type { SessionOptions } from "../../runtime/option-types.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { f32, i64, modelBytes, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { dist, root } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { hasChromium, openChromium } from "./chromium.ts";
import { serve, type StaticServer } from "./static-server.ts";

/** What a user's app does. */
const app = `import { InferenceSession, Tensor, WscError } from "wsc/runtime";
globalThis.runModel = async (model, values, dims, options) => {
  try {
    const session = await InferenceSession.create(model, options);
    const x = new Tensor("float32", Float32Array.from(values), dims);
    const results = await session.run({ [session.inputNames[0]]: x });
    await session.release();
    return Object.values(results).map(({ data, dims }) => ({ data: [...data].map(Number), dims }));
  } catch (error) {
    return error instanceof WscError ? error.diagnostics.map(({ code }) => code) : String(error);
  }
};
globalThis.runRows = async (model, rows, values, options) => {
  let compilations = 0;
  for (const name of ["compile", "compileStreaming", "instantiate", "Module"]) {
    const own = WebAssembly[name];
    WebAssembly[name] = new Proxy(own, {
      apply: (...args) => (compilations++, Reflect.apply(...args)),
      construct: (...args) => (compilations++, Reflect.construct(...args)),
    });
  }
  const session = await InferenceSession.create(model, options);
  const seen = [];
  for (const count of rows) {
    const before = compilations;
    const x = new Tensor("float32", Float32Array.from(values.slice(0, 6 * count)), [count, 6]);
    const { y } = await session.run({ x });
    seen.push({ data: [...y.data], dims: y.dims, compilations: compilations - before });
  }
  await session.release();
  return seen;
};
globalThis.isReady = true;
`;

const page = (head: string): string =>
  `<!doctype html><html lang="en"><head><title>app</title>${head}</head><body><script type="module" src="./app.js"></script></body></html>`;

const importMap = `<script type="importmap">{ "imports": { "wsc/runtime": "/dist/wsc.min.js" } }</script>`;

const weights = tensorFrom(
  "f32",
  [6, 5],
  Array.from({ length: 30 }, (_, i) => Math.cos(i)),
);

/** Rows are an open dim. */
const classifier: ModelSpec = {
  opset: 17,
  inputs: { x: f32("rows", 6) },
  outputs: { y: f32("rows", 5) },
  nodes: [node("MatMul", ["x", "w"], ["p"]), node("Softmax", ["p"], ["y"])],
  initializers: { w: weights },
};

/** How many results there are depends on data: a part is compiled while it runs. */
const chooser: ModelSpec = {
  opset: 17,
  inputs: { x: f32(2, 6) },
  outputs: { places: i64(2, "n") },
  nodes: [node("Relu", ["x"], ["r"]), node("NonZero", ["r"], ["n"]), node("Add", ["n", "n"], ["places"])],
};

const valuesOf = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i * 1.7));

/** A run of the classifier, and how often WebAssembly was compiled for it. */
interface RanRows {
  readonly data: number[];
  readonly dims: number[];
  readonly compilations: number;
}

type Outcome = readonly { readonly data: number[]; readonly dims: number[] }[] | readonly string[] | string;

const models = { "classifier.onnx": classifier, "chooser.onnx": chooser };

if (hasChromium) describe("an .onnx model in Chromium", suite);
else it.skip("opens an .onnx model in Chromium", () => undefined);

function suite(): void {
  const scratch = scratchFolder("open-model");
  const project = path.join(scratch.path, "project");
  let server: StaticServer | undefined;
  let context: BrowserContext | undefined;

  beforeAll(async () => {
    mkdirSync(path.join(project, "node_modules"), { recursive: true });
    symlinkSync(root, path.join(project, "node_modules", "wsc"));
    mkdirSync(path.join(scratch.path, "models"));
    for (const [name, spec] of Object.entries(models))
      writeFileSync(path.join(scratch.path, "models", name), await modelBytes(spec));
    writeFileSync(path.join(scratch.path, "models", "bad.onnx"), "no model");
    writeFileSync(path.join(project, "index.html"), page(""));
    writeFileSync(path.join(project, "app.js"), app);
    for (const [name, head] of [
      ["prebuilt", importMap],
      ["strict", `<meta http-equiv="Content-Security-Policy" content="worker-src 'none'">${importMap}`],
    ] as const) {
      mkdirSync(path.join(project, name));
      writeFileSync(path.join(project, name, "index.html"), page(head));
      writeFileSync(path.join(project, name, "app.js"), app);
    }
    const folders = ["prebuilt", "strict", "vite", "esbuild", "webpack"].map(
      (name) => [name, path.join(project, name)] as const,
    );
    server = await serve(
      new Map<string, string>([...folders, ["dist", dist], ["models", path.join(scratch.path, "models")]]),
      page(""),
    );
    context = await openChromium(path.join(scratch.path, "profile"));
  });

  afterAll(async () => {
    await context?.close();
    await server?.close();
    scratch.remove();
  });

  /** A page of an app, and what it has asked the server for. */
  const open = async (way: string): Promise<{ readonly tab: Page; readonly asked: () => readonly string[] }> => {
    const before = server?.requests.length;
    const tab = await (context as BrowserContext).newPage();
    await tab.goto(`${server?.origin ?? ""}${way}/index.html`);
    await tab.waitForFunction("globalThis.isReady === true");
    return { tab, asked: () => server?.requests.slice(before) ?? [] };
  };

  const run = (tab: Page, model: string, dims: readonly number[], options: SessionOptions = {}): Promise<Outcome> =>
    tab.evaluate(
      ([name, values, shape, more]) =>
        (globalThis as unknown as { runModel: (...args: unknown[]) => Promise<Outcome> }).runModel(
          `/models/${name}`,
          values,
          shape,
          more,
        ),
      [
        model,
        valuesOf(dims.reduce((a, b) => a * b, 1)),
        [...dims],
        { deterministic: true, cachePrograms: options.cachePrograms ?? true },
      ] as const,
    );

  const inNode = async (model: keyof typeof models, dims: readonly number[]): Promise<Outcome> => {
    const session = await InferenceSession.create(await modelBytes(models[model]), { deterministic: true });
    const x = new Tensor("float32", Float32Array.from(valuesOf(dims.reduce((a, b) => a * b, 1))), dims);
    const results = await session.run({ x });
    await session.release();
    return Object.values(results).map(({ data, dims }) => ({
      data: Array.from(data as ArrayLike<number | bigint>, Number),
      dims: [...dims],
    }));
  };

  // each has the shapes of its own, so that none finds another one's program
  it.each([
    ["prebuilt", 3],
    ["vite", 4],
    ["esbuild", 5],
    ["webpack", 6],
  ])("is opened by an app of %s, with Node's results", async (way, rows) => {
    if (way !== "prebuilt")
      await promisify(execFile)(process.execPath, [path.join(import.meta.dirname, "bundle-app.mjs"), way, project]);
    const { tab } = await open(way);
    let workers = 0;
    tab.on("worker", () => {
      workers++;
    });
    expect(await run(tab, "classifier.onnx", [rows, 6])).toEqual(await inNode("classifier.onnx", [rows, 6]));
    expect(workers).toBe(1);
    await tab.close();
  });

  it("compiles a program with open dims for the second shape, and nothing for further ones; it is there when the page comes again", async () => {
    const rows = [20, 21, 33, 40, 22];
    const runRows = (tab: Page): Promise<readonly RanRows[]> =>
      tab.evaluate(
        ([counts, values]) =>
          (globalThis as unknown as { runRows: (...args: unknown[]) => Promise<readonly RanRows[]> }).runRows(
            "/models/classifier.onnx",
            counts,
            values,
            { deterministic: true },
          ),
        [rows, valuesOf(6 * 40)] as const,
      );
    const first = await open("prebuilt");
    const ran = await runRows(first.tab);
    for (const [index, count] of rows.entries()) {
      const [expected] = (await inNode("classifier.onnx", [count, 6])) as readonly { data: number[]; dims: number[] }[];
      expect(ran[index]?.dims).toEqual(expected?.dims);
      for (const [i, value] of (expected?.data ?? []).entries()) expect(ran[index]?.data[i]).toBeCloseTo(value, 5);
    }
    const [one, two, ...others] = ran.map(({ compilations }) => compilations > 0);
    expect([one, two, others]).toEqual([true, true, [false, false, false]]);
    await first.tab.close();
    const second = await open("prebuilt");
    expect(await runRows(second.tab)).toEqual(ran);
    expect(second.asked()).not.toContain("/dist/wsc-compiler.min.js");
    await second.tab.close();
  });

  it("compiles what depends on data while it runs", async () => {
    const { tab } = await open("prebuilt");
    expect(await run(tab, "chooser.onnx", [2, 6])).toEqual(await inNode("chooser.onnx", [2, 6]));
    await tab.close();
  });

  it("fetches no compiler for a program that the page has compiled before", async () => {
    const first = await open("prebuilt");
    const expected = await run(first.tab, "classifier.onnx", [2, 6]);
    expect(first.asked()).toContain("/dist/wsc-compiler.min.js");
    await first.tab.close();
    const second = await open("prebuilt");
    expect(await run(second.tab, "classifier.onnx", [2, 6])).toEqual(expected);
    expect(second.asked()).toContain("/dist/wsc.min.js");
    expect(second.asked()).not.toContain("/dist/wsc-compiler.min.js");
    // a shape that is new is compiled
    expect(await run(second.tab, "classifier.onnx", [9, 6])).toEqual(await inNode("classifier.onnx", [9, 6]));
    expect(second.asked()).toContain("/dist/wsc-compiler.min.js");
    await second.tab.close();
    const third = await open("prebuilt");
    expect(await run(third.tab, "classifier.onnx", [2, 6], { cachePrograms: false })).toEqual(expected);
    expect(third.asked()).toContain("/dist/wsc-compiler.min.js");
    await third.tab.close();
  });

  it("says what is wrong: no model, a wrong shape, a page that allows no worker", async () => {
    const { tab } = await open("prebuilt");
    expect(await run(tab, "bad.onnx", [1])).toEqual(["WSC1002"]);
    expect(await run(tab, "missing.onnx", [1])).toEqual(["WSC1001"]);
    expect(await run(tab, "classifier.onnx", [2, 7])).toEqual(["WSC7002"]);
    await tab.close();
    const strict = await open("strict");
    expect(await run(strict.tab, "classifier.onnx", [50, 6])).toEqual(["WSC7011"]);
    // what was kept of the model names its inputs, so that it is read while the worker fails: nobody may wait for that one
    await strict.tab.route("**/models/classifier.onnx", async (route) => {
      await new Promise((later) => setTimeout(later, 500));
      await route.continue();
    });
    expect(await run(strict.tab, "classifier.onnx", [51, 6])).toEqual(["WSC7011"]);
    await strict.tab.close();
  });

  it("takes less than the wasm of onnxruntime-web", () => {
    const bytes = (file: string): number => statSync(file).size;
    const own = bytes(path.join(dist, "wsc.min.js")) + bytes(path.join(dist, "wsc-compiler.min.js"));
    const peer = path.join(root, "node_modules", "onnxruntime-web", "dist", "ort-wasm-simd-threaded.wasm");
    expect(own).toBeLessThan(bytes(peer));
  });
}
