/** Decoders with attention over latents and experts: DeepSeek, Kimi. */
import { hasExperts, type ModelConfig } from "../config.ts";
import type { Draft } from "../draft.ts";
import { embedded, firstPast, logits, masks, prompt, residualLayers } from "../blocks/decoder.ts";
import { forwardOf } from "../blocks/feed-forward.ts";
import { latentAttention } from "../blocks/latent-attention.ts";
import { turnOf } from "../blocks/positions.ts";

export function latent(draft: Draft, config: ModelConfig): void {
  const { ids, places } = prompt(draft, firstPast(draft, "latent"));
  const turn = config.positions.kind === "rotary" ? turnOf(draft, places.queries, config.positions) : null;
  const mask = masks(draft, config, places);
  const x = residualLayers(draft, embedded(draft, ids, config), config, {
    attention: (value, layer) => latentAttention(draft, value, config, String(layer), { turn, mask: mask(layer) }),
    forward: (value, layer) => forwardOf(draft, value, config, hasExperts(config, layer)),
  });
  logits(draft, x, config);
}
