/** A compiled program in a real browser gives the same bits as in Node. The runtime is served as it was built, without a bundler. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { makeDigits } from "../../examples/digits/digits.mjs";
import { compileFolder } from "../../compiler/project/compile-folder.ts";
import { perceptron } from "../open/models.ts";
import { digitsModel, dist, writeProgram } from "../helpers/programs.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { f32, modelBytes, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { bitsOf, scratchFolder } from "../helpers/scratch.ts";
import { hasChromium, openChromium } from "./chromium.ts";
import { serve, type StaticServer } from "./static-server.ts";

const page = `<!doctype html><title>wsc</title>
<script type="importmap">{ "imports": { "wsc/runtime": "/dist/runtime/index.js" } }</script>`;

/** What index.d.ts of the digits program says, in short. */
interface Bindings {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  load(): Promise<{ run(inputs: object): Promise<{ probabilities: { dims: readonly number[] } }> }>;
}

/** The same of a folder for all shapes. */
interface RowsBindings {
  load(): Promise<{
    run(inputs: object): Promise<{ y: { dims: readonly number[]; data: Float32Array<ArrayBuffer> } }>;
  }>;
}

const imageShape = [1, 1, 20, 20] as const;

/** A layer with enough work to be shared between threads. */
const wideShape = [24, 128] as const;
const wideInput = Float32Array.from({ length: 24 * 128 }, (_, i) => Math.sin(i));
const wideLayer: ModelSpec = {
  opset: 17,
  inputs: { x: f32(...wideShape) },
  outputs: { y: f32(24, 192) },
  nodes: [node("MatMul", ["x", "w"], ["p"]), node("Softmax", ["p"], ["y"])],
  initializers: {
    w: tensorFrom(
      "f32",
      [128, 192],
      Array.from({ length: 128 * 192 }, (_, i) => Math.cos(i)),
    ),
  },
};

const images = makeDigits(8, 77).map(({ image }) => [...image]);

if (hasChromium) describe("in Chromium", suite);
else it.skip("runs a compiled program in Chromium", () => undefined);

function suite(): void {
  const scratch = scratchFolder("browser");
  const artifact = path.join(scratch.path, "digits");
  const wide = path.join(scratch.path, "wide");
  const rows = path.join(scratch.path, "rows");
  let server: StaticServer | undefined;
  let context: BrowserContext | undefined;
  let tab: Page;

  beforeAll(async () => {
    await writeProgram(digitsModel, artifact);
    const wideModel = path.join(scratch.path, "wide.onnx");
    writeFileSync(wideModel, await modelBytes(wideLayer));
    await writeProgram(wideModel, wide);
    const rowsModel = path.join(scratch.path, "rows.onnx");
    writeFileSync(rowsModel, await modelBytes(perceptron));
    await compileFolder(rowsModel, rows);
    server = await serve(
      new Map([
        ["dist", dist],
        ["digits", artifact],
        ["wide", wide],
        ["rows", rows],
      ]),
      page,
    );
    context = await openChromium(path.join(scratch.path, "profile"));
    tab = await context.newPage();
    await tab.goto(server.origin);
  });

  afterAll(async () => {
    await context?.close();
    await server?.close();
    scratch.remove();
  });

  it("gives the bits that Node gives", async () => {
    const bits = await runInBrowser(tab, images, { deterministic: true });
    const session = await InferenceSession.create(artifact, { deterministic: true });
    for (const [index, image] of images.entries()) {
      const feed = new Tensor("float32", Float32Array.from(image), imageShape);
      const { probabilities } = await session.run({ image: feed });
      expect(bits[index]).toEqual(bitsOf(probabilities?.data as Float32Array));
    }
    expect(bits).toHaveLength(images.length);
  });

  it("agrees with Node where the browser chooses the kernels", async () => {
    const bits = await runInBrowser(tab, images, {});
    const exact = await runInBrowser(tab, images, { deterministic: true });
    for (const [index, row] of bits.entries()) {
      const expected = floatsOf(exact[index] ?? []);
      for (const [i, value] of floatsOf(row).entries()) expect(value).toBeCloseTo(expected[i] ?? NaN, 5);
    }
  });

  it("runs on threads where the page is isolated, and on one where it is not: the same bits", async () => {
    const session = await InferenceSession.create(wide, { deterministic: true });
    const y = (await session.run({ x: new Tensor("float32", wideInput, wideShape) }))["y"]?.data as Float32Array;
    const expected = bitsOf(y);
    const alone = await runThreaded(tab);
    expect(alone).toEqual({ isIsolated: false, bits: expected, workers: 0 });
    const isolated = await (context as BrowserContext).newPage();
    await isolated.goto(`${server?.origin ?? ""}isolated`);
    const threaded = await runThreaded(isolated);
    expect(threaded).toEqual({ isIsolated: true, bits: expected, workers: 2 });
    // the workers end with the session, though not at once
    for (let i = 0; i < 5000 && isolated.workers().length > 0; i++) await isolated.waitForTimeout(20);
    expect(isolated.workers()).toHaveLength(0);
    await isolated.close();
  });

  it("loads through the typed bindings", async () => {
    const result = await tab.evaluate(
      async ({ image, dims }) => {
        const location: string = "/digits/index.js";
        const bindings = (await import(location)) as Bindings;
        const model = await bindings.load();
        const { probabilities } = await model.run({ image: { type: "float32", data: Float32Array.from(image), dims } });
        return { names: [bindings.inputNames, bindings.outputNames], dims: probabilities.dims };
      },
      { image: images[0] ?? [], dims: [...imageShape] },
    );
    expect(result).toEqual({ names: [["image"], ["probabilities"]], dims: [1, 10] });
  });

  it("runs a folder for all shapes", async () => {
    const ran = await tab.evaluate(async () => {
      const location: string = "/rows/index.js";
      const bindings = (await import(location)) as RowsBindings;
      const model = await bindings.load();
      const run = async (batch: number): Promise<{ dims: readonly number[]; bits: number[] }> => {
        const data = Float32Array.from({ length: batch * 12 }, (_, i) => Math.sin(i));
        const { y } = await model.run({ x: { type: "float32", data, dims: [batch, 12] } });
        return { dims: y.dims, bits: [...new Uint32Array(y.data.buffer, y.data.byteOffset, y.data.length)] };
      };
      return [await run(1), await run(5), await run(3)];
    });
    const session = await InferenceSession.create(rows);
    for (const [index, batch] of [1, 5, 3].entries()) {
      const data = Float32Array.from({ length: batch * 12 }, (_, i) => Math.sin(i));
      const { y } = await session.run({ x: new Tensor("float32", data, [batch, 12]) });
      expect(ran[index]?.dims).toEqual([batch, 10]);
      const expected = [...(y?.data as Float32Array)];
      for (const [i, value] of floatsOf(ran[index]?.bits ?? []).entries())
        expect(value).toBeCloseTo(expected[i] ?? NaN, 5);
    }
  });

  it("asks the server for nothing of the compiler, and for no functions of the host that it does not call", () => {
    const requests = server?.requests ?? [];
    expect(requests).toContain("/digits/weights.bin");
    expect(requests).toContain("/dist/runtime/instance.js");
    expect(requests.filter((name) => /compiler\/|host\/functions|reference\//.test(name))).toEqual([]);
  });
}

/** Runs the wide program with three threads, as often as the workers need to start; says how many workers the page had. */
async function runThreaded(
  tab: Page,
): Promise<{ readonly isIsolated: boolean; readonly bits: number[]; readonly workers: number }> {
  let workers = 0;
  const count = (): void => {
    workers++;
  };
  tab.on("worker", count);
  const { isIsolated, bits } = await tab.evaluate(
    async ({ dims, values }) => {
      const location: string = "/dist/runtime/index.js";
      const runtime = (await import(location)) as typeof import("../../runtime/index.ts");
      const session = await runtime.InferenceSession.create("/wide/", { deterministic: true, threads: 3 });
      let row: number[] = [];
      for (let run = 0; run < 30; run++) {
        const { y } = await session.run({ x: new runtime.Tensor("float32", Float32Array.from(values), dims) });
        const { buffer, byteOffset, length } = y?.data as Float32Array;
        const bits = [...new Uint32Array(buffer, byteOffset, length)];
        if (run > 0 && bits.join() !== row.join()) throw new Error(`run ${run} differs`);
        row = bits;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await session.release();
      return { isIsolated: crossOriginIsolated, bits: row };
    },
    { dims: [...wideShape], values: [...wideInput] },
  );
  tab.off("worker", count);
  return { isIsolated, bits, workers };
}

/** Bits of the outputs, one row an image. The function is sent to the browser as text, so it must stand alone. */
function runInBrowser(
  tab: Page,
  feeds: readonly number[][],
  options: { deterministic?: boolean },
): Promise<number[][]> {
  return tab.evaluate(
    async ({ feeds, options, dims }) => {
      const location: string = "/dist/runtime/index.js";
      const runtime = (await import(location)) as typeof import("../../runtime/index.ts");
      const session = await runtime.InferenceSession.create("/digits/", options);
      const rows: number[][] = [];
      for (const feed of feeds) {
        const image = new runtime.Tensor("float32", Float32Array.from(feed), dims);
        const { probabilities } = await session.run({ image });
        const { buffer, byteOffset, length } = probabilities?.data as Float32Array;
        rows.push([...new Uint32Array(buffer, byteOffset, length)]);
      }
      await session.release();
      return rows;
    },
    { feeds: [...feeds], options, dims: [...imageShape] },
  );
}

const floatsOf = (bits: readonly number[]): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);
