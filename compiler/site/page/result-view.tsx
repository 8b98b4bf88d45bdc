/** Downloads, a run on random input, and the report. */
import type { JSX } from "preact";
import { ReportView } from "../../report/page/report-view.tsx";
import type { Download } from "../messages.ts";
import { RunView } from "./run-view.tsx";
import type { Result, Session, State } from "./session.ts";

const titles: Readonly<Record<Download, string>> = {
  archive: "Compiled folder (.zip)",
  placement: "placement.json",
  report: "report.html",
  svg: "Map (.svg)",
};

export interface ResultViewProps {
  readonly result: Result;
  readonly state: State;
  readonly session: Session;
}

export function ResultView({ result, state, session }: ResultViewProps): JSX.Element {
  const { pending, ran } = state;
  return (
    <>
      <section class="card" aria-labelledby="take-title">
        <h2 id="take-title">Take it along</h2>
        <div class="actions">
          {(["archive", "placement", "report", "svg"] as const).map((what) => (
            <button
              type="button"
              key={what}
              disabled={pending !== null}
              onClick={() => {
                session.ask(what);
              }}
            >
              {titles[what]}
            </button>
          ))}
        </div>
        <p class="soft small">
          The folder runs in Node and in browsers with wsc's runtime; its weights take{" "}
          {(result.weightBytes / 1e6).toFixed(2)} MB. Typed bindings come with <code>wsc compile</code> only.
        </p>
      </section>
      <section class="card" aria-labelledby="run-title">
        <h2 id="run-title">Run it here</h2>
        <p class="soft">The program on random input, on one thread of this machine, layer by layer.</p>
        <div class="actions">
          <button
            type="button"
            disabled={pending !== null}
            onClick={() => {
              session.ask("run");
            }}
          >
            Run on random input
          </button>
          <span role="status" class="soft">
            {pending === null ? "" : pending === "run" ? "Running for some seconds" : "Making the file"}
          </span>
        </div>
        {ran === null ? null : <RunView ran={ran} />}
      </section>
      <ReportView data={result.report} />
    </>
  );
}
