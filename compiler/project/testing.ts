/**
 * Goldens for tests of jest and vitest: a compiled folder's placement and certificate, and the outputs of a run, as texts that a reviewer can read. They go
 * into snapshots as they are, or into files of their own by `expect.extend(matchers)` and `toMatchGolden`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fail } from "../../ir/diagnostic.ts";
import type { Certificate } from "../../ir/placement.ts";
import { printPlacement } from "../../ir/placement-text.ts";
import { readArtifact } from "../read-artifact.ts";

/** Where every layer of a compiled folder lies, how it is cut, and its routes. */
export const placementText = async (folder: string): Promise<string> =>
  printPlacement((await readArtifact(folder, { verify: false })).placement);

/** Fields of a certificate that say how good a placement is; none that tells machines or seconds apart. */
const certified = [
  "objective",
  "bound",
  "gap",
  "status",
  "latencyCycles",
] as const satisfies readonly (keyof Certificate)[];

/** How good the placement of a compiled folder is, a line for each figure. */
export async function certificateText(folder: string): Promise<string> {
  const { certificate } = (await readArtifact(folder, { verify: false })).placement;
  return certified.map((name) => `${name.padEnd(14)}${String(certificate[name])}\n`).join("");
}

/** A tensor as runs give it. */
export interface OutputTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint | string | boolean>;
}

export interface OutputTextOptions {
  /** significant digits of floats; default 4: engines differ in the last bits */
  readonly digits?: number;
  /** elements that are written of each output; default 64 */
  readonly most?: number;
}

/** Outputs by name: type, dims, and elements in row-major order. */
export function outputsText(
  outputs: Readonly<Record<string, OutputTensor>>,
  { digits = 4, most = 64 }: OutputTextOptions = {},
): string {
  const shown = (value: number | bigint | string | boolean): string => {
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value !== "number" || Number.isInteger(value) || !Number.isFinite(value)) return String(value);
    // what rounds to zero has no sign
    return String(Number(value.toPrecision(digits)) + 0);
  };
  return Object.entries(outputs)
    .map(([name, { type, dims, data }]) => {
      const elements = Array.from(data);
      const lines = [`${JSON.stringify(name)} ${type} [${dims.join(", ")}]`];
      for (let at = 0; at < Math.min(most, elements.length); at += 8)
        lines.push(
          `  ${elements
            .slice(at, Math.min(at + 8, most))
            .map(shown)
            .join(" ")}`,
        );
      if (elements.length > most) lines.push(`  … ${elements.length - most} more`);
      return `${lines.join("\n")}\n`;
    })
    .join("");
}

/** What jest and vitest bind matchers to, as far as it is asked. */
interface MatcherState {
  readonly testPath?: string;
  /** all: `-u` was given; none: nothing may be written, as on CI */
  readonly snapshotState?: { readonly _updateSnapshot?: "all" | "new" | "none" };
}

export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
  readonly actual?: unknown;
  readonly expected?: unknown;
}

/** Compares a text with a file beside the test, which `-u` writes, as it does where there is none yet (but for CI). */
function toMatchGolden(this: unknown, received: unknown, file: string): MatcherResult {
  const { testPath, snapshotState } = this as MatcherState;
  if (typeof received !== "string") throw fail("WSC8001", "toMatchGolden compares texts", { subject: file });
  const golden = path.resolve(path.dirname(testPath ?? path.join(process.cwd(), "test")), file);
  const update = snapshotState?._updateSnapshot ?? "new";
  const isThere = existsSync(golden);
  if (update === "all" || (!isThere && update === "new")) {
    mkdirSync(path.dirname(golden), { recursive: true });
    writeFileSync(golden, received);
    return { pass: true, message: () => `${file} was written` };
  }
  if (!isThere) return { pass: false, message: () => `there is no ${file}, and nothing is written here` };
  const expected = readFileSync(golden, "utf8");
  return {
    pass: received === expected,
    message: () => `${file} ${firstDifference(expected, received)}; -u accepts what there is now`,
    actual: received,
    expected,
  };
}

function firstDifference(expected: string, received: string): string {
  const [before, now] = [expected.split("\n"), received.split("\n")];
  const line = now.findIndex((text, index) => text !== before[index]);
  const at = line < 0 ? now.length : line;
  const shown = (text: string | undefined): string => text ?? "(the end)";
  return `differs in line ${at + 1}:\n- ${shown(before[at])}\n+ ${shown(now[at])}\n`;
}

/** For `expect.extend`. */
export const matchers: { readonly toMatchGolden: typeof toMatchGolden } = { toMatchGolden };
