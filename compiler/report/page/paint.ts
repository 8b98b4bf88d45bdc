/** Paints drawings on a canvas at any zoom. */
import { nth } from "../../../ir/access.ts";
import { inkOn } from "../map/colors.ts";
import { fitLabel, fontFamily, ringRadius, type Scene, type Shape } from "../map/scene.ts";
import { arrowHead } from "../map/svg.ts";

/** From a drawing's units to pixels of the page: x * scale + left. */
export interface View {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

/** Pixels of the page that are painted, and device pixels for one of them. */
export interface Surface {
  readonly width: number;
  readonly height: number;
  readonly density: number;
}

/** An image that lies over part of a drawing, a pixel for each unit. */
export interface Overlay {
  readonly image: CanvasImageSource;
  readonly width: number;
  readonly height: number;
}

export function paint(
  context: CanvasRenderingContext2D,
  { shapes, back }: Scene,
  view: View,
  { width, height, density }: Surface,
  overlay: Overlay | null,
): void {
  context.setTransform(density, 0, 0, density, 0, 0);
  context.fillStyle = back;
  context.fillRect(0, 0, width, height);
  for (const shape of shapes) if (shape.kind === "box") paintBox(context, shape, view, width, height);
  if (overlay !== null) {
    context.imageSmoothingEnabled = view.scale < 1;
    context.drawImage(overlay.image, view.left, view.top, overlay.width * view.scale, overlay.height * view.scale);
  }
  for (const shape of shapes) if (shape.kind === "path") paintPath(context, shape, view);
  // names stay readable under routes and loads
  for (const shape of shapes) if (shape.kind === "box") paintLabel(context, shape, view, width, height);
  for (const shape of shapes) if (shape.kind === "ring") paintRing(context, shape, view);
}

type Box = Shape & { kind: "box" };

/** Where a box lies in pixels; null where it is out of sight. */
function boxAt(
  box: Box,
  { scale, left, top }: View,
  width: number,
  height: number,
): readonly [number, number, number, number] | null {
  const [x, y, wide, high] = [box.x * scale + left, box.y * scale + top, box.width * scale, box.height * scale];
  return x > width || y > height || x + wide < 0 || y + high < 0 ? null : [x, y, wide, high];
}

function paintBox(context: CanvasRenderingContext2D, box: Box, view: View, width: number, height: number): void {
  const at = boxAt(box, view, width, height);
  if (at === null) return;
  context.globalAlpha = box.faint === true ? 0.35 : 1;
  if (box.fill !== null) {
    context.fillStyle = box.fill;
    context.fillRect(...at);
  }
  if (box.stroke !== null) {
    context.strokeStyle = box.stroke;
    context.lineWidth = box.strokePx;
    context.strokeRect(...at);
  }
  context.globalAlpha = 1;
}

function paintLabel(context: CanvasRenderingContext2D, box: Box, view: View, width: number, height: number): void {
  const at = box.label === null ? null : boxAt(box, view, width, height);
  const fitted = box.label === null || at === null ? null : fitLabel(box.label, at[2], at[3]);
  if (at === null || fitted === null) return;
  const [x, y, wide, high] = at;
  context.save();
  context.translate(x + wide / 2, y + high / 2);
  if (fitted.upward) context.rotate(-Math.PI / 2);
  context.font = `${fitted.size}px ${fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const fill = box.fill ?? "#ffffff";
  const ink = inkOn(fill);
  context.lineWidth = 3;
  context.strokeStyle = fill;
  context.lineJoin = "round";
  context.strokeText(fitted.text, 0, 0);
  context.fillStyle = ink;
  context.fillText(fitted.text, 0, 0);
  context.restore();
}

function paintPath(
  context: CanvasRenderingContext2D,
  path: Shape & { kind: "path" },
  { scale, left, top }: View,
): void {
  const { points, stroke, width, leastPx, opacity, arrow } = path;
  context.globalAlpha = opacity;
  context.strokeStyle = stroke;
  context.lineJoin = "round";
  const wide = Math.max(leastPx, width * scale);
  context.lineWidth = wide;
  context.beginPath();
  for (let at = 0; at < points.length; at += 2)
    context.lineTo(nth(points, at) * scale + left, nth(points, at + 1) * scale + top);
  context.stroke();
  const head = arrow ? arrowHead(points, scale, wide) : null;
  if (head !== null) {
    context.fillStyle = stroke;
    context.beginPath();
    for (let at = 0; at < head.length; at += 2) context.lineTo(nth(head, at) + left, nth(head, at + 1) + top);
    context.fill();
  }
  context.globalAlpha = 1;
}

function paintRing(
  context: CanvasRenderingContext2D,
  ring: Shape & { kind: "ring" },
  { scale, left, top }: View,
): void {
  const [x, y] = [ring.x * scale + left, ring.y * scale + top];
  context.strokeStyle = ring.stroke;
  context.lineWidth = 2.5;
  context.beginPath();
  context.arc(x, y, ringRadius, 0, 2 * Math.PI);
  context.stroke();
  context.font = `12px ${fontFamily}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeStyle = ring.back;
  context.strokeText(ring.text, x + 12, y);
  context.fillStyle = ring.ink;
  context.fillText(ring.text, x + 12, y);
}
