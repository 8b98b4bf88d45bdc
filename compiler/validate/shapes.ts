/** Shapes of the language models that published measurements ran; heads and feed-forward of each as its configuration on Hugging Face says. */
import type { LayerShape } from "../../ir/machine/transformer.ts";

export interface ModelShape extends LayerShape {
  readonly name: string;
  readonly layers: number;
}

export const llama3Of8B: ModelShape = {
  name: "LLaMA3-8B",
  layers: 32,
  hidden: 4096,
  heads: 32,
  kvHeads: 8,
  ffn: 14336,
};
export const llama2Of13B: ModelShape = {
  name: "LLaMA2-13B",
  layers: 40,
  hidden: 5120,
  heads: 40,
  kvHeads: 40,
  ffn: 13824,
};
export const codeLlamaOf34B: ModelShape = {
  name: "CodeLLaMA-34B",
  layers: 48,
  hidden: 8192,
  heads: 64,
  kvHeads: 8,
  ffn: 22016,
};
export const qwen2Of72B: ModelShape = {
  name: "QWen2-72B",
  layers: 80,
  hidden: 8192,
  heads: 64,
  kvHeads: 8,
  ffn: 29568,
};
export const qwen3Of1B7: ModelShape = {
  name: "Qwen3-1.7B",
  layers: 28,
  hidden: 2048,
  heads: 16,
  kvHeads: 8,
  ffn: 6144,
};

export const modelShapes: readonly ModelShape[] = [llama3Of8B, llama2Of13B, codeLlamaOf34B, qwen2Of72B, qwen3Of1B7];

/** Weights of a layer: projections of queries, keys, values and output, and the three matrices of the feed-forward. */
export const layerWeights = ({ hidden, heads, kvHeads, ffn, headSize = hidden / heads }: LayerShape): number =>
  2 * hidden * heads * headSize + 2 * hidden * kvHeads * headSize + 3 * hidden * ffn;
