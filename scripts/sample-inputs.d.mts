export function placeSample(): string;
export function partitionSample(): string;
export function writeSamples(folder: string): void;
