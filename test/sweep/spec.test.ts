/** Specifications: what they say, what is wrong with them, and the points that they mean. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { WscError } from "../../ir/diagnostic.ts";
import { layoutJson } from "../../ir/json-reader.ts";
import { combinationAt, combinationCount, combinationIndex, rangeValues } from "../../compiler/axes.ts";
import { actions } from "../../compiler/sweep/spec/actions.ts";
import { ExpressionError, parseExpression } from "../../compiler/sweep/spec/expressions.ts";
import { readSpec, readSpecFile } from "../../compiler/sweep/spec/read-spec.ts";
import { spaceOf } from "../../compiler/sweep/spec/space.ts";
import { sweepSchema } from "../../compiler/sweep/spec/spec-schema.ts";
import { allPoints } from "../../compiler/sweep/state/coordinator.ts";
import { parse } from "yaml";
import { root } from "../helpers/programs.ts";
import { planJson, planSpec } from "./specs.ts";

const examples = path.join(root, "examples", "sweep");

function problemsOf(json: unknown): readonly string[] {
  try {
    readSpec(json, "spec.yaml");
    return [];
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    expect(error.diagnostics.every(({ code }) => code === "WSC8101")).toBe(true);
    return error.diagnostics.map(({ message, hint }) => `${message}${hint === undefined ? "" : ` (${hint})`}`);
  }
}

describe("a specification", () => {
  it("is read as it is written", () => {
    expect(planSpec.axes).toEqual([
      { name: "weights", values: ["fp16", "int8"] },
      { name: "context", values: [1024, 2048, 4096] },
      { name: "users", values: [1, 8] },
      { name: "batch", values: [1, 8] },
    ]);
    expect(planSpec.keep).toEqual([]);
    const { objectives } = readSpec({ ...planJson, objectives: undefined }, "spec.yaml");
    expect(objectives).toEqual(actions.plan.objectives);
  });

  it("says everything that is wrong at once, with the nearest name", () => {
    const problems = problemsOf({
      do: "plan",
      axis: {},
      axes: { contxt: [1024], users: [], weights: ["fp17"], batch: [0.5], "target.core.sramBytez": [1] },
      fixed: { model: "llama3.1-8b", users: 1 },
      where: ["bach < 3", "foo("],
      record: ["decodePerUsr"],
      objectives: { binds: "max" },
      keep: ["reprot"],
    });
    for (const part of [
      /the field "axis" is unknown \(did you mean "axes"\?/,
      /the parameter "contxt" is unknown \(did you mean "context"\?/,
      /the axis "users" has no values/,
      /"weights" is one of .*not "fp17" \(did you mean "fp16"\?\)/,
      /"batch" is a whole number from 1 to \d+, not 0\.5/,
      /"target.core.sramBytez" is unknown \(did you mean "target.core.sramBytes"\?/,
      /"users" is an axis, and fixed/,
      /no target is named/,
      /"bach" is unknown \(did you mean "batch"\?/,
      /the constraint "foo\(" cannot be read/,
      /the figure "decodePerUsr" is unknown \(did you mean "decodePerUser"\?/,
      /the objective "binds" is unknown/,
      /the kept file "reprot" is unknown \(did you mean "report"\?/,
    ])
      expect(problems).toContainEqual(expect.stringMatching(part));
  });

  it.each([
    [null, /is not a list of names/],
    [{ do: "plann", axes: {} }, /the action "plann" is unknown \(did you mean "plan"\?/],
    [{ axes: {} }, /"do" is missing/],
    [{ ...planJson, axes: { context: ["9..1"] } }, /the range 9\.\.1 of "context" has no values/],
    [{ ...planJson, axes: { context: [[1]] } }, /is a list or a table/],
    [{ ...planJson, axes: { context: [1024, "1024..2048*2"] } }, /has 1024 twice/],
    [{ ...planJson, axes: { context: "1..9999", users: "1..9999" } }, /combinations, more than/],
    [{ ...planJson, fixed: { ...planJson.fixed, mode: ["auto"] } }, /a list is an axis/],
  ])("refuses %j", (json, message) => {
    expect(problemsOf(json)).toContainEqual(expect.stringMatching(message));
  });

  it("of the examples is read from YAML, and its schema takes them", async () => {
    const validate = new Ajv({ strict: false }).compile(sweepSchema);
    for (const name of readdirSync(examples)) {
      const file = path.join(examples, name);
      const spec = await readSpecFile(file);
      expect([...allPoints(spaceOf(spec))].length).toBeGreaterThan(10);
      expect([name, validate(parse(readFileSync(file, "utf8"))), validate.errors]).toEqual([name, true, null]);
    }
    expect(validate({ ...planJson, axes: { contxt: [1] } })).toBe(false);
    expect(validate(planJson)).toBe(true);
  });

  it("has the schema that docs/sweep.schema.json is", () => {
    const docs = readFileSync(path.join(root, "docs", "sweep.schema.json"), "utf8");
    expect(docs).toBe(layoutJson(sweepSchema));
  });
});

describe("axes", () => {
  it.each([
    ["1..4", [1, 2, 3, 4]],
    ["1024..8192*2", [1024, 2048, 4096, 8192]],
    ["0.9..1.1/0.05", [0.9, 0.95, 1, 1.05, 1.1]],
    ["5..1", []],
    ["1..2/0", []],
    ["1..2*1", []],
    ["fp16", null],
    ["-1..2", null],
  ])("%s means %j", (text, values) => {
    expect(rangeValues(text)).toEqual(values);
  });

  it("number every combination once", () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(lengths, (some) => {
        const count = combinationCount(some);
        const all = Array.from({ length: count }, (_, index) => combinationAt(some, index));
        expect(new Set(all.map(String)).size).toBe(count);
        expect(all.map((positions) => combinationIndex(some, positions))).toEqual(all.map((_, index) => index));
      }),
    );
  });
});

describe("the points of a specification", () => {
  it("are those that its constraints admit, the last axis changing fastest", () => {
    const space = spaceOf(planSpec);
    expect(space.size).toBe(24);
    const points = [...allPoints(space)].map((index) => space.pointAt(index));
    expect(points).toHaveLength(18);
    expect(points.slice(0, 3).map((point) => [point?.["users"], point?.["batch"]])).toEqual([
      [1, 1],
      [8, 1],
      [8, 8],
    ]);
    expect(points[0]).toMatchObject({ model: "llama3.1-8b", target: "wse3", weights: "fp16", context: 1024 });
  });

  it("need constraints that are true or false", () => {
    expect(() => spaceOf({ ...planSpec, where: ["batch + users"] }).pointAt(0)).toThrow(
      /WSC8101.*neither true nor false/,
    );
    expect(() => spaceOf({ ...planSpec, where: ["weights < 3"] }).pointAt(0)).toThrow(/< takes numbers, not "fp16"/);
  });
});

describe("expressions", () => {
  const values = { a: 3, b: "x", "t.core.bytes": 48, yes: true } as const;
  const evaluate = (text: string): unknown =>
    parseExpression(text).evaluate((name) =>
      Object.hasOwn(values, name) ? values[name as keyof typeof values] : undefined,
    );

  it.each([
    ["a + 2 * 3 == 9", true],
    ["-a < 0 && b == 'x'", true],
    ["!(t.core.bytes >= 49) && yes", true],
    ["b == 'y' ? a : t.core.bytes % 5", 3],
    ["b != 'x' || a / 2 == 1.5", true],
    ["null == null", true],
  ])("%s is %j", (text, value) => {
    expect(evaluate(text)).toBe(value);
  });

  it.each([
    "a = 3",
    "f(a)",
    "a[0]",
    "this",
    "[1]",
    "a; b",
    "",
    "a +",
    "`x`",
    "+a",
    "a | 1",
    "/x/",
    "a ** 2",
    "x".repeat(1001),
  ])("%s is none", (text) => {
    expect(() => parseExpression(text)).toThrow(ExpressionError);
  });

  it.each(["nothing == 1", "b + 1", "a && yes", "constructor == 1", "__proto__ == 1"])("%s has no value", (text) => {
    expect(() => evaluate(text)).toThrow(ExpressionError);
  });
});
