/** What a search of a design space may be after: the whole frontier, or the best point of the first objective. */
export const searchKinds = ["pareto", "best"] as const;

export type SearchKind = (typeof searchKinds)[number];
