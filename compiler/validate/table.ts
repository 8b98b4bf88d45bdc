/** What a table of published measurements is, and how far the model is from it. */

/** How a modelled figure was got. */
export const rowBases = ["first-principles", "fitted", "interpolated", "extrapolated"] as const;

/**
 * `first-principles`: no constant was fitted to this table; `fitted`: the row is one of those that constants were fitted to; `interpolated`: it is not,
 * but others of the table are, on another grid or size; `extrapolated`: another model or machine than those that constants were fitted to.
 */
export type RowBasis = (typeof rowBases)[number];

/** A published figure and the model's. */
export interface Entry {
  readonly row: string;
  /** name of the target */
  readonly target: string;
  /** name of the model that ran, where one did */
  readonly model?: string;
  readonly published: number;
  readonly modelled: number;
  readonly basis: RowBasis;
}

export interface Table {
  /** how `wsc validate NAME` calls it */
  readonly name: string;
  readonly title: string;
  /** of both figures */
  readonly unit: string;
  readonly source: string;
  /** the law behind the modelled figures, in a sentence or two */
  readonly law: string;
  readonly entries: () => readonly Entry[];
  /** set where the rows are runs of a simulator, which take seconds; none of them is of a language model */
  readonly simulated?: true;
  /** the rows again, each by constants that were fitted without the rows of its model */
  readonly withoutModel?: () => readonly Entry[];
}

/** A row as `wsc validate --json` prints it; `error` is `modelled / published - 1`. */
export interface Row {
  readonly table: string;
  readonly row: string;
  readonly unit: string;
  readonly published: number;
  readonly modelled: number;
  readonly error: number;
  readonly basis: RowBasis;
}

/** Rows of one basis: how many, and their errors without sign. */
export interface Spread {
  readonly rows: number;
  readonly mean: number;
  readonly largest: number;
}

export interface TableSummary {
  readonly table: string;
  readonly rows: number;
  readonly byBasis: Readonly<Partial<Record<RowBasis, Spread>>>;
  /** errors of rows whose model took no part in the fit; null where a table has one model or no fit */
  readonly leaveOneModelOut: Spread | null;
}

export const errorOf = ({ published, modelled }: Pick<Entry, "published" | "modelled">): number =>
  modelled / published - 1;

export const rowOf = ({ name, unit }: Table, entry: Entry): Row => ({
  table: name,
  row: entry.row,
  unit,
  published: entry.published,
  modelled: entry.modelled,
  error: errorOf(entry),
  basis: entry.basis,
});

function spreadOf(entries: readonly Entry[]): Spread {
  const errors = entries.map((entry) => Math.abs(errorOf(entry)));
  return {
    rows: errors.length,
    mean: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    largest: Math.max(...errors),
  };
}

/** `entries`: those of the table that are of interest. */
export function summaryOf(table: Table, entries: readonly Entry[]): TableSummary {
  const byBasis: Partial<Record<RowBasis, Spread>> = {};
  for (const basis of rowBases) {
    const own = entries.filter((entry) => entry.basis === basis);
    if (own.length > 0) byBasis[basis] = spreadOf(own);
  }
  const shown = new Set(entries.map(({ row }) => row));
  const left = table.withoutModel?.().filter(({ row }) => shown.has(row)) ?? [];
  return {
    table: table.name,
    rows: entries.length,
    byBasis,
    leaveOneModelOut: left.length === 0 ? null : spreadOf(left),
  };
}
