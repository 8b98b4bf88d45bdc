/** The options of `wsc compile` that constrain a placement: files and short forms, read into one request. */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { fail, showName } from "../../ir/diagnostic.ts";
import type { Placement } from "../../ir/placement.ts";
import { parsePlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement } from "../../ir/placement-text.ts";
import { joinConstraints, parseConstraintFile, parseDefects } from "../placement/constraints/constraint-files.ts";
import type { ConstraintRequest, PinRequest } from "../placement/constraints/constraints.ts";
import { parseDefectRate, randomDefects } from "../placement/constraints/random-defects.ts";
import { loadTarget } from "../targets/load.ts";
import { splitAssignment } from "./assignments.ts";

export interface ConstraintArguments {
  readonly constraints: string | undefined;
  readonly pin: readonly string[];
  readonly keepOut: readonly string[];
  readonly defects: string | undefined;
  readonly coLocate: readonly string[];
  readonly maxInterval: number | undefined;
  readonly from: string | undefined;
}

/** Text of a file; what cannot be read is WSC5005. */
async function textOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw fail("WSC5005", `the file cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`, {
      subject: showName(file),
    });
  });
}

/** Constraints, and the files that they were read from. */
export interface ReadConstraints {
  readonly request: ConstraintRequest;
  readonly files: readonly string[];
}

/** All constraints that the options state. */
export async function readConstraints(
  given: ConstraintArguments & { readonly target: string },
): Promise<ReadConstraints> {
  const parts: ConstraintRequest[] = [];
  const rate = given.defects === undefined ? null : parseDefectRate(given.defects);
  const files = [given.constraints, rate === null ? given.defects : undefined].filter((file) => file !== undefined);
  if (given.constraints !== undefined) {
    const read = await constraintsOf(given.constraints);
    parts.push(read.request);
    files.push(...read.files);
  }
  if (rate !== null) parts.push(randomDefects(await loadTarget(given.target), rate));
  else if (given.defects !== undefined) parts.push(parseDefects(await textOf(given.defects), given.defects));
  parts.push({
    pins: given.pin.map(readPin),
    keepOut: given.keepOut.map((text) => {
      const [x = 0, y = 0, width = 0, height = 0] = numbersOf(text, "keep-out", [4], "X,Y,WIDTH,HEIGHT");
      return { x, y, width, height };
    }),
    coLocate: given.coLocate.map((text) => text.split(",").map((name) => name.trim())),
    ...(given.maxInterval === undefined ? {} : { maxInterval: given.maxInterval }),
  });
  return { request: joinConstraints(parts), files };
}

/** A constraint file; the defect map that it names lies beside it. */
async function constraintsOf(file: string): Promise<ReadConstraints> {
  const { deadCores, ...rest } = parseConstraintFile(await textOf(file), file);
  if (deadCores === undefined) return { request: rest, files: [] };
  if (typeof deadCores !== "string") return { request: { ...rest, deadCores }, files: [] };
  const map = path.resolve(path.dirname(file), deadCores);
  const found = parseDefects(await textOf(map), deadCores);
  return {
    request: { ...rest, ...found, deadLinks: [...found.deadLinks, ...(rest.deadLinks ?? [])] },
    files: [map],
  };
}

/** `LAYER=x,y` or `LAYER=x,y,width,height`; names may hold `=`. */
function readPin(text: string): PinRequest {
  const [layer, numbers] = splitAssignment(text, "pin", "last");
  const [x = 0, y = 0, width, height] = numbersOf(numbers, "pin", [2, 4], "LAYER=X,Y or LAYER=X,Y,WIDTH,HEIGHT");
  return width === undefined || height === undefined ? { layer, x, y } : { layer, x, y, width, height };
}

function numbersOf(text: string, option: string, counts: readonly number[], form: string): readonly number[] {
  const parts = text.split(",").map((part) => part.trim());
  const numbers = parts.map(Number);
  const isSize = (index: number): boolean => index >= 2 && numbers[index] === 0;
  if (!counts.includes(parts.length) || !parts.every((part, index) => /^\d{1,5}$/.test(part) && !isSize(index))) {
    throw fail("WSC8001", `--${option} takes ${form}, not "${showName(text)}"`);
  }
  return numbers;
}

/** An earlier placement, and the file that it was read from. */
export interface OldPlacement {
  readonly placement: Placement;
  readonly file: string;
}

/** An earlier placement: a compiled folder, its placement.json, or the text that `--emit placement` writes. */
export async function readOldPlacement(from: string): Promise<OldPlacement> {
  const isFolder = await stat(from).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const file = isFolder ? path.join(from, "placement.json") : from;
  const text = await textOf(file);
  return { placement: /^\s*\{/.test(text) ? parsePlacementJson(text) : parsePlacement(text), file };
}
