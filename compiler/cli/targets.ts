/** `wsc targets`: the machines, or one of them in full. */
import { clockHz, type Target, usableRect } from "../../ir/machine/target.ts";
import { loadTarget } from "../targets/load.ts";
import { presets } from "../targets/presets.ts";
import { exitCodes } from "./failure.ts";
import { printTable } from "./table.ts";

export async function listTargets(given: {
  readonly name: string | undefined;
  readonly json: boolean;
}): Promise<number> {
  if (given.name !== undefined) {
    process.stdout.write(`${JSON.stringify(await loadTarget(given.name), null, 2)}\n`);
    return exitCodes.done;
  }
  const targets = [...presets.values()];
  if (given.json) process.stdout.write(`${JSON.stringify(targets, null, 2)}\n`);
  else printTable(["name", "fabric", "usable", "cores", "SRAM/core", "SRAM", "clock"], targets.map(row));
  return exitCodes.done;
}

function row(target: Target): readonly string[] {
  const { width, height } = usableRect(target);
  const { fabric } = target;
  const { sramBytes } = target.core;
  return [
    target.name,
    `${fabric.width} x ${fabric.height}`,
    `${width} x ${height}`,
    String(width * height),
    `${sramBytes / 1024} KiB`,
    `${((width * height * sramBytes) / 2 ** 30).toFixed(1)} GiB`,
    `${(clockHz(target) / 1e9).toFixed(2)} GHz`,
  ];
}
