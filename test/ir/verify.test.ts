import { describe, expect, it } from "@jest/globals";
import { arg, lit, unary } from "../../ir/expr.ts";
import { type Graph, type Op, type OpKind, type OpOf, tensorType } from "../../ir/graph.ts";
import { parseGraph } from "../../ir/parse.ts";
import { makeTensor, tensorFrom } from "../../ir/tensor.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { graphOfEveryKind } from "./every-kind.ts";
import { defined } from "./defined.ts";

const messagesOf = (graph: Graph): string[] =>
  verifyGraph(graph).map((d) => {
    expect(d.code).toBe("WSC2006");
    return d.subject === undefined ? d.message : `${d.subject}: ${d.message}`;
  });

const valid = graphOfEveryKind();

/** The sample with the first op of a kind changed. */
function withOp<K extends OpKind>(kind: K, change: (op: OpOf<K>) => Op): Graph {
  const at = valid.ops.findIndex((op) => op.kind === kind);
  return { ...valid, ops: valid.ops.with(at, change(valid.ops[at] as OpOf<K>)) };
}

const small = (lines: string): Graph => parseGraph(`graph "g" {\n  %0 = input "x" : f32[2,3]\n${lines}\n}`);

it("accepts the sample of every kind", () => {
  expect(messagesOf(valid)).toEqual([]);
});

it("accepts constants without data", () => {
  expect(messagesOf(small('%1 = constant blob "w" : f32[3]\n%2 = map(%0, %1) { add($0, $1) } : f32[2,3]'))).toEqual([]);
});

describe("values", () => {
  it("must be defined", () => {
    expect(messagesOf(small('%1 "lost" = undefined : f32[]'))).toEqual(['nothing defines %1 "lost"']);
  });

  it("must be defined once", () => {
    const graph = withOp("softmax", (op) => ({ ...op, outputs: [1] }));
    expect(messagesOf(graph)[0]).toBe('softmax "softmax_0": defines %1, which is defined already');
    const twice = { ...valid, inputs: [...valid.inputs, { name: "again", value: 0 }] };
    expect(messagesOf(twice)).toEqual(['input "again": defines %0, which is defined already']);
  });

  it("must be defined before they are read", () => {
    expect(messagesOf({ ...valid, ops: valid.ops.toReversed() })[0]).toMatch(
      /reads %\d+, which is not defined before$/,
    );
    const own = withOp("softmax", (op) => ({ ...op, inputs: op.outputs }));
    expect(messagesOf(own)[0]).toMatch(/^softmax "softmax_0": reads %\d+, which is not defined before$/);
  });

  it("must exist", () => {
    for (const id of [-1, 0.5, 4000, NaN]) {
      expect(messagesOf(withOp("softmax", (op) => ({ ...op, inputs: [id] })))[0]).toContain(
        `reads %${id}, which does not exist`,
      );
      expect(messagesOf(withOp("softmax", (op) => ({ ...op, outputs: [id] })))[0]).toContain(
        `defines %${id}, which does not exist`,
      );
      expect(messagesOf({ ...valid, outputs: [{ name: "y", value: id }] })).toEqual([
        `output "y": reads %${id}, which does not exist`,
      ]);
    }
  });
});

it("inputs must have different names", () => {
  const graph = small('%1 = input "x" : f32[]');
  expect(messagesOf(graph)).toEqual(['two inputs are named "x"']);
});

describe("constants", () => {
  const type = tensorType("f32", [2]);
  const fault = (value: Partial<Graph["values"][number]>): string[] =>
    messagesOf({ name: "g", inputs: [], outputs: [], ops: [], values: [{ type, name: "", ...value }] });

  it("must match their type", () => {
    expect(fault({ constant: tensorFrom("f32", [2], [1, 2]) })).toEqual([]);
    expect(fault({ constant: makeTensor("f32", [3]) })).toEqual(["constant %0 is f32[3], declared f32[2]"]);
    expect(fault({ constant: makeTensor("i32", [2]) })).toEqual(["constant %0 is i32[2], declared f32[2]"]);
    const wrong = ["constant %0 has elements that are not f32[2]"];
    expect(fault({ constant: { dtype: "f32", shape: [2], elements: new Float32Array(3) } })).toEqual(wrong);
    expect(fault({ constant: { dtype: "f32", shape: [2], elements: new Float64Array(2) } })).toEqual(wrong);
    expect(fault({ constant: { dtype: "f32", shape: [2], elements: ["1", "2"] } })).toEqual(wrong);
  });

  it("have one source and a static type", () => {
    expect(fault({ constant: makeTensor("f32", [2]), resource: "x" })).toEqual([
      "constant %0 has data and names a resource",
    ]);
    const dynamic = { kind: "dynamic", dtype: "f32", dims: null } as const;
    expect(fault({ type: dynamic, resource: "x" })).toEqual(["constant %0 has the type dynamic f32[*]"]);
  });
});

describe("ops", () => {
  it.each([
    ["%1 = softmax(%0) {axis = 2, log = false} : f32[2,3]", "axis 2 is out of range for f32[2,3]"],
    ["%1 = softmax(%0) {axis = 1, log = false} : f32[3,2]", "result 0 is declared f32[3,2], inferred f32[2,3]"],
    ["%1 = softmax(%0) {axis = 1, log = false} : f64[2,3]", "result 0 is declared f64[2,3], inferred f32[2,3]"],
    ["%1, %2 = softmax(%0) {axis = 1, log = false} : f32[2,3], f32[2,3]", "has 2 results instead of 1"],
    ["%1 = softmax(%0, %0) {axis = 1, log = false} : f32[2,3]", 'softmax "n" has 2 operands, needs 1'],
    ["%1 = map() { 0:f32 } : f32[]", 'map "n" has 0 operands, needs 1 or more'],
    ["%1 = map(%0) { $1 } : f32[2,3]", 'map "n" reads $1 of 1 operands'],
    ["%1 = map(%0) { and($0, $0) } : bool[2,3]", "and is not defined for f32"],
    ["%1 = topK(%0) {axis = 1, k = 2, largest = true} : f32[2,2]", "has 1 results instead of 2"],
  ])("%s", (line, message) => {
    const op = line.slice(0, line.indexOf("(")).split(" ").at(-1) ?? "";
    expect(messagesOf(small(`${line} from "n"`))).toEqual([`${op} "n": ${message}`]);
  });

  it("must have literals of their dtype", () => {
    const graph = withOp("map", (op) => ({ ...op, expr: unary("neg", { op: "const", dtype: "f32", value: 1n }) }));
    expect(messagesOf(graph)[0]).toContain("has the literal 1:f32");
    expect(messagesOf(withOp("map", (op) => ({ ...op, expr: lit("f16", 1) })))[0]).toContain("has the literal 1:f16");
  });

  it("with a payload must have it, and a name for each value", () => {
    expect(messagesOf(withOp("deferred", (op) => ({ ...op, inputs: [1, 1] })))).toEqual(['deferred "deferred_0": its payload is no constant of u8']); // prettier-ignore
    expect(messagesOf(withOp("deferred", (op) => ({ ...op, inputNames: [] })))).toEqual(['deferred "deferred_0": has 0 names for 1 inputs']); // prettier-ignore
    expect(messagesOf(withOp("deferred", (op) => ({ ...op, outputNames: [] })))).toEqual(['deferred "deferred_0": has 0 names for 1 outputs']); // prettier-ignore
    expect(messagesOf(withOp("deferred", (op) => ({ ...op, valueInputs: ["y"] })))).toEqual(['deferred "deferred_0": wants the value of "y", which is no input']); // prettier-ignore
  });
});

describe("regions", () => {
  const identity = (type: string): Graph => parseGraph(`graph "r" { %0 = input "a" : ${type} output "a" = %0 }`);

  it("are verified with their place", () => {
    const broken = { ...identity("f32[4,3]"), outputs: [{ name: "a", value: 5 }] };
    const [first] = messagesOf(withOp("if", (op) => ({ ...op, then: broken })));
    expect(first).toBe('output "a": in then of if "if_0": reads %5, which does not exist');
  });

  it("must take what is passed", () => {
    const [first] = messagesOf(
      withOp("if", (op) => ({ ...op, then: identity("f32[3,4]"), else: identity("f32[3,4]") })),
    );
    expect(first).toBe('if "if_0": f32[4,3] is passed to "a" of its body, which is f32[3,4]');
    const none = parseGraph('graph "none" { %0 = constant [1] : f32[1] output "a" = %0 }');
    expect(messagesOf(withOp("if", (op) => ({ ...op, else: none })))[0]).toContain("region none has 0 inputs and 1 outputs, needs 1 and 1"); // prettier-ignore
  });

  it("may be declared more exactly than their results can be inferred, but not otherwise", () => {
    const at = valid.ops.findIndex((op) => op.kind === "loop");
    const trace = defined(valid.ops[at]?.outputs[1]);
    const declare = (shape: readonly number[]): Graph => ({
      ...valid,
      values: valid.values.with(trace, { name: "", type: tensorType("f32", shape) }),
    });
    expect(messagesOf(declare([7, 4, 3]))).toEqual([]);
    expect(messagesOf(declare([7, 4, 4]))[0]).toContain("result 1 is declared f32[7,4,4], inferred dynamic f32[iterations,4,3]"); // prettier-ignore
  });
});

it("reports all violations", () => {
  const graph = small(
    '%1 = map(%0) { not($0) } : f32[2,3] from "a"\n%2 = transpose(%0) {perm = [0,0]} : f32[2,3] from "b"',
  );
  expect(messagesOf(graph)).toHaveLength(2);
});

it("walks ten thousand ops in a chain", () => {
  const values = Array.from({ length: 10_001 }, () => ({ type: tensorType("f32", [2]), name: "" }));
  const ops = Array.from({ length: 10_000 }, (_, i): Op => ({ kind: "map", expr: unary("neg", arg(0)), inputs: [i], outputs: [i + 1], origin: ["n"] })); // prettier-ignore
  const graph: Graph = {
    name: "chain",
    values,
    inputs: [{ name: "x", value: 0 }],
    outputs: [{ name: "y", value: 10_000 }],
    ops,
  };
  expect(verifyGraph(graph)).toEqual([]);
});
