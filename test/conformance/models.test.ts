/** Trained models from public repositories give the outputs that were recorded with them. */
import { describe, expect, it } from "@jest/globals";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { makeTensor, tensorFrom } from "../../ir/tensor.ts";
import { sharedPath } from "../helpers/shared.ts";
import { difference, runCase } from "./cases.ts";

const models = sharedPath("models");
const folders =
  models === null ? [] : readdirSync(models).filter((name) => existsSync(path.join(models, name, "model.onnx")));

describe("the comparison", () => {
  it("tells types, shapes and values apart", () => {
    const x = tensorFrom("f32", [2], [1, NaN]);
    expect(difference(x, tensorFrom("f32", [2], [1.0005, NaN]), "x")).toBeNull();
    expect(difference(x, tensorFrom("f32", [2], [1.01, NaN]), "x")).toContain("1 of 2");
    expect(difference(x, tensorFrom("f32", [2], [1, 0]), "x")).toContain("at 1");
    expect(difference(x, makeTensor("f32", [1, 2]), "x")).toContain("not f32[1,2]");
    expect(difference(x, makeTensor("f64", [2]), "x")).toContain("not f64[2]");
    expect(difference(tensorFrom("i64", [1], [7]), tensorFrom("i64", [1], [8]), "x")).toContain("7 at 0");
    expect(difference(tensorFrom("f32", [1], [Infinity]), tensorFrom("f32", [1], [1e38]), "x")).toContain("Infinity");
  });
});

if (models === null) it.skip("trained models", () => undefined);
else {
  describe("trained models", () => {
    it("are all there", () => {
      expect(folders.length).toBeGreaterThanOrEqual(12);
    });

    it.each(folders)("%s", async (name) => {
      const { compared, faults } = await runCase(path.join(models, name));
      expect(faults).toEqual([]);
      expect(compared).toBeGreaterThan(0);
    });
  });
}
