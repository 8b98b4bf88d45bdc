/**
 * The ONNX project's backend tests through `InferenceSession`: every case of golden/conformance/passing.txt must pass still. It runs
 * scripts/conformance.mjs, as `npm run conformance` does, in processes of its own.
 */
import { expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../helpers/programs.ts";
import { sharedPath } from "../helpers/shared.ts";

const runner = process.env["WSC_CONFORMANCE"] ?? sharedPath("conformance");
const minutes = 60_000;

if (runner === null) it.skip("the ONNX backend tests", () => undefined);
else {
  const conformance = (...options: readonly string[]): { readonly status: number | null; readonly stdout: string } =>
    spawnSync(process.execPath, [path.join(root, "scripts", "conformance.mjs"), "--quiet", ...options], {
      encoding: "utf8",
      env: { ...process.env, WSC_CONFORMANCE: runner },
    });

  it(
    "pass where they passed before, without a crash or a timeout",
    () => {
      const { status, stdout } = conformance("--timeout", "120", "--heavy-timeout", "300");
      expect(stdout.match(/^no longer passes: .*$/gmu) ?? []).toEqual([]);
      expect(status).toBe(0);
      const totals = /^all +(\d+) +\d+ +\d+ +(\d+) +(\d+)/mu.exec(stdout)?.slice(1).map(Number);
      const listed = readFileSync(path.join(root, "test/golden/conformance/passing.txt"), "utf8").trim().split("\n");
      expect(totals?.[0]).toBeGreaterThanOrEqual(listed.length);
      expect(totals?.slice(1)).toEqual([0, 0]);
    },
    15 * minutes,
  );
}
