/**
 * Cerebras WSE-2 (CS-2). Figures: the mesh and its I/O rim from the SDK's `--fabric-dims` (757 x 996; a P x P program needs
 * (P+7) x (P+2), offset (4,1)), core and router from Hot Chips 34, reduce latencies from Luczynski et al. (HPDC'24), the efficiency and the
 * start-up of vector instructions from a fit to published GEMM cycles (2.11 cycles per f32 multiply-add + 20.9 per vector; within 2%).
 */
import type { Target } from "./target.ts";

export const wse2: Target = {
  name: "wse2",
  description: "Cerebras WSE-2: 757 x 996 cores of 48 KiB",
  fabric: { width: 757, height: 996 },
  io: { columnsWest: 4, columnsEast: 3, rowsNorth: 1, rowsSouth: 1, bytesPerSecond: 150e9 },
  clock: { min: 0.85, max: 1.1, used: 0.85 },
  core: {
    sramBytes: 49_152,
    systemBytes: 5_120,
    codeBytes: 2_560,
    fmaPerCycle: { f32: 1, f16: 4, bf16: 4, i8: 4, other: 1 },
    efficiency: 0.474,
    vectorStartup: 20.9,
    slowOpCycles: 50,
  },
  link: { wordsPerCycle: 1, rampLatency: 2 },
  colors: { perRouter: 24, reserved: [21, 22, 23], kernel: 6 },
  sources: [
    "mesh and I/O rim: Cerebras csl-examples (--fabric-dims, offsets 4,1); SGEMM on 750 x 750 (JIP 34:132, 2026)",
    "48 KiB in 8 banks, 2 reads + 1 write of 64 bits per cycle, 4 x FP16 FMAC, 32-bit wavelet per cycle and link: Hot Chips 34",
    "clock 0.85 GHz: SDK and arXiv 2404.15888; 1.1 GHz: Hot Chips 34 and arXiv 2502.04563",
    "ramp latency 2 cycles, up to 5 colors in a 2D reduce: arXiv 2404.15888; one more for a broadcast",
    "f32: one FMA per cycle at most (2 x 32-bit reads per cycle); 2.11 cycles per FMA and 20.9 per vector fitted on pr0f3ss/SpMM_Cerebras",
    "code: 22.6 KB for the nine kernels of a decode layer = 2.5 KB a kernel; system 3.6-5.4 KB: WaferEngine notes, WSE-3",
    "colors 21, 22, 23 belong to memcpy: sdk.cerebras.ai; division about 50 cycles: csl-examples",
    "edge I/O 12 x 100 GbE = 150 GB/s: Cerebras training documentation",
  ],
};
