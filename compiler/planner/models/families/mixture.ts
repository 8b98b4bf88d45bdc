/** Decoders like Llama's whose feed-forward parts are experts: Grok, gpt-oss, Qwen3, Mixtral. */
import { hasExperts, type ModelConfig } from "../config.ts";
import type { Draft } from "../draft.ts";
import { rotaryDecoder } from "../blocks/decoder.ts";
import { forwardOf } from "../blocks/feed-forward.ts";

export function mixtureOfExperts(draft: Draft, config: ModelConfig): void {
  rotaryDecoder(draft, config, (x, layer) => forwardOf(draft, x, config, hasExperts(config, layer)));
}
