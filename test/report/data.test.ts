/** What a report says: its data, names, scales, loads of links, comparison, drawings as text. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { figureChanges, layerChanges } from "../../compiler/report/data/compare.ts";
import type { ReportData } from "../../compiler/report/data/report-data.ts";
import { readSimulation } from "../../compiler/report/data/simulation.ts";
import { asciiMaps } from "../../compiler/report/map/ascii.ts";
import { lightTheme } from "../../compiler/report/map/colors.ts";
import { layOut } from "../../compiler/report/map/graph-layout.ts";
import { layerScale, scaleShare } from "../../compiler/report/map/layer-scale.ts";
import { linkLoads } from "../../compiler/report/map/link-loads.ts";
import { mapScene } from "../../compiler/report/map/map-scene.ts";
import { shortNames } from "../../compiler/report/map/short-names.ts";
import { sceneSvg } from "../../compiler/report/map/svg.ts";
import { nth } from "../../ir/access.ts";
import { smallReport } from "./instances.ts";

let report: ReportData;
let wider: ReportData;
beforeAll(async () => {
  [report, wider] = [await smallReport(40), await smallReport(60)];
});

describe("the data of a report", () => {
  it("is that of the golden file", () => {
    expect(`${JSON.stringify({ ...report, notes: [] }, null, 1)}\n`).toMatchGolden("report/small.json");
  });

  it("names what limits, what is next, and what twice the first would give", () => {
    const [limit, next] = report.limit.parts;
    expect(limit?.amount).toBe(report.interval);
    expect(report.limit.sentence).toContain(`${limit?.name ?? ""} limits`);
    expect(report.limit.sentence).toContain(`next comes ${next?.name ?? ""}`);
  });

  it("has the fullest link that the certificate has", () => {
    const map = report.wafers[0]?.map;
    if (map == null) throw new Error("no map");
    expect(linkLoads(report, map).most).toBeCloseTo(map.fullestLink?.words ?? 0, 9);
  });

  it("takes the least and the most layer for the ends of a scale, by value and by rank", () => {
    for (const byRank of [false, true]) {
      const scale = layerScale(report, "time", byRank);
      const shares = report.layers.map((layer) => scaleShare(scale, layer));
      expect(Math.min(...shares)).toBe(0);
      expect(Math.max(...shares)).toBe(1);
    }
  });

  it("compares by name", () => {
    const same = layerChanges(report, report);
    expect(same.map(({ kind }) => kind)).toEqual(report.layers.map(() => "same"));
    const less: ReportData = { ...wider, layers: wider.layers.slice(1) };
    const kinds = layerChanges(report, less).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "removed")).toHaveLength(1);
    const slower = {
      ...report,
      figures: report.figures.map((figure) => ({ ...figure, value: (figure.value ?? 0) * 2 })),
    };
    const verdicts = figureChanges(report, slower).map(({ before, verdict }) => [before.name, verdict]);
    expect(verdicts).toContainEqual(["Interval", "worse"]);
    expect(verdicts).toContainEqual(["Throughput", "better"]);
  });

  it("reads what a simulation told, and says what is wrong with it", () => {
    const layer = { name: "/a", cores: 4, busyCycles: 10, firstCycle: 0, lastCycle: 9 };
    const told = {
      level: "stream",
      samples: 2,
      cycles: 20,
      interval: 5,
      latency: 9,
      layers: [layer],
      more: "passed over",
    };
    expect(readSimulation(told).layers).toEqual([
      { name: "/a", cores: 4, busy: 10, moving: null, waiting: null, first: 0, last: 9 },
    ]);
    expect(() => readSimulation({ ...told, layers: [{ ...layer, cores: "4" }] })).toThrow("layers[0].cores");
  });
});

describe("drawings", () => {
  it("are SVG and text that draw every layer", () => {
    const map = report.wafers[0]?.map;
    if (map == null) throw new Error("no map");
    const options = {
      theme: lightTheme,
      scale: null,
      routes: true,
      marks: true,
      chosen: new Set<number>(),
      edge: null,
    };
    const svg = sceneSvg(mapScene(report, 0, map, options), report.title);
    for (const { name } of report.layers) expect(svg).toContain(`<title>${name}\n`);
    expect(svg).not.toMatch(/NaN|undefined|\\u000a/);
    const text = asciiMaps(report, 40);
    for (const [index, { name, rect }] of report.layers.entries()) {
      expect(text).toMatch(new RegExp(`^${"ABC"[index] ?? ""} +${rect.width} x ${rect.height} .*${name}$`, "m"));
    }
  });

  it("label no two layers alike", () => {
    const part = fc.constantFrom("a", "b", "conv1", "Conv", "layer1");
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 20 }), (names) => {
        expect(new Set(shortNames(names)).size).toBe(names.length);
      }),
    );
  });

  it("lay graphs out downwards, no two layers in one place", () => {
    const graph = fc.integer({ min: 1, max: 30 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        edges: fc.array(
          fc
            .tuple(fc.nat(count - 1), fc.nat(count - 1))
            .filter(([a, b]) => a !== b)
            .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) })),
          { maxLength: count === 1 ? 0 : 60 },
        ),
      }),
    );
    fc.assert(
      fc.property(graph, ({ count, edges }) => {
        const { places } = layOut(count, edges);
        for (const { from, to } of edges) expect(nth(places, from).row).toBeLessThan(nth(places, to).row);
        expect(new Set(places.map(({ column, row }) => `${column} ${row}`)).size).toBe(count);
      }),
    );
  });
});
