/** `wsc diff`: what changed from one compilation to another: figures of the certificate, layers, and files where both are folders. */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type ManifestEntry, manifestFile, parseManifest } from "../../ir/manifest.ts";
import { type PlacedKernel, type Placement, rectangleCores, samplesPerSecond } from "../../ir/placement.ts";
import { readOldPlacement } from "./constraint-options.ts";
import { exitCodes } from "./failure.ts";
import { printTable } from "./table.ts";

export interface DiffArguments {
  readonly before: string;
  readonly after: string;
  readonly json: boolean;
}

/** A figure of a placement; text and JSON walk this table. */
interface Field {
  readonly name: string;
  readonly unit: string;
  readonly of: (placement: Placement) => number | string;
}

const fields: readonly Field[] = [
  { name: "model", unit: "", of: ({ model }) => model },
  { name: "target", unit: "", of: ({ target }) => target.name },
  { name: "precision", unit: "", of: ({ precision }) => precision },
  { name: "interval", unit: "cycles", of: ({ certificate }) => certificate.objective },
  { name: "bound", unit: "cycles", of: ({ certificate }) => certificate.bound },
  { name: "latency", unit: "cycles", of: ({ certificate }) => certificate.latencyCycles },
  { name: "limit", unit: "", of: ({ certificate }) => certificate.bottleneck },
  { name: "speed", unit: "samples/s", of: (placement) => Math.round(samplesPerSecond(placement)) },
  { name: "layers", unit: "", of: ({ kernels }) => kernels.length },
  { name: "cores", unit: "", of: ({ kernels }) => rectangleCores(kernels) },
  { name: "wire length", unit: "hops", of: ({ certificate }) => certificate.wireLength },
];

interface FieldChange {
  readonly field: string;
  readonly unit: string;
  readonly before: number | string;
  readonly after: number | string;
}

type LayerChange =
  | { readonly kind: "added"; readonly layer: string; readonly after: string }
  | { readonly kind: "removed"; readonly layer: string; readonly before: string }
  /** it has another mapping, and so another rectangle, or other cycles */
  | { readonly kind: "changed"; readonly layer: string; readonly before: string; readonly after: string }
  /** the same mapping elsewhere */
  | { readonly kind: "moved"; readonly layer: string; readonly before: string; readonly after: string };

interface FileChange {
  readonly file: string;
  readonly change: "added" | "removed" | "changed";
}

export async function diffPlacements({ before, after, json }: DiffArguments): Promise<number> {
  const [old, now] = [(await readOldPlacement(before)).placement, (await readOldPlacement(after)).placement];
  const figures = fields.flatMap(({ name, unit, of }): FieldChange[] =>
    of(old) === of(now) ? [] : [{ field: name, unit, before: of(old), after: of(now) }],
  );
  const layers = layerChanges(old, now);
  const files = await fileChanges(before, after);
  if (json) process.stdout.write(`${JSON.stringify({ figures, layers, files }, null, 2)}\n`);
  else print(figures, layers, files);
  return exitCodes.done;
}

/** Layers by name; where several have one name, in their order. */
function byName(placement: Placement): ReadonlyMap<string, PlacedKernel> {
  const seen = new Map<string, number>();
  return new Map(
    placement.kernels.map((kernel) => {
      const count = (seen.get(kernel.name) ?? 0) + 1;
      seen.set(kernel.name, count);
      return [count === 1 ? kernel.name : `${kernel.name} #${count}`, kernel];
    }),
  );
}

function layerChanges(old: Placement, now: Placement): readonly LayerChange[] {
  const [before, after] = [byName(old), byName(now)];
  const removed = [...before].flatMap(([layer, kernel]): LayerChange[] =>
    after.has(layer) ? [] : [{ kind: "removed", layer, before: showLayer(kernel) }],
  );
  const others = [...after].flatMap(([layer, kernel]): LayerChange[] => {
    const earlier = before.get(layer);
    if (earlier === undefined) return [{ kind: "added", layer, after: showLayer(kernel) }];
    const sides = { layer, before: showLayer(earlier), after: showLayer(kernel) };
    if (shapeOf(earlier) !== shapeOf(kernel)) return [{ kind: "changed", ...sides }];
    const { rect } = kernel;
    return earlier.rect.x === rect.x && earlier.rect.y === rect.y ? [] : [{ kind: "moved", ...sides }];
  });
  return [...removed, ...others];
}

/** What a layer does on its rectangle, wherever that is. */
const shapeOf = ({ rect, family, variant, rotated }: PlacedKernel): string =>
  JSON.stringify([family, rect.width, rect.height, rotated, variant]);

const showLayer = ({ rect, variant }: PlacedKernel): string =>
  `${rect.width} x ${rect.height} at (${rect.x}, ${rect.y}), ${variant.cycles} cycles`;

/** Files that differ by their digests; none where one side is no folder. */
async function fileChanges(before: string, after: string): Promise<readonly FileChange[]> {
  const [old, now] = [await manifestOf(before), await manifestOf(after)];
  if (old === null || now === null) return [];
  const [left, right] = [digests(old), digests(now)];
  return [...new Set([...left.keys(), ...right.keys()])].toSorted().flatMap((file): FileChange[] => {
    if (!right.has(file)) return [{ file, change: "removed" }];
    if (!left.has(file)) return [{ file, change: "added" }];
    return left.get(file) === right.get(file) ? [] : [{ file, change: "changed" }];
  });
}

const digests = (entries: readonly ManifestEntry[]): ReadonlyMap<string, string> =>
  new Map(entries.map(({ file, digest }) => [file, digest]));

async function manifestOf(folder: string): Promise<readonly ManifestEntry[] | null> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? parseManifest(await readFile(path.join(folder, manifestFile), "utf8")) : null;
}

/** Layers listed; the rest is counted. */
const listed = 30;

function print(figures: readonly FieldChange[], layers: readonly LayerChange[], files: readonly FileChange[]): void {
  if (figures.length + layers.length + files.length === 0) {
    process.stdout.write("nothing changed\n");
    return;
  }
  if (figures.length > 0)
    printTable(
      ["figure", "before", "after", "change"],
      figures.map(({ field, unit, before, after }) => [
        unit === "" ? field : `${field} (${unit})`,
        String(before),
        String(after),
        ratioOf(before, after),
      ]),
    );
  if (layers.length > 0)
    printTable(
      ["layer", "", "before", "after"],
      layers
        .slice(0, listed)
        .map((change) => [
          change.layer,
          change.kind,
          change.kind === "added" ? "" : change.before,
          change.kind === "removed" ? "" : change.after,
        ]),
    );
  if (layers.length > listed) process.stdout.write(`… and ${layers.length - listed} more layers\n`);
  if (files.length > 0)
    process.stdout.write(`files: ${files.map(({ file, change }) => `${file} ${change}`).join(", ")}\n`);
}

function ratioOf(before: number | string, after: number | string): string {
  if (typeof before !== "number" || typeof after !== "number" || before === 0) return "";
  const percent = (100 * (after - before)) / before;
  return `${percent > 0 ? "+" : ""}${percent.toFixed(1)} %`;
}
