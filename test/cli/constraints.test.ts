import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parsePlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement } from "../../ir/placement-text.ts";
import { digitsModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { type Outcome, wsc } from "./run-cli.ts";

const scratch = scratchFolder("constraints");
afterAll(scratch.remove);

const compile = (...options: string[]): Promise<Outcome> => wsc(["compile", digitsModel, ...options], scratch.path);

const write = (name: string, text: string): void => {
  writeFileSync(path.join(scratch.path, name), text);
};

beforeAll(async () => {
  write("wafer.defects", "# found on 2026-02-03\n700 900\n701,900\n\n");
  write("rules.json", JSON.stringify({
    pins: [{ layer: "features2", x: 100, y: 200, width: 60, height: 50 }],
    keepOut: [{ x: 4, y: 1, width: 750, height: 40 }],
    deadCores: "wafer.defects",
  })); // prettier-ignore
  const { code, stderr } = await compile("-o", "first", "-q", "--constraints", "rules.json", "--pin", "logits=300,400", "--co-locate", "k4,probabilities"); // prettier-ignore
  expect([code, stderr]).toEqual([0, ""]);
});

describe("wsc compile under constraints", () => {
  it("puts files and options together, and keeps to all of them", () => {
    const placement = parsePlacementJson(readFileSync(path.join(scratch.path, "first", "placement.json"), "utf8"));
    const { constraints, kernels } = placement;
    const rectOf = (name: string): unknown => kernels.find((kernel) => kernel.name === name)?.rect;
    expect(rectOf("features2")).toMatchObject({ x: 100, y: 200 });
    expect(rectOf("logits")).toMatchObject({ x: 300, y: 400 });
    expect(Math.min(...kernels.map(({ rect }) => rect.y))).toBeGreaterThanOrEqual(41);
    expect(constraints.deadCores).toEqual([{ x: 700, y: 900 }, { x: 701, y: 900 }]); // prettier-ignore
    expect(constraints.coLocate).toEqual([[4, 5]]);
  });

  it("begins with an earlier placement, and says what moved", async () => {
    const { stdout } = await compile("-o", "second", "--from", "first", "--json", "--keep-out", "300,400,5,5");
    const { movement, goal } = JSON.parse(stdout) as { movement: { kept: number; moved: number }; goal: object };
    expect(movement).toMatchObject({ added: 0 });
    expect(movement.moved).toBeGreaterThan(0);
    expect(movement.kept).toBeGreaterThanOrEqual(4);
    expect(goal).toMatchObject({ kind: "throughput" });
  });

  it("explains on stdout and in a file", async () => {
    const { stdout } = await compile("-o", "told", "--explain", "--pin", "features2=100,200,10,10");
    expect(stdout).toMatch(/^binds {5}pin at features2$/m);
    expect(stdout).toMatch(/^changes {3}without pins: bound \S+ -> \S+ cycles/m);
    const explanation = JSON.parse(readFileSync(path.join(scratch.path, "told", "explanation.json"), "utf8")) as object;
    expect(explanation).toMatchObject({ binding: "pin", layer: "features2" });
  });

  it("explains a placement that is printed on stderr", async () => {
    const { stdout, stderr } = await compile("--emit", "placement", "--explain", "-q", "--objective", "cores");
    expect(parsePlacement(stdout).certificate.goal).toMatchObject({ kind: "cores" });
    expect(stderr).toMatch(/^binds/m);
  });

  it.each([
    ["an unknown layer", ["--pin", "feature2=100,200"], 1, /WSC5005: no layer is named "feature2"\n {2}help: did you mean "features2"/],
    ["a pin off the wafer", ["--pin", "features2=750,990,10,10"], 1, /WSC5005: pin 1 \("features2"\) is 10 x 10 at \(750, 990\), outside the usable/],
    ["half a pin", ["--pin", "features2=1,2,3"], 2, /WSC8001: --pin takes LAYER=X,Y or LAYER=X,Y,WIDTH,HEIGHT, not "1,2,3"/],
    ["a keep-out without size", ["--keep-out", "1,2,0,3"], 2, /WSC8001: --keep-out takes X,Y,WIDTH,HEIGHT/],
    ["a pin on a keep-out", ["--pin", "features2=9,9,4,4", "--keep-out", "12,12,9,9"], 1, /WSC5002: .*overlaps keep-out 1 in 1 core, 1 x 1 at \(12, 12\)/],
    ["a pin that is too small", ["--pin", "features2=9,9,1,1", "--max-interval", "2000"], 1, /WSC5002: conv "features2": .*its pinned rectangle of 1 x 1/],
    ["a limit that nothing keeps to", ["--max-interval", "3"], 1, /WSC5002: .*cannot keep to 3 cycles.*\n {2}help: --max-interval \d+ or more/],
    ["a file that is missing", ["--constraints", "nowhere.json"], 1, /WSC5005: nowhere.json: the file cannot be read: ENOENT/],
    ["an earlier placement that is missing", ["--from", "nowhere"], 1, /WSC5005: nowhere: the file cannot be read: ENOENT/],
  ] as const)("refuses %s", async (_, options, expected, message) => {
    const { code, stdout, stderr } = await compile("-o", "refused", ...options);
    expect([code, stdout]).toEqual([expected, ""]);
    expect(stderr).toMatch(message);
  }); // prettier-ignore
});
