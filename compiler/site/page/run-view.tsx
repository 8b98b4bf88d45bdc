/** Times of layers against the engine's limits. */
import type { JSX } from "preact";
import { count, visible } from "../../report/text.ts";
import type { LayerProfile } from "../../tuning/layer-profile.ts";
import type { RunResult } from "../messages.ts";

/** Layers shown: those that take longest. */
const shownLayers = 20;

const giga = (perSecond: number): string => (perSecond / 1e9).toFixed(1);

export function RunView({ ran }: { readonly ran: RunResult }): JSX.Element {
  const { milliseconds, runs, inLayers, layers, limits, outputs } = ran;
  const slowest = layers.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, shownLayers);
  const cached = limits.reads[0];
  return (
    <>
      <p class="sentence">
        {milliseconds.toFixed(3)} ms a run (mean of {count(runs)}), {inLayers.toFixed(3)} ms of it in layers. This
        engine does at most {giga(limits.multiplyAdds)} G multiply-adds a second
        {cached === undefined ? "" : ` and reads ${giga(cached.bytesPerSecond)} GB a second from its first cache`}.
      </p>
      <p class="soft small">{outputs.map(visible).join("; ")}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Times of layers">
        <table class="times">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">ms</th>
              <th scope="col">Share</th>
              <th scope="col">Of limit</th>
              <th scope="col">Bound by</th>
            </tr>
          </thead>
          <tbody>{slowest.map(timeRow)}</tbody>
        </table>
      </div>
      {layers.length > shownLayers ? (
        <p class="soft small">{count(layers.length - shownLayers)} more take less.</p>
      ) : null}
    </>
  );
}

function timeRow(
  { nodes, functions, milliseconds, share, reached, boundBy }: LayerProfile,
  index: number,
): JSX.Element {
  return (
    <tr key={index}>
      <th scope="row">{visible(nodes.length === 0 ? functions.join(", ") : nodes.join(" + "))}</th>
      <td>{milliseconds.toFixed(3)}</td>
      <td>{(100 * share).toFixed(1)} %</td>
      <td>{reached === null ? "" : `${(100 * reached).toFixed(0)} %`}</td>
      <td>{boundBy}</td>
    </tr>
  );
}
