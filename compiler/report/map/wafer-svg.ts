/** The first wafer of a report as an SVG file. */
import type { ReportData } from "../data/report-data.ts";
import { lightTheme } from "./colors.ts";
import { mapScene } from "./map-scene.ts";
import { sceneSvg } from "./svg.ts";

/** The map of a placed model, with routes and marks; reports of plans have none. */
export function waferSvg(data: ReportData): string {
  const map = data.wafers[0]?.map;
  if (map == null) throw new Error("internal: a placed model has no map");
  const options = { theme: lightTheme, scale: null, routes: true, marks: true, chosen: new Set<number>(), edge: null };
  return sceneSvg(mapScene(data, 0, map, options), data.title);
}
