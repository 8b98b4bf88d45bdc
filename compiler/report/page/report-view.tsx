/** A report: what limits, figures, wafers with the graph, timeline, memory, layers, host. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { ReportData } from "../data/report-data.ts";
import { amountText, Bars } from "./bars.tsx";
import { LayerTable } from "./layer-table.tsx";
import { HostTable } from "./host-table.tsx";
import { isEmpty, matches, type Query } from "./search.ts";
import { useTheme } from "./theme.ts";
import { Timeline } from "./timeline.tsx";
import { WaferList } from "./wafer-list.tsx";
import { WaferView } from "./wafer-view.tsx";

export function ReportView({ data }: { readonly data: ReportData }): JSX.Element {
  const theme = useTheme();
  const [query, setQuery] = useState<Query>({ text: "", families: new Set() });
  const [picked, setPicked] = useState<number | null>(null);
  const [edge, setEdge] = useState<number | null>(null);
  const [wafer, setWafer] = useState(0);
  const pick = (id: number | null): void => {
    setPicked(id);
    setEdge(null);
    const layer = id === null ? undefined : data.layers[id];
    if (layer !== undefined) setWafer(layer.wafer);
  };
  const found = useMemo(() => data.layers.filter((layer) => matches(query, layer)), [data, query]);
  const chosen = useMemo(
    () => new Set([...(isEmpty(query) ? [] : found.map(({ id }) => id)), ...(picked === null ? [] : [picked])]),
    [query, found, picked],
  );
  const choice = { theme, chosen, picked, edge, pick, pickEdge: setEdge };
  const hasLayers = data.layers.length > 0;
  return (
    <>
      <header>
        <h1>{data.title}</h1>
        <p class="lead">{data.summary}</p>
        {data.warning === null ? null : <p class="warning">{data.warning}</p>}
      </header>
      <Limits data={data} />
      {data.figures.length === 0 ? null : (
        <dl class="figures">
          {data.figures.map(({ name, text, note }) => (
            <div class="card" key={name}>
              <dt>{name}</dt>
              <dd class="value">{text}</dd>
              <dd>{note}</dd>
            </div>
          ))}
        </dl>
      )}
      {hasLayers ? (
        <WaferView
          data={data}
          wafer={wafer}
          setWafer={setWafer}
          query={query}
          setQuery={setQuery}
          found={found.length}
          {...choice}
        />
      ) : null}
      {hasLayers ? <Timeline data={data} {...choice} /> : null}
      <WaferList data={data} />
      {hasLayers ? <LayerTable data={data} found={found} picked={picked} pick={pick} /> : null}
      <HostTable host={data.host} />
      <div class="facts-row">
        {data.facts.map(({ title, rows }) => (
          <section class="card" key={title}>
            <h2>{title}</h2>
            <dl class="facts">
              {rows.map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <footer>
        {data.notes.map((note) => (
          <p key={note}>{note}</p>
        ))}
      </footer>
    </>
  );
}

/** The sentence, and what takes how much. */
function Limits({ data }: { readonly data: ReportData }): JSX.Element {
  const { sentence, parts, unit } = data.limit;
  const most = parts.reduce((largest, { amount }) => Math.max(largest, amount), 0);
  return (
    <section class="card limits">
      <h2>What limits</h2>
      <p class="sentence">{sentence.charAt(0).toUpperCase() + sentence.slice(1)}.</p>
      <Bars
        rows={parts.slice(0, 6).map(({ name, amount }, index) => ({
          name,
          text: amountText(amount, unit),
          share: most === 0 ? 0 : amount / most,
          strong: index === 0,
        }))}
      />
    </section>
  );
}
