/** Cerebras WSE-1 (CS-1). Little of it was measured in public; what nothing is known of is taken from WSE-2. */
import type { Target } from "../../ir/machine/target.ts";
import { wse2 } from "./wse2.ts";

export const wse1: Target = {
  ...wse2,
  name: "wse1",
  description: "Cerebras WSE-1: 633 x 633 cores of 48 KiB; not validated",
  fabric: { width: 633, height: 633 },
  memory: { bytes: 1.5e12, bytesPerSecond: 150e9 },
  power: { idle: 14_000, average: 20_000, peak: 20_000 },
  facts: [
    { field: "fabric", basis: "published", source: "633 x 633 tiles: ISPD 2020 contest (Cerebras)" },
    {
      field: "io",
      basis: "assumed",
      source: "the rim that programs leave on WSE-2; 600 x 595 is the largest use seen (arXiv 2010.03660)",
    },
    { field: "io.bytesPerSecond", basis: "published", source: "1.2 Tb/s: Argonne's tutorial, secondary" },
    { field: "clock", basis: "assumed", source: "as on WSE-2; 9 PB/s of 24 bytes a cycle would be 0.94 GHz" },
    {
      field: "core.sramBytes",
      basis: "published",
      source: "18 GB over 400,000 cores: AnandTech 16626; arXiv 2010.03660",
    },
    { field: "core", basis: "assumed", source: "as on WSE-2" },
    { field: "link", basis: "assumed", source: "as on WSE-2" },
    { field: "colors", basis: "published", source: "24 colors: arXiv 2010.03660" },
    { field: "neighbours", basis: "assumed", source: "as on WSE-2" },
    { field: "memory", basis: "assumed", source: "as on WSE-2; weight streaming came with CS-2" },
    { field: "power", basis: "published", source: "15 to 20 kW: press" },
    { field: "power.idle", basis: "assumed", source: "in the proportion measured on a CS-2" },
  ],
};
