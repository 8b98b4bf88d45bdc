/** Machines that are only compared with: nothing is placed on them. */
import type { Basis } from "../../../ir/machine/target.ts";

export interface Gpu {
  readonly name: string;
  /** bytes of memory and bytes per second of one */
  readonly memoryBytes: number;
  readonly bytesPerSecond: number;
  /** dense operations per second in 16, 8 and 4 bits; null: it has none */
  readonly flops: { readonly f16: number; readonly f8: number | null; readonly f4: number | null };
  /** bytes per second to its neighbours, both ways together */
  readonly linkBytesPerSecond: number;
  readonly watts: number;
  readonly basis: Basis;
  readonly source: string;
}

const gpus: readonly Gpu[] = [
  {
    name: "a100",
    memoryBytes: 80e9,
    bytesPerSecond: 2.039e12,
    flops: { f16: 312e12, f8: null, f4: null },
    linkBytesPerSecond: 600e9,
    watts: 400,
    basis: "published",
    source: "A100 SXM 80 GB: aiconfigurator-core 0.12.0, systems/*.yaml",
  },
  {
    name: "h100",
    memoryBytes: 80e9,
    bytesPerSecond: 3.35e12,
    flops: { f16: 989e12, f8: 1979e12, f4: null },
    linkBytesPerSecond: 900e9,
    watts: 700,
    basis: "published",
    source: "H100 SXM: MLPerf system descriptions",
  },
  {
    name: "h200",
    memoryBytes: 141e9,
    bytesPerSecond: 4.8e12,
    flops: { f16: 989e12, f8: 1979e12, f4: null },
    linkBytesPerSecond: 900e9,
    watts: 700,
    basis: "published",
    source: "H200 SXM: aiconfigurator-core 0.12.0, systems/*.yaml",
  },
  {
    name: "b200",
    memoryBytes: 180 * 2 ** 30,
    bytesPerSecond: 7.7e12,
    flops: { f16: 2250e12, f8: 4500e12, f4: 9000e12 },
    linkBytesPerSecond: 1.8e12,
    watts: 1000,
    basis: "published",
    source: "HGX B200 as served, 180 GiB and 7.7 TB/s: aiconfigurator-core; the chip is sold with 192 GB and 8 TB/s",
  },
];

/** GPUs that share each layer of a model. */
export interface GpuNode {
  readonly name: string;
  readonly gpu: Gpu;
  readonly count: number;
}

/** One, two, four or eight of each GPU, by names such as `h100x8`. */
export const gpuNodes: ReadonlyMap<string, GpuNode> = new Map(
  gpus.flatMap((gpu) =>
    [1, 2, 4, 8].map((count): [string, GpuNode] => {
      const name = count === 1 ? gpu.name : `${gpu.name}x${count}`;
      return [name, { name, gpu, count }];
    }),
  ),
);

/** A machine as a whole, of which only sums are known. */
export interface Cluster {
  readonly name: string;
  readonly description: string;
  /** peak in dense 16-bit operations, or what the list of the fastest machines measured in 64 bits */
  readonly exaflops: { readonly value: number; readonly of: "dense float16" | "HPL float64" };
  readonly megawatts: number;
  readonly units: number;
  readonly basis: Basis;
  readonly source: string;
}

export const clusters: readonly Cluster[] = [
  {
    name: "h100-100k",
    description: "100,000 H100 (Colossus, first stage)",
    exaflops: { value: 98.9, of: "dense float16" },
    megawatts: 70,
    units: 100_000,
    basis: "derived",
    source: "100,000 times one GPU, hosts and network left out",
  },
  {
    name: "b200-300k",
    description: "300,000 B200 (Colossus, planned)",
    exaflops: { value: 675, of: "dense float16" },
    megawatts: 300,
    units: 300_000,
    basis: "derived",
    source: "300,000 times one GPU, hosts and network left out",
  },
  {
    name: "frontier",
    description: "Frontier, Oak Ridge: 37,632 MI250X",
    exaflops: { value: 1.206, of: "HPL float64" },
    megawatts: 22.8,
    units: 37_632,
    basis: "published",
    source: "top500.org, June 2024: 1.206 EF, 52.93 GF/W",
  },
  {
    name: "aurora",
    description: "Aurora, Argonne: 63,744 GPU Max",
    exaflops: { value: 1.012, of: "HPL float64" },
    megawatts: 38.7,
    units: 63_744,
    basis: "published",
    source: "top500.org, June 2024: 1.012 EF, 26.15 GF/W, unfinished",
  },
];

/** Names of all machines that are compared with. */
export const comparedNames: readonly string[] = [...gpuNodes.keys(), ...clusters.map(({ name }) => name)];
