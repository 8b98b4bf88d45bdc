/** The page without installation in a real browser: from a model to its report, downloads and a run, by pointer and by keys. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";
import type { BrowserContext, Page } from "playwright-core";
import { lowerSource, placeModel } from "../../compiler/compile.ts";
import { printPlacementJson } from "../../ir/placement-json.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { externalModel } from "../helpers/external-model.ts";
import { f32, modelBytes, node } from "../helpers/onnx-builder.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { hasChromium } from "./chromium.ts";
import { openPage, violationsIn } from "./page-checks.ts";
import { serve, type StaticServer } from "./static-server.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const digits = path.join(root, "examples/digits/digits.onnx");

(hasChromium ? describe : describe.skip)("the page without installation", () => {
  const scratch = scratchFolder("site");
  const site = path.join(scratch.path, "site");
  const errors: string[] = [];
  const requests: string[] = [];
  let server: StaticServer;
  let context: BrowserContext;
  let page: Page;
  let told = "";

  const violations = (): Promise<readonly string[]> => violationsIn(page);
  const place = () => page.getByRole("button", { name: "Place it" }).click();
  const result = () => page.getByRole("heading", { name: "Take it along" }).waitFor();
  const download = async (button: string): Promise<Uint8Array> => {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("region", { name: "Result" }).getByRole("button", { name: button, exact: true }).click(),
    ]);
    const saved = path.join(scratch.path, file.suggestedFilename());
    await file.saveAs(saved);
    return new Uint8Array(readFileSync(saved));
  };

  beforeAll(async () => {
    told = execFileSync(process.execPath, [path.join(root, "scripts/site.mjs"), site], { encoding: "utf8" });
    server = await serve(new Map([["site", site]]), "");
    ({ context, page } = await openPage(scratch.path, errors));
    context.on("request", (request) => {
      requests.push(`${request.method()} ${request.url()}`);
    });
  });
  beforeEach(async () => {
    await page.goto(`${server.origin}site/index.html`);
    await page.getByRole("heading", { name: "A model on a wafer" }).waitFor();
  });
  afterAll(async () => {
    await context.close();
    await server.close();
    scratch.remove();
  });

  it("is built as static files, and the build says their sizes", () => {
    for (const file of ["index.html", "page.js", "style.css", "worker.js", "highs.wasm"])
      expect(told).toMatch(new RegExp(`^${file} +\\d+ KiB$`, "m"));
    expect(readFileSync(path.join(site, "worker.js"), "utf8")).not.toMatch(/(^|;)import[^(]*"node:/);
  });

  it("takes an example by keys, to a report that bars nobody", async () => {
    expect(await page.getByRole("button", { name: "Place it" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Digits" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("Digits on wse3").waitFor();
    await page.getByRole("radio", { name: "WSE-3" }).focus();
    await page.keyboard.press("ArrowUp");
    await page.getByText("Digits on wse2").waitFor();
    await page.getByRole("button", { name: "Place it" }).focus();
    await page.keyboard.press("Enter");
    await result();
    expect(await page.evaluate<string>("document.activeElement.className")).toBe("result");
    expect(await page.locator("h1").allTextContents()).toEqual(["A model on a wafer", "digits on wse2"]);
    expect(await page.getByLabel("The search").textContent()).toContain("0.00 %");
    await page.locator("#layers tbody button").first().click();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations()).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: "light" });
  });

  it("gives the placement that Node gives, and a folder that runs there", async () => {
    await page.locator("input[type=file]").setInputFiles(digits);
    await page.getByText("digits.onnx on wse3").waitFor();
    await place();
    await result();
    const placed = await placeModel(await lowerSource(digits), { target: "wse3", solver: "highs" });
    const placement = new TextDecoder().decode(await download("placement.json"));
    expect(placement).toBe(printPlacementJson(placed.placement));
    expect(new TextDecoder().decode(await download("report.html"))).toContain("digits on wse3");
    expect(new TextDecoder().decode(await download("Map (.svg)"))).toMatch(/^<svg [^]*<\/svg>\n$/);
    const files = unzipSync(await download("Compiled folder (.zip)"));
    const folder = path.join(scratch.path, "digits.wsc");
    mkdirSync(folder);
    for (const [name, bytes] of Object.entries(files)) writeFileSync(path.join(scratch.path, name), bytes);
    const image = Float32Array.from({ length: 400 }, (_, at) => (at % 7) / 7);
    const outputs = await Promise.all(
      [folder, digits].map(async (model) => {
        const session = await InferenceSession.create(model);
        const [input = ""] = session.inputNames;
        const [output = ""] = session.outputNames;
        const results = await session.run({ [input]: new Tensor("float32", image, [1, 1, 20, 20]) });
        return [...(results[output]?.data as Float32Array)];
      }),
    );
    expect(outputs[0]).toHaveLength(10);
    for (const [at, value] of (outputs[0] ?? []).entries()) expect(value).toBeCloseTo(outputs[1]?.[at] ?? NaN, 5);
  });

  it("makes a model, runs it on random input, and times its layers", async () => {
    await page.getByRole("button", { name: "LeNet-5" }).click();
    await place();
    await result();
    await page.getByRole("button", { name: "Run on random input" }).click();
    const times = page.getByRole("region", { name: "Times of layers" });
    await times.waitFor();
    expect(await times.locator("tbody tr").count()).toBeGreaterThan(3);
    expect(await times.textContent()).toContain("/conv2/Conv");
    expect(await page.locator("section:has(#run-title)").textContent()).toMatch(
      /digits: f32\[1,10\], from [\d.e-]+ to 0\.\d+/,
    );
    expect(await violations()).toEqual([]);
  });

  it("stops a search and keeps the best so far", async () => {
    await page.getByRole("button", { name: "Transformer block" }).click();
    await page.getByText("Objective, time limit, symbolic dims").click();
    await page.getByLabel("Objective").selectOption("latency");
    await page.getByLabel("Seconds to search").fill("600");
    // pressed as soon as there is something to keep
    await page.evaluate(`new MutationObserver(() => {
      const stop = [...document.querySelectorAll("button")].find(({ textContent }) => textContent === "Stop, keep the best");
      if (document.querySelector(".figures.found") !== null && !stop.disabled) stop.click();
    }).observe(document.body, { childList: true, subtree: true })`);
    await place();
    await result();
    expect(await page.getByRole("status").first().textContent()).toBe("Stopped; the best so far is kept.");
    expect(await page.locator("#layers tbody tr").count()).toBeGreaterThan(5);
  });

  it("says what is wrong with a file and with dims, and what to do", async () => {
    const alert = page.getByRole("alert");
    const choose = (name: string, bytes: Uint8Array) =>
      page.locator("input[type=file]").setInputFiles({ name, mimeType: "", buffer: Buffer.from(bytes) });
    await choose("notes.onnx", new TextEncoder().encode("no model\n"));
    await place();
    await alert.getByText("WSC1002").waitFor();
    const shape = ["n", 8] as const;
    await choose(
      "open.onnx",
      await modelBytes({
        opset: 13,
        inputs: { x: f32(...shape) },
        outputs: { y: f32(...shape) },
        nodes: [node("Relu", ["x"], ["y"])],
      }),
    );
    await place();
    await alert.getByText("WSC2005").waitFor();
    expect(await alert.textContent()).toContain("Try this: ");
    expect(await violations()).toEqual([]);
    await page.getByText("Objective, time limit, symbolic dims").click();
    await page.getByLabel("Symbolic dims").fill("n");
    await place();
    await alert.getByText("NAME=NUMBER").waitFor();
    await page.getByLabel("Symbolic dims").fill("n=4");
    await place();
    await result();
    expect(await alert.textContent()).toBe("");
    expect(await page.locator("dl.inspected").textContent()).toContain("x: f32[4,8]");
  });

  it("reads external data from files that are chosen with the model", async () => {
    const model = await externalModel({ location: "w.bin", length: "12" });
    const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: "", buffer: Buffer.from(bytes) });
    await page.locator("input[type=file]").setInputFiles([file("parts.onnx", model)]);
    await place();
    await page.getByRole("alert").getByText("choose that file together with the model").waitFor();
    const weights = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
    await page.locator("input[type=file]").setInputFiles([file("w.bin", weights), file("parts.onnx", model)]);
    await place();
    await result();
    expect(await page.locator("h1").last().textContent()).toBe("parts on wse3");
  });

  it("asks its own server for its own files only, and logs no error", () => {
    expect(requests.length).toBeGreaterThan(5);
    for (const request of requests) expect(request).toMatch(/^GET (blob:)?http:\/\/127\.0\.0\.1:\d+\//);
    expect(errors).toEqual([]);
  });
});
