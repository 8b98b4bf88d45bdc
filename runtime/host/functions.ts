/**
 * The functions that host ops call, by name: the camelCase of the ONNX operator where there is one. Each family is a file.
 *
 * Operands are positional. Trailing optional operands may be left out; one before a present operand is filled with the default that the
 * table gives (a constant). `?` marks what may be left out. Flags are booleans (0 and 1 do as well). Element types are our own names
 * ("f32"). Axes may be negative. Numbers that JSON cannot hold are written as strings ("NaN", "Infinity", "-Infinity").
 *
 * | function | operands | attributes | results |
 * |---|---|---|---|
 * | nonZero | x | | i64[rank, n] |
 * | unique | x | axis: int or null, sorted | values, first index i64[n], inverse i64[count], counts i64[n] |
 * | compress | x, condition bool[k] | axis: int or null | x's dtype |
 * | nonMaxSuppression | boxes f32[b,n,4], scores f32[b,c,n], maxOutputBoxesPerClass? i64 (0), iouThreshold? f32 (0), scoreThreshold? f32 (-inf) | centerPointBox | i64[k,3] |
 * | identity | any value | | the same |
 * | sequenceConstruct | element… | | sequence |
 * | sequenceEmpty | | | sequence |
 * | sequenceAt | sequence, position (i32, i64) | | element |
 * | sequenceInsert | sequence, element, position? | | sequence |
 * | sequenceErase | sequence, position? | | sequence |
 * | sequenceLength | sequence | | i64[] |
 * | concatFromSequence | sequence of tensors | axis, newAxis | tensor |
 * | splitToSequence | x, split? (scalar or vector) | axis, keepdims | sequence |
 * | optional | value? | | optional |
 * | optionalGetElement | optional (or a bare value) | | the value |
 * | optionalHasElement | optional (or a bare value)? | | bool[] |
 * | stringConcat | x, y (broadcast) | | string |
 * | stringEqual | x, y (broadcast) | | bool |
 * | stringWhere | condition bool, x, y (broadcast) | | string |
 * | stringNormalizer | x string[c] or [1,c] | caseChangeAction: "NONE", "LOWER" or "UPPER", isCaseSensitive, stopwords: string[], locale: string | string |
 * | stringSplit | x | delimiter: string or null, maxsplit: int or null | string[…x, most], i64[…x] |
 * | regexFullMatch | x | pattern | bool |
 * | tokenizer | x string[c] or [n,c] | separators: string[] (none: tokenexp counts), tokenexp?, mincharnum, mark, padValue | string[…x, most] |
 * | murmurHash3 | x string, i32 or u32 | seed, to: "i32" or "u32" | to |
 * | bifurcation | source i64[s], current i64[c], position i64[], predicted i64[p]? | least, most: lengths of runs | i64[n], i64[] |
 * | castToString | x | | string |
 * | castFromString | x | to: dtype, saturate (true) | to |
 * | labelEncoder | x, keys [k], values [k], default (scalar) | isClosed (false): what is no key is an error | values' dtype, x's shape |
 * | tfIdfVectorizer | x string, i32 or i64, [c] or [b,c] | mode: "TF", "IDF" or "TFIDF", minGramLength, maxGramLength, maxSkipCount, ngramCounts, ngramIndexes: int[], poolInt64s or poolStrings, weights?: number[] | f32[…, 1 + max index] |
 * | randomUniform | | shape: int[], dtype, low, high, seed: number | tensor |
 * | randomNormal | | shape: int[], dtype, mean, scale, seed: number | tensor |
 * | bernoulli | p | dtype, seed: number | p's shape |
 * | multinomial | log p [b, classes] | sampleSize, dtype: "i32" or "i64", seed: number | [b, sampleSize] |
 * | coupledProbabilities | scores f32[b, pairs] of pairs of classes, a f32[pairs], b f32[pairs] | | f32[b, classes] |
 * | det | x […, n, n] | | […] |
 * | inverse | x […, n, n] | | […, n, n] |
 * | bitCast | x | to: dtype of the same width | to |
 * | dft | x […, 1 or 2], dftLength? (i64; 0: x's), axis? (i64, in place of the attribute) | axis, inverse, onesided | […, 2] (or […, 1] for inverse and onesided) |
 * | stft | signal [b, n, 1 or 2], window? [frameLength] | frameStep, frameLength: int, onesided | [b, frames, bins, 2] |
 * | melWeightMatrix | numMelBins, dftLength, sampleRate (ints), lowerEdgeHertz, upperEdgeHertz (floats) | to: dtype | [dftLength / 2 + 1, numMelBins] |
 * | zipMap | x f32[c] or [b, c], keys [c] | | sequence of maps, one for each row |
 * | dictVectorizer | map, vocabulary [n] of keys | | [1, n] of the map's values, zero or empty for a key that is not there |
 * | castMap | map of i64 keys | to: dtype, length: int or null (as many as there are) | [1, length] in the order of the keys |
 * | imageDecoder | x u8[n], a file: PNG, JPEG, BMP, TIFF, PNM | pixelFormat: "RGB", "BGR" or "Grayscale" | u8[h, w, 3 or 1], empty for what cannot be decoded |
 * | evaluate | the op's operands | op: an IR op without expressions, as JSON (kind and its fields) | that op's: movement of strings and complex numbers |
 * | constant | | dtype: "string", shape: int[], elements: string[] | tensor |
 *
 * Seeds: a frontend gives each random node without a seed a different fixed number, so that runs repeat; within one session a node's
 * stream goes on from call to call (`HostState`).
 */
import { boxFunctions } from "./boxes.ts";
import { constantFunctions } from "./constants.ts";
import { evaluateFunctions } from "./evaluate-op.ts";
import { imageFunctions } from "./images/decode.ts";
import { mapFunctions } from "./maps.ts";
import { matrixFunctions } from "./matrices.ts";
import { ngramFunctions } from "./ngrams.ts";
import { probabilityFunctions } from "./probabilities.ts";
import { randomFunctions } from "./random.ts";
import { selectionFunctions } from "./selection.ts";
import { sequenceFunctions } from "./sequences.ts";
import { signalFunctions } from "./signal.ts";
import { castFunctions } from "./string-casts.ts";
import { stringFunctions } from "./strings.ts";
import { tokenizerFunctions } from "./tokenizer.ts";
import { tokenFunctions } from "./tokens.ts";
import { uniqueFunctions } from "./unique.ts";
import type { HostFunction } from "./value.ts";

/** All host functions by name. */
export const hostFunctions: ReadonlyMap<string, HostFunction> = new Map([
  ...selectionFunctions,
  ...uniqueFunctions,
  ...boxFunctions,
  ...sequenceFunctions,
  ...stringFunctions,
  ...tokenizerFunctions,
  ...tokenFunctions,
  ...castFunctions,
  ...mapFunctions,
  ...ngramFunctions,
  ...probabilityFunctions,
  ...randomFunctions,
  ...signalFunctions,
  ...matrixFunctions,
  ...imageFunctions,
  ...evaluateFunctions,
  ...constantFunctions,
]);

/** Functions of tensors whose results have elements of their own: they may read their operands where these lie, for as long as a call. */
export const readsInPlace: ReadonlySet<string> = new Set(
  [selectionFunctions, uniqueFunctions, boxFunctions, signalFunctions, matrixFunctions].flatMap((family) =>
    family.map(([name]) => name),
  ),
);
