/** Memory of the wafers by category, and their loads; one wafer in full, several in a table. */
import type { JSX } from "preact";
import { heldBytes, type ReportData } from "../data/report-data.ts";
import { bytes, count } from "../text.ts";
import { HeldBar, HeldLegend } from "./bars.tsx";

/** Characters of a list of layers that are shown; the whole list is its title. */
const longestList = 60;

export function WaferList({ data }: { readonly data: ReportData }): JSX.Element | null {
  const [first] = data.wafers;
  if (first === undefined) return null;
  const fullest = data.wafers.reduce((most, wafer) => (heldBytes(wafer.held) > heldBytes(most.held) ? wafer : most));
  return (
    <section class="card" id="memory">
      <h2>{data.wafers.length === 1 ? "Memory of the cores in use" : `${count(data.wafers.length)} wafers`}</h2>
      {data.wafers.length === 1 ? null : <Wafers data={data} />}
      {data.links.length === 0 ? null : (
        <p class="soft">
          Words per sample between wafers:{" "}
          {data.links.map(({ from, to, words }) => `${from + 1} → ${to + 1}: ${count(words)}`).join(", ")}
        </p>
      )}
      {data.wafers.length === 1 ? null : <h3>Memory of the fullest, {fullest.name}</h3>}
      <HeldBar held={fullest.held} capacity={fullest.capacity} />
      <HeldLegend held={fullest.held} capacity={fullest.capacity} />
    </section>
  );
}

function Wafers({ data }: { readonly data: ReportData }): JSX.Element {
  const most = data.wafers.reduce((largest, { load }) => Math.max(largest, load.amount), 0);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Table of wafers">
      <table>
        <thead>
          <tr>
            <th>Wafer</th>
            <th class="n">Layers</th>
            <th>Which</th>
            <th>SRAM</th>
            <th class="n">Bytes</th>
            <th>{data.wafers[0]?.load.kind === "cycles" ? "Cycles" : "Work, to the mean"}</th>
          </tr>
        </thead>
        <tbody>
          {data.wafers.map(({ name, layers, held, capacity, load }) => (
            <tr key={name}>
              <td>{name}</td>
              <td class="n">{count(layers.length)}</td>
              <td title={layers.join(", ")}>{shortList(layers.join(", "))}</td>
              <td>
                <HeldBar held={held} capacity={capacity} />
              </td>
              <td class="n">{bytes(heldBytes(held))}</td>
              <td>
                <span class="bar">
                  <i style={`width:${((100 * load.amount) / Math.max(most, 1e-9)).toFixed(1)}%`} />
                </span>{" "}
                {load.kind === "cycles" ? count(load.amount) : load.amount.toFixed(2)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const shortList = (text: string): string => (text.length <= longestList ? text : `${text.slice(0, longestList)}…`);
