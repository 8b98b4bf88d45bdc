/** What comes of a sweep: tables in every form, the page, and the state that a sweep goes on from. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parquetReadObjects } from "hyparquet";
import { renderSweep } from "../../compiler/report/sweep-page.ts";
import { csvHead, csvLine, jsonLine, parquetFile } from "../../compiler/sweep/results/table-files.ts";
import { type Column, columnsOf } from "../../compiler/sweep/results/table.ts";
import { wsc } from "../cli/run-cli.ts";
import { digitsModel, dist } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { planJson, planSpec } from "./specs.ts";
import { Command } from "./workers.ts";

const scratch = scratchFolder("sweep-results");
afterAll(scratch.remove);
const at = (name: string): string => path.join(scratch.path, name);
const read = (name: string): string => readFileSync(at(name), "utf8");
const run = (...args: readonly string[]): ReturnType<typeof wsc> => wsc(["sweep", ...args], scratch.path);

const columns: readonly Column[] = [
  { name: "a,b", kind: "axis", type: "text" },
  { name: "n", kind: "figure", type: "number" },
  { name: "yes", kind: "axis", type: "text" },
];
const rows = [
  ['x "y"', 1.5, true],
  ["line\nbreak", null, false],
  [" ", -2, null],
] as const;

describe("a table", () => {
  it("is JSON lines and CSV", () => {
    expect(rows.map((cells) => jsonLine(columns, cells)).join("")).toBe(
      '{"a,b":"x \\"y\\"","n":1.5,"yes":true}\n{"a,b":"line\\nbreak","yes":false}\n{"a,b":" ","n":-2}\n',
    );
    expect(csvHead(columns) + rows.map(csvLine).join("")).toBe(
      '"a,b",n,yes\r\n"x ""y""",1.5,true\r\n"line\nbreak",,false\r\n" ",-2,\r\n',
    );
  });

  it("is Parquet, which another library reads", async () => {
    const bytes = await parquetFile(
      columns,
      columns.map((_, i) => rows.map((cells) => cells[i] ?? null)),
    );
    const file = new Uint8Array(bytes).buffer;
    expect(await parquetReadObjects({ file })).toEqual([
      { "a,b": 'x "y"', n: 1.5, yes: "true" },
      { "a,b": "line\nbreak", n: null, yes: "false" },
      { "a,b": " ", n: -2, yes: null },
    ]);
  });

  it("tells an option from what came of it", () => {
    const names = columnsOf({ ...planSpec, axes: [{ name: "wafers", values: [1, 2] }] }).map(({ name }) => name);
    expect(names).toEqual([
      "wafers",
      "status",
      "result.wafers",
      "decodeInAll",
      "timeToFirstToken",
      "binds",
      "reason",
      "job",
    ]);
  });
});

describe("the page", () => {
  it("can be read without its script, which no name can end", () => {
    const name = "</script><b>";
    const page = renderSweep({
      title: name,
      columns: [
        { name: "model", kind: "axis", type: "text" },
        { name: "status", kind: "status", type: "text" },
        { name: "fast", kind: "figure", type: "number" },
        { name: "binds", kind: "figure", type: "text" },
      ],
      rows: [
        [name, "done", 3, "links"],
        ["b", "done", 2, "links"],
        ["b", "refused", null, null],
      ],
      frontier: [0],
      objectives: [{ name: "fast", goal: "max" }],
      binds: "binds",
      links: new Map([[0, "points/x/report.html"]]),
    });
    expect(page).toMatchGolden("sweep/page.html");
    expect(page).not.toContain("<b></");
    expect(page.match(/<\/script>/g)).toHaveLength(2);
  });
});

describe("wsc sweep", () => {
  beforeAll(() => {
    writeFileSync(at("plan.json"), JSON.stringify(planJson));
  });

  it("does every point and says what is on the frontier", async () => {
    const { code, stdout, stderr } = await run("plan.json", "-o", "all", "--jobs", "2");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("18 points: 18 done, 0 refused, 0 failed\n");
    const table = read("all/results.jsonl");
    const lines = table
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(18);
    expect(lines.every(({ decodeInAll }) => Number(decodeInAll) > 0)).toBe(true);
    const parquet = new Uint8Array(readFileSync(at("all/results.parquet")));
    expect(await parquetReadObjects({ file: parquet.buffer })).toHaveLength(18);
    const page = read("all/report.html");
    const [, link = ""] = /href="(points\/[0-9a-f]{16}\/report\.html)"/.exec(page) ?? [];
    expect(read(`all/${link}`)).toContain("<!doctype html>");
  });

  it("goes on where it was: also torn, killed, or with a wider specification", async () => {
    const journal = read("all/journal.jsonl");
    mkdirSync(at("torn"));
    for (const name of ["sweep.json", "journal.jsonl"]) writeFileSync(at(`torn/${name}`), read(`all/${name}`));
    truncateSync(at("torn/journal.jsonl"), Buffer.byteLength(journal) - 5);
    const torn = await run("plan.json", "-o", "torn", "--jobs", "1");
    expect(torn.stdout).toContain("18 points: 18 done, 0 refused, 0 failed (17 known before)");
    expect(read("torn/results.csv")).toBe(read("all/results.csv"));

    const killed = new Command(["sweep", "plan.json", "-o", "killed", "--jobs", "1"], scratch.path);
    await killed.kill();
    const again = await run("plan.json", "-o", "killed", "--jobs", "1");
    expect([again.code, again.stderr]).toEqual([0, ""]);
    expect(read("killed/results.csv")).toBe(read("all/results.csv"));

    const wider = { ...planJson, axes: { ...planJson.axes, weights: ["fp16", "int8", "fp8"] } };
    writeFileSync(at("wider.json"), JSON.stringify(wider));
    const { stdout } = await run("wider.json", "-o", "all", "--jobs", "1");
    expect(stdout).toContain("27 points: 27 done, 0 refused, 0 failed (18 known before)");
    const report = await run("report", "all", "--json");
    expect(JSON.parse(report.stdout)).toMatchObject({ points: 27, done: 27, failed: 0 });
  });

  it("searches with a budget, the same points for the same seed", async () => {
    const search = (folder: string, jobs: string): ReturnType<typeof run> =>
      run("wider.json", "-o", folder, "--search", "pareto", "--budget", "12", "--seed", "3", "--jobs", jobs);
    expect((await search("s1", "1")).stdout).toContain("12 points: 12 done");
    expect((await search("s2", "2")).stdout).toContain("12 points: 12 done");
    expect(read("s2/results.csv")).toBe(read("s1/results.csv"));
    const report = await run("report", "s1", "--json");
    expect(JSON.parse(report.stdout)).toMatchObject({ points: 12, done: 12 });
  });

  it("tries points with less effort before it does some of them, and goes on where it was", async () => {
    const spec = {
      do: "place",
      axes: { target: ["wse2", "wse3"], precision: ["f32", "f16"], objective: ["throughput", "cores"] },
      fixed: { model: digitsModel, effort: 0.25 },
      keep: [],
    };
    writeFileSync(at("halving.json"), JSON.stringify(spec));
    const search = (folder: string, jobs: string): ReturnType<typeof run> =>
      run("halving.json", "-o", folder, "--search", "pareto", "--budget", "2", "--jobs", jobs);
    const whole = await search("halving", "1");
    // eight with a sixteenth of the effort, two with a quarter, one with all of it
    expect(whole.stdout).toContain("1 points: 1 done, 0 refused, 0 failed\nchosen by 10 trials");
    const lines = read("halving/journal.jsonl").trim().split("\n");
    expect(lines).toHaveLength(11);
    mkdirSync(at("halved"));
    writeFileSync(at("halved/sweep.json"), read("halving/sweep.json"));
    writeFileSync(at("halved/journal.jsonl"), `${lines.slice(0, 9).join("\n")}\n`);
    const rest = await search("halved", "2");
    expect([rest.code, rest.stderr]).toEqual([0, ""]);
    expect(read("halved/results.csv")).toBe(read("halving/results.csv"));
    const journal = read("halved/journal.jsonl");
    // what was done is not done again
    expect(journal.trim().split("\n").toSorted()).toEqual(lines.toSorted());
  });

  it("does again what another build has done, and shows what that has", async () => {
    const other = at("other-build");
    cpSync(dist, path.join(other, "dist"), { recursive: true });
    cpSync(path.join(dist, "..", "package.json"), path.join(other, "package.json"));
    symlinkSync(path.join(dist, "..", "node_modules"), path.join(other, "node_modules"));
    writeFileSync(path.join(other, "dist", "build-digest.txt"), "0123456789abcdef");
    const args = ["sweep", "plan.json", "-o", "two-builds", "--jobs", "1"];
    const main = path.join(other, "dist", "compiler", "cli", "main.js");
    const { stdout, status } = spawnSync(process.execPath, [main, ...args], { cwd: scratch.path, encoding: "utf8" });
    expect([status, stdout]).toEqual([0, expect.stringContaining("18 points: 18 done, 0 refused, 0 failed\n")]);
    const [first] = read("two-builds/journal.jsonl").split("\n");
    const table = read("two-builds/results.csv");
    expect((await run("report", "two-builds")).stdout).toContain("18 points: 18 done");
    expect(read("two-builds/results.csv")).toBe(table);
    expect((await run(...args.slice(1))).stdout).toContain("18 points: 18 done, 0 refused, 0 failed\n");
    expect(read("two-builds/journal.jsonl").split("\n")).toHaveLength(37);
    expect(read("two-builds/journal.jsonl").split("\n")[0]).toBe(first);
  });

  it("tells what a point is refused for in its row", async () => {
    const spec = { ...planJson, axes: { context: [1024, 999_999] }, where: [] };
    writeFileSync(at("long.json"), JSON.stringify(spec));
    const { code, stdout } = await run("long.json", "-o", "long", "--jobs", "1");
    expect([code, stdout]).toEqual([0, expect.stringContaining("2 points: 1 done, 1 refused, 0 failed")]);
    expect(read("long/results.csv")).toMatch(/^999999,refused,,,,,WSC1011: 999999 tokens are more/m);
  });

  it("refuses folders of others, and files that have been changed", async () => {
    mkdirSync(at("foreign"));
    writeFileSync(at("foreign/notes.txt"), "mine");
    expect((await run("plan.json", "-o", "foreign")).stderr).toContain("WSC8106");
    expect((await run("report", "foreign")).stderr).toContain("WSC8106");
    writeFileSync(at("s1/results.csv"), "changed");
    expect((await run("report", "s1")).stderr).toContain("WSC8002");
    expect((await run("report", "s1", "--force")).code).toBe(0);
    rmSync(at("s1/sweep.json"));
    expect((await run("report", "s1")).stderr).toContain("WSC8106");
  });

  it.each([
    [["plan.json", "extra"], /takes one specification/],
    [["report"], /takes the folder of a sweep/],
    [["plan.json", "--search", "best"], /--search needs --budget/],
    [["plan.json", "--budget", "3"], /--budget goes with --search/],
    [["plan.json", "--jobs", "0"], /--jobs takes a whole number/],
    [["plan.json", "--queue", "redis://x", "--jobs", "2"], /wsc worker takes --jobs/],
  ])("says what is wrong with %j", async (args, message) => {
    const { code, stderr } = await run(...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});
