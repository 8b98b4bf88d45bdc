/** A plan as `wsc plan -o FILE.html` draws it. */
import { nth } from "../../ir/access.ts";
import type { PlanPage, WaferBar } from "../report/plan-page.ts";
import type { Plan } from "../planner/plan/plan-data.ts";
import { planRows } from "../planner/plan/text.ts";

function bars({ waferLoads, layersPerWafer, coreBytes, coresPerWafer }: Plan): readonly WaferBar[] {
  const mean = waferLoads.reduce((sum, { work }) => sum + work, 0) / waferLoads.length;
  const [code, system] = [coreBytes.code * coresPerWafer, coreBytes.system * coresPerWafer];
  return waferLoads.map(({ work, ...held }, i) => ({
    layers: nth(layersPerWafer, i),
    bytes: { code, system, ...held },
    work: work / mean,
  }));
}

export const pageOf = (plan: Plan): PlanPage => ({
  title: `${plan.model} on ${plan.wafers} ${plan.machine}`,
  warning: plan.validated ? null : "Not validated: no measured inference of this machine is known",
  limit: plan.limit.sentence,
  figures: planRows(plan).map(([name, text, basis]) => ({ name, text, basis })),
  wafers: bars(plan),
  capacity: plan.waferBytes + (plan.coreBytes.code + plan.coreBytes.system) * plan.coresPerWafer,
  time: plan.limit.parts,
  notes: [`Speeds: ${plan.clockSource}.`, `Not there yet: ${plan.absent.join("; ")}.`],
});
