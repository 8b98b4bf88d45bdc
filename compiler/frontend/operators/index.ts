/**
 * The operators that wsc knows, family by family. Each file of this folder exports `const xxxOperators: readonly OperatorDef[]`; a family
 * enters the table by standing in this list. Which order they stand in is of no consequence: a second definition of one operator is a defect.
 */
import type { OperatorDef } from "../operator.ts";
import { controlFlowOperators } from "./control-flow.ts";
import { constantOperators } from "./constant.ts";
import { cumulativeOperators } from "./cumulative.ts";
import { indexingOperators } from "./indexing.ts";
import { paddingOperators } from "./padding.ts";
import { randomOperators } from "./random.ts";
import { rearrangeOperators } from "./rearrange.ts";
import { shapeOperators } from "./shape.ts";
import { slicingOperators } from "./slicing.ts";
import { sortingOperators } from "./sorting.ts";
import { activationOperators } from "./activation.ts";
import { conversionOperators } from "./conversion.ts";
import { convolutionOperators } from "./convolution.ts";
import { linearOperators } from "./linear.ts";
import { logicOperators } from "./logic.ts";
import { mathOperators } from "./math.ts";
import { normalizationOperators } from "./normalization.ts";
import { poolingOperators } from "./pooling.ts";
import { reductionOperators } from "./reduction.ts";
import { softmaxOperators } from "./softmax.ts";
import { attentionOperators } from "./attention.ts";
import { einsumOperators } from "./einsum.ts";
import { detectionOperators } from "./detection.ts";
import { gridOperators } from "./grid-sample.ts";
import { lossOperators } from "./losses.ts";
import { quantizationOperators } from "./quantization.ts";
import { quantizedLinearOperators } from "./quantized-linear.ts";
import { recurrentOperators } from "./recurrent.ts";
import { resizeOperators } from "./resize.ts";
import { selectionOperators } from "./selection.ts";
import { sequenceOperators } from "./sequence.ts";
import { signalOperators } from "./signal.ts";
import { textOperators } from "./text.ts";
import { deformConvOperators } from "./deform-conv.ts";
import { linearAttentionOperators } from "./linear-attention.ts";
import { contribOperators } from "./contrib.ts";
import { optimizerOperators } from "./optimizers.ts";
import { mlOperators } from "./ml.ts";
import { treeOperators } from "./trees.ts";
import { sequenceMapOperators } from "./sequence-map.ts";

export const operatorFamilies: readonly (readonly OperatorDef[])[] = [
  controlFlowOperators,
  constantOperators,
  cumulativeOperators,
  indexingOperators,
  paddingOperators,
  randomOperators,
  rearrangeOperators,
  shapeOperators,
  slicingOperators,
  sortingOperators,
  activationOperators,
  conversionOperators,
  convolutionOperators,
  linearOperators,
  logicOperators,
  mathOperators,
  normalizationOperators,
  poolingOperators,
  reductionOperators,
  softmaxOperators,
  attentionOperators,
  einsumOperators,
  detectionOperators,
  gridOperators,
  lossOperators,
  quantizationOperators,
  quantizedLinearOperators,
  recurrentOperators,
  resizeOperators,
  selectionOperators,
  sequenceOperators,
  signalOperators,
  textOperators,
  deformConvOperators,
  linearAttentionOperators,
  contribOperators,
  optimizerOperators,
  mlOperators,
  treeOperators,
  sequenceMapOperators,
];
