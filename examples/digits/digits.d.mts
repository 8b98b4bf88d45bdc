export interface Digit {
  /** 0 to 9 */
  readonly digit: number;
  /** imageSize² values from 0 (paper) to 1 (ink) */
  readonly image: Float32Array;
}

export declare const imageSize: number;
export declare function drawDigit(digit: number, random: () => number): Float32Array;
export declare function makeDigits(count: number, seed: number): readonly Digit[];
