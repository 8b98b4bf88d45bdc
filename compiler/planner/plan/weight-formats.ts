/** Forms of weights that plans know. */
export const weightFormats = ["fp16", "bf16", "int8", "fp8", "mxfp4"] as const;

export type WeightFormat = (typeof weightFormats)[number];
