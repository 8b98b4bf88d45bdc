/** Which phases the stages of a layer take, by the kind of their op. One file for each family of ops. */
import { nth } from "../../../ir/access.ts";
import type { Graph } from "../../../ir/graph.ts";
import type { Kernel } from "../../../ir/kernel-graph.ts";
import type { Mapping } from "../../../ir/machine/mapping.ts";
import { movedFrom } from "../moves.ts";
import { type LayerPhases, LayerWriter, type StageWriter } from "../phases.ts";
import { writeGather } from "./gather.ts";
import { writeMap } from "./map.ts";
import { writeNormalize } from "./normalize.ts";
import { writePool } from "./pool.ts";
import { writeProduct } from "./product.ts";
import { writeReduce } from "./reduce.ts";
import { writeSoftmax } from "./softmax.ts";

/** The phases of a layer; WSC5007 for what has no fabric program. */
export function layerPhases(graph: Graph, kernel: Kernel, mapping: Mapping): LayerPhases {
  const layer = new LayerWriter(graph, kernel, mapping);
  for (const stage of kernel.stages) {
    layer.stage(stage, writeStage);
    for (const { operand, append } of kernel.states) {
      const input = append?.reads.indexOf(stage.makes) ?? -1;
      const op = append === null ? undefined : graph.ops[append.op];
      if (op !== undefined && input >= 0) layer.append(operand, stage.makes, nth(movedFrom(graph, op, false), input));
    }
  }
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
    case "gather":
      writeGather(writer, op);
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
