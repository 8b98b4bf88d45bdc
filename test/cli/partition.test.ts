/** `wsc partition` on operator graphs and on models, as a user calls it. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { transformerModel } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { wsc } from "./run-cli.ts";

const scratch = scratchFolder("partition");
afterAll(scratch.remove);
const inScratch = (name: string): string => path.join(scratch.path, name);

const node = (id: number, fpgaLatency: number, size: number): object => ({ id, fpgaLatency, cpuLatency: 50, size });
const edge = (sourceId: number, destId: number, cost: number): object => ({ sourceId, destId, cost });
/** Two branches between a head and a tail. */
const diamond = {
  maxFPGAs: 2,
  maxCPUs: 1,
  maxSizePerFPGA: 8,
  nodes: [node(1, 2, 3), node(2, 4, 2), node(3, 3, 3), node(4, 1, 2), node(5, 2, 2)],
  edges: [edge(1, 2, 0.5), edge(1, 3, 0.5), edge(2, 4, 0.25), edge(3, 4, 1), edge(4, 5, 2)],
};

const files: Readonly<Record<string, unknown>> = {
  diamond,
  cyclic: { ...diamond, edges: [...diamond.edges, edge(5, 1, 1)] },
  negative: { ...diamond, nodes: [...diamond.nodes, node(6, -3, 1)] },
  tight: { ...diamond, maxCPUs: 0, maxSizePerFPGA: 5 },
  mesh: { ...wse2, name: "mesh", fabric: { width: 40, height: 30 } },
};

beforeAll(() => {
  for (const [name, json] of Object.entries(files)) writeFileSync(inScratch(`${name}.json`), JSON.stringify(json));
  writeFileSync(inScratch("broken.json"), '{"nodes": [');
  writeFileSync(inScratch("list.json"), "[]");
});

const inFolder = (args: readonly string[]): ReturnType<typeof wsc> => wsc(["partition", ...args], scratch.path);

describe("wsc partition", () => {
  it("writes the split and says what is proven", async () => {
    const { code, stdout, stderr } = await inFolder(["diamond.json", "-o", "split.json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(readFileSync(inScratch("split.json"), "utf8")).toMatchGolden("partition/diamond.split.json");
    expect(stdout.replace(/^seconds.*$/m, "seconds")).toMatchGolden("partition/diamond.txt");
  });

  it("gives the same bytes again, and takes the number of devices from the command line", async () => {
    const [first, second] = [await inFolder(["diamond.json", "-k", "3", "-o", "a.json"]), await inFolder(["diamond.json", "-k", "3", "-o", "b.json"])]; // prettier-ignore
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(readFileSync(inScratch("a.json"), "utf8")).toBe(readFileSync(inScratch("b.json"), "utf8"));
    const { accelerators } = JSON.parse(readFileSync(inScratch("a.json"), "utf8")) as {
      readonly accelerators: unknown[];
    };
    expect(accelerators).toHaveLength(3);
  });

  it("prints JSON", async () => {
    const { stdout } = await inFolder(["diamond.json", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ status: "optimal", gap: 0, seed: 0 });
  });

  it("cuts a model over wafers", async () => {
    const { code, stdout, stderr } = await inFolder([transformerModel, "-w", "2", "-t", "mesh.json", "-o", "w.json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^model +transformer on 2 x mesh, 2 used$/m);
    const record = JSON.parse(readFileSync(inScratch("w.json"), "utf8")) as {
      readonly interval: number;
      readonly bound: number;
      readonly wafers: readonly { readonly layers: readonly string[]; readonly cycles: number }[];
    };
    expect(record.wafers).toHaveLength(2);
    expect(Math.max(...record.wafers.map(({ cycles }) => cycles))).toBe(record.interval);
    expect(record.bound).toBeLessThanOrEqual(record.interval);
    for (const { layers } of record.wafers) expect(layers.length).toBeGreaterThan(0);
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ["a file that is not there", ["gone.json"], 1, /^error WSC1001: gone\.json/],
    ["a file that is no JSON", ["broken.json"], 1, /^error WSC2006: broken\.json: .*JSON/],
    ["JSON that is no graph", ["list.json"], 1, /^error WSC2006: list\.json/],
    ["a cycle", ["cyclic.json"], 1, /^error WSC2003: .*node 5 -> node 1/],
    ["a negative time", ["negative.json"], 1, /^error WSC2006: .*node 6: fpgaLatency/],
    ["too little memory", ["tight.json"], 1, /^error WSC5002: memory of the accelerators is short by 20\.0%/],
    ["half a device", ["diamond.json", "-k", "1.5"], 2, /^error WSC8001: --devices/],
    ["too many devices", ["diamond.json", "-k", "100000"], 2, /^error WSC8001: --devices/],
    ["a model without wafers", [transformerModel], 2, /^error WSC8001: .*--wafers/],
    ["a model on devices", [transformerModel, "-w", "2", "-k", "2"], 2, /^error WSC8001: .*--wafers/],
    ["no wafers", [transformerModel, "-w", "0"], 2, /^error WSC8001: .*wafers/],
    ["a target that does not exist", [transformerModel, "-w", "2", "-t", "wse9"], 1, /^error WSC5001: .*wse9/],
    ["a place that cannot be written", ["diamond.json", "-o", "no/where.json"], 1, /^error WSC8002: .*where\.json/],
  ])("refuses %s", async (_, args, expected, message) => {
    const { code, stdout, stderr } = await inFolder(args);
    expect(stderr).toMatch(message);
    expect(code).toBe(expected);
    expect(stdout).toBe("");
    expect(stderr).not.toMatch(/^\s*at /m);
  });
});
