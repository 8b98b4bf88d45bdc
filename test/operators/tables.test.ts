import { describe, expect, it } from "@jest/globals";
import type { OperatorDef, OperatorVersion } from "../../compiler/frontend/operator.ts";
import { operatorFamilies } from "../../compiler/frontend/operators/index.ts";

const operators = operatorFamilies.flat();
const fullName = ({ domain, name }: OperatorDef): string => (domain === "" ? name : `${domain}.${name}`);

const count = ([least, most]: readonly [number, number]): string =>
  least === most ? String(least) : `${least}-${Number.isFinite(most) ? most : "n"}`;

function signature({ inputs, outputs, attributes, optionalInputs = [] }: OperatorVersion): string {
  const optional = optionalInputs.length === 0 ? "" : ` (optional ${optionalInputs.join(" ")})`;
  const names = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const list = names.map(([name, kind]) => ` ${name}:${kind}`).join("");
  return `${count(inputs)}${optional} -> ${count(outputs)}${list}`;
}

/** Versions with one signature stand in one line. */
function history(operator: OperatorDef): string {
  const lines = new Map<string, number[]>();
  for (const version of operator.versions) {
    const key = signature(version);
    lines.set(key, [...(lines.get(key) ?? []), version.since]);
  }
  return [...lines].map(([key, since]) => `${fullName(operator)} ${since.join(",")}: ${key}`).join("\n");
}

describe("the operator tables", () => {
  it("have versions in ascending order and each operator once", () => {
    expect(operators.length).toBeGreaterThan(190);
    for (const { versions } of operators) {
      const since = versions.map((version) => version.since);
      expect(since.length).toBeGreaterThan(0);
      expect(since).toEqual([...new Set(since)].sort((a, b) => a - b));
    }
    expect(new Set(operators.map(fullName)).size).toBe(operators.length);
  });

  it("have bounds that make sense", () => {
    for (const operator of operators) {
      for (const { inputs, outputs, optionalInputs } of operator.versions) {
        const where = fullName(operator);
        expect({ where, ordered: inputs[0] <= inputs[1] && outputs[0] <= outputs[1] }).toEqual({
          where,
          ordered: true,
        });
        expect({ where, inside: (optionalInputs ?? []).every((i) => i < inputs[1]) }).toEqual({ where, inside: true });
      }
    }
  });

  it("list every signature of every version", () => {
    const text = operators.map(history).sort().join("\n") + "\n";
    expect(text).toMatchGolden("operators/signatures.txt");
  });
});
