/** Chromium for tests, if it is there: from Debian's package, without anything of its own over the network. */
import { existsSync } from "node:fs";
import { type BrowserContext, chromium } from "playwright-core";

const executable = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Without it tests in a browser are skipped, and say so. */
export const hasChromium: boolean = existsSync(executable);
if (!hasChromium) console.warn(`tests in a browser are skipped: there is no ${executable} (apt-get install chromium)`);

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Milliseconds for a browser to answer on a busy machine. */
const patience = 240_000;

/** A browser with a profile of its own in that folder. */
export async function openChromium(profile: string): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executable,
    headless: true,
    args: flags,
    timeout: patience,
  });
  context.setDefaultTimeout(patience);
  return context;
}
