import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type DiagnosticCode, WscError } from "../../ir/diagnostic.ts";
import { type Graph, type Op, tensorType, type Value, type ValueId } from "../../ir/graph.ts";
import { parseGraph } from "../../ir/parse.ts";
import { printGraph } from "../../ir/print.ts";
import { constantBlobs } from "../../ir/text/constant.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { randomGraph } from "./random-graph.ts";
import { defined } from "./defined.ts";

const runs = { numRuns: 300 };

describe("random graphs", () => {
  it("cover many kinds", () => {
    const kinds = new Set(
      fc.sample(randomGraph, { numRuns: 300, seed: 1 }).flatMap((graph) => graph.ops.map((op) => op.kind)),
    );
    expect(kinds.size).toBeGreaterThanOrEqual(13);
  });

  it("are valid", () => {
    fc.assert(fc.property(randomGraph, (graph) => { expect(verifyGraph(graph)).toEqual([]); }), runs); // prettier-ignore
  });

  it("survive printing and parsing", () => {
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const text = printGraph(graph);
        const back = parseGraph(text, constantBlobs(graph));
        expect(back).toEqual(graph);
        expect(printGraph(back)).toBe(text);
      }),
      runs,
    );
  });

  it("parse or fail with a position when their text is damaged", () => {
    fc.assert(
      fc.property(
        randomGraph,
        fc.nat(),
        fc.nat(3),
        fc.constantFrom("", "%", "{", '"', "0", "map", "]"),
        (graph, at, cut, insert) => {
          const text = printGraph(graph);
          const start = at % text.length;
          const damaged = text.slice(0, start) + insert + text.slice(start + cut);
          expect(codeOf(() => parseGraph(damaged))).toMatch(/^(none|WSC2007)$/);
        },
      ),
      runs,
    );
  });
});

function codeOf(action: () => unknown): DiagnosticCode | "none" {
  try {
    action();
    return "none";
  } catch (error) {
    if (error instanceof WscError && /^error WSC\d+: \d+:\d+: /.test(error.message))
      return defined(error.diagnostics[0]).code;
    throw error;
  }
}

/** Ways to break a graph at one op; null where the op offers no such place. */
const mutations: Readonly<Record<string, (graph: Graph, op: Op, at: number) => Graph | null>> = {
  "an op disappears": (graph, op, at) =>
    op.outputs.length === 0 ? null : { ...graph, ops: graph.ops.toSpliced(at, 1) },
  "an op appears twice": (graph, op, at) => ({ ...graph, ops: graph.ops.toSpliced(at, 0, op) }),
  "an op moves before one that it reads": (graph, op, at) => {
    const producer = graph.ops.findIndex((other) => other.outputs.some((id) => op.inputs.includes(id)));
    return producer < 0 ? null : { ...graph, ops: graph.ops.toSpliced(at, 1).toSpliced(producer, 0, op) };
  },
  "an op reads what is nowhere": (graph, op, at) => replaceOp(graph, at, { ...op, inputs: [graph.values.length, ...op.inputs.slice(1)] }), // prettier-ignore
  "an op loses its operands": (graph, op, at) => replaceOp(graph, at, { ...op, inputs: [] }),
  "an op has one result more": (graph, op, at) => {
    const values = [...graph.values, { type: tensorType("f32", []), name: "" }];
    return replaceOp({ ...graph, values }, at, { ...op, outputs: [...op.outputs, graph.values.length] });
  },
  "a result changes its element type": (graph, op) =>
    changeType(graph, defined(op.outputs[0]), (value) => (value.type.kind === "tensor" ? tensorType(value.type.dtype === "u16" ? "i16" : "u16", value.type.shape) : value.type)), // prettier-ignore
  "a result gains a dim": (graph, op) =>
    changeType(graph, defined(op.outputs[0]), (value) => (value.type.kind === "tensor" ? tensorType(value.type.dtype, [...value.type.shape, 1]) : value.type)), // prettier-ignore
};

const replaceOp = (graph: Graph, at: number, op: Op): Graph => ({ ...graph, ops: graph.ops.with(at, op) });

function changeType(graph: Graph, id: ValueId, change: (value: Value) => Value["type"]): Graph {
  const value = defined(graph.values[id]);
  return { ...graph, values: graph.values.with(id, { ...value, type: change(value) }) };
}

describe.each(Object.entries(mutations))("the verifier notices when %s", (_, mutate) => {
  it("in random graphs", () => {
    let seen = 0;
    fc.assert(
      fc.property(randomGraph, fc.nat(), (graph, number) => {
        const at = number % Math.max(1, graph.ops.length);
        const op = graph.ops[at];
        const broken = op === undefined ? null : mutate(graph, op, at);
        if (broken === null) return;
        seen++;
        expect(verifyGraph(broken)).not.toEqual([]);
        printGraph(broken);
      }),
      { numRuns: 200, seed: 7 },
    );
    expect(seen).toBeGreaterThan(20);
  });
});
