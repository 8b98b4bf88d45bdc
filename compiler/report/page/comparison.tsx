/** What changed between two reports: figures, maps side by side, and every layer that is not the same. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { figureChanges, type LayerChange, layerChanges } from "../data/compare.ts";
import { coresOf, type ReportData, type ReportLayer } from "../data/report-data.ts";
import { lightTheme, type Theme } from "../map/colors.ts";
import { layerTitle, mapScene } from "../map/map-scene.ts";
import type { Scene } from "../map/scene.ts";
import { count, percent } from "../text.ts";
import { Stage } from "./stage.tsx";
import { useTheme } from "./theme.ts";

interface ComparisonProps {
  readonly before: ReportData;
  readonly after: ReportData;
}

/** Changed layers that are listed, the largest changes first. */
const listed = 200;

export function Comparison({ before, after }: ComparisonProps): JSX.Element {
  const [name, setName] = useState<string | null>(null);
  const figures = useMemo(() => figureChanges(before, after), [before, after]);
  const changes = useMemo(() => layerChanges(before, after).filter(({ kind }) => kind !== "same"), [before, after]);
  const sorted = useMemo(() => changes.toSorted((a, b) => weightOf(b) - weightOf(a)), [changes]);
  return (
    <section class="card" id="comparison">
      <h1>
        {before.title} → {after.title}
      </h1>
      <p>Before: {before.limit.sentence}.</p>
      <p>After: {after.limit.sentence}.</p>
      <table>
        <thead>
          <tr>
            <th>Figure</th>
            <th class="n">Before</th>
            <th class="n">After</th>
            <th class="n">Change</th>
          </tr>
        </thead>
        <tbody>
          {figures.map(({ before: old, after: now, change, verdict }) => (
            <tr key={old.name}>
              <td>{old.name}</td>
              <td class="n">{old.text}</td>
              <td class="n">{now.text}</td>
              <td class={`n ${verdict ?? ""}`}>
                {change === null ? "" : signed(change)} {verdict ?? ""}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="pair even">
        <SideMap data={before} side="Before" name={name} setName={setName} />
        <SideMap data={after} side="After" name={name} setName={setName} />
      </div>
      <h2>
        {changes.length === 0
          ? "No layer changed"
          : `${count(changes.length)} of ${count(after.layers.length)} layers changed`}
      </h2>
      {changes.length === 0 ? null : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Layers that changed">
          <table id="changes">
            <thead>
              <tr>
                <th>Layer</th>
                <th>What</th>
                <th>Before</th>
                <th>After</th>
                <th class="n">Cycles</th>
              </tr>
            </thead>
            <tbody>
              {sorted.slice(0, listed).map((change) => (
                <tr key={change.name} class={change.name === name ? "on" : ""}>
                  <td>
                    <button
                      type="button"
                      class="link"
                      aria-pressed={change.name === name}
                      onClick={() => {
                        setName(change.name);
                      }}
                    >
                      {change.name}
                    </button>
                  </td>
                  <td>{change.kind}</td>
                  <td>{change.kind === "added" ? "" : placeText(change.before)}</td>
                  <td>{change.kind === "removed" ? "" : placeText(change.after)}</td>
                  <td class="n">{cyclesText(change)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {sorted.length > listed ? <p class="soft">and {count(sorted.length - listed)} more</p> : null}
        </div>
      )}
    </section>
  );
}

const signed = (change: number): string => `${change > 0 ? "+" : change < 0 ? "−" : ""}${percent(Math.abs(change))}`;

const placeText = (layer: ReportLayer): string =>
  `${layer.rect.width} × ${layer.rect.height} at (${layer.rect.x}, ${layer.rect.y}), ${count(coresOf(layer))} cores`;

function weightOf(change: LayerChange): number {
  switch (change.kind) {
    case "added":
      return change.after.cycles;
    case "removed":
      return change.before.cycles;
    default:
      return Math.abs(change.after.cycles - change.before.cycles);
  }
}

function cyclesText(change: LayerChange): string {
  switch (change.kind) {
    case "added":
      return count(change.after.cycles);
    case "removed":
      return count(change.before.cycles);
    default:
      return `${count(change.before.cycles)} → ${count(change.after.cycles)}`;
  }
}

interface SideMapProps {
  readonly data: ReportData;
  readonly side: string;
  readonly name: string | null;
  readonly setName: (name: string | null) => void;
}

/** The first wafer of a report, with the layer of a name marked. */
function SideMap({ data, side, name, setName }: SideMapProps): JSX.Element | null {
  const theme = useTheme();
  const map = data.wafers[0]?.map ?? null;
  const layer = data.layers.find((one) => one.name === name);
  const sceneIn = (scheme: Theme): Scene | null =>
    map === null
      ? null
      : mapScene(data, 0, map, {
          theme: scheme,
          scale: null,
          routes: false,
          marks: false,
          chosen: new Set(layer === undefined ? [] : [layer.id]),
          edge: null,
        });
  const scene = useMemo(() => sceneIn(theme), [data, map, theme, layer]);
  if (scene === null) return null;
  return (
    <div>
      <h2>{side}</h2>
      <Stage
        id={`map-${side.toLowerCase()}`}
        label={`${side}: map of ${data.title}`}
        scene={scene}
        paper={() => sceneIn(lightTheme) ?? scene}
        focus={layer?.rect ?? null}
        find={(x, y) => {
          const at = data.layers.find(
            ({ rect, wafer }) =>
              wafer === 0 && x >= rect.x && y >= rect.y && x < rect.x + rect.width && y < rect.y + rect.height,
          );
          return at === undefined ? null : { id: at.id, title: layerTitle(at, data.interval) };
        }}
        onPick={(id) => {
          setName(id === null ? null : (data.layers[id]?.name ?? null));
        }}
        onStep={(by) => {
          const next = ((layer?.id ?? (by === 1 ? -1 : 0)) + by + data.layers.length) % Math.max(1, data.layers.length);
          setName(data.layers[next]?.name ?? null);
        }}
      />
    </div>
  );
}
