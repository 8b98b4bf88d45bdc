/**
 * The cases by kind and the checks of the API: all of golden/conformance/cases.txt and api.txt must pass still. It runs scripts/conformance.mjs in
 * processes of its own.
 */
import { expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../helpers/programs.ts";
import { sharedPath } from "../helpers/shared.ts";

const [runner, cases] = [sharedPath("conformance"), sharedPath("cases")];

if (runner === null || cases === null) it.skip("the cases by kind", () => undefined);
else {
  it("pass where they passed before", () => {
    const script = path.join(root, "scripts", "conformance.mjs");
    const { status, stdout } = spawnSync(process.execPath, [script, "--small", "--timeout", "120"], {
      encoding: "utf8",
      env: { ...process.env, WSC_CONFORMANCE: runner, WSC_CASES: cases },
    });
    expect(stdout.match(/^no longer passes: .*$/gmu) ?? []).toEqual([]);
    expect(status).toBe(0);
    for (const [title, list] of [
      ["cases by kind", "cases.txt"],
      ["checks of the API", "api.txt"],
    ] as const) {
      const listed = readFileSync(path.join(root, "test/golden/conformance", list), "utf8")
        .trim()
        .split("\n");
      expect(stdout).toContain(`${title}: 0 of ${listed.length} listed cases no longer pass`);
    }
  }, 300_000);
}
