/** Cerebras WSE-3 (CS-3). */
import type { Target } from "../../ir/machine/target.ts";

export const wse3: Target = {
  name: "wse3",
  description: "Cerebras WSE-3: 762 x 1172 cores of 48 KiB",
  fabric: { width: 762, height: 1172 },
  io: { columnsWest: 4, columnsEast: 3, rowsNorth: 1, rowsSouth: 1, bytesPerSecond: 150e9 },
  clock: { min: 0.85, max: 1.1, used: 0.875 },
  core: {
    sramBytes: 49_152,
    banks: 8,
    systemBytes: 5_120,
    codeBytes: 2_560,
    callBytes: 64,
    rates: {
      f32: { aligned: 1, conflicting: 0.5 },
      f16: { aligned: 4, conflicting: 2.92 },
      bf16: { aligned: 4, conflicting: 2.92 },
      i8: { aligned: 8, conflicting: 5.84 },
      other: { aligned: 1, conflicting: 0.5 },
    },
    vectorStartup: 16,
    fabricStartup: 8,
    taskCycles: 3,
    slowOpCycles: 50,
    queueWords: 7,
  },
  link: { cyclesPerWord: 1.125, hopCycles: 2, turnCycles: 20, rampCycles: 2 },
  colors: { perRouter: 24, reserved: [21, 22, 23], kernel: 6, switchPositions: 4 },
  neighbours: { bytesPerSecond: 150e9, latencySeconds: 5e-6 },
  memory: { bytes: 12e12, bytesPerSecond: 150e9 },
  power: { idle: 16_170, average: 23_000, peak: 23_000 },
  facts: [
    {
      field: "fabric",
      basis: "published",
      source: "WaferLLM repository, CStencil (arXiv 2605.07954); '762 x 1176' in the press is wrong",
    },
    { field: "io", basis: "derived", source: "the rim that programs leave on WSE-2: csl-examples" },
    {
      field: "io.bytesPerSecond",
      basis: "published",
      source: "12 x 100 GbE: Cerebras training documentation ('+30 %' in one place, not used)",
    },
    { field: "clock", basis: "published", source: "0.875 GHz: CStencil; 0.85 to 1.1 GHz elsewhere" },
    { field: "core.sramBytes", basis: "published", source: "49,152 bytes link, two more fail: FABRICA's measurements" },
    { field: "core.banks", basis: "published", source: "8 banks by address bits 3 to 1: FABRICA's measurements" },
    { field: "core.systemBytes", basis: "derived", source: "3.6 to 5.4 KB in WaferEngine's memory maps" },
    {
      field: "core.codeBytes",
      basis: "derived",
      source: "22.6 KB for the nine kernels of a decode layer: WaferEngine's memory maps",
    },
    {
      field: "core.callBytes",
      basis: "assumed",
      source:
        "descriptors of four words for up to four operands, and eight instructions; with it the forms of a decode layer take 23 KB, WaferEngine's maps 22.6",
    },
    { field: "core.rates", basis: "assumed", source: "bfloat16 as float16, other types as float32" },
    {
      field: "core.rates.f32.aligned",
      basis: "derived",
      source: "single-tile-matvec, 31.2 cycles per column of 28: FABRICA's specification",
    },
    {
      field: "core.rates.f32.conflicting",
      basis: "published",
      source: "0.50 elements per cycle on silicon: FABRICA's measurements",
    },
    {
      field: "core.rates.f16.aligned",
      basis: "published",
      source: "4.00 elements per cycle in the vendor's simulator: FABRICA's measurements",
    },
    {
      field: "core.rates.f16.conflicting",
      basis: "published",
      source: "2.92 elements per cycle on silicon: FABRICA's measurements",
    },
    {
      field: "core.rates.i8",
      basis: "derived",
      source: "twice the lanes of float16 (Hot Chips 2024), nothing measured",
    },
    {
      field: "core.vectorStartup",
      basis: "published",
      source: "15 to 17 cycles of set-up on silicon: FABRICA's measurements",
    },
    {
      field: "core.fabricStartup",
      basis: "derived",
      source:
        "3 descriptor loads, and 7 cycles from dispatch to the first wavelet, 2 of them on the ramp: FABRICA's measurements",
    },
    {
      field: "core.taskCycles",
      basis: "published",
      source: "a completion task runs 3 cycles after the last word: FABRICA's measurements",
    },
    { field: "core.slowOpCycles", basis: "published", source: "division about 50 cycles: csl-examples" },
    {
      field: "core.queueWords",
      basis: "derived",
      source:
        "no depth is published; a loop through one core stalls above 14 words in its two queues: csl-examples pipeline-01",
    },
    {
      field: "link.cyclesPerWord",
      basis: "published",
      source: "1.125 on silicon, 1.000 in the simulator: FABRICA's measurements",
    },
    { field: "link.hopCycles", basis: "published", source: "2.000 on silicon, 2,100 samples: FABRICA's measurements" },
    {
      field: "link.turnCycles",
      basis: "published",
      source: "about 20 on silicon, 33 in the simulator: FABRICA's measurements",
    },
    {
      field: "link.rampCycles",
      basis: "assumed",
      source: "as on WSE-2 (arXiv 2404.15888); 2.07 in a fitted pipeline stage",
    },
    { field: "colors.perRouter", basis: "published", source: "24 routable colors: sdk.cerebras.ai" },
    { field: "colors.reserved", basis: "published", source: "memcpy's: sdk.cerebras.ai" },
    {
      field: "colors.switchPositions",
      basis: "published",
      source: "a default and three more positions per color, moved by control words: sdk.cerebras.ai",
    },
    {
      field: "colors.kernel",
      basis: "derived",
      source: "up to 5 colors in a reduce over both sides (arXiv 2404.15888), one more for a broadcast",
    },
    {
      field: "neighbours.bytesPerSecond",
      basis: "published",
      source: "1.2 Tb/s of Ethernet: Cerebras training documentation",
    },
    { field: "neighbours.latencySeconds", basis: "assumed", source: "a switch of Ethernet with its software" },
    {
      field: "memory.bytes",
      basis: "published",
      source: "MemoryX of 1.5 TB, 12 TB and 1.2 PB: Cerebras' announcement of CS-3; the middle one",
    },
    { field: "memory.bytesPerSecond", basis: "derived", source: "all of it passes the edge" },
    { field: "power", basis: "published", source: "about 23 kW: The Register" },
    { field: "power.idle", basis: "derived", source: "in the proportion measured on a CS-2 (arXiv 2204.03775)" },
  ],
};
