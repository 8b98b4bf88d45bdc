/**
 * Tesla Dojo training tile: 5 x 5 dies of 18 x 20 nodes. A mesh of packets, not of colors: the color limit is set beyond reach. Of the 360
 * nodes of a die 354 are enabled; which ones is not published, so all count here and areas are 1.7% too good.
 */
import type { Target } from "./target.ts";

export const dojoTile: Target = {
  name: "dojo-tile",
  description: "Tesla Dojo training tile: 25 D1 dies, 90 x 100 nodes of 1.25 MB",
  fabric: { width: 90, height: 100 },
  io: { columnsWest: 0, columnsEast: 0, rowsNorth: 0, rowsSouth: 0, bytesPerSecond: 4.5e12 },
  clock: { min: 2, max: 2, used: 2 },
  core: {
    sramBytes: 1_310_720,
    systemBytes: 65_536,
    codeBytes: 16_384,
    fmaPerCycle: { f32: 16, f16: 256, bf16: 256, i8: 256, other: 16 },
    efficiency: 0.5,
    vectorStartup: 20.9,
    slowOpCycles: 50,
  },
  link: { wordsPerCycle: 16, rampLatency: 2 },
  colors: { perRouter: 1024, reserved: [], kernel: 6 },
  sources: [
    "1.25 MB, 8x8x4 multiply-adds in BF16 per node, 22.6 TFLOPS f32 per die, 2 GHz, 64 B per direction and cycle: Hot Chips 34",
    "18 x 20 nodes a die, 5 x 5 dies a tile: secondary pages; 4.5 TB/s through the interface processors: Hot Chips 34",
    "efficiency, start-up, slow operations, code and system bytes: no measurement is published; assumed, in WSE-2's proportion",
  ],
};
