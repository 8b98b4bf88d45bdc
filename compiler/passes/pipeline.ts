/** The passes in the order in which they run, and the driver: each pass's result is verified, and can be printed. */
import { fail, renderDiagnostic, showName } from "../../ir/diagnostic.ts";
import type { Graph } from "../../ir/graph.ts";
import { nameHint } from "../../ir/nearest.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { assignLayout } from "./assign-layout.ts";
import { byteImages } from "./byte-images.ts";
import { canonicalize } from "./canonicalize.ts";
import { commonSubexpressions } from "./common-subexpressions.ts";
import { deadCode } from "./dead-code.ts";
import { exchangeHalves } from "./exchange-halves.ts";
import { foldConstants } from "./fold-constants.ts";
import { foldQuantizers } from "./fold-quantizers.ts";
import { foldScale } from "./fold-scale.ts";
import { foldTranspose } from "./fold-transpose.ts";
import { fuseElementwise } from "./fuse-elementwise.ts";
import { fuseEpilogue } from "./fuse-epilogue.ts";
import { gatherQuantized } from "./gather-quantized.ts";
import { integerProducts } from "./integer-products.ts";
import type { Pass } from "./pass.ts";
import { recognizeNormalization } from "./recognize-normalization.ts";
import { shareJoined } from "./share-joined.ts";
import { sinkReshapes } from "./sink-reshapes.ts";
import { sinkTransposes } from "./sink-transposes.ts";
import { trimUnread } from "./trim-unread.ts";
import { unsignedBytes } from "./unsigned-bytes.ts";
import { weightOnly } from "./weight-only.ts";
import { widenSmallFloats } from "./widen-small-floats.ts";

export const pipeline: readonly Pass[] = [
  // what nobody reads needs no other pass
  deadCode,
  // while dequantized weights are still integers
  integerProducts,
  // what integer-products left: one operand quantized, the other a float
  weightOnly,
  gatherQuantized,
  foldConstants,
  // few forms from here on: patterns below rely on literals being inside expressions
  canonicalize,
  commonSubexpressions,
  // while operations are small: each is trimmed by itself
  trimUnread,
  unsignedBytes,
  // while every operation still widens and narrows for itself
  widenSmallFloats,
  commonSubexpressions,
  // before maps merge, while their parts are still single operations
  recognizeNormalization,
  exchangeHalves,
  // twice: the first merge may leave a value with one reader where it had two
  fuseElementwise,
  fuseElementwise,
  // needs bias and BatchNorm in one expression
  foldScale,
  canonicalize,
  foldTranspose,
  assignLayout,
  sinkTransposes,
  canonicalize,
  sinkReshapes,
  canonicalize,
  // maps that transposes and reshapes kept apart
  fuseElementwise,
  byteImages,
  foldQuantizers,
  // last of the fusions: what is left over behind a producer
  fuseEpilogue,
  canonicalize,
  foldConstants,
  commonSubexpressions,
  // when no other pass moves concats or what they read any more
  shareJoined,
  deadCode,
];

/** A pass of a user's, behind one of the pipeline's: the last time where that runs more than once. */
export interface OwnPass {
  readonly after: string;
  readonly pass: Pass;
}

export interface PassOptions {
  /** run in their order behind the passes that they name, and verified as those are */
  readonly own?: readonly OwnPass[];
  /** called with the graph after each pass; `changed` says whether the pass did anything */
  readonly onPass?: (pass: Pass, graph: Graph, changed: boolean) => void;
  /** verify after every pass (default) */
  readonly verify?: boolean;
}

export function runPasses(graph: Graph, options: PassOptions = {}): Graph {
  const own = new Set(options.own?.map(({ pass }) => pass));
  let current = graph;
  for (const pass of withOwn(options.own ?? [])) {
    const next = pass.run(current);
    if (options.verify !== false && next !== current) verifyAfter(pass, next, own.has(pass));
    options.onPass?.(pass, next, next !== current);
    current = next;
  }
  return current;
}

/** The pipeline with own passes in it; throws WSC8001 for one that comes after no pass. */
function withOwn(own: readonly OwnPass[]): readonly Pass[] {
  const names = pipeline.map(({ name }) => name);
  const places = own.map(({ after, pass }) => {
    const place = names.lastIndexOf(after);
    if (place >= 0) return { place, pass };
    throw fail("WSC8001", `pass ${showName(pass.name)} comes after "${showName(after)}", and there is no such pass`, {
      hint: nameHint(after, "passes", [...new Set(names)]),
    });
  });
  return pipeline.flatMap((builtIn, index) => [
    builtIn,
    ...places.flatMap(({ place, pass }) => (place === index ? [pass] : [])),
  ]);
}

/** A pass that breaks the graph is a defect: of its author where it is a user's own, else of wsc. */
function verifyAfter(pass: Pass, graph: Graph, isOwn: boolean): void {
  const [first] = verifyGraph(graph);
  if (first === undefined) return;
  const problem = renderDiagnostic(first);
  if (!isOwn) throw new Error(`internal: pass ${pass.name} left an invalid graph: ${problem}`);
  throw fail("WSC4001", `it left an invalid graph: ${problem}`, { subject: `pass ${showName(pass.name)}` });
}
