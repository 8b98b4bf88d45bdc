/**
 * byte-images: convolutions of one tap read bytes where their image has been widened for them. Their kernels multiply bytes (codegen's
 * bytes/byte-product.ts), so that what is stored in between has half the size, and an image that others read as bytes is not copied.
 *
 *     conv(map cast<i16>(e : u8), w : i8)    ==>    conv(map e : u8, w : i8)
 *
 * Runs when layouts are assigned, before maps go into the epilogues of their producers.
 */
import { type Expr, exprDType } from "../../ir/expr.ts";
import {
  type ConvOp,
  type Graph,
  type MapOp,
  type Op,
  regionsOf,
  type TensorType,
  type ValueId,
} from "../../ir/graph.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const byteImages: Pass = {
  name: "byte-images",
  summary: "let convolutions of one tap read bytes",
  run: (graph) => {
    const maps = new Set(mapsForOneTap(graph));
    return rewriteGraph(graph, (rewrite) => {
      const { op } = rewrite;
      if (op.kind === "map" && maps.has(op)) return narrowMap(rewrite, op);
      return op.kind === "conv" ? readBytes(rewrite, op) : null;
    });
  },
};

const typeOf = (graph: Graph, id: ValueId): TensorType | null => {
  const type = graph.values[id]?.type;
  return type?.kind === "tensor" ? type : null;
};

/** A convolution that looks at one pixel for each result, with weights of bytes. */
function isOneTap(op: Op, weights: TensorType | null): boolean {
  return (
    op.kind === "conv" &&
    op.layout === "nhwc" &&
    op.groups === 1 &&
    weights?.dtype === "i8" &&
    weights.shape.slice(0, -2).every((taps) => taps === 1) &&
    [...op.padsBegin, ...op.padsEnd].every((pad) => pad === 0)
  );
}

/** The bytes that an expression widens to 16 bits; null for any other. */
function widenedBytes(expr: Expr, types: readonly (TensorType | null)[]): Expr | null {
  if (expr.op !== "cast" || expr.to !== "i16") return null;
  const dtype = exprDType(expr.x, types.map((type) => type?.dtype ?? "string")); // prettier-ignore
  return dtype === "u8" ? expr.x : null;
}

/** Maps of a graph and its regions that widen bytes, and whose results only convolutions of one tap read, as their image. */
function mapsForOneTap(graph: Graph): readonly Op[] {
  const others = new Set<ValueId>(graph.outputs.map(({ value }) => value));
  for (const op of graph.ops) {
    const reads = isOneTap(op, typeOf(graph, op.inputs[1] ?? -1)) ? op.inputs.slice(1) : op.inputs;
    for (const id of reads) others.add(id);
  }
  const found = graph.ops.filter((op) => {
    if (op.kind !== "map" || others.has(op.outputs[0] ?? -1)) return false;
    return widenedBytes(op.expr, op.inputs.map((id) => typeOf(graph, id))) !== null; // prettier-ignore
  });
  return [...found, ...graph.ops.flatMap((op) => regionsOf(op).flatMap((region) => mapsForOneTap(region.graph)))];
}

const newTypes = ({ builder }: Rewrite, ids: readonly ValueId[]): TensorType[] =>
  ids.map((id) => builder.tensorTypeOf(id));

function narrowMap(rewrite: Rewrite, op: MapOp): readonly ValueId[] | null {
  const bytes = widenedBytes(op.expr, newTypes(rewrite, rewrite.inputs));
  if (bytes === null) return null;
  const [only] = rewrite.inputs;
  if (bytes.op === "arg" && only !== undefined) return [rewrite.inputs[bytes.index] ?? only];
  return [rewrite.emitOne({ kind: "map", inputs: rewrite.inputs, expr: bytes })];
}

/** Reads the bytes themselves where others read them widened. */
function readBytes(rewrite: Rewrite, op: ConvOp): readonly ValueId[] | null {
  const { inputs, builder } = rewrite;
  const [image, weights, ...others] = inputs;
  if (image === undefined || weights === undefined) return null;
  const producer = rewrite.producer(image);
  if (producer?.kind !== "map" || !isOneTap(op, builder.tensorTypeOf(weights))) return null;
  const bytes = widenedBytes(producer.expr, newTypes(rewrite, producer.inputs));
  const source = bytes?.op === "arg" ? producer.inputs[bytes.index] : undefined;
  return source === undefined ? null : rewrite.emit({ ...op, inputs: [source, weights, ...others] });
}
