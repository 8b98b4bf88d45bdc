import { describe, expect, it } from "@jest/globals";
import { derived, factOf, lineageId } from "../../ir/lineage.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";

/** A new array of 100 elements that begins with the given ones. */
const fresh = (...values: readonly number[]): TensorData =>
  tensorFrom("f32", [100], [...values, ...new Array<number>(100 - values.length).fill(0)]);

describe("lineages", () => {
  it("belong to arrays, whatever shape they are seen with", () => {
    const a = fresh(1, 2);
    expect(lineageId({ ...a, shape: [2, 50] })).toBe(lineageId(a));
    expect(lineageId(fresh(1, 2))).not.toBe(lineageId(a));
  });

  it("are equal where arrays were made in the same way from the same", () => {
    const [a, b] = [fresh(1, 2), fresh(3, 4)];
    const made = (recipe: string, ...sources: readonly TensorData[]): number => lineageId(derived(recipe, sources, fresh(4, 6))); // prettier-ignore
    expect(made("add", a, b)).toBe(made("add", a, b));
    const others = [made("add", a, b), made("add", b, a), made("mul", a, b), made("add", a), made("add", { ...a, shape: [1, 100] }, b)]; // prettier-ignore
    expect(new Set(others).size).toBe(others.length);
  });

  it("take small sources by value", () => {
    const a = fresh(1, 2);
    const scaled = (factor: number): number =>
      lineageId(derived("scale", [tensorFrom("f32", [], [factor]), a], fresh(1, 2)));
    expect(scaled(0.5)).toBe(scaled(0.5));
    expect(new Set([0.5, 2, -0, 0, NaN].map(scaled)).size).toBe(5);
  });

  it("reach over several steps, though nothing between is kept", () => {
    const a = fresh(1, 2);
    const twice = (): number => lineageId(derived("double", [derived("double", [a], fresh(2, 4))], fresh(4, 8)));
    expect(twice()).toBe(twice());
  });

  it("stay those of a source that is handed through", () => {
    const a = fresh(1, 2);
    const before = lineageId(a);
    expect(lineageId(derived("reshape", [a], { ...a, shape: [1, 100] }))).toBe(before);
  });

  it("know what was found in their elements", () => {
    const a = fresh(1, 2);
    let found = 0;
    const largest = (tensor: TensorData): number =>
      factOf(tensor, "largest", () => {
        found++;
        return Math.max(...(tensor.elements as Float32Array));
      });
    const copy = (): TensorData => derived("copy", [a], fresh(1, 2));
    expect([largest(a), largest(a), largest(copy()), largest(copy())]).toEqual([2, 2, 2, 2]);
    expect(found).toBe(2);
  });
});
