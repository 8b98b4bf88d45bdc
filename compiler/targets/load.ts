/** Finds a target: a preset by name, or a JSON file of the user, checked against the schema before anything trusts it. */
import { readFile } from "node:fs/promises";
import type { ErrorObject, ValidateFunction } from "ajv";
import { type Diagnostic, diagnostic, fail, showName, WscError } from "../../ir/diagnostic.ts";
import { presets, presetTarget } from "./presets.ts";
import { targetSchema } from "./schema.ts";
import { routeColors, type Target, usableRect } from "../../ir/machine/target.ts";
import { nearestName } from "../../ir/nearest.ts";

const maxFileBytes = 1 << 20;

/** The target that `--target` names: a preset, or else a path that ends in `.json`. */
export async function loadTarget(name: string): Promise<Target> {
  if (presets.has(name) || !name.endsWith(".json")) return presetTarget(name, ", or a file that ends in .json");
  return parseTarget(await readJson(name), name);
}

/** Checks a target description read from JSON; throws a WscError that lists everything wrong with it. */
export async function parseTarget(json: unknown, subject: string): Promise<Target> {
  validator ??= loadValidator();
  const validate = await validator;
  if (!validate(json)) {
    throw new WscError((validate.errors ?? []).map((error) => diagnose(error, subject)));
  }
  const problems = contradictions(json);
  if (problems.length > 0) throw new WscError(problems.map((text) => problem(text, subject)));
  return json;
}

let validator: Promise<ValidateFunction<Target>> | null = null;

async function loadValidator(): Promise<ValidateFunction<Target>> {
  const { Ajv } = await import("ajv");
  return new Ajv({ allErrors: true, strict: false }).compile<Target>(targetSchema);
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw fail("WSC5001", `the target description cannot be read: ${reasonOf(error)}`, { subject: showName(file) });
  }
  if (text.length > maxFileBytes) {
    throw fail("WSC5001", "the target description is larger than 1 MiB", { subject: showName(file) });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail("WSC5001", `the target description is not JSON: ${reasonOf(error)}`, { subject: showName(file) });
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const problem = (text: string, subject: string, hint?: string): Diagnostic =>
  diagnostic("error", "WSC5001", text, { subject: showName(subject), hint });

/** One schema error in words. */
function diagnose(error: ErrorObject, subject: string): Diagnostic {
  const where = pathOf(error.instancePath);
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case "type":
      return problem(`${where} must be ${article(String(params["type"]))}`, subject);
    case "required":
      return problem(`${join(where, String(params["missingProperty"]))} is missing`, subject);
    case "additionalProperties": {
      const key = String(params["additionalProperty"]);
      const near = nearestName(key, knownKeys(error.instancePath));
      return problem(
        `${join(where, showName(key))} is not a field of a target`,
        subject,
        near === undefined ? undefined : `did you mean "${near}"?`,
      );
    }
    default:
      return problem(`${where} ${error.message ?? "is not valid"}`, subject);
  }
}

const article = (type: string): string => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);

/** `/core/fmaPerCycle` -> `core.fmaPerCycle`; the root is called the target description. */
const pathOf = (pointer: string): string =>
  pointer === "" ? "the target description" : pointer.slice(1).split("/").map(showName).join(".");

const join = (where: string, key: string): string => (where === "the target description" ? key : `${where}.${key}`);

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

function knownKeys(pointer: string): string[] {
  let node: SchemaNode | undefined = targetSchema;
  for (const key of pointer.split("/").slice(1)) node = node?.properties?.[key];
  return Object.keys(node?.properties ?? {});
}

/** What a schema cannot say: the fields must fit each other. */
function contradictions(target: Target): string[] {
  const found: string[] = [];
  const { width, height } = usableRect(target);
  if (width < 1) found.push(`io takes ${target.fabric.width - width} columns of a fabric ${target.fabric.width} wide`);
  if (height < 1) found.push(`io takes ${target.fabric.height - height} rows of a fabric ${target.fabric.height} high`);
  const outside = target.deadCores?.find(([x, y]) => x >= target.fabric.width || y >= target.fabric.height);
  if (outside !== undefined) found.push(`deadCores has (${outside.join(", ")}), which is not on the fabric`);
  const { min, max, used } = target.clock;
  if (!(min <= used && used <= max))
    found.push(`clock.used must lie between clock.min and clock.max, and ${used} does not`);
  if (target.core.systemBytes + target.core.codeBytes >= target.core.sramBytes) {
    found.push("core.systemBytes and core.codeBytes leave no SRAM for data");
  }
  if (routeColors(target).length === 0) found.push("colors.reserved and colors.kernel leave no color for routes");
  return found;
}
