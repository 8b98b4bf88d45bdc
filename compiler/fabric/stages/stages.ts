/** Which phases the stages of a layer take, by the kind of their op. One file for each family of ops. */
import type { Graph } from "../../../ir/graph.ts";
import type { Kernel } from "../../../ir/kernel-graph.ts";
import type { Mapping } from "../../../ir/machine/mapping.ts";
import { type LayerPhases, LayerWriter, type StageWriter } from "../phases.ts";
import { writeMap } from "./map.ts";
import { writeNormalize } from "./normalize.ts";
import { writePool } from "./pool.ts";
import { writeProduct } from "./product.ts";
import { writeReduce } from "./reduce.ts";
import { writeSoftmax } from "./softmax.ts";

/** The phases of a layer; WSC5007 for what has no fabric program. */
export function layerPhases(graph: Graph, kernel: Kernel, mapping: Mapping): LayerPhases {
  const layer = new LayerWriter(graph, kernel, mapping);
  for (const stage of kernel.stages) layer.stage(stage, writeStage);
  return layer.finish();
}

function writeStage(writer: StageWriter): void {
  const { op } = writer;
  switch (op.kind) {
    case "matmul":
    case "conv":
      writeProduct(writer, op);
      return;
    case "pool":
      writePool(writer, op);
      return;
    case "reduce":
      writeReduce(writer, op);
      return;
    case "map":
      writeMap(writer, op);
      return;
    case "softmax":
      writeSoftmax(writer, op);
      return;
    case "normalize":
      writeNormalize(writer, op);
      return;
    default:
      return writer.refuse(`${op.kind} has no fabric program`);
  }
}
