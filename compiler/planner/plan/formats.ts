/** How many bytes the parts of a model take, by the form of its weights. */
import { nth } from "../../../ir/access.ts";
import type { LayerShape } from "../models/build.ts";
import { type ItemWork, workOfShape } from "../speed/layer-work.ts";
import type { WeightFormat } from "./weight-formats.ts";
import { type ModelConfig, seenBy } from "../models/config.ts";

/** Bytes of an element in a 16-bit type: tables, vectors, the cache, values. */
export const wide = 2;

/** 4 bits and a scale of 8 bits for every 32 elements. */
const mxfp4 = 4.25 / 8;

/** Bytes of a matrix element; MXFP4 is for experts where there are some, and for all matrices where there are none. */
interface ElementBytes {
  readonly matrix: number;
  readonly expert: number;
}

export function elementBytes(format: WeightFormat, { experts }: ModelConfig): ElementBytes {
  switch (format) {
    case "fp16":
    case "bf16":
      return { matrix: wide, expert: wide };
    case "int8":
    case "fp8":
      return { matrix: 1, expert: 1 };
    case "mxfp4":
      return { matrix: experts === undefined ? mxfp4 : wide, expert: mxfp4 };
  }
}

/** A layer as plans place it, in bytes. */
export interface Item {
  readonly name: string;
  /** matrices, tables and vectors that stand together */
  readonly dense: number;
  readonly experts: number;
  readonly expertBytes: number;
  /** cache of one sequence */
  readonly cache: number;
  /** values of one token that a layer has at once */
  readonly values: number;
  /** multiply-adds of one token with weights */
  readonly work: number;
  /** what it does for a token */
  readonly does: ItemWork;
  /** whether a decoded token passes it: an encoder's layers see prompts only */
  readonly decodes: boolean;
  /** layers of one kind take the same time */
  readonly kind: string;
  /** tokens that are looked at, of the context */
  readonly seen: number;
}

export const itemBytes = ({ dense, experts, expertBytes }: Item): number => dense + experts * expertBytes;

/**
 * Layers of a model in bytes, with caches for `context` tokens of one sequence. `copiedTable`: where the last wafer is not the first, a
 * tied model's last matrix is a copy of the table that rows are looked up in.
 */
export function itemsOf(
  config: ModelConfig,
  layers: readonly LayerShape[],
  format: WeightFormat,
  context: number,
  copiedTable: boolean,
): readonly Item[] {
  const bytes = elementBytes(format, config);
  const decoder = /^(?:decoder\.)?layers\.(\d+)$/;
  const items = layers.map((layer): Item => {
    const index = decoder.exec(layer.name)?.[1];
    const seen = index === undefined ? context : seenBy(config, Number(index), context);
    const { experts } = config;
    const chosen = layer.experts === 0 || experts === undefined ? null : experts;
    const inner = chosen === null ? config.feedForward.inner : chosen.inner * chosen.chosen;
    return {
      name: layer.name,
      dense: layer.matrices * bytes.matrix + (layer.tables + layer.vectors) * wide,
      experts: layer.experts,
      expertBytes: Math.ceil(layer.expert * bytes.expert),
      cache: layer.cache * seen * wide,
      values: (4 * config.hidden + 2 * inner) * wide,
      work: layer.matrices + (chosen === null ? 0 : layer.expert * Math.min(layer.experts, chosen.chosen)),
      does: workOfShape(config, layer, null),
      decodes: !layer.name.startsWith("encoder"),
      kind: `${layer.name.replace(/\d+/, "")} ${layer.matrices} ${layer.experts} ${layer.attentions} ${seen}`,
      seen,
    };
  });
  const table = layers.find(({ tables }) => tables > 0);
  if (!config.tied || table === undefined) return items;
  const product = { k: config.hidden, n: config.vocabulary };
  const matrix = product.k * product.n;
  return items.map((item, i) =>
    item.name === "head"
      ? {
          ...item,
          dense: item.dense + (copiedTable ? matrix * wide : 0),
          work: item.work + matrix,
          does: workOfShape(config, nth(layers, i), product),
        }
      : item,
  );
}
