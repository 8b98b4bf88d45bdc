/** How an operator says that it needs something which is known only when the program runs. */

/** Thrown while a node is lowered and caught by its graph's lowering: no user ever sees it. */
export class Deferral extends Error {
  /** what is not known yet, for reports: `the shape of "x"` */
  readonly reason: string;
  /** the input whose value (not only its shape) is needed; null when none is */
  readonly neededValue: string | null;

  constructor(reason: string, neededValue: string | null = null) {
    super(reason);
    this.name = "Deferral";
    this.reason = reason;
    this.neededValue = neededValue;
  }
}
