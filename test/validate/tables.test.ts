/** The published tables: how far the model may be from them, and that the constants are those of a fit. */
import { describe, expect, it } from "@jest/globals";
import { fittedConstants } from "../../compiler/validate/constants.ts";
import { fitConstants } from "../../compiler/validate/fit.ts";
import type { Spread, TableSummary } from "../../compiler/validate/table.ts";
import { tables, validate } from "../../compiler/validate/validate.ts";
import { WscError } from "../../ir/diagnostic.ts";

/** Runs of the simulator are left to the built command (test/cli/validate.test.ts). */
const analytic = { simulate: false };
const { rows, tables: summaries } = validate(analytic);

const meanOf = (spreads: readonly (Spread | null | undefined)[]): number => {
  const found = spreads.filter((spread) => spread !== null && spread !== undefined);
  return (
    found.reduce((sum, { rows: count, mean }) => sum + count * mean, 0) /
    found.reduce((sum, { rows: count }) => sum + count, 0)
  );
};

describe("rows", () => {
  it("have positive figures, and the error between them", () => {
    expect(rows.length).toBeGreaterThan(120);
    for (const { published, modelled, error } of rows) {
      expect(published).toBeGreaterThan(0);
      expect(modelled).toBeGreaterThan(0);
      expect(error).toBe(modelled / published - 1);
    }
  });

  it("have names of their own in each table", () => {
    const names = rows.map(({ table, row }) => `${table}: ${row}`);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(rows.map(({ table }) => table)).size).toBe(
      tables.filter(({ simulated }) => simulated !== true).length,
    );
  });

  it("give every trend its sign", () => {
    for (const table of tables.map(({ name }) => name)) {
      const own = rows.filter((row) => row.table === table && row.basis !== "first-principles");
      for (const [index, one] of own.entries()) {
        for (const other of own.slice(index + 1)) {
          // what differs clearly in print differs the same way in the model
          if (Math.abs(Math.log(one.published / other.published)) < 0.05) continue;
          expect(Math.sign(one.modelled - other.modelled)).toBe(Math.sign(one.published - other.published));
        }
      }
    }
  });
});

describe("errors", () => {
  const of = (summary: TableSummary, basis: keyof TableSummary["byBasis"]): Spread | undefined =>
    summary.byBasis[basis];

  it.each(summaries.map((summary) => [summary.table, summary] as const))("%s is within its bounds", (_, summary) => {
    const first = of(summary, "first-principles");
    if (first !== undefined) expect(first.mean).toBeLessThan(0.03);
    for (const spread of [of(summary, "fitted"), of(summary, "interpolated")]) {
      if (spread === undefined) continue;
      expect(spread.mean).toBeLessThan(0.05);
      expect(spread.largest).toBeLessThan(0.12);
    }
    if (summary.leaveOneModelOut === null) return;
    expect(summary.leaveOneModelOut.mean).toBeLessThan(0.08);
    expect(summary.leaveOneModelOut.largest).toBeLessThan(0.2);
  });

  it("are small where other models, machines and lengths are asked for", () => {
    expect(meanOf(summaries.map((summary) => of(summary, "extrapolated")))).toBeLessThan(0.06);
  });

  it("stay so for models that took no part in the fit", () => {
    const left = summaries.filter(({ leaveOneModelOut }) => leaveOneModelOut !== null).map(({ table }) => table);
    expect(left).toEqual(["decode", "prefill"]);
  });
});

describe("constants", () => {
  it.each(fittedConstants().map((constant) => [constant.name, constant] as const))(
    "%s is what the fit gives",
    (_, { used, fitted }) => {
      expect(Math.abs(used / fitted - 1)).toBeLessThan(0.002);
    },
  );

  it("of a law that holds are found", () => {
    const observations = [1, 2, 3, 5].map((x) => ({
      measured: 7 * x + 0.5 * x * x + 11,
      predict: ({ line, bend }: { readonly line: number; readonly bend: number }) => line * x + bend * x * x + 11,
    }));
    const { line, bend } = fitConstants(["line", "bend"], observations);
    expect(line).toBeCloseTo(7, 9);
    expect(bend).toBeCloseTo(0.5, 9);
    expect(() => fitConstants(["line", "bend"], observations.slice(0, 1))).toThrow("not determined");
  });
});

describe("what is asked for", () => {
  it("is a table, a model, a target, or all of them", () => {
    expect(validate({ table: "Decode" }).rows).toHaveLength(8);
    expect(validate({ table: "decode", model: "qwen2-72b" }).rows.map(({ row }) => row)).toEqual([
      "QWen2-72B on 420 x 420",
      "QWen2-72B on 660 x 660",
    ]);
    const [summary] = validate({ table: "decode", model: "qwen2-72b" }).tables;
    expect(summary?.leaveOneModelOut?.rows).toBe(2);
    expect(new Set(validate({ ...analytic, target: "wse3" }).rows.map(({ table }) => table))).toEqual(
      new Set(["wse3-micro", "serving", "memory", "wafers"]),
    );
  });

  it.each([
    [{ table: "decoed" }, /no table is named "decoed"\n {2}help: did you mean "decode"/],
    [{ model: "LLaMA3-9B" }, /no model is named "LLaMA3-9B"\n {2}help: did you mean "LLaMA3-8B"/],
    [{ target: "wse33" }, /no target is named "wse33"\n {2}help: did you mean "wse3"/],
  ])("is refused where there is none: %j", (selection, message) => {
    expect(() => validate(selection)).toThrow(WscError);
    expect(() => validate(selection)).toThrow(message);
  });
});
