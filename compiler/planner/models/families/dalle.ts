/**
 * DALL-E: a decoder over 256 tokens of text and 1,024 of an image, in one vocabulary. The paper's layers look at a row, a column or a
 * neighbourhood of the image; here every layer looks at all tokens before, which takes the same weights and more products of attention.
 */
import type { ModelConfig } from "../config.ts";
import type { Draft } from "../draft.ts";
import { gpt } from "./gpt.ts";

export function dalle(draft: Draft, config: ModelConfig): void {
  gpt(draft, config);
}
