/**
 * Tesla Dojo training tile: 5 x 5 dies of 18 x 20 nodes. A mesh of packets, not of colors: the color limit is set beyond reach. Of the 360
 * nodes of a die 354 are enabled; which ones is not published, so all count here and areas are 1.7% too good.
 */
import type { Target } from "../../ir/machine/target.ts";

export const dojoTile: Target = {
  name: "dojo-tile",
  description: "Tesla Dojo training tile: 25 D1 dies, 90 x 100 nodes of 1.25 MB",
  fabric: { width: 90, height: 100 },
  io: { columnsWest: 0, columnsEast: 0, rowsNorth: 0, rowsSouth: 0, bytesPerSecond: 4.5e12 },
  clock: { min: 2, max: 2, used: 2 },
  core: {
    sramBytes: 1_310_720,
    banks: 1,
    systemBytes: 65_536,
    codeBytes: 16_384,
    rates: {
      f32: { aligned: 16, conflicting: 8 },
      f16: { aligned: 256, conflicting: 128 },
      bf16: { aligned: 256, conflicting: 128 },
      i8: { aligned: 256, conflicting: 128 },
      other: { aligned: 16, conflicting: 8 },
    },
    vectorStartup: 20.9,
    fabricStartup: 9,
    taskCycles: 3,
    slowOpCycles: 50,
    queueWords: 16,
  },
  link: {
    cyclesPerWord: 0.0625,
    hopCycles: 1,
    turnCycles: 0,
    rampCycles: 2,
    seams: { columns: 18, rows: 20, hopCycles: 200 },
  },
  colors: { perRouter: 1024, reserved: [], kernel: 6 },
  neighbours: { bytesPerSecond: 9e12, latencySeconds: 1e-7 },
  memory: { bytes: 160e9, bytesPerSecond: 4.5e12 },
  power: { idle: 10_500, average: 15_000, peak: 15_000 },
  facts: [
    { field: "fabric", basis: "derived", source: "18 x 20 nodes a die, 5 x 5 dies a tile: secondary pages" },
    { field: "io", basis: "assumed", source: "no rim: hosts reach the tile through interface processors" },
    {
      field: "io.bytesPerSecond",
      basis: "published",
      source: "4.5 TB/s through the interface processors of an edge: Hot Chips 34",
    },
    { field: "clock", basis: "published", source: "2 GHz: Hot Chips 34" },
    { field: "core.sramBytes", basis: "published", source: "1.25 MB per node: Hot Chips 34" },
    { field: "core", basis: "assumed", source: "nothing is published; in WSE-2's proportion" },
    {
      field: "core.rates",
      basis: "assumed",
      source: "conflicting: half of the peak, in WSE-2's proportion; integers as bfloat16",
    },
    { field: "core.rates.f32.aligned", basis: "derived", source: "22.6 TFLOPS float32 per die: Hot Chips 34" },
    {
      field: "core.rates.bf16.aligned",
      basis: "published",
      source: "8 x 8 x 4 multiply-adds per node and cycle: Hot Chips 34",
    },
    { field: "link.cyclesPerWord", basis: "published", source: "64 bytes per direction and cycle: Hot Chips 34" },
    { field: "link.hopCycles", basis: "assumed", source: "one cycle between routers" },
    { field: "link.turnCycles", basis: "assumed", source: "none" },
    { field: "link.rampCycles", basis: "assumed", source: "as on WSE-2" },
    { field: "link.seams", basis: "published", source: "100 ns between dies, 4 TB/s per edge of a die: Hot Chips 34" },
    { field: "colors", basis: "assumed", source: "packets carry their way; the number is beyond reach" },
    { field: "neighbours.bytesPerSecond", basis: "published", source: "9 TB/s per edge of a tile: Hot Chips 34" },
    { field: "neighbours.latencySeconds", basis: "assumed", source: "as between dies" },
    { field: "memory", basis: "published", source: "five interface processors of 32 GB HBM per edge: Hot Chips 34" },
    { field: "power", basis: "published", source: "15 kW a tile: Hot Chips 34" },
    { field: "power.idle", basis: "assumed", source: "in the proportion measured on a CS-2" },
  ],
};
