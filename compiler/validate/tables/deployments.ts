/** Wafers that published deployments of language models take. */
import { type Target, usableRect } from "../../../ir/machine/target.ts";
import { wse3 } from "../../targets/wse3.ts";
import type { Table } from "../table.ts";

/** Parameters and wafers; 16-bit weights in SRAM. */
const deployments = [
  { name: "LLaMA3.1-8B", parameters: 8.03e9, wafers: 1 },
  { name: "LLaMA3.1-70B", parameters: 70.55e9, wafers: 4 },
] as const;

const weightBytes = 2;

/** Wafers whose cores hold so many bytes beside the system and the code of one kernel each. */
export function wafersFor(target: Target, bytes: number): number {
  const { width, height } = usableRect(target);
  const { sramBytes, systemBytes, codeBytes } = target.core;
  return Math.ceil(bytes / (width * height * (sramBytes - systemBytes - codeBytes)));
}

export const wafers: Table = {
  name: "wafers",
  title: "Wafers of deployments whose weights stay in SRAM, WSE-3",
  unit: "wafers",
  source: "Cerebras, August 2024: 8B on one CS-3, 70B on as few as four",
  law: "16-bit weights over the cores of the usable rectangle, less the system's bytes and one kernel's code in each.",
  entries: () =>
    deployments.map(({ name, parameters, wafers: published }) => ({
      row: name,
      target: wse3.name,
      model: name,
      published,
      modelled: wafersFor(wse3, parameters * weightBytes),
      basis: "first-principles",
    })),
};
