import { describe, expect, it } from "@jest/globals";
import {
  joinConstraints,
  parseConstraintFile,
  parseDefects,
} from "../../compiler/placement/constraints/constraint-files.ts";

describe("parseConstraintFile", () => {
  it("reads every part", () => {
    const request = {
      pins: [{ layer: "a", x: 1, y: 2, width: 3, height: 4, rotated: true }],
      keepOut: [{ x: 1, y: 2, width: 3, height: 4 }],
      deadCores: [[5, 6]],
      coLocate: [["a", "b"]],
      maxInterval: 7,
    };
    expect(parseConstraintFile(JSON.stringify(request), "f")).toEqual(request);
    expect(parseConstraintFile('{"deadCores": "wafer.defects"}', "f")).toEqual({ deadCores: "wafer.defects" });
    expect(parseConstraintFile("{}", "f")).toEqual({});
  });

  it.each([
    ["no JSON", "{", /cannot be read/],
    ["a list", "[]", /not an object/],
    ["an unknown part", '{"pin": []}', /unknown property "pin" \(pins, keepOut/],
    ["a hostile part", '{"__proto__": []}', /unknown property "__proto__"/],
    ["a pin without a layer", '{"pins": [{"x": 1, "y": 1}]}', /pins\[0\] lacks "layer"/],
    ["an area without a height", '{"keepOut": [{"x": 1, "y": 1, "width": 4}]}', /keepOut\[0\] lacks "height"/],
    ["a coordinate below 0", '{"pins": [{"layer": "a", "x": -1, "y": 1}]}', /pins\[0\]\.x/],
    ["a size of 0", '{"keepOut": [{"x": 1, "y": 1, "width": 0, "height": 1}]}', /keepOut\[0\]\.width/],
    ["a core with three numbers", '{"deadCores": [[1, 2, 3]]}', /deadCores\[0\] is not \[column, row\]/],
    ["a fraction of a cycle", '{"maxInterval": 1.5}', /maxInterval/],
  ])("refuses %s", (_, text, message) => {
    expect(() => parseConstraintFile(text, "rules.json")).toThrow(message);
    expect(() => parseConstraintFile(text, "rules.json")).toThrow(/WSC5005|rules\.json/);
  });
});

describe("parseDefects", () => {
  it("reads lines, lists and objects", () => {
    const cores = [[1, 2], [3, 4]]; // prettier-ignore
    const defects = { deadCores: cores, deadLinks: [] };
    expect(parseDefects("# a map\n1 2\n\n 3 , 4 # worn\r\n", "f")).toEqual(defects);
    expect(parseDefects("[[1, 2], [3, 4]]", "f")).toEqual(defects);
    expect(parseDefects('{"deadCores": [[1, 2], [3, 4]], "wafer": 17}', "f")).toEqual(defects);
    expect(parseDefects("", "f")).toEqual({ deadCores: [], deadLinks: [] });
  });

  it("reads links by a router and a side", () => {
    const deadLinks = [
      [1, 2, "east"],
      [5, 6, "north"],
    ];
    expect(parseDefects("1 2 east\n3 4\n5, 6, north # cut\n", "f")).toEqual({ deadCores: [[3, 4]], deadLinks });
    expect(parseDefects(JSON.stringify({ deadLinks }), "f")).toEqual({ deadCores: [], deadLinks });
    expect(() => parseDefects("1 2 up", "f")).toThrow(/line 1 is "1 2 up"/);
    expect(() => parseDefects('{"deadLinks": [[1, 2, "up"]]}', "f")).toThrow(/deadLinks\[0\]\[2\]/);
  });

  it.each(["1 2 3", "a b", "-1 2", "1.5 2", "[[1]]", '{"cores": []}', "[[1, 2]"])("refuses %j", (text) => {
    expect(() => parseDefects(text, "wafer.defects")).toThrow(/wafer\.defects|cannot be read/);
  });

  it("names the line that is wrong", () => {
    expect(() => parseDefects("1 2\n# fine\nthree four\n", "wafer.defects")).toThrow(/line 3 is "three four"/);
  });
});

describe("joinConstraints", () => {
  it("adds lists up and takes the tightest limit", () => {
    const one = { pins: [{ layer: "a", x: 1, y: 1 }], maxInterval: 9 };
    const two = { pins: [{ layer: "b", x: 2, y: 2 }], coLocate: [["a", "b"]], maxInterval: 5 };
    expect(joinConstraints([one, {}, two])).toEqual({
      pins: [...one.pins, ...two.pins],
      keepOut: [],
      deadCores: [],
      coLocate: two.coLocate,
      maxInterval: 5,
    });
  });
});
