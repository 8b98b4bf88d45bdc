/** Every layer in a row, sorted by any column; those that were searched for. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { nth } from "../../../ir/access.ts";
import { coresOf, heldBytes, type ReportData, type ReportLayer } from "../data/report-data.ts";
import { familyColors } from "../map/colors.ts";
import { bytes, count, percent } from "../text.ts";
import { HeldBar } from "./bars.tsx";
import { fileName, layersCsv, offer } from "./downloads.ts";

interface Column {
  readonly name: string;
  readonly of: (layer: ReportLayer) => number | string;
  readonly isNumber: boolean;
}

const columns: readonly Column[] = [
  { name: "#", of: ({ id }) => id, isNumber: true },
  { name: "Layer", of: ({ name }) => name, isNumber: false },
  { name: "Family", of: ({ family }) => family, isNumber: false },
  { name: "Cut", of: ({ across, down }) => `${across} ${down}`, isNumber: false },
  { name: "Cores", of: coresOf, isNumber: true },
  { name: "Cycles", of: ({ cycles }) => cycles, isNumber: true },
  { name: "Latency", of: ({ latency }) => latency, isNumber: true },
  { name: "SRAM", of: ({ sram }) => heldBytes(sram), isNumber: true },
];

/** Rows at first; more on request. */
const pageRows = 100;

interface TableProps {
  readonly data: ReportData;
  readonly found: readonly ReportLayer[];
  readonly picked: number | null;
  readonly pick: (id: number) => void;
}

export function LayerTable({ data, found, picked, pick }: TableProps): JSX.Element {
  const [by, setBy] = useState({ column: 0, descending: false });
  const [all, setAll] = useState(false);
  const sorted = useMemo(() => {
    const { of } = nth(columns, by.column);
    const sign = by.descending ? -1 : 1;
    return found.toSorted((a, b) => sign * compare(of(a), of(b)) || a.id - b.id);
  }, [found, by]);
  const shown = all ? sorted : sorted.slice(0, pageRows);
  return (
    <section class="card">
      <div class="toolbar">
        <h2>Layers</h2>
        <button
          type="button"
          onClick={() => {
            offer(fileName(data, "layers", "csv"), "text/csv;charset=utf-8", layersCsv(sorted));
          }}
        >
          CSV
        </button>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of layers">
        <table id="layers">
          <thead>
            <tr>
              {columns.map(({ name, isNumber }, column) => (
                <th
                  key={name}
                  class={isNumber ? "n" : ""}
                  aria-sort={by.column !== column ? "none" : by.descending ? "descending" : "ascending"}
                >
                  <button
                    type="button"
                    onClick={() => {
                      setBy({ column, descending: by.column === column ? !by.descending : isNumber && column > 0 });
                    }}
                  >
                    {name}
                    {by.column !== column ? "" : by.descending ? " ↓" : " ↑"}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((layer) => (
              <Row key={layer.id} data={data} layer={layer} isOn={layer.id === picked} pick={pick} />
            ))}
          </tbody>
        </table>
      </div>
      {shown.length === sorted.length ? null : (
        <button
          type="button"
          onClick={() => {
            setAll(true);
          }}
        >
          Show all {count(sorted.length)}
        </button>
      )}
    </section>
  );
}

const compare = (a: number | string, b: number | string): number =>
  typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;

interface RowProps {
  readonly data: ReportData;
  readonly layer: ReportLayer;
  readonly isOn: boolean;
  readonly pick: (id: number) => void;
}

function Row({ data, layer, isOn, pick }: RowProps): JSX.Element {
  const { id, name, family, nodes, rect, rotated, across, down, cycles, latency, sram } = layer;
  const others = nodes.filter((node) => node !== name);
  return (
    <tr class={isOn ? "on" : ""}>
      <td class="n">{id}</td>
      <td>
        <button
          type="button"
          class="link"
          aria-pressed={isOn}
          onClick={() => {
            pick(id);
          }}
        >
          {name}
        </button>
        {others.length === 0 ? null : <div class="soft small">with {others.join(", ")}</div>}
      </td>
      <td>
        <i class="dot" style={`background:${familyColors[family]}`} />
        {family}
      </td>
      <td class="soft small">{[across, down].filter((cut) => cut !== "").join(" × ") || "whole"}</td>
      <td class="n">
        {rect.width} × {rect.height}
        {rotated ? <span class="soft small"> turned</span> : null}
      </td>
      <td class="n">
        {count(cycles)}
        {data.interval === null ? null : <div class="soft small">{percent(cycles / data.interval)}</div>}
      </td>
      <td class="n">{count(latency)}</td>
      <td class="n">
        {data.coreBytes === null ? null : <HeldBar held={sram} capacity={data.coreBytes} />}
        {bytes(heldBytes(sram))}
      </td>
    </tr>
  );
}
