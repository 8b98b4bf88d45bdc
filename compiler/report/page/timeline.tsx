/** How a sample passes the layers, and what cores did where a simulation lies beside the placement. */
import { ticks } from "d3-array";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { ReportData } from "../data/report-data.ts";
import type { ReportSimulation } from "../data/simulation.ts";
import { lightTheme } from "../map/colors.ts";
import { sceneSvg } from "../map/svg.ts";
import { timelineCycles, timelineScene, timelineSize } from "../map/timeline-scene.ts";
import { count, percent } from "../text.ts";
import { fileName, offer } from "./downloads.ts";
import type { View } from "./paint.ts";
import { Stage } from "./stage.tsx";
import type { Choice } from "./wafer-view.tsx";

interface TimelineProps extends Choice {
  readonly data: ReportData;
}

export function Timeline({ data, theme, chosen, picked, pick }: TimelineProps): JSX.Element {
  const scene = useMemo(() => timelineScene(data, { theme, chosen }), [data, theme, chosen]);
  const cycles = timelineCycles(data);
  const row = (index: number) => ({
    x: 0,
    y: timelineSize.top + index * timelineSize.row,
    width: timelineSize.width,
    height: timelineSize.row,
  });
  const step = (by: 1 | -1): void => {
    pick(((picked ?? (by === 1 ? -1 : 0)) + by + data.layers.length) % data.layers.length);
  };
  return (
    <section class="card">
      <div class="toolbar">
        <h2>A sample's way through the layers</h2>
        <span class="soft">
          cycles by the cost model
          {data.simulation === null ? "" : "; the line below a bar is when the simulated cores were at work"}
        </span>
      </div>
      <Stage
        id="timeline"
        label={`Timeline of ${count(data.layers.length)} layers over ${count(cycles)} cycles`}
        scene={scene}
        paper={() => timelineScene(data, { theme: lightTheme, chosen })}
        start="top"
        focus={picked === null ? null : row(picked)}
        find={(x, y) => {
          const layer = data.layers[Math.floor((y - timelineSize.top) / timelineSize.row)];
          if (layer === undefined || x < 0 || x > timelineSize.width) return null;
          return { id: layer.id, title: `${layer.name}\ncycles ${count(layer.begin)} to ${count(layer.end)}` };
        }}
        onPick={pick}
        onStep={step}
        rule={(view, width) => <Ruler view={view} width={width} cycles={cycles} />}
      >
        <button
          type="button"
          onClick={() => {
            offer(fileName(data, "timeline", "svg"), "image/svg+xml", sceneSvg(scene, data.title));
          }}
        >
          SVG
        </button>
      </Stage>
      {data.simulation === null ? null : <Simulated simulation={data.simulation} />}
    </section>
  );
}

interface RulerProps {
  readonly view: View;
  readonly width: number;
  readonly cycles: number;
}

/** Cycles along the upper side. */
function Ruler({ view, width, cycles }: RulerProps): JSX.Element {
  const perUnit = cycles / timelineSize.width;
  const from = Math.max(0, (-view.left / view.scale) * perUnit);
  const to = Math.min(cycles, ((width - view.left) / view.scale) * perUnit);
  return (
    <div class="ruler" aria-hidden="true">
      {ticks(from, to, 6).map((tick) => (
        <span key={tick} style={`left:${((tick / perUnit) * view.scale + view.left).toFixed(1)}px`}>
          {count(tick)}
        </span>
      ))}
    </div>
  );
}

/** Cores busy, moving words and waiting, by layer. */
function Simulated({ simulation }: { readonly simulation: ReportSimulation }): JSX.Element {
  const { level, samples, cycles, interval, latency, layers } = simulation;
  return (
    <>
      <h3>
        Simulated at the {level} level: {count(samples)} samples in {count(cycles)} cycles, interval {count(interval)},
        latency {count(latency)}
      </h3>
      <ul class="bars" id="activity">
        {layers.map(({ name, cores, busy, moving, waiting }) => {
          const all = Math.max(1, cores * cycles);
          const parts = [
            ["computing", busy, "#4fbf95"],
            ["moving words", moving, "#e6c84a"],
            ["waiting", waiting, "#e0605e"],
          ] as const;
          const told = parts.flatMap(([what, amount]) => (amount === null ? [] : [`${what} ${percent(amount / all)}`]));
          return (
            <li key={name}>
              <span>{name}</span>
              <span class="held" role="img" aria-label={told.join(", ")} title={told.join(", ")}>
                {parts.map(([what, amount, color]) =>
                  amount === null ? null : (
                    <i key={what} style={`width:${((100 * amount) / all).toFixed(2)}%;background:${color}`} />
                  ),
                )}
              </span>
              <span>{told.join(", ")}</span>
            </li>
          );
        })}
      </ul>
    </>
  );
}
