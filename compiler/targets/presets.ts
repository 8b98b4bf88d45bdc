/** The machines that wsc knows by name. */
import { fail, showName } from "../../ir/diagnostic.ts";
import type { Target } from "../../ir/machine/target.ts";
import { nameHint } from "../../ir/nearest.ts";
import { dojoD1 } from "./dojo-d1.ts";
import { dojoTile } from "./dojo-tile.ts";
import { wse1 } from "./wse1.ts";
import { wse2 } from "./wse2.ts";
import { wse3 } from "./wse3.ts";

/** Presets by name, in the order that `wsc targets` lists them. */
export const presets: ReadonlyMap<string, Target> = new Map(
  [wse1, wse2, wse3, dojoD1, dojoTile].map((t) => [t.name, t]),
);

/** The preset of a name; throws a WscError with the nearest one where there is none. `elsewhere`: what else could have been named. */
export function presetTarget(name: string, elsewhere = ""): Target {
  const preset = presets.get(name);
  if (preset !== undefined) return preset;
  throw fail("WSC5001", `no target named "${showName(name)}"`, {
    hint: `${nameHint(name, "targets", [...presets.keys()])}${elsewhere}`,
  });
}
