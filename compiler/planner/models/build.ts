/** A configuration's graph, and what of it plans are made of. */
import { nth } from "../../../ir/access.ts";
import type { LayerProduct } from "../../../ir/machine/layer-cycles.ts";
import { Draft, type DraftOptions, elementsOf, type Weight } from "./draft.ts";
import type { Family, ModelConfig } from "./config.ts";
import { dalle } from "./families/dalle.ts";
import { gpt } from "./families/gpt.ts";
import { latent } from "./families/latent.ts";
import { llama } from "./families/llama.ts";
import { mixtureOfExperts } from "./families/mixture.ts";
import { switchTransformer } from "./families/switch.ts";

const builders: Readonly<Record<Family, (draft: Draft, config: ModelConfig) => void>> = {
  gpt,
  llama,
  mixture: mixtureOfExperts,
  latent,
  switch: switchTransformer,
  dalle,
};

/** The graph of a configuration; weights are only shapes. */
export function draftOf(config: ModelConfig, options: DraftOptions): Draft {
  const draft = new Draft(options);
  builders[config.family](draft, config);
  return draft;
}

/** What one layer weighs. */
export interface LayerShape {
  readonly name: string;
  /** elements of matrices that every token passes */
  readonly matrices: number;
  /** elements of one expert, and how many there are; 0 and 0: none */
  readonly expert: number;
  readonly experts: number;
  /** elements of tables that are looked up and of vectors */
  readonly tables: number;
  readonly vectors: number;
  /** elements of the cache per token */
  readonly cache: number;
  /** products of a token with the matrices, and with one expert's, in the order of the graph */
  readonly products: readonly LayerProduct[];
  readonly expertProducts: readonly LayerProduct[];
  /** attentions of a token, and norms of its whole vector */
  readonly attentions: number;
  readonly norms: number;
}

/** Sizes of a model, without any weight at hand. */
export interface ModelShape {
  readonly config: ModelConfig;
  readonly layers: readonly LayerShape[];
  readonly parameters: number;
  /** parameters that take part in one token's products: all matrices and the chosen experts */
  readonly active: number;
}

const shapes = new WeakMap<ModelConfig, ModelShape>();

/** Sizes of a configuration's layers, in the order of the graph. */
export function shapeOf(config: ModelConfig): ModelShape {
  const known = shapes.get(config);
  if (known !== undefined) return known;
  // a prompt's graph has every weight
  const draft = draftOf(config, { dtype: "f16", step: "prefill", batch: 1, sequence: 1 });
  const names = [...new Set(draft.weights.map(({ layer }) => layer))];
  const layers = names.map((name): LayerShape => {
    const own = draft.weights.filter(({ layer }) => layer === name);
    const sum = (role: string): number =>
      own.filter((weight) => weight.role === role).reduce((total, weight) => total + elementsOf(weight), 0);
    const experts = own.find(({ role }) => role === "expert")?.dims[0];
    return {
      name,
      matrices: sum("matrix"),
      ...(experts === undefined ? { expert: 0, experts: 0 } : { expert: sum("expert") / experts, experts }),
      tables: sum("embedding"),
      vectors: sum("vector"),
      cache: draft.cache
        .filter(({ layer }) => layer === name)
        .reduce((total, { elementsPerToken }) => total + elementsPerToken, 0),
      products: own.filter(({ role }) => role === "matrix").map(productWith),
      // an expert's biases are vectors and take part in no product
      expertProducts: own.filter(({ role, dims }) => role === "expert" && dims.length === 3).map(productWith),
      attentions: own.filter((weight) => weight.role === "matrix" && weight.name.endsWith("attn.o_proj.weight")).length,
      norms: own.filter(
        (weight) =>
          weight.role === "vector" && weight.name.endsWith("norm.weight") && elementsOf(weight) === config.hidden,
      ).length,
    };
  });
  const total = (of: (layer: LayerShape) => number): number => layers.reduce((sum, layer) => sum + of(layer), 0);
  const chosen = config.experts?.chosen ?? 0;
  const head = config.tied ? config.hidden * config.vocabulary : 0;
  const shape = {
    config,
    layers,
    parameters: total((layer) => parametersOf(layer)),
    active:
      head + total(({ matrices, expert, experts, vectors }) => matrices + vectors + Math.min(chosen, experts) * expert),
  };
  shapes.set(config, shape);
  return shape;
}

/** The product that a matrix stands for. Matrices of a third dim are one for each head, on cores of its own; or one for each expert, of which one counts. */
function productWith({ role, dims }: Weight): LayerProduct {
  const [k, n] = [nth(dims, dims.length - 2), nth(dims, dims.length - 1)];
  const heads = role === "matrix" && dims.length === 3 ? nth(dims, 0) : 1;
  return { k: heads * k, n };
}

/** All parameters of a layer. */
export const parametersOf = ({ matrices, expert, experts, tables, vectors }: LayerShape): number =>
  matrices + expert * experts + tables + vectors;
