/** The facts about the machine that a placement holds, so that it can be read alone. */
import { clockHz, type Target, usableRect } from "../../ir/machine/target.ts";
import type { PlacementTarget } from "../../ir/placement.ts";

export const targetFacts = (target: Target): PlacementTarget => ({
  name: target.name,
  width: target.fabric.width,
  height: target.fabric.height,
  usable: usableRect(target),
  sramBytes: target.core.sramBytes,
  clockHz: clockHz(target),
});
