/** Types of house.mjs. */
export interface Row {
  readonly folder: string;
  readonly subject: string;
  /** a folder (its own files), `folder/**` (with all below), or a file */
  readonly mayImport: readonly string[];
  /** its sources are still to come */
  readonly isPlanned?: true;
}

export declare const house: readonly Row[];
export declare const knownCycles: readonly (readonly string[])[];
export declare function rowOf(file: string): Row | null;
export declare function mayImport(row: Row, file: string): boolean;
export declare function printHouse(): string;
