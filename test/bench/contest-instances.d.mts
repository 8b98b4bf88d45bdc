export interface ContestNode {
  readonly type: "conv" | "dblock" | "cblock";
}

/** Nodes, and edges between their indices. */
export interface ContestSketch {
  readonly nodes: readonly ContestNode[];
  readonly edges: readonly (readonly [number, number])[];
}

export interface ContestWeights {
  readonly wdeltat: number;
  readonly wlength: number;
  readonly wadapter: number;
}

export interface ContestWafer {
  readonly width: number;
  readonly height: number;
  readonly memlimit: number;
}

export interface ContestInstance {
  readonly id: string;
  readonly graph: ContestSketch;
  readonly weights: ContestWeights;
  readonly text: string;
}

export function conv(
  h: number,
  c: number,
  k: number,
  options?: { readonly r?: number; readonly t?: number },
): ContestNode;
export function dblock(f: number, h: number): ContestNode;
export function cblock(f: number, h: number): ContestNode;
export function blocks(
  counts: readonly number[],
  options?: { readonly first?: number; readonly shrink?: number },
): ContestSketch;
export function chain(nodes: readonly ContestNode[]): ContestSketch;
export function expand(sketch: ContestSketch): ContestSketch;
export function products(largest?: number): ContestSketch;
export function contestInstances(): readonly ContestInstance[];
export function contestText(name: string, sketch: ContestSketch, weights: ContestWeights, wafer?: ContestWafer): string;
