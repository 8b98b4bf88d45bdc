/** Cerebras WSE-3 (CS-3): the mesh that `cslc --fabric-dims` takes (762 x 1172), a datapath of 8 FP16 lanes, otherwise as WSE-2. */
import type { Target } from "./target.ts";

export const wse3: Target = {
  name: "wse3",
  description: "Cerebras WSE-3: 762 x 1172 cores of 48 KiB",
  fabric: { width: 762, height: 1172 },
  io: { columnsWest: 4, columnsEast: 3, rowsNorth: 1, rowsSouth: 1, bytesPerSecond: 150e9 },
  clock: { min: 0.85, max: 1.1, used: 0.875 },
  core: {
    sramBytes: 49_152,
    systemBytes: 5_120,
    codeBytes: 2_560,
    fmaPerCycle: { f32: 1, f16: 8, bf16: 8, i8: 16, other: 1 },
    efficiency: 0.474,
    vectorStartup: 20.9,
    slowOpCycles: 50,
  },
  link: { wordsPerCycle: 1, rampLatency: 2 },
  colors: { perRouter: 24, reserved: [21, 22, 23], kernel: 6 },
  sources: [
    "mesh 762 x 1172: WaferLLM repository, CStencil (arXiv 2605.07954); '762 x 1176' in the press is wrong",
    "8-wide FP16/BF16, 16-wide INT8, 48 KiB: Hot Chips 2024; f32 rate is not published, WSE-2's is assumed",
    "clock 0.875 GHz: CStencil; 0.85-1.1 GHz elsewhere",
    "efficiency, vector start-up, ramp latency: as measured on WSE-2 (arXiv 2404.15888; pr0f3ss/SpMM_Cerebras)",
    "code 22.6 KB for nine kernels, system 3.6-5.4 KB: WaferEngine notes",
    "edge I/O: Cerebras training documentation (12 x 100 GbE; '+30%' in one place, not used)",
  ],
};
