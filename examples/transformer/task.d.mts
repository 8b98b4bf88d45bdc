export declare const vocabulary: number;
/** Digits of a sequence: eight to read and eight to write. */
export declare const length: number;
export declare function makeSequences(count: number, seed: number): readonly (readonly number[])[];
export declare function complete(
  read: readonly number[],
  step: (sequence: readonly number[]) => Float32Array | Promise<Float32Array>,
): Promise<readonly number[]>;
