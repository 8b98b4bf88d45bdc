/** The report's page in a real browser: what people do with it, by pointer and by keys, and what would bar some of them. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import path from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { renderReport } from "../../compiler/report/html.ts";
import type { ReportPage } from "../../compiler/report/data/report-data.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { manyLayers, smallReport } from "../report/instances.ts";
import { hasChromium } from "./chromium.ts";
import { openPage, violationsIn } from "./page-checks.ts";

(hasChromium ? describe : describe.skip)("the report's page", () => {
  const scratch = scratchFolder("report-page");
  let context: BrowserContext;
  let page: Page;
  const errors: string[] = [];

  const open = async (report: ReportPage): Promise<void> => {
    const file = path.join(scratch.path, "report.html");
    writeFileSync(file, await renderReport(report));
    await page.goto(pathToFileURL(file).href);
    await page.locator("main h1").first().waitFor();
  };
  const violations = (): Promise<readonly string[]> => violationsIn(page);
  /** Sum of a canvas' pixels: changes where the drawing does. */
  const drawn = (id: string): Promise<number> =>
    page.evaluate<number>(`new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {
      const canvas = document.querySelector("#${id} canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      resolve(data.reduce((sum, value, at) => (sum * 31 + value * (at % 251)) % 1000003, 0));
    })))`);

  beforeAll(async () => {
    ({ context, page } = await openPage(scratch.path, errors));
  });
  afterAll(async () => {
    await context.close();
  });

  it("opens from a file, in both schemes, and bars nobody", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await open([await smallReport(40)]);
      await page.getByRole("button", { name: "/fc/Gemm" }).first().click();
      expect(await violations()).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: "light" });
    expect(errors).toEqual([]);
  });

  it("finds layers by their names and nodes, sorts, and walks by keys", async () => {
    await open([await smallReport(40)]);
    const rows = page.locator("#layers tbody tr");
    await page.getByRole("searchbox").fill("relu1");
    await expect(rows.count()).resolves.toBe(1);
    expect(await rows.first().textContent()).toContain("/fc/Gemm");
    await page.getByRole("searchbox").fill("");
    await page.getByRole("button", { name: "Cycles", exact: true }).click();
    const cycles = await rows
      .locator("td:nth-child(6)")
      .evaluateAll((cells) => cells.map(({ firstChild }) => Number(firstChild?.textContent?.replaceAll(",", ""))));
    expect(cycles).toEqual(cycles.toSorted((a, b) => b - a));
    const map = page.locator("#map canvas");
    await map.focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.locator("#details h3").textContent()).toBe("#0 /conv1/Conv");
    await page.keyboard.press("ArrowRight");
    expect(await page.locator("#details h3").textContent()).toBe("#1 /fc/Gemm");
    const before = await drawn("map");
    await page.keyboard.press("+");
    expect(await drawn("map")).not.toBe(before);
    await page.keyboard.press("0");
    await page.keyboard.press("Escape");
    expect(await page.locator("#details h3").count()).toBe(0);
  });

  it("tells of what is pointed at in lines, and links map, graph and routes", async () => {
    await open([await smallReport(40)]);
    const graph = await drawn("graph");
    const box = await page.locator("#map canvas").boundingBox();
    if (box === null) throw new Error("no map");
    await page.locator("#map canvas").click({ position: { x: box.width / 2, y: box.height / 2 } });
    expect(await page.locator("#details h3").count()).toBe(1);
    expect(await drawn("graph")).not.toBe(graph);
    const told = (await page.getByRole("tooltip").textContent()) ?? "";
    expect(told.split("\n")).toHaveLength(3);
    const map = await drawn("map");
    await page.locator(".edges button").first().click();
    expect(await drawn("map")).not.toBe(map);
    await page.getByRole("button", { name: "Link loads" }).click();
    expect(await page.locator(".scale").textContent()).toContain("fullest");
  });

  it("gives tables and drawings as files", async () => {
    await open([await smallReport(40)]);
    const save = async (button: string): Promise<string> => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.locator(button).click()]);
      const file = path.join(scratch.path, download.suggestedFilename());
      await download.saveAs(file);
      return readFileSync(file, "utf8");
    };
    const csv = await save("section:has(#layers) .toolbar button");
    expect(csv.split("\r\n")).toHaveLength(5);
    expect(csv).toContain("/fc/Gemm,matmul");
    expect(await save("#map .stage-buttons button:last-child")).toMatch(/^<svg [^]*\/conv1\/Conv[^]*<\/svg>\n$/);
  });

  it("prints drawings and all rows", async () => {
    await open([await smallReport(40)]);
    const pdf = await page.pdf({ format: "A4" });
    expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
    expect(await page.locator("#map .print-only svg").count()).toBe(1);
  });

  it("shows what cores did in a simulation, and what stays on the host", async () => {
    const layers = [{ name: "/fc/Gemm", cores: 4, busy: 10, moving: 3, waiting: 7, first: 2, last: 9 }];
    await open([await smallReport(40, { level: "word", samples: 1, cycles: 10, interval: 5, latency: 9, layers })]);
    expect(await page.locator("#activity").textContent()).toContain("waiting 17.5%");
    expect(await page.locator("#host").textContent()).toContain("control flow is decided while the model runs");
  });

  it("compares two", async () => {
    await open([await smallReport(40), await smallReport(60)]);
    expect(await page.locator("#comparison").textContent()).toContain("Interval");
    await page.locator("#changes button").first().click();
    expect(await page.locator("#changes tr.on").count()).toBe(1);
    expect(await violations()).toEqual([]);
  });

  it("draws 2,000 layers on 900,000 cores", async () => {
    await open([manyLayers(await smallReport(40), 2000)]);
    expect(await page.locator("#layers tbody tr").count()).toBe(100);
    await page.locator("#map canvas").focus();
    const before = await drawn("map");
    await page.keyboard.press("+");
    expect(await drawn("map")).not.toBe(before);
    expect(errors).toEqual([]);
  });
});
