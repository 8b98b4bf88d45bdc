import { describe, expect, it } from "@jest/globals";
import { presets } from "../../compiler/targets/presets.ts";

/** Paths of all numbers of a description. */
function figures(value: unknown, path: string): string[] {
  if (typeof value === "number") return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => figures(part, path === "" ? key : `${path}.${key}`));
}

const covers = (field: string, path: string): boolean => path === field || path.startsWith(`${field}.`);

describe.each([...presets.values()])("$name", ({ facts, ...machine }) => {
  it("says of every figure where it comes from", () => {
    const unknown = figures(machine, "").filter((path) => !facts.some(({ field }) => covers(field, path)));
    expect(unknown).toEqual([]);
  });

  it("says it of nothing that it does not have, and once of each", () => {
    const known = figures(machine, "");
    const fields = facts.map(({ field }) => field);
    expect(fields.filter((field) => !known.some((path) => covers(field, path)))).toEqual([]);
    expect(new Set(fields).size).toBe(fields.length);
    for (const { source } of facts) expect(source.length).toBeGreaterThan(3);
  });
});
