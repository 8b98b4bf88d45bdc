/** Programs as CPLEX-LP text, read back by HiGHS itself: a reader that shares nothing with our writer. */

export interface LpReader {
  readonly solve: (
    text: string,
    options: { readonly output_flag: boolean },
  ) => {
    readonly Status: string;
    readonly ObjectiveValue: number;
    readonly Columns: Readonly<Record<string, { readonly Primal: number } | undefined>>;
  };
}

/** The reader of the package; its declarations describe the CommonJS build. */
export async function lpReader(): Promise<LpReader> {
  const { default: load } = (await import("highs")) as unknown as { default: () => Promise<LpReader> };
  return load();
}

/** What a program's optimum is. */
export const optimumOf = async (text: string): Promise<number> =>
  (await lpReader()).solve(text, { output_flag: false }).ObjectiveValue;
