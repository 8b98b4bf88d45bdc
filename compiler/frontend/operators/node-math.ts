/** Short forms for writing ONNX nodes: arithmetic over i64 and f32 values by their names. */
import { scalarTensor, tensorFrom } from "../../../ir/tensor.ts";
import { type GraphWriter, intAttribute } from "../graph-writer.ts";

/** ONNX's ids of element types. */
const ids = { f32: 1, i32: 6, i64: 7, bool: 9, f64: 11 } as const;

export class NodeMath {
  readonly graph: GraphWriter;

  constructor(graph: GraphWriter) {
    this.graph = graph;
  }

  op(opType: string, ...inputs: readonly string[]): string {
    return this.graph.node(opType, inputs);
  }

  along(opType: string, axis: number, ...inputs: readonly string[]): string {
    return this.graph.node(opType, inputs, { attributes: { axis: intAttribute(axis) } });
  }

  int(value: number): string {
    return this.graph.constant(scalarTensor("i64", BigInt(value)));
  }

  ints(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.graph.constant(tensorFrom("i64", shape, values));
  }

  float(value: number): string {
    return this.graph.constant(scalarTensor("f32", value));
  }

  /** `value` in every element. */
  filled(dtype: "f32" | "i64" | "bool", shape: readonly number[], value: number): string {
    const count = shape.reduce((product, dim) => product * dim, 1);
    return this.graph.constant(tensorFrom(dtype, shape, new Array<number>(count).fill(value)));
  }

  cast(to: keyof typeof ids, value: string): string {
    return this.graph.node("Cast", [value], { attributes: { to: intAttribute(ids[to]) } });
  }

  where(condition: string, yes: string, no: string): string {
    return this.op("Where", condition, yes, no);
  }

  reshape(value: string, ...shape: readonly number[]): string {
    return this.op("Reshape", value, this.ints(shape));
  }

  /** Elements `from` to `to` of one axis. */
  slice(value: string, axis: number, from: number, to: number): string {
    return this.op("Slice", value, this.ints([from]), this.ints([to]), this.ints([axis]));
  }

  reduce(
    opType: "ReduceMax" | "ReduceMin" | "ReduceSum",
    value: string,
    axes: readonly number[],
    keep = false,
  ): string {
    return this.graph.node(opType, [value, this.ints(axes)], { attributes: { keepdims: intAttribute(keep ? 1 : 0) } });
  }

  /** Whether all elements of a bool value hold, as a scalar. */
  all(value: string): string {
    const least = this.graph.node("ReduceMin", [this.cast("i32", value)], {
      attributes: { keepdims: intAttribute(0) },
    });
    return this.cast("bool", least);
  }

  /** The k largest (or smallest) along the last axis, in order, and where they are. */
  topK(value: string, k: number, largest = true): readonly [values: string, indices: string] {
    const attributes = { axis: intAttribute(-1), largest: intAttribute(largest ? 1 : 0), sorted: intAttribute(1) };
    const [values = "", indices = ""] = this.graph.nodes("TopK", [value, this.ints([k])], 2, { attributes });
    return [values, indices];
  }

  /** Entries [batch, k, ...] of [batch, n, ...] by indices [batch, k]. */
  pick(value: string, indices: string): string {
    const positions = this.op("Unsqueeze", indices, this.ints([-1]));
    return this.graph.node("GatherND", [value, positions], { attributes: { batch_dims: intAttribute(1) } });
  }
}
