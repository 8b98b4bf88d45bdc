import { describe, expect, it } from "@jest/globals";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, lit, unary } from "../../ir/expr.ts";
import { type Graph, tensorType } from "../../ir/graph.ts";
import { scalarTensor } from "../../ir/tensor.ts";
import { type HostValue, isTensor } from "../../runtime/host/value.ts";
import { nth } from "../../runtime/reference/access.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { f32, i64, numbers, tensor } from "./tensors.ts";

const options = { origin: ["test"] };
const scalar = tensorType("f32", []);
const condition = tensorType("bool", []);
const iteration = tensorType("i64", []);
const addOne = binary("add", arg(0), lit("f32", 1));

function outputs(graph: Graph, inputs: Readonly<Record<string, HostValue>>): Map<string, readonly number[]> {
  const results = interpretGraph(graph, new Map(Object.entries(inputs)));
  return new Map([...results].map(([name, value]) => [name, isTensor(value) ? numbers(value) : []]));
}

/** A graph of one map over `f32[]` inputs. */
function mapGraph(name: string, expr: Parameters<typeof unary>[1], inputs: number): Graph {
  const b = new GraphBuilder(name);
  const ids = Array.from({ length: inputs }, (_, i) => b.input(`x${i}`, scalar));
  b.output("y", b.emitOne({ kind: "map", expr, inputs: ids }, options));
  return b.finish();
}

describe("interpretGraph", () => {
  it("runs ops in order and names the outputs", () => {
    const b = new GraphBuilder("g");
    const x = b.input("x", tensorType("f32", [2]));
    const two = b.constant(scalarTensor("f32", 2));
    const y = b.emitOne({ kind: "map", expr: binary("mul", arg(0), arg(1)), inputs: [x, two] }, options);
    const z = b.emitOne({ kind: "map", expr: addOne, inputs: [y] }, options);
    b.output("doubled", y);
    b.output("z", z);
    b.output("same", x);
    const results = outputs(b.finish(), { x: f32([1, 2]) });
    expect([...results]).toEqual([["doubled", [2, 4]], ["z", [3, 5]], ["same", [1, 2]]]); // prettier-ignore
  });

  it("keeps all values when asked", () => {
    const graph = mapGraph("g", addOne, 1);
    const kept = interpretGraph(graph, new Map([["x0", scalarTensor("f32", 1)]]), { keep: true });
    expect([...kept.keys()]).toEqual(["%0", "%1", "y"]);
  });

  it("says which input is missing", () => {
    expect(() => interpretGraph(mapGraph("g", addOne, 1), new Map())).toThrow(/WSC7001.*"x0"/u);
  });

  it("runs chains of ten thousand ops", () => {
    const b = new GraphBuilder("chain");
    let value = b.input("x", scalar);
    for (let i = 0; i < 10_000; i++) value = b.emitOne({ kind: "map", expr: addOne, inputs: [value] }, options);
    b.output("y", value);
    expect(outputs(b.finish(), { x: scalarTensor("f32", 0) }).get("y")).toEqual([10_000]);
  });

  it("calls host functions", () => {
    const b = new GraphBuilder("g");
    const x = b.input("x", tensorType("f32", [3]));
    const dynamic = { kind: "dynamic", dtype: "i64", dims: [1, "n"] } as const;
    const host = { kind: "host", fn: "nonZero", attributes: {}, reason: "data-dependent", inputs: [x] } as const;
    const found = b.emitOne(host, { ...options, types: [dynamic] });
    b.output("found", found);
    expect(outputs(b.finish(), { x: f32([0, 5, 7]) }).get("found")).toEqual([1, 2]);
  });

  it("hands deferred ops to its caller", () => {
    const b = new GraphBuilder("g");
    const payload = b.constant(tensor("u8", [1]));
    const op = { kind: "deferred", inputs: [payload], inputNames: [], outputNames: ["y"], reason: "shape" } as const;
    b.output("y", b.emitOne(op, { ...options, types: [scalar] }));
    const graph = b.finish();
    const deferred = (): HostValue[] => [scalarTensor("f32", 42)];
    expect(interpretGraph(graph, new Map(), { deferred }).get("y")).toEqual(scalarTensor("f32", 42));
    expect(() => interpretGraph(graph, new Map())).toThrow("internal");
  });
});

describe("control flow", () => {
  it("chooses a region by a condition", () => {
    const b = new GraphBuilder("g");
    const flag = b.input("flag", condition);
    const x = b.input("x", scalar);
    const region = { then: mapGraph("then", addOne, 1), else: mapGraph("else", unary("neg", arg(0)), 1) };
    b.output("y", b.emitOne({ kind: "if", ...region, inputs: [flag, x] }, options));
    const graph = b.finish();
    const run = (value: number) => outputs(graph, { flag: scalarTensor("bool", value), x: scalarTensor("f32", 5) });
    expect([run(1).get("y"), run(0).get("y")]).toEqual([[6], [-5]]);
  });

  /** total += i * step while total < limit; each total is stacked. */
  function loopGraph(): Graph {
    const body = new GraphBuilder("body");
    const i = body.input("i", iteration);
    body.input("condition", condition);
    const total = body.input("total", iteration);
    const step = body.input("step", iteration);
    const product = binary("add", arg(0), binary("mul", arg(1), arg(2)));
    const next = body.emitOne({ kind: "map", expr: product, inputs: [total, i, step] }, options);
    const goes = binary("lt", arg(0), lit("i64", 20n));
    body.output("condition", body.emitOne({ kind: "map", expr: goes, inputs: [next] }, options));
    body.output("total", next);
    body.output("scan", next);
    const b = new GraphBuilder("loop");
    const trips = b.input("trips", iteration);
    const start = b.input("start", condition);
    const initial = b.input("initial", iteration);
    const stepInput = b.input("step", iteration);
    const inputs = [trips, start, initial, stepInput];
    const results = b.emit({ kind: "loop", carried: 1, body: body.finish(), inputs }, options);
    b.output("last", nth(results, 0));
    b.output("all", nth(results, 1));
    return b.finish();
  }

  it("loops until the trip count or the condition ends it", () => {
    const graph = loopGraph();
    const run = (trips: number, start: number) =>
      outputs(graph, { trips: i64([trips], []), start: scalarTensor("bool", start), initial: i64([1], []), step: i64([3], []) }); // prettier-ignore
    expect([...run(3, 1)]).toEqual([["last", [10]], ["all", [1, 4, 10]]]); // prettier-ignore
    expect([...run(100, 1)]).toEqual([["last", [31]], ["all", [1, 4, 10, 19, 31]]]); // prettier-ignore
    expect([...run(5, 0)]).toEqual([["last", [1]], ["all", []]]); // prettier-ignore
    const none = interpretGraph(graph, new Map(Object.entries({ trips: i64([0], []), start: scalarTensor("bool", 1), initial: i64([1], []), step: i64([3], []) }))).get("all"); // prettier-ignore
    expect(none).toEqual(i64([], [0]));
  });

  it("scans slices forwards and backwards", () => {
    const row = tensorType("f32", [2]);
    const body = new GraphBuilder("body");
    const sum = body.input("sum", row);
    const x = body.input("x", row);
    const next = body.emitOne({ kind: "map", expr: binary("add", arg(0), arg(1)), inputs: [sum, x] }, options);
    body.output("sum", next);
    body.output("partial", next);
    const graph = (reverse: boolean): Graph => {
      const b = new GraphBuilder("scan");
      const inputs = [b.input("initial", row), b.input("xs", tensorType("f32", [2, 3]))];
      const op = { kind: "scan", carried: 1, scanned: 1, inputAxes: [1], inputReverse: [reverse], outputAxes: [1], outputReverse: [reverse], body: body.finish(), inputs } as const; // prettier-ignore
      const results = b.emit(op, options);
      b.output("last", nth(results, 0));
      b.output("all", nth(results, 1));
      return b.finish();
    };
    const inputs = { initial: f32([0, 10]), xs: f32([1, 2, 3, 4, 5, 6], [2, 3]) };
    expect([...outputs(graph(false), inputs)]).toEqual([["last", [6, 25]], ["all", [1, 3, 6, 14, 19, 25]]]); // prettier-ignore
    expect([...outputs(graph(true), inputs)]).toEqual([["last", [6, 25]], ["all", [6, 5, 3, 25, 21, 16]]]); // prettier-ignore
  });
});
