/** How full the links of a wafer are: for every router the words of its fullest link, by the same count as the certificate's fullest link. */
import { nth } from "../../../ir/access.ts";
import { copyOffset } from "../../../ir/placement.ts";
import { loadsOf } from "../../placement/routing/fullest.ts";
import type { ReportData, WaferMap } from "../data/report-data.ts";

export interface LinkLoads {
  /** words per sample, by rows of routers */
  readonly words: Float64Array;
  readonly most: number;
}

export function linkLoads({ edges }: ReportData, map: WaferMap): LinkLoads {
  const { width, height, copies, routes } = map;
  // routes that take turns count each for itself, which `turn` says
  const { load } = loadsOf(
    { edges },
    { width, height },
    routes.map(({ takesTurns, ...route }) => ({ ...route, ...(takesTurns ? { turn: 0 } : {}) })),
  );
  const words = new Float64Array(width * height);
  let most = 0;
  for (let router = 0; router < words.length; router++) {
    const own = Math.max(
      nth(load, 4 * router),
      nth(load, 4 * router + 1),
      nth(load, 4 * router + 2),
      nth(load, 4 * router + 3),
    );
    if (own === 0) continue;
    most = Math.max(most, own);
    for (let copy = 0; copy < copies.count; copy++) {
      const { x, y } = copyOffset(copies, copy);
      const to = router + y * width + x;
      words[to] = Math.max(nth(words, to), own);
    }
  }
  return { words, most };
}
