/** When a link is taken: spans of cycles, ascending and apart. Nets ask for it in another order than their words come to it. */
import { nth } from "../../../ir/access.ts";

export class Busy {
  #spans: { readonly begin: number; readonly end: number }[] = [];

  /** The first time from `earliest` on at which the link is free for so many cycles. */
  fits(earliest: number, cycles: number): number {
    let time = earliest;
    for (const { begin, end } of this.#spans) {
      if (begin >= time + cycles) break;
      if (end > time) time = end;
    }
    return time;
  }

  /** Takes the link; what lies before `now` is forgotten. */
  take(begin: number, end: number, now: number): void {
    const spans = this.#spans.filter((span) => span.end > now);
    let index = spans.findIndex((span) => span.begin >= begin);
    if (index < 0) index = spans.length;
    const before = spans[index - 1];
    // spans that touch are one
    if (before !== undefined && before.end >= begin) spans[index - 1] = { begin: before.begin, end };
    else spans.splice(index, 0, { begin, end });
    const at = before !== undefined && before.end >= begin ? index - 1 : index;
    const after = spans[at + 1];
    if (after !== undefined && after.begin <= end)
      spans.splice(at, 2, { begin: nth(spans, at).begin, end: Math.max(end, after.end) });
    this.#spans = spans;
  }
}
