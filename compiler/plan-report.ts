/** A plan as a report: what `wsc plan -o FILE.html` draws. */
import { nth } from "../ir/access.ts";
import type { Plan } from "./planner/plan/plan-data.ts";
import { planRows } from "./planner/plan/text.ts";
import { type PlannedWafer, reportOfPlan } from "./report/data/of-plan.ts";
import type { ReportData } from "./report/data/report-data.ts";

function wafersOf({ waferLoads, layersPerWafer, coreBytes, coresPerWafer }: Plan): readonly PlannedWafer[] {
  const mean = waferLoads.reduce((sum, { work }) => sum + work, 0) / waferLoads.length;
  return waferLoads.map(({ work, weights, cache, values }, i) => ({
    layers: nth(layersPerWafer, i),
    held: [
      { category: "code", bytes: coreBytes.code * coresPerWafer },
      { category: "system", bytes: coreBytes.system * coresPerWafer },
      { category: "weights", bytes: weights },
      { category: "cache", bytes: cache },
      { category: "values", bytes: values },
    ],
    work: work / mean,
  }));
}

export const reportOf = (plan: Plan): ReportData =>
  reportOfPlan({
    model: plan.model,
    machine: plan.machine,
    warning: plan.validated ? null : "Not validated: no measured inference of this machine is known",
    limit: plan.limit.sentence,
    figures: planRows(plan).map(([name, text, basis]) => ({ name, text, basis })),
    wafers: wafersOf(plan),
    capacity: plan.waferBytes + (plan.coreBytes.code + plan.coreBytes.system) * plan.coresPerWafer,
    time: plan.limit.parts,
    notes: [`Speeds: ${plan.clockSource}.`, `Not there yet: ${plan.absent.join("; ")}.`],
  });
