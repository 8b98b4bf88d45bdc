/** `wsc place` from outside: the contest's networks, its scorer, and what users see. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { scoreContest } from "../../compiler/contest/check.ts";
import { readContestGraph } from "../../compiler/contest/kgraph.ts";
import { readPaint } from "../../compiler/contest/paint.ts";
import { chain, contestInstances, contestText, conv, dblock } from "../bench/contest-instances.mjs";
import { scratchFolder } from "../helpers/scratch.ts";
import { sharedPath } from "../helpers/shared.ts";
import { wsc } from "./run-cli.ts";
import { optimumOf } from "../helpers/lp-reader.ts";

const scratch = scratchFolder("place");
afterAll(() => {
  scratch.remove();
});

const file = (name: string): string => path.join(scratch.path, name);

interface Report {
  readonly cost: number;
  readonly cycles: number;
  readonly bound: number;
  readonly cycleBound: number;
  readonly status: string;
  readonly endedBy: string;
}

/** Places a graph's text; the report, and the paint file. */
async function place(name: string, text: string, ...options: string[]): Promise<{ readonly report: Report; readonly paint: string }> {
  writeFileSync(file(`${name}.kgraph`), text);
  const { code, stdout, stderr } = await wsc(["place", file(`${name}.kgraph`), "-o", file(`${name}.paint`), "--json", ...options]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return { report: JSON.parse(stdout) as Report, paint: readFileSync(file(`${name}.paint`), "utf8") };
} // prettier-ignore

const instance = (id: string): string => contestInstances().find((candidate) => candidate.id === id)?.text ?? "";

describe("wsc place", () => {
  it("gives the same bytes for the same effort", async () => {
    const options = ["--effort", "0.05", "--time-limit", "600"];
    const [first, second] = [await place("A", instance("A"), ...options), await place("A", instance("A"), ...options)];
    expect(first.report.endedBy).toBe("effort");
    expect(second.paint).toBe(first.paint);
  });

  const scorer = sharedPath("tools/ispd2020_score.py");

  // least cycles of the slowest kernel by area, as published with the instances
  it.each([
    ["A", 33152, 1.1],
    ["C", 60270, 1.4],
    ["D", 32256, 1.4],
    ["H", 32256, Infinity],
    ["K", 252, Infinity],
    ["M", 2156544, 1.1],
    ["N", 1020, Infinity],
  ])("proves the known bound of %s, and its placement is legal and near it", async (id, cycles, within) => {
    const text = instance(id);
    const { report, paint } = await place(id, text, "--time-limit", "2");
    expect(report.cycleBound).toBe(cycles);
    expect(report.bound).toBeGreaterThanOrEqual(cycles);
    expect(report.cost).toBeLessThan(within * cycles);
    const graph = readContestGraph(text);
    expect(scoreContest(graph, readPaint(paint, graph.kernels))).toMatchObject({ faults: [], cost: report.cost });
    if (scorer === null) return;
    const { stdout } = spawnSync("python3", [scorer, file(`${id}.kgraph`), file(`${id}.paint`)], { encoding: "utf8" });
    expect(JSON.parse(stdout)).toMatchObject({ legal: true, cost: report.cost, max_time: report.cycles });
  });

  it("proves what wires decide", async () => {
    const { report } = await place("N", instance("N"), "--time-limit", "5");
    expect(report).toMatchObject({ status: "optimal", bound: report.cost });
  });

  it("writes the same bytes for the same seed", async () => {
    const once = async (): Promise<string> =>
      (await place("K", instance("K"), "--time-limit", "1", "--seed", "4")).paint;
    expect(await once()).toBe(await once());
  });

  it("writes the integer program of a small graph, which has the same optimum", async () => {
    const text = contestText("small", chain([conv(4, 4, 4), conv(4, 4, 8), conv(2, 8, 8)]), { wdeltat: 1, wlength: 2, wadapter: 0 }, { width: 20, height: 20, memlimit: 24576 }); // prettier-ignore
    const { report } = await place("small", text);
    expect(report.status).toBe("optimal");
    const { code, stdout } = await wsc(["place", file("small.kgraph"), "--emit", "ilp"]);
    expect(code).toBe(0);
    expect(await optimumOf(stdout)).toBeCloseTo(report.cost, 4);
  });

  it("says what is wrong in a sentence", async () => {
    writeFileSync(file("bad.kgraph"), "(*\nwidth=5\n*)\n");
    expect(await wsc(["place", file("bad.kgraph")])).toMatchObject({ code: 1, stdout: "" });
    expect((await wsc(["place", file("none.kgraph")])).stderr).toContain("cannot be read");
    const text = contestText("full", chain(Array.from({ length: 30 }, () => dblock(256, 14))), { wdeltat: 1, wlength: 1, wadapter: 0 }, { width: 20, height: 20, memlimit: 24576 }); // prettier-ignore
    writeFileSync(file("full.kgraph"), text);
    const { code, stderr } = await wsc(["place", file("full.kgraph")]);
    expect(code).toBe(1);
    expect(stderr).toMatchGolden("cli/place-no-fit.txt");
  });
});
