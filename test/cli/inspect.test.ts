/** `wsc inspect --target`: whether a model fits a machine, without placing it. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { digitsModel, transformerModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("inspect");
afterAll(scratch.remove);

interface Report {
  readonly fit: { readonly fits: boolean; readonly leastCycles: number | null; readonly problems: { code: string }[] };
}

describe("wsc inspect --target", () => {
  it("gives a bound that the placement does not go below", async () => {
    const { code, stdout } = await wsc(["inspect", digitsModel, "-t", "wse2", "--json"]);
    expect(code).toBe(0);
    const { fit } = JSON.parse(stdout) as Report;
    expect(fit).toMatchObject({ fits: true, problems: [] });
    const placed = await wsc(["compile", digitsModel, "-o", path.join(scratch.path, "digits"), "--json"]);
    const { intervalCycles } = JSON.parse(placed.stdout) as { intervalCycles: number };
    expect(fit.leastCycles).toBeGreaterThan(0);
    expect(fit.leastCycles).toBeLessThanOrEqual(intervalCycles);
  });

  it("says what does not fit, and knows no other machines", async () => {
    const described = JSON.parse((await wsc(["targets", "wse2"])).stdout) as Record<string, unknown>;
    const file = path.join(scratch.path, "tiny.json");
    writeFileSync(file, JSON.stringify({ ...described, name: "tiny", fabric: { width: 9, height: 4 } }));
    const { code, stdout } = await wsc(["inspect", transformerModel, "-t", file, "--json"]);
    expect(code).toBe(1);
    const { fit } = JSON.parse(stdout) as Report;
    expect(fit.fits).toBe(false);
    expect(new Set(fit.problems.map((problem) => problem.code))).toEqual(new Set(["WSC5002"]));
    expect((await wsc(["inspect", digitsModel, "-t", "wse4"])).stderr).toContain('no target named "wse4"');
  });
});
