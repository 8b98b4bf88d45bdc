/**
 * The operators that wsc knows, family by family. Each file of this folder exports `const xxxOperators: readonly OperatorDef[]`; a family
 * enters the table by standing in this list. Which order they stand in is of no consequence: a second definition of one operator is a defect.
 */
import type { OperatorDef } from "../operator.ts";
import { activationOperators } from "./activation.ts";
import { attentionOperators } from "./attention.ts";
import { constantOperators } from "./constant.ts";
import { contribAttentionOperators } from "./contrib-attention.ts";
import { contribOperators } from "./contrib.ts";
import { controlFlowOperators } from "./control-flow.ts";
import { conversionOperators } from "./conversion.ts";
import { convolutionOperators } from "./convolution.ts";
import { cumulativeOperators } from "./cumulative.ts";
import { decoderAttentionOperators } from "./decoder-attention.ts";
import { deformConvOperators } from "./deform-conv.ts";
import { detectionOperators } from "./detection.ts";
import { contribProductOperators } from "./contrib-products.ts";
import { determinantOperators } from "./determinant.ts";
import { droppedOperators } from "./dropped.ts";
import { dynamicQuantizeLstmOperators } from "./dynamic-quantize-lstm.ts";
import { einsumOperators } from "./einsum.ts";
import { flexAttentionOperators } from "./flex-attention.ts";
import { fusedActivationOperators } from "./fused-activations.ts";
import { generationOperators } from "./generation.ts";
import { gridOperators } from "./grid-sample.ts";
import { groupQueryAttentionOperators } from "./group-query-attention.ts";
import { indexingOperators } from "./indexing.ts";
import { inverseOperators } from "./inverse.ts";
import { linearAttentionOperators } from "./linear-attention.ts";
import { linearModelOperators } from "./linear-models.ts";
import { linearOperators } from "./linear.ts";
import { logicOperators } from "./logic.ts";
import { lossOperators } from "./losses.ts";
import { mapOperators } from "./maps.ts";
import { mathOperators } from "./math.ts";
import { fewBitsOperators } from "./few-bits.ts";
import { mlOperators } from "./ml.ts";
import { moeOperators } from "./moe.ts";
import { nchwcOperators } from "./nchwc.ts";
import { normalizationOperators } from "./normalization.ts";
import { optimizerOperators } from "./optimizers.ts";
import { paddingOperators } from "./padding.ts";
import { poolingOperators } from "./pooling.ts";
import { quantizationOperators } from "./quantization.ts";
import { quantizedAttentionOperators } from "./quantized-attention.ts";
import { quantizedLinearOperators } from "./quantized-linear.ts";
import { quantizedPoolingOperators } from "./quantized-pooling.ts";
import { randomOperators } from "./random.ts";
import { rearrangeOperators } from "./rearrange.ts";
import { recurrentOperators } from "./recurrent.ts";
import { reductionOperators } from "./reduction.ts";
import { resizeOperators } from "./resize.ts";
import { rotaryOperators } from "./rotary.ts";
import { scanOperators } from "./scan.ts";
import { selectionOperators } from "./selection.ts";
import { sequenceMapOperators } from "./sequence-map.ts";
import { sequenceOperators } from "./sequence.ts";
import { shapeOperators } from "./shape.ts";
import { signalOperators } from "./signal.ts";
import { slicingOperators } from "./slicing.ts";
import { softmaxOperators } from "./softmax.ts";
import { sortingOperators } from "./sorting.ts";
import { supportVectorOperators } from "./support-vectors.ts";
import { textOperators } from "./text.ts";
import { treeClassifierOperators } from "./tree-classifier.ts";
import { treeOperators } from "./trees.ts";
import { quantizedElementwiseOperators } from "./quantized-elementwise.ts";
import { quantizedMoeOperators } from "./quantized-moe.ts";
import { quantizedEmbeddingOperators } from "./quantized-embedding.ts";
import { cropAndResizeOperators } from "./crop-and-resize.ts";
import { bnbWeightOperators } from "./bnb-weights.ts";
import { hashingOperators } from "./hashing.ts";
import { tokenSearchOperators } from "./token-search.ts";
import { distanceOperators } from "./distances.ts";
import { contribMovementOperators } from "./contrib-movement.ts";
import { wordEmbeddingOperators } from "./word-embedding.ts";

export const operatorFamilies: readonly (readonly OperatorDef[])[] = [
  activationOperators,
  attentionOperators,
  constantOperators,
  contribAttentionOperators,
  contribOperators,
  controlFlowOperators,
  conversionOperators,
  convolutionOperators,
  cumulativeOperators,
  decoderAttentionOperators,
  deformConvOperators,
  detectionOperators,
  contribProductOperators,
  determinantOperators,
  droppedOperators,
  dynamicQuantizeLstmOperators,
  einsumOperators,
  flexAttentionOperators,
  fusedActivationOperators,
  generationOperators,
  gridOperators,
  groupQueryAttentionOperators,
  indexingOperators,
  inverseOperators,
  linearAttentionOperators,
  linearModelOperators,
  linearOperators,
  logicOperators,
  lossOperators,
  mapOperators,
  mathOperators,
  mlOperators,
  fewBitsOperators,
  moeOperators,
  nchwcOperators,
  normalizationOperators,
  optimizerOperators,
  paddingOperators,
  poolingOperators,
  quantizationOperators,
  quantizedAttentionOperators,
  quantizedLinearOperators,
  quantizedPoolingOperators,
  randomOperators,
  rearrangeOperators,
  recurrentOperators,
  reductionOperators,
  resizeOperators,
  rotaryOperators,
  scanOperators,
  selectionOperators,
  sequenceMapOperators,
  sequenceOperators,
  shapeOperators,
  signalOperators,
  slicingOperators,
  softmaxOperators,
  sortingOperators,
  supportVectorOperators,
  textOperators,
  treeClassifierOperators,
  treeOperators,
  quantizedElementwiseOperators,
  contribMovementOperators,
  distanceOperators,
  tokenSearchOperators,
  hashingOperators,
  bnbWeightOperators,
  cropAndResizeOperators,
  quantizedEmbeddingOperators,
  quantizedMoeOperators,
  wordEmbeddingOperators,
];
