/** What every page that people see is held to: nothing that bars some of them, and no errors. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { openChromium } from "./chromium.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core reports of a page. */
interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

export async function violationsIn(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate<readonly Violation[]>(`axe.run().then(({ violations }) => violations)`);
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** A page of a browser with a profile in a folder; its errors, those of the console too, are added to `errors`. */
export async function openPage(folder: string, errors: string[]): Promise<{ context: BrowserContext; page: Page }> {
  const context = await openChromium(path.join(folder, "profile"));
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return { context, page };
}
