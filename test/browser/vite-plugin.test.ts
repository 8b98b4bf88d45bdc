/** Vite's plugin: a page imports a model, and a compiled folder, from a dev server and from a build; both give Node's numbers. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { BrowserContext } from "playwright-core";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { digitsModel, root, writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { hasChromium, openChromium } from "./chromium.ts";
import { serve, type StaticServer } from "./static-server.ts";

const app = `import * as model from "./digits.onnx";
import * as folder from "./compiled/index.js";
globalThis.results = (async () => {
  const data = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i));
  const found = [];
  for (const { load } of [model, folder]) {
    const digits = await load({ deterministic: true });
    const { probabilities } = await digits.run({ image: { type: "float32", data, dims: [1, 1, 20, 20] } });
    found.push([...probabilities.data]);
    found.push(await digits.run({ image: 3 }).catch((error) => error.message));
    await digits.release();
  }
  return found;
})();
`;

const page = `<!doctype html><html lang="en"><head><title>app</title></head><body><script type="module" src="./app.js"></script></body></html>`;

const script = path.join(import.meta.dirname, "plugin-app.mjs");

if (hasChromium) describe("Vite's plugin", suite);
else it.skip("Vite's plugin", () => undefined);

function suite(): void {
  const scratch = scratchFolder("vite-plugin");
  const project = path.join(scratch.path, "project");
  let context: BrowserContext | undefined;
  let server: StaticServer | undefined;
  let dev: ChildProcess | undefined;

  beforeAll(async () => {
    mkdirSync(path.join(project, "node_modules"), { recursive: true });
    symlinkSync(root, path.join(project, "node_modules", "wsc"));
    copyFileSync(digitsModel, path.join(project, "digits.onnx"));
    writeFileSync(path.join(project, "index.html"), page);
    writeFileSync(path.join(project, "app.js"), app);
    await writeProgram(digitsModel, path.join(project, "compiled"), { fuse: false });
    context = await openChromium(path.join(scratch.path, "profile"));
  });

  afterAll(async () => {
    await context?.close();
    await server?.close();
    dev?.stdin?.end();
    dev?.kill();
    scratch.remove();
  });

  const resultsAt = async (address: string): Promise<unknown> => {
    const tab = await (context as BrowserContext).newPage();
    await tab.goto(address);
    await tab.waitForFunction("globalThis.results !== undefined", undefined, { timeout: 120_000 });
    const results: unknown = await tab.evaluate("globalThis.results");
    await tab.close();
    return results;
  };

  const inNode = async (): Promise<unknown> => {
    const session = await InferenceSession.create(path.join(project, "compiled"), { deterministic: true });
    const data = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i));
    const { probabilities } = await session.run({ image: new Tensor("float32", data, [1, 1, 20, 20]) });
    await session.release();
    const numbers = Array.from(probabilities?.data as Float32Array);
    return [numbers, 'input "image" is number, not a tensor', numbers, 'input "image" is number, not a tensor'];
  };

  it("emits what pages fetch, and types beside the model", async () => {
    await promisify(execFile)(process.execPath, [script, "build", project]);
    server = await serve(new Map([["built", path.join(project, "built")]]), page);
    expect(await resultsAt(`${server.origin}built/index.html`)).toEqual(await inNode());
    expect(readFileSync(path.join(project, "digits.d.onnx.ts"), "utf8")).toContain("export interface Inputs");
    expect(existsSync(path.join(project, "built", "digits.onnx"))).toBe(false);
  });

  it("serves them while developing", async () => {
    const child = spawn(process.execPath, [script, "serve", project], { stdio: ["pipe", "pipe", "inherit"] });
    dev = child;
    const address = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (text: Buffer) => {
        resolve(text.toString().trim());
      });
      child.once("exit", (code) => {
        reject(new Error(`the dev server has ended with ${code}`));
      });
    });
    expect(await resultsAt(address)).toEqual(await inNode());
  });
}
