/** What the layers of a model do for a token, as the shared clock takes it: products with their matrices, attentions, norms. */
import type { LayerAttention, LayerProduct, LayerWork } from "../../../ir/machine/layer-cycles.ts";
import type { LayerShape } from "../models/build.ts";
import type { ModelConfig } from "../models/config.ts";

/** A layer's work by how it is dealt out over wafers: what all tokens pass, and what those pass that chose an expert. */
export interface ItemWork {
  readonly dense: LayerWork;
  /** the experts that a token chooses, side by side; null: none */
  readonly experts: LayerWork | null;
}

/** Elements of a layer's scores and values, all heads together. */
function attentionOf({ attention }: ModelConfig): LayerAttention {
  if (attention.kind === "heads") {
    const size = attention.heads * attention.headSize;
    return { scored: size, used: size };
  }
  // the cache holds latents; queries are mapped to them, and results back
  const { heads, latent, turned } = attention;
  return { scored: heads * (latent + turned), used: heads * latent };
}

const chosenOf = ({ experts }: ModelConfig, layer: LayerShape): number =>
  experts === undefined ? 0 : Math.min(layer.experts, experts.chosen);

/** Every core holds a tile of each expert, so that those that a token chose are one wide product, and the last one sums over all of them. */
const sideBySide = (products: readonly LayerProduct[], chosen: number): readonly LayerProduct[] =>
  products.map(({ k, n }, i) => (i === products.length - 1 ? { k: chosen * k, n } : { k, n: chosen * n }));

/** The work of a layer; `lastMatrix`: a tied model's head multiplies with the table that rows are looked up in. */
export function workOfShape(config: ModelConfig, layer: LayerShape, lastMatrix: LayerProduct | null): ItemWork {
  const { feedForward, experts } = config;
  const chosen = chosenOf(config, layer);
  const hasExperts = layer.experts > 0 && experts !== undefined;
  const isLayer = layer.attentions > 0;
  return {
    dense: {
      products: lastMatrix === null ? layer.products : [...layer.products, lastMatrix],
      attentions: Array.from({ length: layer.attentions }, () => attentionOf(config)),
      norms: layer.norms,
      gated: !isLayer ? 0 : hasExperts ? experts.shared * experts.inner : feedForward.inner,
    },
    experts: hasExperts
      ? {
          products: sideBySide(layer.expertProducts, chosen),
          attentions: [],
          norms: 0,
          gated: chosen * experts.inner,
        }
      : null,
  };
}

/** The part of a layer that a wafer has whose matrices are cut along their columns, and its heads with them. */
export const partOfWork = (share: number, work: LayerWork): LayerWork =>
  share === 1
    ? work
    : {
        ...work,
        products: work.products.map(({ k, n }) => ({ k, n: share * n })),
        attentions: work.attentions.map(({ scored, used }) => ({ scored: share * scored, used: share * used })),
        gated: share * work.gated,
      };
