/** Versions of domains: which ones the operator tables know, and which one holds where a model does not say. */

/** Newest version of each domain that the operator tables were written against; newer ones may have changed an operator's meaning. */
export const newestOpset: ReadonlyMap<string, number> = new Map([
  ["", 28],
  ["ai.onnx.ml", 5],
  ["com.microsoft", 1],
  ["com.microsoft.nchwc", 1],
  ["ai.onnx.preview", 1],
  ["ai.onnx.preview.training", 1],
]);

/** Oldest version of ai.onnx of which all operators are known; older models are read as far as their nodes have forms that are known too. */
export const oldestOpset = 7;

/**
 * The version that holds for a node of `domain` where `opsets` are imported. As in onnxruntime, whose optimizer writes com.microsoft without
 * importing it, a domain that is left out counts as imported in its newest version; undefined when nothing is imported or the domain is not known.
 */
export const opsetIn = (opsets: ReadonlyMap<string, number>, domain: string): number | undefined =>
  opsets.get(domain) ?? (opsets.size === 0 ? undefined : newestOpset.get(domain));
