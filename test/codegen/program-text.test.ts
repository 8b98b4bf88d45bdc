import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WscError } from "../../ir/diagnostic.ts";
import { tensorType } from "../../ir/graph.ts";
import { parseProgram, printProgram } from "../../ir/program-text.ts";
import { type Program, programVersion } from "../../ir/program.ts";

const program: Program = {
  version: programVersion,
  name: "sample",
  inputs: [{ name: "x", type: tensorType("f32", [2, 3]), slot: 0 }],
  outputs: [
    { name: "y", type: tensorType("f32", [2, 3]), slot: 1 },
    {
      name: "words",
      type: { kind: "sequence", element: { kind: "dynamic", dtype: "string", dims: ["n", 2] } },
      slot: 5,
    },
  ],
  memory: { weightsOffset: 0, weightsBytes: 64, arenaOffset: 64, arenaBytes: 256 },
  modules: [
    { file: "kernels.relaxed.wasm", features: ["simd128", "relaxed-simd"] },
    { file: "kernels.wasm", features: ["simd128"] },
  ],
  values: [
    { kind: "memory", offset: 64, dtype: "f32", shape: [2, 3], region: "arena" },
    { kind: "memory", offset: 128, dtype: "f32", shape: [2, 3], region: "arena" },
    { kind: "memory", offset: 0, dtype: "f32", shape: [3], region: "weights" },
    { kind: "memory", offset: 192, dtype: "i64", shape: [], region: "arena" },
    { kind: "memory", offset: 256, dtype: "bool", shape: [], region: "arena" },
    { kind: "host", type: { kind: "sequence", element: { kind: "dynamic", dtype: "string", dims: null } } },
  ],
  steps: [
    {
      kind: "kernel",
      origin: ["Add_0", "Relu_1"],
      function: "map_0",
      args: [64, 0, 128],
      units: 2,
      private: [{ arg: 2, bytes: 64 }],
      work: 64,
      kernel: 0,
    },
    {
      kind: "if",
      origin: ["If_2"],
      condition: 4,
      then: { steps: [{ kind: "copy", origin: ["Identity"], from: 0, to: 1 }] },
      else: { steps: [] },
    },
    {
      kind: "loop",
      origin: ["Loop_3"],
      tripCount: 3,
      initialCondition: 4,
      iteration: 3,
      condition: 4,
      bodyCondition: 4,
      carried: [{ from: 0, to: 1 }],
      stacked: [{ from: 0, to: 1, emptyShape: [2, 0] }],
      body: {
        steps: [
          {
            kind: "kernel",
            origin: [],
            function: "map_0",
            args: [64, 0, 128],
            units: 2,
            private: [],
            work: 64,
            kernel: 0,
          },
        ],
      },
    },
    {
      kind: "host",
      origin: ["Split_4"],
      fn: "string_split",
      attributes: { zeta: [1, 2.5, null], __proto__x: { b: true, a: "x" } },
      inputs: [0],
      outputs: [5],
      reason: "strings",
    },
  ],
};

/** The document with one leaf replaced. */
function corrupt(
  document: unknown,
  at: number,
  replacement: unknown,
): { readonly text: string; readonly count: number } {
  let seen = 0;
  const visit = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node === "object" && node !== null) {
      return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, visit(item)]));
    }
    return seen++ === at ? replacement : node;
  };
  const changed = visit(document);
  return { text: JSON.stringify(changed), count: seen };
}

describe("program text", () => {
  it("prints canonically", () => {
    expect(printProgram(program)).toMatchGolden("codegen/program.json");
  });

  it("parses back to the same text", () => {
    const text = printProgram(program);
    expect(printProgram(parseProgram(text))).toBe(text);
    expect(parseProgram(text).steps).toHaveLength(4);
  });

  it("does not depend on the order of keys", () => {
    const reversed = JSON.parse(JSON.stringify(program), (_, value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).reverse())
        : value,
    ) as Program;
    expect(printProgram(reversed)).toBe(printProgram(program));
  });

  it.each([
    ["no JSON", "{"],
    ["another document", "[]"],
    ["another version", JSON.stringify({ ...program, version: 99 })],
    ["a slot that does not exist", JSON.stringify({ ...program, inputs: [{ ...program.inputs[0], slot: 77 }] })],
    ["a port unlike its value", JSON.stringify({ ...program, inputs: [{ ...program.inputs[0], slot: 3 }] })],
    ["a value outside the arena", JSON.stringify({ ...program, memory: { ...program.memory, arenaBytes: 100 } })],
    ["an input in the weights", JSON.stringify({ ...program, inputs: [{ ...program.inputs[0], slot: 2 }] })],
    ["a path for a file name", JSON.stringify({ ...program, modules: [{ file: "../x.wasm", features: [] }] })],
    ["memory beyond 4 GiB", JSON.stringify({ ...program, memory: { ...program.memory, arenaOffset: 2 ** 32 } })],
    ["an unknown property", JSON.stringify({ ...program, extra: 1 })],
    ["an address beyond the memory", JSON.stringify({ ...program, steps: [{ ...program.steps[0], args: [5000] }] })],
  ])("refuses %s", (_, text) => {
    expect(() => parseProgram(text)).toThrow(WscError);
    expect(() => parseProgram(text)).toThrow(/WSC7004/);
  });

  it("gives a diagnostic or a program for any damage to a leaf", () => {
    const document: unknown = JSON.parse(printProgram(program));
    const { count } = corrupt(document, -1, null);
    const damage = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.string(),
      fc.constantFrom(null, true, [], {}, -1, 2 ** 32, 1e300),
    );
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(count - 1), damage, (at, replacement) => {
        const { text } = corrupt(document, at, replacement);
        try {
          parseProgram(text);
        } catch (error) {
          expect(error).toBeInstanceOf(WscError);
          refused++;
        }
      }),
    );
    expect(refused).toBeGreaterThan(20);
  });
});
