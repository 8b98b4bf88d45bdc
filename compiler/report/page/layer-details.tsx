/** What is known of the chosen layer: its nodes, cores, cut, memory, and the edges in and out, each of which can be shown. */
import type { JSX } from "preact";
import { nth } from "../../../ir/access.ts";
import { coresOf, heldBytes, type ReportData, type ReportEdge, type ReportLayer } from "../data/report-data.ts";
import { bytes, count, operations, percent } from "../text.ts";
import { HeldBar } from "./bars.tsx";

interface DetailsProps {
  readonly data: ReportData;
  readonly layer: ReportLayer | null;
  readonly edge: number | null;
  readonly pick: (id: number | null) => void;
  readonly pickEdge: (edge: number | null) => void;
}

export function LayerDetails({ data, layer, edge, pick, pickEdge }: DetailsProps): JSX.Element {
  if (layer === null)
    return (
      <p class="soft" id="details" aria-live="polite">
        Choose a layer on the map, in the graph, or in the table to see what it is and where its words go.
      </p>
    );
  const { name, family, nodes, kinds, rect, rotated, across, down, cycles, latency, sram, flops } = layer;
  const seen = data.simulation?.layers.find((one) => one.name === name);
  const facts: readonly (readonly [string, string])[] = [
    ["Family", `${family} (${kinds.join(", ")})`],
    ["ONNX nodes", nodes.length === 0 ? "none" : nodes.join(", ")],
    [
      "Cores",
      `${rect.width} wide × ${rect.height} high${rotated ? ", turned" : ""} at (${rect.x}, ${rect.y}): ${count(coresOf(layer))}`,
    ],
    [
      "Cut",
      `along the width ${across === "" ? "nothing" : across}; along the height ${down === "" ? "nothing" : down}`,
    ],
    [
      "Time",
      `${count(cycles)} cycles${data.interval === null ? "" : `, ${percent(cycles / data.interval)} of the interval`}; latency ${count(latency)}`,
    ],
    ["Work", `${operations(flops)}FLOP per sample`],
    [
      "SRAM",
      `${bytes(heldBytes(sram))}${data.coreBytes === null ? "" : ` of ${bytes(data.coreBytes)}`} in the fullest core`,
    ],
    ...(seen === undefined
      ? []
      : [
          [
            "Simulated",
            `${count(seen.busy / seen.cores)} cycles of computing a core, cycles ${count(seen.first)} to ${count(seen.last)}`,
          ] as const,
        ]),
  ];
  const edges = data.edges.flatMap((one, index) =>
    one.from === layer.id || one.to === layer.id ? [{ one, index }] : [],
  );
  return (
    <div id="details" aria-live="polite">
      <h3>
        #{layer.id} {name}
      </h3>
      <div class="details">
        <dl class="facts">
          {facts.map(([title, value]) => (
            <div key={title}>
              <dt>{title}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <div>
          {data.coreBytes === null ? null : <HeldBar held={sram} capacity={data.coreBytes} />}
          <ul class="edges">
            {edges.map(({ one, index }) => (
              <li key={index}>
                <button
                  type="button"
                  aria-pressed={edge === index}
                  onClick={() => {
                    pickEdge(edge === index ? null : index);
                  }}
                >
                  {one.to === layer.id ? "from" : "to"}
                </button>{" "}
                <button
                  type="button"
                  class="link"
                  onClick={() => {
                    pick(otherEnd(one, layer));
                  }}
                >
                  {nth(data.layers, otherEnd(one, layer)).name}
                </button>{" "}
                <span class="soft">{count(one.words)} words</span>
              </li>
            ))}
          </ul>
        </div>
      </div>
    </div>
  );
}

const otherEnd = ({ from, to }: ReportEdge, { id }: ReportLayer): number => (from === id ? to : from);
