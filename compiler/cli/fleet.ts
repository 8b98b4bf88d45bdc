/** `wsc fleet`: what a power budget or a site gives. */
import { fail, showName } from "../../ir/diagnostic.ts";
import {
  type Fleet,
  type FleetBudget,
  planFleet,
  runScenario,
  type Scenario,
  scenarios,
} from "../planner/fleet/fleet.ts";
import { findModel } from "../planner/models/find.ts";
import type { WeightFormat } from "../planner/plan/weight-formats.ts";
import { showNumber } from "../planner/plan/text.ts";
import { exitCodes } from "./failure.ts";
import { printTable } from "./table.ts";

export interface FleetArguments {
  readonly model: string | undefined;
  readonly config: string | undefined;
  readonly target: string;
  readonly power: string | undefined;
  readonly systems: number | undefined;
  readonly pue: number;
  readonly context: number | undefined;
  readonly weights: WeightFormat;
  readonly scenario: string | undefined;
  readonly json: boolean;
}

export async function showFleet(given: FleetArguments): Promise<number> {
  if (!(given.pue >= 1)) throw fail("WSC8001", `--pue takes a number from 1, not ${given.pue}`);
  if (given.scenario !== undefined) {
    const { scenario, fleet } = await runScenario(given.scenario, given.pue);
    return print(fleet, scenario, given.json);
  }
  if (given.model === undefined && given.config === undefined) return list(given.json);
  const budget = budgetOf(given);
  const config = await findModel(given.model, given.config);
  const fleet = await planFleet(config, {
    machine: given.target,
    budget,
    pue: given.pue,
    context: given.context ?? null,
    weights: given.weights,
  });
  return print(fleet, null, given.json);
}

function budgetOf({ power, systems }: FleetArguments): FleetBudget {
  if (power !== undefined && systems === undefined) return { kind: "power", watts: watts(power) };
  if (systems === undefined || power !== undefined)
    throw fail("WSC8001", "--power or --systems is needed, one of them");
  if (!(Number.isSafeInteger(systems) && systems > 0))
    throw fail("WSC8001", `--systems takes a positive whole number, not ${systems}`);
  return { kind: "systems", systems };
}

const units = { W: 1, kW: 1e3, MW: 1e6, GW: 1e9 } as const;

function watts(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(W|kW|MW|GW)$/.exec(text) ?? [];
  if (unit in units) return Number(number) * units[unit as keyof typeof units];
  throw fail("WSC8001", `--power takes a number with W, kW, MW or GW, not "${showName(text)}"`);
}

function list(json: boolean): number {
  if (json) process.stdout.write(`${JSON.stringify(scenarios, null, 2)}\n`);
  else
    printTable(
      ["scenario", "model", "machine", ""],
      scenarios.map(({ name, model, machine, description }) => [name, model, machine, description]),
    );
  return exitCodes.done;
}

function print(fleet: Fleet, scenario: Scenario | null, json: boolean): number {
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ ...fleet, ...(scenario === null ? {} : { scenario: scenario.name, published: scenario.published }) }, null, 2)}\n`,
    );
    return exitCodes.done;
  }
  const known = (name: string): string => fleet.basis[name] ?? "";
  printTable(
    [scenario?.description ?? `${fleet.model} on ${fleet.machine}`, "figure", "known as"],
    [
      ["systems", showNumber(fleet.systems), known("systems")],
      ["power", `${showNumber(fleet.megawatts)} MW at PUE ${fleet.pue}`, known("megawatts")],
      [`copies of ${fleet.model}`, `${showNumber(fleet.copies)} of ${fleet.systemsPerCopy}`, known("copies")],
      ["users at once", showNumber(fleet.users), known("users")],
      ["tokens/s of a user", showNumber(fleet.tokensPerSecondPerUser), known("tokensPerSecondPerUser")],
      ["tokens/s in all", showNumber(fleet.tokensPerSecond), known("tokensPerSecond")],
      ...(scenario?.published ?? []).map(({ figure, value, source }) => [`published: ${figure}`, value, source]),
    ],
  );
  if (!fleet.validated) process.stdout.write("not validated: no measured inference of this machine is known\n");
  return exitCodes.done;
}
