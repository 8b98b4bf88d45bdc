/** The stages, what the model is, and the search: the best so far, what is proven, and how far apart they are. */
import type { JSX } from "preact";
import { defined } from "../../../ir/access.ts";
import type { PlacementObjective } from "../../../ir/placement.ts";
import type { Stage } from "../../compile.ts";
import { count, visible } from "../../report/text.ts";
import type { Found, Inspected } from "../messages.ts";
import { DiagnosticList } from "./problems.tsx";
import type { State } from "./session.ts";

/** Stages that a page comes by, as people call them. */
const stages: readonly (readonly [Stage, string])[] = [
  ["read", "read"],
  ["lower", "lower"],
  ["passes", "rewrite"],
  ["kernels", "layers"],
  ["place", "place"],
  ["program", "program"],
];

export function Progress({ state }: { readonly state: State }): JSX.Element | null {
  if (state.phase === "idle" && !state.isStopped) return null;
  const best = state.found.at(-1);
  return (
    <section class="card" aria-labelledby="progress-title" aria-busy={state.phase === "working"}>
      <h2 id="progress-title">What happens</h2>
      <p role="status">{sentence(state)}</p>
      <ol class="stages">
        {stages.map(([stage, name], index) => (
          <li key={stage} class={stageClass(state, index)} aria-current={state.stage === stage ? "step" : undefined}>
            {name}
          </li>
        ))}
      </ol>
      {state.inspected === null ? null : <InspectedView inspected={state.inspected} />}
      {best === undefined ? null : <BestView best={best} />}
      <p class="soft small step">{state.step === null ? "" : visible(state.step)}</p>
    </section>
  );
}

function sentence({ phase, isStopped, result }: State): string {
  switch (phase) {
    case "idle":
      return "Stopped before anything was found.";
    case "working":
      return isStopped ? "Stopped; the best that was found becomes a program." : "Working in this page.";
    case "done":
      if (isStopped) return "Stopped; the best so far is kept.";
      return `Placed and compiled in ${defined(result).seconds.toFixed(1)} s.`;
    case "failed":
      return "Ended without a placement.";
  }
}

function stageClass({ phase, stage }: State, index: number): string | undefined {
  const at = stages.findIndex(([name]) => name === stage);
  if (phase === "done" || index < at) return "past";
  if (index > at) return undefined;
  return phase === "working" ? "now" : "ended";
}

function InspectedView({ inspected }: { readonly inspected: Inspected }): JSX.Element {
  const { name, inputs, outputs, ops, weightBytes, warnings } = inspected;
  const rows = [
    ["Model", name],
    ["Takes", inputs.join(", ")],
    ["Gives", outputs.join(", ")],
    ["Ops", count(ops)],
    ["Weights", `${(weightBytes / 1e6).toFixed(2)} MB`],
  ] as const;
  return (
    <>
      <dl class="facts inspected">
        {rows.map(([title, text]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{visible(text)}</dd>
          </div>
        ))}
      </dl>
      {warnings.length === 0 ? null : <DiagnosticList problems={warnings} />}
    </>
  );
}

const units: Readonly<Record<PlacementObjective, string>> = {
  throughput: "cycles between samples",
  latency: "cycles for a sample",
  cores: "cores",
  wire: "words times hops",
};

function BestView({ best }: { readonly best: Found }): JSX.Element {
  const { goal } = best.placement.certificate;
  return (
    <dl class="figures found" aria-label="The search">
      <Figure name="Best so far" value={count(goal.value)} note={units[goal.kind]} />
      <Figure name="Proven bound" value={count(goal.bound)} note="nothing goes below it" />
      <Figure name="Gap" value={`${(100 * goal.gap).toFixed(2)} %`} note={`after ${best.seconds.toFixed(1)} s`} />
    </dl>
  );
}

const Figure = ({ name, value, note }: Readonly<Record<"name" | "value" | "note", string>>): JSX.Element => (
  <div class="card">
    <dt>{name}</dt>
    <dd class="value">{value}</dd>
    <dd>{note}</dd>
  </div>
);
