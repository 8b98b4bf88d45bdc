/** The order in which words of many sources pass a router: ropes of sequences, joined at switches and cut by their counts. */

export type Sequence =
  | { readonly kind: "source"; readonly source: number; readonly words: number }
  | { readonly kind: "joined"; readonly parts: readonly Sequence[]; readonly words: number }
  | { readonly kind: "cut"; readonly of: Sequence; readonly begin: number; readonly words: number };

/** Words of a source, one after the other. */
export interface Run {
  readonly source: number;
  /** first of the source's words of a sample */
  readonly offset: number;
  readonly words: number;
}

export function joined(parts: readonly Sequence[]): Sequence {
  const [only, ...rest] = parts;
  if (only !== undefined && rest.length === 0) return only;
  return { kind: "joined", parts, words: parts.reduce((sum, { words }) => sum + words, 0) };
}

export const cut = (of: Sequence, begin: number, words: number): Sequence =>
  begin === 0 && words === of.words ? of : { kind: "cut", of, begin, words };

/** A sequence as runs; `starts` takes down where each whole part of it begins. */
export function flattened(sequence: Sequence, starts: Map<Sequence, number>): Run[] {
  const runs: Run[] = [];
  let at = 0;
  const visit = (part: Sequence, begin: number, words: number): void => {
    if (words === 0) return;
    if (words === part.words && !starts.has(part)) starts.set(part, at);
    switch (part.kind) {
      case "source":
        runs.push({ source: part.source, offset: begin, words });
        at += words;
        return;
      case "cut":
        visit(part.of, part.begin + begin, words);
        return;
      case "joined": {
        let skipped = begin;
        let left = words;
        for (const one of part.parts) {
          if (left === 0) return;
          if (skipped >= one.words) {
            skipped -= one.words;
            continue;
          }
          const taken = Math.min(left, one.words - skipped);
          visit(one, skipped, taken);
          skipped = 0;
          left -= taken;
        }
      }
    }
  };
  visit(sequence, 0, sequence.words);
  return runs;
}
