/** Helps people who mistype: the known name nearest to what they wrote. */
import { showName } from "./diagnostic.ts";

const maxCompared = 64;

/** The candidate at the least edit distance, if it is near enough to be meant: not one of which every character had to be replaced. */
export function nearestName(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > maxCompared) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance < Math.max(word.length, candidate.length)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Whether a name looks like a mistyped one: at most two letters are other, one in a short name. */
export function isNearMiss(word: string, candidates: readonly string[]): boolean {
  const near = nearestName(word, candidates);
  return near !== undefined && editDistance(word.toLowerCase(), near.toLowerCase()) <= (word.length < 4 ? 1 : 2);
}

/** Names of a list that a hint shows. */
const mostListed = 20;

/** A hint for a name that is none of the candidates: the nearest of them, then all of them, as `did you mean "batch"? dims: batch, steps`. */
export function nameHint(word: string, what: string, candidates: readonly string[]): string {
  const near = nearestName(word, candidates);
  const meant = near === undefined ? "" : `did you mean "${showName(near)}"? `;
  if (candidates.length === 0) return `there are no ${what}`;
  const more = candidates.length > mostListed ? `, and ${candidates.length - mostListed} more` : "";
  return `${meant}${what}: ${candidates.slice(0, mostListed).map(showName).join(", ")}${more}`;
}

/** Levenshtein distance: insertions, deletions and replacements. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replace, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
