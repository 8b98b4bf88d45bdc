/** The wafer as SVG, one unit per core: I/O rim, usable area, one rectangle per kernel, the routes on request. */
import { sramBytes } from "../../ir/machine/cost.ts";
import {
  type Copies,
  copyOffset,
  legsOfShape,
  type PlacedKernel,
  type Placement,
  type Rect,
  type Route,
} from "../../ir/placement.ts";
import { count, escapeHtml, percent, shorten } from "./text.ts";

/** Labels smaller than this share of the map's width cannot be read. */
const smallestLabel = 1 / 95;
/** Width of a character in units of the font size. */
const characterWidth = 0.58;

export function waferMap(placement: Placement): string {
  const { width, height, usable, name } = placement.target;
  const { mode } = placement;
  const kernels =
    mode.kind === "resident"
      ? regionBox(mode.region, placement.kernels.length)
      : placement.kernels.map((kernel) => kernelBox(kernel, placement)).join("");
  const { count: copies } = placement.copies;
  const label = `${copies === 1 ? "" : `${copies} copies of `}${placement.kernels.length} kernels on the ${width} by ${height} cores of ${escapeHtml(name)}; the table below lists them`;
  const copy = `${kernels}<g class="routes">${placement.routes.map(routePath).join("")}</g>`;
  return [
    `<svg class="wafer" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">`,
    `<rect class="rim" width="${width}" height="${height}"/>`,
    `<rect class="die" x="${usable.x}" y="${usable.y}" width="${usable.width}" height="${usable.height}"/>`,
    copies === 1 ? copy : `<g id="copy">${copy}</g>${furtherCopies(placement.copies)}`,
    "</svg>",
  ].join("");
}

/** The one region that all kernels share. */
const regionBox = ({ x, y, width, height }: Rect, kernels: number): string =>
  `<g class="k f-generic"><rect x="${x}" y="${y}" width="${width}" height="${height}"/><title>${kernels} kernels, one after the other, on ${width} by ${height} cores</title></g>`;

/** The first copy once more wherever another lies. */
const furtherCopies = (copies: Copies): string =>
  Array.from({ length: copies.count - 1 }, (_, index) => copyOffset(copies, index + 1))
    .map(({ x, y }) => `<use href="#copy" x="${x}" y="${y}"/>`)
    .join("");

function kernelBox(placed: PlacedKernel, placement: Placement): string {
  const { kernel, family, name, rect, variant } = placed;
  const { objective, slowest } = placement.certificate;
  const time = Math.round((100 * variant.cycles) / objective);
  const sram = Math.round((100 * sramBytes(variant.sram)) / placement.target.sramBytes);
  const title = `${name}\n${family}, ${variant.mapping.height} x ${variant.mapping.width} cores\n${count(variant.cycles)} cycles (${percent(variant.cycles / objective)} of the interval)`;
  return [
    `<g class="k f-${family}${kernel === slowest ? " slow" : ""}" data-kernel="${kernel}" style="--time:${time};--sram:${sram}">`,
    `<rect x="${rect.x}" y="${rect.y}" width="${rect.width}" height="${rect.height}"/>`,
    label(placed, placement.target.width),
    `<title>${escapeHtml(title)}</title></g>`,
  ].join("");
}

/** The kernel's name along the longer side, shortened until it can be read, or nothing. */
function label({ name, rect }: PlacedKernel, mapWidth: number): string {
  const least = mapWidth * smallestLabel;
  const along = Math.max(rect.width, rect.height) * 0.92;
  const across = Math.min(rect.width, rect.height) * 0.62;
  const room = Math.floor(along / (least * characterWidth));
  if (across < least || room < 3) return "";
  const text = shorten(shortName(name), Math.min(room, 28));
  const size = Math.min(across, along / (text.length * characterWidth), mapWidth / 42);
  const x = rect.x + rect.width / 2;
  const y = rect.y + rect.height / 2;
  const turn = rect.height > rect.width ? ` transform="rotate(-90 ${x} ${y})"` : "";
  return `<text x="${x}" y="${y}" font-size="${size.toFixed(1)}"${turn}>${escapeHtml(text)}</text>`;
}

/** `/layer3/layer3.0/conv2/Conv` -> `layer3.0/conv2`: exporters end paths with the operator's name, which the colour tells. */
function shortName(name: string): string {
  const parts = name.split("/").filter((part) => part !== "");
  const telling = parts.length > 1 && /^[A-Z][A-Za-z]*(_\d+)?$/.test(parts.at(-1) ?? "") ? parts.slice(0, -1) : parts;
  return telling.slice(-2).join("/") || name;
}

/** The middle of a bundle. */
function routePath({ shape, fromX, fromY, toX, toY, lanes, via = [] }: Route): string {
  const { first, legs } = legsOfShape(shape);
  const middle = lanes / 2;
  const alongX = (leg: number): boolean => (first === "x") === (leg % 2 === 0);
  const lines = [first === "x" ? fromY : fromX, ...via, ...(legs === 1 ? [] : [alongX(legs - 1) ? toY : toX])];
  const end = (alongX(legs - 1) ? toX : toY) + 0.5;
  const stops = [...lines.slice(1).map((line) => line + middle), end];
  const start = first === "x" ? `M${fromX + 0.5} ${fromY + middle}` : `M${fromX + middle} ${fromY + 0.5}`;
  return `<path d="${start}${stops.map((stop, leg) => `${alongX(leg) ? "H" : "V"}${stop}`).join("")}"/>`;
}
