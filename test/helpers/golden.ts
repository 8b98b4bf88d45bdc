/**
 * `expect(text).toMatchGolden("passes/fold-constants.ir")` compares with test/golden/<name>. Jest's own flags drive it: `-u` rewrites,
 * `--ci` refuses to create, a plain run creates a missing file.
 */
import { expect } from "@jest/globals";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

interface GoldenContext {
  readonly snapshotState: { readonly _updateSnapshot: "all" | "new" | "none" };
  readonly utils: { readonly diff: (expected: string, actual: string) => string | null };
}

const goldenDirectory = path.join(import.meta.dirname, "..", "golden");

expect.extend({
  toMatchGolden(this: unknown, received: unknown, name: string) {
    const { snapshotState, utils } = this as GoldenContext;
    const actual = typeof received === "string" ? received : JSON.stringify(received, null, 2) + "\n";
    const file = path.join(goldenDirectory, name);
    const expected = existsSync(file) ? readFileSync(file, "utf8") : null;
    if (expected === actual) return { pass: true, message: () => `matches golden ${name}` };
    const mode = snapshotState._updateSnapshot;
    if (mode === "all" || (mode === "new" && expected === null)) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, actual);
      return { pass: true, message: () => `wrote golden ${name}` };
    }
    const difference = expected === null ? "the golden file is missing" : utils.diff(expected, actual);
    return { pass: false, message: () => `${name}: ${difference ?? "differs"}\naccept with: npm test -- -u` };
  },
});

declare module "expect" {
  interface Matchers<R> {
    /** Compares text with a file under test/golden. */
    toMatchGolden(name: string): R;
  }
}
