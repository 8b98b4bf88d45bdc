/** Cerebras WSE-2 (CS-2). */
import type { Target } from "../../ir/machine/target.ts";

export const wse2: Target = {
  name: "wse2",
  description: "Cerebras WSE-2: 757 x 996 cores of 48 KiB",
  fabric: { width: 757, height: 996 },
  io: { columnsWest: 4, columnsEast: 3, rowsNorth: 1, rowsSouth: 1, bytesPerSecond: 150e9 },
  clock: { min: 0.85, max: 1.1, used: 0.85 },
  core: {
    sramBytes: 49_152,
    banks: 8,
    systemBytes: 5_120,
    codeBytes: 2_560,
    callBytes: 64,
    rates: {
      f32: { aligned: 1, conflicting: 0.474 },
      f16: { aligned: 4, conflicting: 1.896 },
      bf16: { aligned: 4, conflicting: 1.896 },
      i8: { aligned: 4, conflicting: 1.896 },
      other: { aligned: 1, conflicting: 0.474 },
    },
    vectorStartup: 20.9,
    fabricStartup: 9,
    taskCycles: 3,
    slowOpCycles: 50,
    queueWords: 7,
  },
  link: { cyclesPerWord: 1, hopCycles: 1, turnCycles: 0, rampCycles: 2 },
  colors: { perRouter: 24, reserved: [21, 22, 23], kernel: 6, switchPositions: 4 },
  neighbours: { bytesPerSecond: 150e9, latencySeconds: 5e-6 },
  memory: { bytes: 1.5e12, bytesPerSecond: 150e9 },
  power: { idle: 16_100, average: 22_800, peak: 22_900 },
  facts: [
    {
      field: "fabric",
      basis: "published",
      source: "Cerebras csl-examples and WaferLLM repository (--fabric-dims=757,996)",
    },
    {
      field: "io",
      basis: "published",
      source: "a P x P program needs (P+7) x (P+2), offset (4,1): csl-examples; SGEMM on 750 x 750 (JIP 34:132, 2026)",
    },
    { field: "io.bytesPerSecond", basis: "published", source: "12 x 100 GbE: Cerebras training documentation" },
    {
      field: "clock",
      basis: "published",
      source: "0.85 GHz: SDK, arXiv 2404.15888; 1.1 GHz: Hot Chips 34, arXiv 2502.04563",
    },
    { field: "core.sramBytes", basis: "published", source: "48 KiB in 8 banks: Hot Chips 34" },
    { field: "core.banks", basis: "published", source: "8 banks of 6 KiB: Hot Chips 34" },
    { field: "core.systemBytes", basis: "derived", source: "3.6 to 5.4 KB in WaferEngine's memory maps (on WSE-3)" },
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
    {
      field: "core.rates",
      basis: "assumed",
      source: "16-bit types at the conflicting share that f32 has; integers as 16-bit floats",
    },
    {
      field: "core.rates.f32.aligned",
      basis: "published",
      source: "1.0 cycles per element where banks are apart: pr0f3ss/SpMM_Cerebras, fmacs_test",
    },
    {
      field: "core.rates.f32.conflicting",
      basis: "fitted",
      source: "2.11 cycles per multiply-add of dense GEMM: pr0f3ss/SpMM_Cerebras, within 2 %",
    },
    { field: "core.rates.f16.aligned", basis: "published", source: "4 FP16 multiply-adds per cycle: Hot Chips 34" },
    { field: "core.vectorStartup", basis: "fitted", source: "20.9 cycles per vector of the same GEMM rows" },
    {
      field: "core.fabricStartup",
      basis: "derived",
      source: "3 descriptor loads, and 6 cycles with registers ready: pr0f3ss/SpMM_Cerebras, fmacs_test",
    },
    { field: "core.taskCycles", basis: "assumed", source: "as measured for WSE-3" },
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
      source: "one 32-bit wavelet per cycle and link: Hot Chips 34, arXiv 2404.15888",
    },
    { field: "link.hopCycles", basis: "published", source: "Hot Chips 34; reduces of SpMM_Cerebras fit to 0.7 %" },
    { field: "link.turnCycles", basis: "assumed", source: "none was seen on this machine" },
    { field: "link.rampCycles", basis: "published", source: "T_R = 2: arXiv 2404.15888" },
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
      field: "memory",
      basis: "assumed",
      source: "the smallest MemoryX that is sold with CS-3, at the speed of the edge",
    },
    { field: "power", basis: "published", source: "measured on a CS-2: arXiv 2204.03775" },
  ],
};
