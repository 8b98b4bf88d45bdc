/** A drawing as SVG text: complete, loading nothing, readable by every viewer. */
import { nth } from "../../../ir/access.ts";
import { escapeHtml } from "../text.ts";
import { inkOn } from "./colors.ts";
import { fitLabel, fontFamily, ringRadius, type Scene, type Shape } from "./scene.ts";

/** Prints a drawing, so many pixels wide at least on its longer side; the same drawing gives the same bytes. */
export function sceneSvg({ width, height, back, shapes }: Scene, title: string, longerPx = 1200): string {
  const scale = longerPx / Math.max(1, width, height);
  const size = (value: number): string => figure(value * scale);
  const printed = shapes.map((shape) => shapeSvg(shape, scale));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size(width)}" height="${size(height)}" viewBox="0 0 ${size(width)} ${size(height)}" role="img" font-family="${escapeHtml(fontFamily)}">`,
    `<title>${escapeHtml(title)}</title>`,
    `<rect width="100%" height="100%" fill="${back}"/>`,
    ...printed,
    "</svg>",
    "",
  ].join("\n");
}

const figure = (value: number): string => String(Number(value.toFixed(2)));

const titleOf = (title: string | null): string => (title === null ? "" : `<title>${escapeHtml(title)}</title>`);

function shapeSvg(shape: Shape, scale: number): string {
  switch (shape.kind) {
    case "box":
      return boxSvg(shape, scale);
    case "path":
      return pathSvg(shape, scale);
    case "ring": {
      const [x, y] = [figure(shape.x * scale), figure(shape.y * scale)];
      const words = escapeHtml(shape.text);
      const across = `x="${figure(shape.x * scale + 12)}" y="${y}" dominant-baseline="central" font-size="12" paint-order="stroke" stroke="${shape.back}" stroke-width="3" fill="${shape.ink}"`;
      return `<g><circle cx="${x}" cy="${y}" r="${ringRadius}" fill="none" stroke="${shape.stroke}" stroke-width="2.5"/><text ${across}>${words}</text></g>`;
    }
  }
}

function boxSvg(
  { x, y, width, height, fill, stroke, strokePx, faint, label, title }: Shape & { kind: "box" },
  scale: number,
): string {
  const at = `x="${figure(x * scale)}" y="${figure(y * scale)}" width="${figure(width * scale)}" height="${figure(height * scale)}"`;
  const line = stroke === null ? "" : ` stroke="${stroke}" stroke-width="${strokePx}"`;
  const opacity = faint === true ? ` opacity="0.35"` : "";
  const fitted = label === null ? null : fitLabel(label, width * scale, height * scale);
  const middle = [figure((x + width / 2) * scale), figure((y + height / 2) * scale)] as const;
  const turn = fitted?.upward === true ? ` transform="rotate(-90 ${middle[0]} ${middle[1]})"` : "";
  const text =
    fitted === null
      ? ""
      : `<text x="${middle[0]}" y="${middle[1]}" text-anchor="middle" dominant-baseline="central" font-size="${figure(fitted.size)}" fill="${inkOn(fill ?? "#ffffff")}"${turn}>${escapeHtml(fitted.text)}</text>`;
  return `<g${opacity}>${titleOf(title)}<rect ${at} fill="${fill ?? "none"}"${line}/>${text}</g>`;
}

function pathSvg(
  { points, stroke, width, leastPx, opacity, arrow, title }: Shape & { kind: "path" },
  scale: number,
): string {
  const pairs = Array.from(
    { length: points.length / 2 },
    (_, i) => `${figure(nth(points, 2 * i) * scale)} ${figure(nth(points, 2 * i + 1) * scale)}`,
  );
  const wide = Math.max(leastPx, width * scale);
  const head = arrow ? arrowHead(points, scale, wide) : null;
  const tip = head === null ? "" : `<path d="M${head.map(figure).join(" ")}z" fill="${stroke}"/>`;
  return `<g opacity="${opacity}">${titleOf(title)}<path d="M${pairs.join("L")}" fill="none" stroke="${stroke}" stroke-width="${figure(wide)}" stroke-linejoin="round"/>${tip}</g>`;
}

/** The corners of an arrow's head at the end of a path, in pixels, x and y in turn; null where the path has no direction. */
export function arrowHead(points: readonly number[], scale: number, widthPx: number): readonly number[] | null {
  const count = points.length;
  const [x, y] = [nth(points, count - 2) * scale, nth(points, count - 1) * scale];
  const [dx, dy] = [x - nth(points, count - 4) * scale, y - nth(points, count - 3) * scale];
  const length = Math.hypot(dx, dy);
  if (length === 0) return null;
  const [ux, uy] = [dx / length, dy / length];
  const long = Math.max(6, Math.min(14, widthPx * 1.4));
  const half = Math.max(3.5, widthPx / 2 + 2);
  return [
    x,
    y,
    x - ux * long - uy * half,
    y - uy * long + ux * half,
    x - ux * long + uy * half,
    y - uy * long - ux * half,
  ];
}
