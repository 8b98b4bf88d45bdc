// Makes the built command usable in a clone: `npx wsc` finds node_modules/.bin/wsc at once, where npm would otherwise install the package into
// its cache (and build it again) at every call.
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";

const bin = new URL("../node_modules/.bin/", import.meta.url);
chmodSync(new URL("../dist/compiler/cli/main.js", import.meta.url), 0o755);
if (process.platform !== "win32" && existsSync(new URL("../node_modules/", import.meta.url))) {
  mkdirSync(bin, { recursive: true });
  rmSync(new URL("wsc", bin), { force: true });
  symlinkSync("../../dist/compiler/cli/main.js", new URL("wsc", bin));
}
