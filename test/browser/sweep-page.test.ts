/** The page of a sweep in a real browser: filters, chart, frontier and points, by pointer and by keys, in both schemes. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { renderSweep, type SweepPage } from "../../compiler/report/sweep-page.ts";
import { frontierOf } from "../../compiler/sweep/results/frontier.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { hasChromium } from "./chromium.ts";
import { openPage, violationsIn } from "./page-checks.ts";

/** Points of three axes: fast ones take more cores, and one is refused. */
function sweepPage(): SweepPage {
  const rows = ["wse2", "wse3"].flatMap((target, i) =>
    ["f32", "f16"].flatMap((precision, j) =>
      [1, 2, 4, 8, 16].map((replicas, k): SweepPage["rows"][number] => {
        const [speed, cores] = [1000 * (i + 1) * (j + 1) * replicas ** 0.7, 9000 * replicas - 700 * j + 300 * i];
        const isRefused = i === 0 && k === 4;
        const reason = isRefused ? "WSC5002: sixteen copies need more cores than the wafer has" : null;
        const figures = isRefused ? [null, null, null] : [speed, cores, k < 2 ? "kernel" : "link"];
        return [
          target,
          precision,
          replicas,
          isRefused ? "refused" : "done",
          ...figures,
          reason,
          `${i}${j}${k}`.repeat(20),
        ];
      }),
    ),
  );
  return {
    title: "wsc sweep: compile digits",
    columns: [
      { name: "target", kind: "axis", type: "text" },
      { name: "precision", kind: "axis", type: "text" },
      { name: "replicas", kind: "axis", type: "number" },
      { name: "status", kind: "status", type: "text" },
      { name: "samplesPerSecond", kind: "figure", type: "number" },
      { name: "cores", kind: "figure", type: "number" },
      { name: "binds", kind: "figure", type: "text" },
      { name: "reason", kind: "note", type: "text" },
      { name: "job", kind: "note", type: "text" },
    ],
    rows,
    frontier: frontierOf(rows.map((row) => (row[3] === "done" ? [-Number(row[4]), Number(row[5])] : null))),
    objectives: [
      { name: "samplesPerSecond", goal: "max" },
      { name: "cores", goal: "min" },
    ],
    binds: "binds",
    links: new Map(rows.map((_, i) => [i, `points/${i}/report.html`])),
  };
}

(hasChromium ? describe : describe.skip)("the page of a sweep", () => {
  const scratch = scratchFolder("sweep-page");
  let context: BrowserContext;
  let page: Page;
  const errors: string[] = [];
  const sweep = sweepPage();
  const file = path.join(scratch.path, "report.html");
  const [best] = sweep.frontier.toReversed();

  const open = async (): Promise<void> => {
    await page.goto(pathToFileURL(file).href);
    await page.locator("#points tbody tr").first().waitFor();
  };
  const violations = (): Promise<readonly string[]> => violationsIn(page);

  beforeAll(async () => {
    writeFileSync(file, renderSweep(sweep));
    for (const link of sweep.links.values()) {
      mkdirSync(path.join(scratch.path, path.dirname(link)), { recursive: true });
      writeFileSync(path.join(scratch.path, link), "<!doctype html><title>of a point</title>");
    }
    ({ context, page } = await openPage(scratch.path, errors));
  });
  afterAll(async () => {
    await context.close();
    scratch.remove();
  });

  it("opens from a file, in both schemes, wide and narrow, and bars nobody", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await open();
      expect(await violations()).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 390, height: 800 });
    await open();
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    expect(await violations()).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(errors).toEqual([]);
  });

  it("shows the points that pass the filters, in chart and table", async () => {
    await open();
    const circles = page.locator("svg.sweep circle");
    const rows = page.locator("#points tbody tr");
    await expect(rows.count()).resolves.toBe(20);
    await expect(circles.count()).resolves.toBe(18);
    expect(await page.locator("svg.sweep circle.front").count()).toBe(sweep.frontier.length);
    await page.getByRole("checkbox", { name: "wse2" }).uncheck();
    await expect(rows.count()).resolves.toBe(10);
    await expect(circles.count()).resolves.toBe(10);
    await page.getByRole("checkbox", { name: "f32" }).uncheck();
    await expect(circles.count()).resolves.toBe(5);
    await page.getByRole("checkbox", { name: "wse3" }).uncheck();
    await expect(circles.count()).resolves.toBe(0);
    expect(await page.locator("#told").textContent()).toBe("no point has both figures");
    await page.getByRole("checkbox", { name: "wse3" }).check();
    await expect(circles.count()).resolves.toBe(5);
    await page.getByLabel("across").selectOption("replicas");
    expect(await page.locator("svg.sweep").textContent()).toContain("replicas");
  });

  it("sorts points, by pointer and by keys", async () => {
    await open();
    const column = async (at: number): Promise<readonly number[]> =>
      page
        .locator(`#points tbody td:nth-child(${at})`)
        .evaluateAll((cells) => cells.map(({ textContent }) => Number(textContent.replaceAll(",", ""))));
    const button = page.locator("#points").getByRole("button", { name: "cores" });
    await button.click();
    const falling = (await column(6)).slice(0, 18);
    expect(falling).toEqual(falling.toSorted((a, b) => b - a));
    await button.press("Enter");
    const rising = (await column(6)).slice(0, 18);
    expect(rising).toEqual(rising.toSorted((a, b) => a - b));
    expect(await page.locator("#points th[aria-sort=ascending]").textContent()).toContain("cores");
    // the button that was pressed keeps the focus
    expect(await button.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
  });

  it("opens the page of a point from the frontier, from the table and from the chart", async () => {
    await open();
    const frontier = page.locator("section", { has: page.getByRole("heading", { name: "On the frontier" }) });
    await expect(frontier.locator("tbody tr").count()).resolves.toBe(sweep.frontier.length);
    const ways = [
      () => frontier.getByRole("link").last().click(),
      () =>
        page
          .locator("#points")
          .getByRole("link")
          .nth(best ?? 0)
          .click(),
      () => page.locator("svg.sweep circle.front").last().click(),
      () => page.locator("svg.sweep a[tabindex='0']").last().press("Enter"),
    ];
    for (const way of ways) {
      await open();
      await way();
      await page.waitForURL(/points\/\d+\/report\.html$/);
      expect(await page.title()).toBe("of a point");
    }
    expect(errors).toEqual([]);
  });
});
