/**
 * Choices that kernel emitters leave open. An emitter names each one and lists its legal values, the one that the cost model estimates to be
 * the fastest first; whoever asked for the kernel takes one of the list. So nothing from outside can make an emitter do what it did not offer.
 *
 *     choose({ aspect: "tile", candidates: [{ rows: 3, vectors: 3 }, …], words: ({ rows, vectors }) => `${rows}x${4 * vectors}` })
 *
 * A choice may depend on those before it: candidates are those that are legal after what was chosen. Values with equal words are one.
 */

export interface Choice<T> {
  /** what is chosen, in a few words; no two choices of a kernel share it */
  readonly aspect: string;
  /** legal values, the cost model's first; never empty */
  readonly candidates: readonly T[];
  /** values that are better where the engine joins pairs of vectors, the best one first; none if not set */
  readonly joined?: readonly T[];
  /** names a value, for people and in tuning files */
  readonly words: (value: T) => string;
}

/** Takes one of the candidates. */
export type Choose = <T>(choice: Choice<T>) => T;

/** Takes what the cost model prefers. */
export const modelChoice: Choose = ({ aspect, candidates: [first] }) => {
  if (first === undefined) throw new Error(`internal: nothing to choose for "${aspect}"`);
  return first;
};

/** Takes what suits engines that join pairs of vectors, else what the cost model prefers. */
export const joinedChoice: Choose = (choice) => choice.joined?.[0] ?? modelChoice(choice);

/** The same choices, but none for joined vectors where `canJoin` does not hold. */
export const joinedIf =
  (canJoin: boolean, choose: Choose): Choose =>
  (choice) =>
    choose(canJoin ? choice : { ...choice, joined: [] });

/** Choices of a part of a kernel: `"tile"` becomes `"scores tile"`. */
export const choosePart =
  (part: string, choose: Choose): Choose =>
  (choice) =>
    choose({ ...choice, aspect: `${part} ${choice.aspect}` });

/** Values that differ in words, the first of each kept. */
export function distinct<T>(values: readonly T[], words: (value: T) => string): readonly T[] {
  const seen = new Map<string, T>();
  for (const value of values) if (!seen.has(words(value))) seen.set(words(value), value);
  return [...seen.values()];
}

/** A choice as it was met, in words. */
export interface AskedChoice {
  readonly aspect: string;
  readonly candidates: readonly string[];
  readonly taken: string;
}

/** What is wanted, by aspect, in the words of a candidate. */
export type Wishes = ReadonlyMap<string, string>;

/** Takes what is wished where that is a candidate, else what `otherwise` takes; what was asked is added to `asked`. */
export const chooseWished =
  (wishes: Wishes, asked: AskedChoice[], otherwise: Choose = modelChoice): Choose =>
  (choice) => {
    const { aspect, candidates, words } = choice;
    const wish = wishes.get(aspect);
    const taken = candidates.find((candidate) => words(candidate) === wish) ?? otherwise(choice);
    asked.push({ aspect, candidates: candidates.map(words), taken: words(taken) });
    return taken;
  };
