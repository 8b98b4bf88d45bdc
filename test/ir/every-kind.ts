/** A graph with every kind of op and every form of value, for the tests of the text form and of the verifier. */
import { GraphBuilder } from "../../ir/builder.ts";
import { type DType } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, select, unary } from "../../ir/expr.ts";
import { leafMark, outcomes } from "../../ir/forest.ts";
import { type Graph, type OpSpec, tensorType, type ValueId, type ValueType } from "../../ir/graph.ts";
import { scalarTensor, tensorFrom } from "../../ir/tensor.ts";
import { defined } from "./defined.ts";

const relu: Expr = binary("max", arg(0), lit("f32", 0));

/** Emits ops into one graph, naming the origin after the kind. */
class Sample {
  readonly builder: GraphBuilder;
  constructor(name: string) {
    this.builder = new GraphBuilder(name);
  }
  input(name: string, dtype: DType, ...shape: readonly number[]): ValueId {
    return this.builder.input(name, tensorType(dtype, shape));
  }
  emit(spec: OpSpec, types?: readonly ValueType[]): ValueId {
    const { kind } = spec;
    const options = { origin: [`${kind}_0`], names: [`${kind}_out`], ...(types === undefined ? {} : { types }) };
    return defined(this.builder.emit(spec, options)[0]);
  }
}

const window = { strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1] };

function addContractions(s: Sample, image: ValueId): void {
  const w = s.input("w", "f32", 4, 3, 3, 3);
  const bias = s.builder.constant(tensorFrom("f32", [4, 1, 1], [0.1, -2.5, 1e-7, 3e20]), "bias");
  const epilogue = binary("max", binary("add", arg(0), arg(1)), lit("f32", 0));
  const conv = s.emit({ kind: "conv", inputs: [image, w, bias], layout: "nchw", ...window, groups: 1, epilogue });
  s.emit({ kind: "convTranspose", inputs: [image, s.input("wt", "f32", 3, 2, 3, 3)], ...window, outputPadding: [0, 0], groups: 1, epilogue: null }); // prettier-ignore
  s.emit({ kind: "pool", inputs: [conv], fn: "average", layout: "nchw", kernel: [2, 2], ...window, padsBegin: [0, 0], padsEnd: [0, 0], outputSpatial: [7, 7], countPadding: false, p: 0 }); // prettier-ignore
  const [a, b] = [s.input("a", "u8", 2, 3), s.input("b", "i8", 4, 3)];
  const scale = cast("f32", arg(0));
  s.emit({ kind: "matmul", inputs: [a, b], transposeA: false, transposeB: true, epilogue: scale });
}

function addReductions(s: Sample, x: ValueId): void {
  s.emit({ kind: "reduce", inputs: [x], fn: "mean", axes: [0, 1], keepDims: false });
  s.emit({ kind: "argReduce", inputs: [x], fn: "min", axis: 1, keepDims: true, selectLast: true });
  s.emit({ kind: "softmax", inputs: [x], axis: 1, log: true });
  s.emit({ kind: "normalize", inputs: [x], axes: [1], epsilon: 1e-5, centered: true });
  s.emit({ kind: "cumulative", inputs: [x], fn: "sum", axis: 0, exclusive: true, reverse: false });
  s.builder.emit(
    { kind: "topK", inputs: [x], axis: 1, k: 2, largest: false },
    { origin: ["topK_0"], names: ["", "order"] },
  );
}

function addMovements(s: Sample, x: ValueId): void {
  const zero = s.builder.constant(scalarTensor("f32", -0));
  s.emit({ kind: "reshape", inputs: [x], shape: [3, 4] });
  s.emit({ kind: "transpose", inputs: [x], perm: [1, 0] });
  s.emit({ kind: "slice", inputs: [x], starts: [3, 0], sizes: [2, 3], steps: [-2, 1] });
  s.emit({ kind: "pad", inputs: [x, zero], mode: "constant", before: [0, 1], after: [2, 0] });
  s.emit({ kind: "pad", inputs: [x], mode: "wrap", before: [0, 1], after: [2, 0] });
  s.emit({ kind: "concat", inputs: [x, x, x], axis: 0 });
}

function addIndexing(s: Sample, x: ValueId): void {
  const index = s.builder.constant(tensorFrom("i64", [2, 1], [1, -1]), "index");
  const updates = s.input("updates", "f32", 2, 3);
  s.emit({ kind: "gather", inputs: [x, index], axis: 0 });
  s.emit({ kind: "gatherElements", inputs: [x, index], axis: 0 });
  s.emit({ kind: "gatherND", inputs: [x, index], batchDims: 0 });
  s.emit({ kind: "scatterElements", inputs: [x, index, index].with(2, s.input("one", "f32", 2, 1)), axis: 0, reduction: "add" }); // prettier-ignore
  s.emit({ kind: "scatterND", inputs: [x, index, updates], reduction: "none" });
}

function addRecurrent(s: Sample): void {
  const shapes = [[5, 1, 2], [12, 2], [12, 3], [24], [1, 3], [1, 3], [9]];
  const inputs = shapes.map((shape, i) => s.input(`lstm_${i}`, "f32", ...shape));
  const activations = [unary("sigmoid", arg(0)), unary("tanh", arg(0)), unary("tanh", arg(0))];
  const rest = { reverse: true, hasLengths: true, clip: 0.5, linearBeforeReset: false, inputForget: false };
  s.emit({ kind: "recurrent", inputs: [...inputs, s.input("lengths", "i32", 1)], cell: "lstm", activations, ...rest });
}

function branch(name: string, fn: "add" | "sub"): Graph {
  const s = new Sample(name);
  const x = s.input("x", "f32", 4, 3);
  s.builder.output("y", s.emit({ kind: "map", inputs: [x, x], expr: binary(fn, arg(0), arg(1)) }));
  return s.builder.finish();
}

function loopBody(): Graph {
  const s = new Sample("body");
  s.input("i", "i64");
  const condition = s.input("go", "bool");
  const x = s.input("x", "f32", 4, 3);
  s.builder.output("go", condition);
  s.builder.output("x", s.emit({ kind: "map", inputs: [x], expr: relu }));
  s.builder.output("trace", x);
  return s.builder.finish();
}

function scanBody(): Graph {
  const s = new Sample("step");
  const [state, row] = [s.input("state", "f32", 3), s.input("row", "f32", 3)];
  const sum = s.emit({ kind: "map", inputs: [state, row], expr: binary("add", arg(0), arg(1)) });
  s.builder.output("state", sum);
  s.builder.output("row", sum);
  return s.builder.finish();
}

/** One node with a leaf on either side. */
function addForest(s: Sample, x: ValueId): void {
  const nodes = [outcomes.less | outcomes.unordered, 1, 1, 2, leafMark, 0, 0, 1, leafMark, 0, 1, 2];
  const tables = [
    tensorFrom("i32", [1], [0]),
    tensorFrom("i32", [3, 4], nodes),
    tensorFrom("f32", [3], [0.5, 0, 0]),
    tensorFrom("i32", [2], [0, 1]),
    tensorFrom("f32", [2], [1, -1]),
  ];
  const inputs = [x, ...tables.map((table) => s.builder.constant(table))];
  s.builder.emit({ kind: "forest", inputs, fn: "max", targets: 2 }, { origin: ["forest_0"], names: ["scores", ""] });
}

function addFewBits(s: Sample): void {
  const a = s.input("rows", "f32", 2, 16);
  const weights = [s.input("few", "i4", 3, 16), s.input("scales", "f32", 3, 2), s.input("zeros", "f32", 1, 1)];
  s.emit({ kind: "quantizedMatmul", inputs: [a, ...weights], blockSize: 8, epilogue: binary("add", arg(0), arg(0)) });
}

function addControlFlow(s: Sample, x: ValueId): void {
  const go = s.input("go", "bool");
  const trips = s.builder.constant(scalarTensor("i64", 9007199254740993n), "trips");
  s.emit({ kind: "if", inputs: [go, x], then: branch("then", "add"), else: branch("else", "sub") });
  s.emit({ kind: "loop", inputs: [trips, go, x], carried: 1, body: loopBody() });
  s.emit({ kind: "loop", inputs: [trips, go, x], carried: 1, emptyShapes: [[0, 3]], body: loopBody() });
  s.emit({
    kind: "scan",
    emptyShapes: [[]],
    inputs: [s.input("state", "f32", 3), x],
    carried: 1,
    scanned: 1,
    inputAxes: [0],
    inputReverse: [true],
    outputAxes: [1],
    outputReverse: [false],
    body: scanBody(),
  });
}

function addHostOps(s: Sample, x: ValueId): void {
  const texts = s.builder.constant(tensorFrom("string", [2], ['say "hi"\n', "日本"]), "texts");
  const unknown: ValueType = { kind: "dynamic", dtype: "i64", dims: [2, "count", "a dim"] };
  const list: ValueType = { kind: "sequence", element: { kind: "optional", element: { ...unknown, dims: null } } };
  const attributes = JSON.parse('{"axis": -1, "__proto__": [true, null, 1.5], "": {"nested": "x"}}') as {
    [key: string]: null;
  };
  s.emit({ kind: "host", inputs: [x, texts], fn: "nonZero", attributes, reason: "the count depends on data" }, [unknown, list]); // prettier-ignore
  const payload = s.builder.constant(
    tensorFrom(
      "u8",
      [40],
      Array.from({ length: 40 }, (_, i) => i),
    ),
    "payload",
  );
  const deferred = { kind: "deferred", inputs: [payload, x], inputNames: ["x"], outputNames: ["y"], reason: "shape" } as const; // prettier-ignore
  s.emit(deferred, [unknown]);
  s.emit({ ...deferred, valueInputs: ["x"] }, [unknown]);
}

/** The sample: valid, and covering `opKinds`. */
export function graphOfEveryKind(): Graph {
  const s = new Sample('every "kind"');
  const image = s.input("image", "f32", 1, 3, 8, 8);
  const x = s.input("x", "f32", 4, 3);
  const clipped = select(unary("isnan", arg(0)), lit("f32", -Infinity), binary("min", arg(0), lit("f32", 0.1)));
  s.emit({ kind: "map", inputs: [x], expr: cast("u8", clipped, true) });
  addContractions(s, image);
  addReductions(s, x);
  addMovements(s, x);
  addIndexing(s, x);
  addRecurrent(s);
  addControlFlow(s, x);
  addHostOps(s, x);
  addForest(s, x);
  addFewBits(s);
  s.builder.output("same", x);
  s.builder.output("count", s.builder.constant(tensorFrom("f32", [0, 2], [])));
  return s.builder.finish();
}
