/** What a language model is made of: numbers, from which its graph, its weights and its plan follow. */

/** Which builder of graphs a model takes (families/). */
export const families = ["gpt", "llama", "mixture", "latent", "switch", "dalle"] as const;

export type Family = (typeof families)[number];

export const activations = ["relu", "gelu", "gelu-tanh", "silu", "clamped-silu"] as const;

export type Activation = (typeof activations)[number];

/** How far the rotation of positions is stretched beyond the context that a model was first trained with. */
export type RotaryScaling =
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequency: number;
      readonly highFrequency: number;
      /** tokens of the first training */
      readonly original: number;
    }
  | {
      readonly kind: "yarn";
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly original: number;
      /** the pairs between which frequencies pass over are whole numbers */
      readonly whole: boolean;
      /** what sines and cosines are multiplied by */
      readonly magnitude: number;
    };

export type Positions =
  | { readonly kind: "learned" }
  | {
      readonly kind: "rotary";
      /** elements of a head that turn; the rest stay */
      readonly size: number;
      readonly base: number;
      /** pairs lie side by side instead of half a head apart */
      readonly interleaved?: boolean;
      readonly scaling?: RotaryScaling;
    }
  /** a projection of the distances in each layer, with two biases per head (Transformer-XL) */
  | { readonly kind: "relative" }
  /** a learned bias for each head and bucket of distances (T5), in the first layer of a stack */
  | { readonly kind: "buckets"; readonly count: number; readonly farthest: number };

/** Attention with keys and values per head, or per group of heads. */
export interface HeadAttention {
  readonly kind: "heads";
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** biases of the projections to queries, keys and values; and of the one behind */
  readonly bias: { readonly in: boolean; readonly out: boolean };
  /** queries and keys pass a norm of their own */
  readonly headNorm?: boolean;
  /** a learned score per head that takes part in the softmax and has no value */
  readonly sinks?: boolean;
  /** scores are bent by a hyperbolic tangent so that none is beyond it */
  readonly scoreLimit?: number;
  /** every other layer, the first included, sees so many tokens only */
  readonly window?: number;
  /** scores are multiplied by it; default headSize^-1/2 */
  readonly scale?: number;
}

/** Attention whose keys and values are made of one narrow latent per token, which is what the cache holds. */
export interface LatentAttention {
  readonly kind: "latent";
  readonly heads: number;
  readonly queryRank: number;
  readonly latent: number;
  /** elements of a head without and with rotation, and of its values */
  readonly plain: number;
  readonly turned: number;
  readonly value: number;
  readonly scale: number;
}

export type Attention = HeadAttention | LatentAttention;

export interface FeedForward {
  readonly inner: number;
  readonly activation: Activation;
  /** a second matrix whose result is multiplied with the activated one */
  readonly gated: boolean;
  readonly bias: boolean;
}

/** How tokens find their experts. */
export interface Router {
  readonly score: "softmax" | "sigmoid";
  /** scores are made of all logits, or of the chosen ones alone */
  readonly of: "all" | "chosen";
  /** the chosen scores are divided by their sum */
  readonly normalized: boolean;
  readonly scale: number;
  readonly bias: boolean;
  /** a bias that decides the choice and is not in the scores */
  readonly correction: boolean;
  /** experts lie in groups, of which some are chosen first */
  readonly groups?: { readonly count: number; readonly chosen: number };
}

export interface Experts {
  readonly count: number;
  /** experts that a token takes */
  readonly chosen: number;
  readonly inner: number;
  /** experts that every token takes, beside the chosen ones */
  readonly shared: number;
  readonly router: Router;
  /** layers before the first one with experts */
  readonly after: number;
  /** every so many layers has experts; 1: all */
  readonly every: number;
}

export interface ModelConfig {
  readonly name: string;
  readonly family: Family;
  /** where the figures come from */
  readonly source: string;
  /** layers of the decoder, or of the only stack */
  readonly layers: number;
  /** layers of the encoder before it */
  readonly encoderLayers?: number;
  readonly hidden: number;
  readonly vocabulary: number;
  /** tokens that the model was made for */
  readonly context: number;
  /** the last matrix is the embedding's */
  readonly tied: boolean;
  readonly norm: { readonly kind: "layer" | "rms"; readonly epsilon: number };
  readonly positions: Positions;
  readonly attention: Attention;
  readonly feedForward: FeedForward;
  readonly experts?: Experts;
  /** attention and feed-forward read the same value, and both are added to it */
  readonly parallel?: boolean;
  /** norms behind attention and feed-forward as well as before */
  readonly sandwich?: boolean;
  /** what embeddings and logits are multiplied by; default 1 */
  readonly multipliers?: { readonly embedding: number; readonly logits: number };
}

/** Whether a layer has experts. */
export const hasExperts = ({ experts }: ModelConfig, layer: number): boolean =>
  experts !== undefined && layer >= experts.after && (layer - experts.after) % experts.every === experts.every - 1;

/** Tokens that a layer of the decoder looks back at, of `context`. */
export const seenBy = ({ attention }: ModelConfig, layer: number, context: number): number =>
  attention.kind === "heads" && attention.window !== undefined && layer % 2 === 0
    ? Math.min(attention.window, context)
    : context;

/** What may be made smaller, to have a small member of a family. */
export interface Overrides {
  readonly layers?: number;
  readonly hidden?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly headSize?: number;
  readonly inner?: number;
  readonly vocabulary?: number;
  readonly experts?: number;
  readonly chosen?: number;
  readonly context?: number;
}

/** The configuration with some sizes replaced. Of a model with layers before its first experts, at least one layer of each kind stays. */
export function resized(config: ModelConfig, given: Overrides): ModelConfig {
  const layers = given.layers ?? config.layers;
  const { experts } = config;
  return {
    ...config,
    layers,
    ...(config.encoderLayers === undefined ? {} : { encoderLayers: given.layers ?? config.encoderLayers }),
    hidden: given.hidden ?? config.hidden,
    vocabulary: given.vocabulary ?? config.vocabulary,
    context: given.context ?? config.context,
    positions: resizedPositions(config.positions, config.attention, given),
    attention: resizedAttention(config.attention, given),
    feedForward: { ...config.feedForward, inner: given.inner ?? config.feedForward.inner },
    ...(experts === undefined ? {} : { experts: resizedExperts(experts, given, layers) }),
  };
}

function resizedExperts(experts: Experts, given: Overrides, layers: number): Experts {
  const count = given.experts ?? experts.count;
  const chosen = Math.min(given.chosen ?? experts.chosen, count);
  const { groups, ...router } = experts.router;
  const keeps = groups !== undefined && count % groups.count === 0 && count / groups.count >= 2;
  return {
    ...experts,
    count,
    chosen,
    inner: given.inner ?? experts.inner,
    after: Math.min(experts.after, Math.max(0, layers - experts.every)),
    router: keeps ? { ...router, groups } : router,
  };
}

function resizedAttention(attention: Attention, given: Overrides): Attention {
  const heads = given.heads ?? attention.heads;
  if (attention.kind === "latent") {
    const [size] = [given.headSize];
    if (size === undefined) return { ...attention, heads };
    return { ...attention, heads, plain: size, turned: size / 2, value: size, latent: 2 * size, queryRank: 3 * size };
  }
  const kvHeads = given.kvHeads ?? (attention.kvHeads === attention.heads ? heads : Math.min(attention.kvHeads, heads));
  const { scale, ...rest } = attention;
  const headSize = given.headSize ?? attention.headSize;
  const keeps = scale !== undefined && headSize === attention.headSize;
  return { ...rest, heads, kvHeads, headSize, ...(keeps ? { scale } : {}) };
}

function resizedPositions(positions: Positions, attention: Attention, { headSize }: Overrides): Positions {
  if (positions.kind !== "rotary" || headSize === undefined) return positions;
  if (attention.kind === "latent") return { ...positions, size: headSize / 2 };
  const share = positions.size / attention.headSize;
  return { ...positions, size: Math.max(2, 2 * Math.round((headSize * share) / 2)) };
}
