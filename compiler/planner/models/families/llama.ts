/** Dense decoders with turned positions, gated feed-forward parts, and keys for groups of heads: Llama, Mistral, Qwen. */
import type { ModelConfig } from "../config.ts";
import type { Draft } from "../draft.ts";
import { rotaryDecoder } from "../blocks/decoder.ts";
import { feedForward } from "../blocks/feed-forward.ts";

export function llama(draft: Draft, config: ModelConfig): void {
  rotaryDecoder(draft, config, (x) => feedForward(draft, x, config.hidden, config.feedForward));
}
