/** The map of a wafer and the graph of layers, side by side and linked, with search, scales and what is chosen. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { kernelFamilies, type KernelFamily } from "../../../ir/kernel-graph.ts";
import { copyOffset } from "../../../ir/placement.ts";
import type { ReportData, WaferMap } from "../data/report-data.ts";
import { familyColors, lightTheme, rampCss, rampRgb, type Theme } from "../map/colors.ts";
import { graphBox, graphScene, layOutGraph } from "../map/graph-scene.ts";
import { layerScale, type LayerScale, measureNames, type MeasureName, measures } from "../map/layer-scale.ts";
import { type LinkLoads, linkLoads } from "../map/link-loads.ts";
import { layerTitle, mapScene } from "../map/map-scene.ts";
import type { Scene } from "../map/scene.ts";
import { sceneSvg } from "../map/svg.ts";
import { count } from "../text.ts";
import { fileName, offer } from "./downloads.ts";
import { LayerDetails } from "./layer-details.tsx";
import type { Overlay } from "./paint.ts";
import { isEmpty, type Query } from "./search.ts";
import { type Found, Stage } from "./stage.tsx";

/** What is chosen, in all parts of the page. */
export interface Choice {
  readonly theme: Theme;
  /** what was found, and what was picked */
  readonly chosen: ReadonlySet<number>;
  readonly picked: number | null;
  readonly edge: number | null;
  readonly pick: (id: number | null) => void;
  readonly pickEdge: (edge: number | null) => void;
}

interface WaferViewProps extends Choice {
  readonly data: ReportData;
  readonly wafer: number;
  readonly setWafer: (wafer: number) => void;
  readonly query: Query;
  readonly setQuery: (query: Query) => void;
  readonly found: number;
}

export function WaferView(props: WaferViewProps): JSX.Element {
  const { data, wafer, setWafer, query, setQuery, found, theme, chosen, picked, edge, pick, pickEdge } = props;
  const [by, setBy] = useState<MeasureName | "family">("family");
  const [byRank, setByRank] = useState(false);
  const [showRoutes, setRoutes] = useState(true);
  const [showMarks, setMarks] = useState(true);
  const [showLoads, setLoads] = useState(false);
  const map = data.wafers[wafer]?.map ?? null;
  const scale = useMemo(() => (by === "family" ? null : layerScale(data, by, byRank)), [data, by, byRank]);
  const sceneIn = (scheme: Theme): Scene | null =>
    map === null
      ? null
      : mapScene(data, wafer, map, { theme: scheme, scale, routes: showRoutes, marks: showMarks, chosen, edge });
  const scene = useMemo(() => sceneIn(theme), [data, wafer, map, theme, scale, showRoutes, showMarks, chosen, edge]);
  const loads = useMemo(() => (map === null || !showLoads ? null : linkLoads(data, map)), [data, map, showLoads]);
  const overlay = useMemo(() => (loads === null || map === null ? null : loadImage(loads, map)), [loads, map]);
  const layout = useMemo(() => layOutGraph(data), [data]);
  const graph = useMemo(() => graphScene(data, layout, { theme, chosen, edge }), [data, layout, theme, chosen, edge]);
  const layer = picked === null ? undefined : data.layers[picked];
  const step = (by: 1 | -1): void => {
    pick(((picked ?? (by === 1 ? -1 : 0)) + by + data.layers.length) % data.layers.length);
  };
  return (
    <section class="card">
      <div class="toolbar">
        <h2>{map?.region == null ? "Wafer and layers" : "Region and layers"}</h2>
        <label class="search">
          <span class="unseen">Search layers by name or ONNX node</span>
          <input
            type="search"
            placeholder="Layer or ONNX node"
            value={query.text}
            onInput={(event) => {
              setQuery({ ...query, text: event.currentTarget.value });
            }}
          />
        </label>
        <span class="soft" role="status">
          {isEmpty(query)
            ? `${count(data.layers.length)} layers`
            : `${count(found)} of ${count(data.layers.length)} layers`}
        </span>
        <Colors by={by} setBy={setBy} />
        <span class="switch">
          <Toggle name="Routes" on={showRoutes} set={setRoutes} />
          <Toggle name="Link loads" on={showLoads} set={setLoads} />
          <Toggle name="Fullest" on={showMarks} set={setMarks} />
        </span>
      </div>
      {data.wafers.length === 1 ? null : (
        <div class="switch" role="group" aria-label="Wafer">
          {data.wafers.map(({ name }, index) => (
            <button
              type="button"
              key={name}
              aria-pressed={index === wafer}
              onClick={() => {
                setWafer(index);
              }}
            >
              {name}
            </button>
          ))}
        </div>
      )}
      <div class="pair">
        {scene === null || map === null ? null : (
          <Stage
            id="map"
            label={`Map of ${data.wafers[wafer]?.name ?? ""}: ${count(data.wafers[wafer]?.layers.length ?? 0)} layers on ${map.width} by ${map.height} cores`}
            scene={scene}
            paper={() => sceneIn(lightTheme) ?? scene}
            overlay={overlay}
            find={(x, y) => layerAt(data, wafer, map, x, y)}
            onPick={pick}
            onStep={step}
            focus={layer === undefined || layer.wafer !== wafer ? null : layer.rect}
          >
            <button
              type="button"
              onClick={() => {
                offer(fileName(data, "map", "svg"), "image/svg+xml", sceneSvg(scene, data.title));
              }}
            >
              SVG
            </button>
          </Stage>
        )}
        <Stage
          id="graph"
          label={`Graph of ${count(data.layers.length)} layers`}
          scene={graph}
          paper={() => graphScene(data, layout, { theme: lightTheme, chosen, edge })}
          find={(x, y) => {
            const id = layout.places.findIndex((_, one) => isIn(graphBox(layout, one), x, y));
            const at = data.layers[id];
            return at === undefined ? null : { id, title: layerTitle(at, data.interval) };
          }}
          onPick={pick}
          onStep={step}
          focus={picked === null ? null : graphBox(layout, picked)}
          start="top"
        >
          <button
            type="button"
            onClick={() => {
              offer(
                fileName(data, "graph", "svg"),
                "image/svg+xml",
                sceneSvg(graph, data.title, Math.max(graph.width, graph.height)),
              );
            }}
          >
            SVG
          </button>
        </Stage>
      </div>
      {scale === null ? (
        <Families data={data} query={query} setQuery={setQuery} />
      ) : (
        <ScaleKey scale={scale} byRank={byRank} setByRank={setByRank} />
      )}
      {loads === null ? null : (
        <p class="scale">
          <span>words a link:</span> <span>0</span> <i style={`background:${rampCss("load")}`} />{" "}
          <span>{count(loads.most)} (fullest)</span>
        </p>
      )}
      <LayerDetails data={data} layer={layer ?? null} edge={edge} pick={pick} pickEdge={pickEdge} />
    </section>
  );
}

const isIn = (box: { x: number; y: number; width: number; height: number }, x: number, y: number): boolean =>
  x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height;

/** The layer on a core, of any copy. */
function layerAt(data: ReportData, wafer: number, { copies, region }: WaferMap, x: number, y: number): Found | null {
  if (region !== null) return null;
  for (let copy = 0; copy < copies.count; copy++) {
    const offset = copyOffset(copies, copy);
    const found = data.layers.find((layer) => layer.wafer === wafer && isIn(layer.rect, x - offset.x, y - offset.y));
    if (found !== undefined) return { id: found.id, title: layerTitle(found, data.interval) };
  }
  return null;
}

/** Loads as an image, a pixel a router; null where the browser gives no canvas. */
function loadImage({ words, most }: LinkLoads, { width, height }: WaferMap): Overlay | null {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const pixels = context.createImageData(width, height);
  for (const [router, load] of words.entries()) {
    if (load === 0) continue;
    pixels.data.set([...rampRgb("load", load / most), 255], 4 * router);
  }
  context.putImageData(pixels, 0, 0);
  return { image: canvas, width, height };
}

interface ToggleProps {
  readonly name: string;
  readonly on: boolean;
  readonly set: (on: boolean) => void;
}

const Toggle = ({ name, on, set }: ToggleProps): JSX.Element => (
  <button
    type="button"
    aria-pressed={on}
    onClick={() => {
      set(!on);
    }}
  >
    {name}
  </button>
);

interface ColorsProps {
  readonly by: MeasureName | "family";
  readonly setBy: (by: MeasureName | "family") => void;
}

const Colors = ({ by, setBy }: ColorsProps): JSX.Element => (
  <span class="switch" role="group" aria-label="Color by">
    {(["family", ...measureNames] as const).map((name) => (
      <button
        type="button"
        key={name}
        aria-pressed={by === name}
        onClick={() => {
          setBy(name);
        }}
      >
        {name === "family" ? "Family" : measures[name].name}
      </button>
    ))}
  </span>
);

interface FamiliesProps {
  readonly data: ReportData;
  readonly query: Query;
  readonly setQuery: (query: Query) => void;
}

/** The colors of families; each chooses its layers. */
function Families({ data, query, setQuery }: FamiliesProps): JSX.Element {
  const present = kernelFamilies.filter((family) => data.layers.some((layer) => layer.family === family));
  const toggle = (family: KernelFamily): void => {
    const families = new Set(query.families);
    if (!families.delete(family)) families.add(family);
    setQuery({ ...query, families });
  };
  return (
    <div class="legend" role="group" aria-label="Families">
      {present.map((family) => (
        <button
          type="button"
          key={family}
          aria-pressed={query.families.has(family)}
          onClick={() => {
            toggle(family);
          }}
        >
          <i class="dot" style={`background:${familyColors[family]}`} />
          {family}
        </button>
      ))}
    </div>
  );
}

interface ScaleKeyProps {
  readonly scale: LayerScale;
  readonly byRank: boolean;
  readonly setByRank: (on: boolean) => void;
}

const ScaleKey = ({ scale, byRank, setByRank }: ScaleKeyProps): JSX.Element => (
  <p class="scale">
    <span>{measures[scale.measure].text(scale.least)}</span>
    <i style={`background:${rampCss("amount")}`} />
    <span>{measures[scale.measure].text(scale.most)}</span>
    <label>
      <input
        type="checkbox"
        checked={byRank}
        onChange={(event) => {
          setByRank(event.currentTarget.checked);
        }}
      />{" "}
      by rank
    </label>
  </p>
);
