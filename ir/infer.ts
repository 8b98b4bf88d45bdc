/**
 * The type of every op's results from those of its operands. Each kind has one rule, in the file of its family under ir/infer/; a rule
 * checks all that evaluating or compiling the op will rely on, so nothing behind it checks shapes again.
 *
 * What a user's model can cause is a diagnostic (WSC3004 shapes, WSC3005 element types, WSC3006 attributes, WSC1009 size); a wrong number
 * of operands or of region ports is a defect of the lowering and an internal error.
 */
import { type OpSpec, opSubject, type ValueType } from "./graph.ts";
import { inferConv, inferConvTranspose, inferMatmul, inferPool, inferQuantizedMatmul } from "./infer/contraction.ts";
import { inferIf, inferLoop, inferScan } from "./infer/control.ts";
import { inferMap } from "./infer/elementwise.ts";
import { inferGather, inferGatherElements, inferGatherND, inferScatterElements, inferScatterND } from "./infer/indexing.ts"; // prettier-ignore
import { inferForest } from "./infer/forest.ts";
import { inferConcat, inferPad, inferReshape, inferSlice, inferTranspose } from "./infer/movement.ts";
import { inferRecurrent } from "./infer/recurrent.ts";
import { inferArgReduce, inferCumulative, inferNormalize, inferReduce, inferSoftmax, inferTopK } from "./infer/reduction.ts"; // prettier-ignore
import { checkSize, type Site } from "./infer/site.ts";

/** The types of an op's results; `origin` names the model's nodes in messages. Not for host and deferred ops, whose caller knows. */
export function inferTypes(
  spec: OpSpec,
  inputTypes: readonly ValueType[],
  origin: readonly string[],
): readonly ValueType[] {
  const site: Site = { subject: opSubject({ kind: spec.kind, origin }), inputs: inputTypes };
  const types = applyRule(site, spec);
  for (const type of types) checkSize(site, type);
  return types;
}

function applyRule(site: Site, spec: OpSpec): readonly ValueType[] {
  switch (spec.kind) {
    case "map":
      return inferMap(site, spec);
    case "matmul":
      return inferMatmul(site, spec);
    case "quantizedMatmul":
      return inferQuantizedMatmul(site, spec);
    case "conv":
      return inferConv(site, spec);
    case "convTranspose":
      return inferConvTranspose(site, spec);
    case "pool":
      return inferPool(site, spec);
    case "reduce":
      return inferReduce(site, spec);
    case "argReduce":
      return inferArgReduce(site, spec);
    case "softmax":
      return inferSoftmax(site, spec);
    case "normalize":
      return inferNormalize(site, spec);
    case "reshape":
      return inferReshape(site, spec);
    case "transpose":
      return inferTranspose(site, spec);
    case "slice":
      return inferSlice(site, spec);
    case "pad":
      return inferPad(site, spec);
    case "concat":
      return inferConcat(site, spec);
    case "gather":
      return inferGather(site, spec);
    case "gatherElements":
      return inferGatherElements(site, spec);
    case "gatherND":
      return inferGatherND(site, spec);
    case "scatterElements":
      return inferScatterElements(site, spec);
    case "scatterND":
      return inferScatterND(site, spec);
    case "cumulative":
      return inferCumulative(site, spec);
    case "topK":
      return inferTopK(site, spec);
    case "recurrent":
      return inferRecurrent(site, spec);
    case "forest":
      return inferForest(site, spec);
    case "if":
      return inferIf(site, spec);
    case "loop":
      return inferLoop(site, spec);
    case "scan":
      return inferScan(site, spec);
    case "host":
    case "deferred":
      throw new Error(`internal: the types of ${site.subject} must be given by the caller`);
  }
}
