/** What all decoders share: embedding, a chain of residual layers, the last norm and the logits of the last token. */
import { type ModelConfig, seenBy } from "../config.ts";
import type { Dim, Draft } from "../draft.ts";
import { selfAttention, type Sight } from "./attention.ts";
import { looked, normalized, scaled } from "./elementary.ts";
import { maskOf, type Places, placesOfKeys, turnOf } from "./positions.ts";

/** Inputs of a decoder. */
export interface Prompt {
  readonly ids: string;
  readonly places: Places;
}

/** Tokens that a step reads. */
export const newTokens = ({ options: { step, sequence } }: Draft): Dim =>
  step === "decode" ? 1 : sequence === "open" ? "sequence" : sequence;

/** Declares `input_ids` and `position_ids`. The first layer's cache must be declared by a decode step's graph, for its length. */
export function prompt(draft: Draft, pastOf: string | null): Prompt {
  const dims = [draft.options.batch, newTokens(draft)];
  const ids = draft.input("input_ids", "i64", dims);
  const queries = draft.input("position_ids", "i64", dims);
  return { ids, places: { queries, keys: placesOfKeys(draft, ids, pastOf) } };
}

/** Name of the past part of a decoder's first layer, whose axis 2 counts the tokens behind; null where there is none. */
export const firstPast = ({ options: { step } }: Draft, part: string): string | null =>
  step === "prefill" ? null : `past_key_values.0.${part}`;

/** A mask for each layer: none where a single new token may look at everything. */
export function masks(draft: Draft, config: ModelConfig, places: Places): (layer: number) => string | null {
  const made = new Map<number | null, string | null>();
  const build = (window: number | null): string | null =>
    window === null && draft.options.step === "decode" ? null : maskOf(draft, places, window);
  return (layer) => {
    const window = seenBy(config, layer, Infinity);
    const key = Number.isFinite(window) ? window : null;
    const known = made.get(key);
    if (known !== undefined) return known;
    const mask = build(key);
    made.set(key, mask);
    return mask;
  };
}

/** Attention and feed-forward of one layer. */
export interface LayerParts {
  readonly attention: (x: string, layer: number) => string;
  readonly forward: (x: string, layer: number) => string;
}

/** The layers one after the other; weights of layer i belong to `layers.i`. */
export function residualLayers(draft: Draft, start: string, config: ModelConfig, parts: LayerParts): string {
  const { hidden, norm, layers, parallel = false, sandwich = false } = config;
  let x = start;
  for (let layer = 0; layer < layers; layer++) {
    x = draft.layer(`layers.${layer}`, () => {
      const add = (to: string, part: string): string => draft.op("Add", [to, part]);
      const after = (value: string, name: string): string =>
        sandwich ? normalized(draft, value, name, hidden, norm) : value;
      const attended = draft.within("self_attn", () =>
        parts.attention(normalized(draft, x, "input_norm", hidden, norm), layer),
      );
      const middle = add(x, after(attended, "attention_norm"));
      const read = parallel ? x : middle;
      const forward = draft.within("mlp", () => parts.forward(normalized(draft, read, "norm", hidden, norm), layer));
      return add(middle, after(forward, "forward_norm"));
    });
  }
  return x;
}

/** Embedding of the tokens, times the model's factor. */
export const embedded = (draft: Draft, ids: string, { vocabulary, hidden, multipliers }: ModelConfig): string =>
  draft.layer("embedding", () =>
    scaled(draft, looked(draft, ids, "tokens", [vocabulary, hidden]), multipliers?.embedding ?? 1),
  );

/** Logits of the last token, the output `logits` [batch, 1, vocabulary]. */
export function logits(draft: Draft, x: string, config: ModelConfig): void {
  const { hidden, vocabulary, norm, tied, multipliers } = config;
  draft.layer("head", () => {
    const last =
      draft.options.step === "decode" ? x : draft.op("Slice", [x, draft.ints(-1), draft.ints(2 ** 31), draft.ints(1)]);
    const ready = normalized(draft, last, "norm", hidden, norm);
    const matrix = tied
      ? draft.op("Transpose", ["embedding.tokens.weight"], { perm: [1, 0] })
      : draft.weight("weight", [hidden, vocabulary], "matrix");
    const product = draft.op("MatMul", [ready, matrix]);
    const { batch, dtype } = draft.options;
    draft.output("logits", scaled(draft, product, multipliers?.logits ?? 1), {
      kind: "tensor",
      dtype,
      dims: [batch, 1, vocabulary],
    });
  });
}

/** A decoder whose layers see rotated positions through one cache of keys and values. */
export function rotaryDecoder(draft: Draft, config: ModelConfig, forward: LayerParts["forward"]): void {
  const { ids, places } = prompt(draft, firstPast(draft, "key"));
  const { positions } = config;
  const turn = positions.kind === "rotary" ? turnOf(draft, places.queries, positions) : null;
  const mask = masks(draft, config, places);
  const x = residualLayers(draft, embedded(draft, ids, config), config, {
    attention: (value, layer) => {
      const sight: Sight = { turn, mask: mask(layer) };
      return selfAttention(draft, value, config, String(layer), sight);
    },
    forward,
  });
  logits(draft, x, config);
}
