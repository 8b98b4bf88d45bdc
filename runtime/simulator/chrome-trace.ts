/** Spans of a run in Chrome's trace format, as Perfetto and chrome://tracing read it: a process for each layer, a thread for each task of a core. */
import { nth } from "../../ir/access.ts";
import type { OnSpan, Span } from "./spans.ts";

/** Spans that are kept; viewers take about as many. */
const mostSpans = 1_000_000;

export class ChromeTrace {
  readonly #layers: readonly string[];
  readonly #spans: Span[] = [];
  /** spans that were too many to be kept */
  leftOut = 0;

  constructor(layers: readonly string[]) {
    this.#layers = layers;
  }

  readonly onSpan: OnSpan = (span) => {
    if (this.#spans.length < mostSpans) this.#spans.push(span);
    else this.leftOut++;
  };

  /** The text of a trace file; a cycle is shown as a microsecond. */
  print(): string {
    const threads = new Map<string, number>();
    const events: string[] = [];
    const seen = new Set<number>();
    const put = (event: object): void => {
      events.push(JSON.stringify(event));
    };
    for (const { x, y, layer, task, name, what, sample, begin, end } of this.#spans) {
      const pid = layer + 1;
      if (!seen.has(layer)) {
        seen.add(layer);
        put({ name: "process_name", ph: "M", pid, tid: 0, args: { name: nth(this.#layers, layer) } });
      }
      const key = `${x} ${y} ${task}`;
      let tid = threads.get(key);
      if (tid === undefined) {
        tid = threads.size + 1;
        threads.set(key, tid);
        put({ name: "thread_name", ph: "M", pid, tid, args: { name: `(${x}, ${y}) ${name}` } });
      }
      put({ name: what, cat: name, ph: "X", ts: begin, dur: end - begin, pid, tid, args: { sample } });
    }
    const rest = `"otherData": {"unit": "1 us is 1 cycle", "spansLeftOut": ${this.leftOut}}`;
    return `{"traceEvents": [\n${events.join(",\n")}\n], ${rest}}\n`;
  }
}
