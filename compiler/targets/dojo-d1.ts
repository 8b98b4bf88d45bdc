/** Tesla Dojo D1, one die of a training tile. */
import type { Target } from "../../ir/machine/target.ts";
import { dojoTile } from "./dojo-tile.ts";

const { seams: _, ...link } = dojoTile.link;

export const dojoD1: Target = {
  ...dojoTile,
  name: "dojo-d1",
  description: "Tesla Dojo D1: one die of 18 x 20 nodes of 1.25 MB; not validated",
  fabric: { width: 18, height: 20 },
  io: { ...dojoTile.io, bytesPerSecond: 4e12 },
  link,
  neighbours: { bytesPerSecond: 4e12, latencySeconds: 1e-7 },
  power: { idle: 280, average: 400, peak: 400 },
  facts: [
    ...dojoTile.facts.filter(
      ({ field }) =>
        !["fabric", "io.bytesPerSecond", "link.seams", "power"].includes(field) && !field.startsWith("neighbours"),
    ),
    { field: "fabric", basis: "derived", source: "18 x 20 nodes a die, of which 354 are enabled: secondary pages" },
    { field: "io.bytesPerSecond", basis: "published", source: "4 TB/s per edge of a die: Hot Chips 34" },
    { field: "neighbours.bytesPerSecond", basis: "published", source: "4 TB/s per edge of a die: Hot Chips 34" },
    { field: "neighbours.latencySeconds", basis: "published", source: "100 ns between dies: Hot Chips 34" },
    { field: "power", basis: "published", source: "400 W a die: Hot Chips 34" },
  ],
};
