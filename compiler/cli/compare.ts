/** `wsc compare`: one model on several machines, beside what was published. */
import { compare, type Comparison } from "../planner/compare/compare.ts";
import { findModel } from "../planner/models/find.ts";
import { usualPlan } from "../planner/plan/plan-data.ts";
import type { WeightFormat } from "../planner/plan/weight-formats.ts";
import { showNumber } from "../planner/plan/text.ts";
import { exitCodes } from "./failure.ts";
import { printTable } from "./table.ts";

export interface CompareArguments {
  readonly model: string | undefined;
  readonly config: string | undefined;
  readonly targets: string;
  readonly context: number | undefined;
  readonly users: number;
  readonly weights: WeightFormat;
  readonly splitLayers: boolean;
  readonly json: boolean;
}

export async function compareMachines(given: CompareArguments): Promise<number> {
  const config = await findModel(given.model, given.config);
  const rows = await compare(config, {
    machines: given.targets.split(",").filter((name) => name !== ""),
    ...usualPlan,
    context: given.context ?? null,
    users: given.users,
    weights: given.weights,
    splitLayers: given.splitLayers,
  });
  if (given.json) process.stdout.write(`${JSON.stringify({ model: config.name, rows }, null, 2)}\n`);
  else
    printTable(
      [
        "machine",
        "units",
        "tokens/s/user",
        "power",
        "known as",
        "law's error",
        "published",
        "modelled",
        "error",
        "note",
      ],
      rows.map(cells),
    );
  return exitCodes.done;
}

const percent = (value: number): string => `${value > 0 ? "+" : ""}${(100 * value).toFixed(0)} %`;

function cells({
  machine,
  units,
  tokensPerSecondPerUser,
  watts,
  basis,
  lawError,
  published,
  note,
}: Comparison): readonly string[] {
  return [
    machine,
    units === null ? "-" : String(units),
    tokensPerSecondPerUser === null ? "-" : showNumber(tokensPerSecondPerUser),
    watts === null ? "-" : `${showNumber(watts / 1000)} kW`,
    basis,
    lawError === null
      ? "-"
      : `${(100 * lawError.inSample).toFixed(0)} % (${(100 * lawError.leftOut).toFixed(0)} % left out)`,
    published === null ? "-" : showNumber(published.tokensPerSecond),
    published === null ? "-" : showNumber(published.modelled),
    published === null ? "-" : percent(published.error),
    published === null ? note : `${note}; published: ${published.source}`,
  ];
}
