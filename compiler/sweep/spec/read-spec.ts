/** Reads a specification from YAML or JSON. Everything wrong with it is told at once (WSC8101), names with the nearest one that exists. */
import { readFile, stat } from "node:fs/promises";
import { fail, showName } from "../../../ir/diagnostic.ts";
import { combinationCount, mostRangeValues, rangeValues, type Scalar } from "../../axes.ts";
import { type Action, actionNames, actions, type Kept, type Objective } from "./actions.ts";
import { ExpressionError, parseExpression } from "./expressions.ts";
import { parameterNames, parameterOf, valueMisfit } from "./parameters.ts";
import { Problems } from "./problems.ts";
import type { Axis, Spec } from "./spec.ts";

const fields = ["do", "axes", "fixed", "where", "record", "objectives", "keep"] as const;

const maxFileBytes = 1 << 20;

/** Combinations of axes that are looked at, before constraints. */
export const mostCombinations = 10_000_000;

/** The specification of a file. */
export async function readSpecFile(file: string): Promise<Spec> {
  const text = await textOf(file);
  return readSpec(await parseText(text, file), file);
}

async function textOf(file: string): Promise<string> {
  const refuse = (message: string): Error =>
    fail("WSC8101", `the specification ${message}`, { subject: showName(file) });
  try {
    if ((await stat(file)).size > maxFileBytes) throw refuse("is larger than 1 MiB");
    return await readFile(file, "utf8");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    throw refuse(`cannot be read: ${String(error.code)}`);
  }
}

async function parseText(text: string, file: string): Promise<unknown> {
  try {
    if (/\.json$/i.test(file)) return JSON.parse(text);
    const { parse } = await import("yaml");
    return parse(text, { strict: true, uniqueKeys: true });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw fail("WSC8101", `the specification is no ${/\.json$/i.test(file) ? "JSON" : "YAML"}: ${said.trim()}`, {
      subject: showName(file),
    });
  }
}

/** Checks what was read; `file` is for messages. */
export function readSpec(json: unknown, file: string): Spec {
  const problems = new Problems(file);
  const given = recordOf(json, "the specification", problems);
  for (const name of Object.keys(given)) {
    if (!fields.some((field) => field === name)) problems.addUnknown("the field", name, "fields", fields);
  }
  const action = actionNames.find((name) => name === given["do"]);
  if (action === undefined) {
    const asked = given["do"];
    if (typeof asked === "string") problems.addUnknown("the action", asked, "actions", actionNames);
    else problems.add(`"do" is missing: what a point does`, `one of ${actionNames.join(", ")}`);
    problems.throwAny();
    throw new Error("internal: an unknown action passed");
  }
  const table = actions[action];
  const axes = readAxes(given["axes"], table, problems);
  const fixed = readFixed(given["fixed"], table, problems);
  for (const { name } of axes) if (Object.hasOwn(fixed, name)) problems.add(`"${name}" is an axis, and fixed`);
  const names = new Set([...axes.map(({ name }) => name), ...Object.keys(fixed)]);
  for (const needed of ["model", "target"])
    if (!names.has(needed)) problems.add(`no ${needed} is named`, `an axis "${needed}", or "fixed: { ${needed}: … }"`);
  const combinations = combinationCount(axes.map(({ values }) => values.length));
  if (combinations > mostCombinations)
    problems.add(`the axes have ${combinations} combinations, more than ${mostCombinations}`);
  const spec: Spec = {
    action,
    axes,
    fixed,
    where: readWhere(given["where"], names, problems),
    record: readRecorded(given["record"], table, problems),
    objectives: readObjectives(given["objectives"], table, problems),
    keep: readKeep(given["keep"], table, problems),
  };
  problems.throwAny();
  return spec;
}

function recordOf(value: unknown, what: string, problems: Problems): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  problems.add(`${what} is not a list of names with values`);
  return {};
}

const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";

function readAxes(value: unknown, action: Action, problems: Problems): readonly Axis[] {
  if (value === undefined) {
    problems.add(`"axes" is missing`);
    return [];
  }
  return Object.entries(recordOf(value, `"axes"`, problems)).map(([name, values]) => {
    const found = valuesOf(name, values, problems);
    if (found.length === 0) problems.add(`the axis "${showName(name)}" has no values`);
    const twice = found.find((each, i) => found.indexOf(each) !== i);
    if (twice !== undefined) problems.add(`the axis "${showName(name)}" has ${JSON.stringify(twice)} twice`);
    checkValues(name, found, action, problems);
    return { name, values: found };
  });
}

/** Values written as a list, as one of them, or as ranges. */
function valuesOf(name: string, values: unknown, problems: Problems): readonly Scalar[] {
  const list: readonly unknown[] = Array.isArray(values) ? values : values === undefined ? [] : [values];
  return list.flatMap((value): readonly Scalar[] => {
    if (!isScalar(value)) {
      problems.add(`a value of the axis "${showName(name)}" is a list or a table`);
      return [];
    }
    const range = typeof value === "string" ? rangeValues(value) : null;
    if (range?.length === 0)
      problems.add(`the range ${String(value)} of "${showName(name)}" has no values, or more than ${mostRangeValues}`);
    return range ?? [value];
  });
}

function readFixed(value: unknown, action: Action, problems: Problems): Readonly<Record<string, Scalar>> {
  if (value === undefined) return {};
  const entries = Object.entries(recordOf(value, `"fixed"`, problems)).flatMap(([name, one]) => {
    if (!isScalar(one)) {
      problems.add(`"${showName(name)}" is fixed at a list or a table`, "a list is an axis");
      return [];
    }
    checkValues(name, [one], action, problems);
    return [[name, one] as const];
  });
  return Object.fromEntries(entries);
}

function checkValues(name: string, values: readonly Scalar[], action: Action, problems: Problems): void {
  const option = parameterOf(action, name);
  if (option === null) {
    problems.addUnknown("the parameter", name, "parameters", parameterNames(action));
    return;
  }
  for (const value of values) {
    const message = valueMisfit(option, value);
    if (message !== null) problems.add(`"${showName(name)}" ${message}`);
  }
}

function listOf(value: unknown, field: string, problems: Problems): readonly string[] | null {
  if (value === undefined) return null;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = list.filter((item) => typeof item === "string");
  if (texts.length < list.length) problems.add(`"${field}" takes a list of texts`);
  return texts;
}

function readWhere(value: unknown, names: ReadonlySet<string>, problems: Problems): readonly string[] {
  const texts = listOf(value, "where", problems) ?? [];
  for (const text of texts) {
    try {
      for (const name of parseExpression(text).names)
        if (!names.has(name)) problems.addUnknown(`"${showName(text)}":`, name, "axes and what is fixed", [...names]);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      problems.add(`the constraint "${showName(text)}" cannot be read: ${error.message}`);
    }
  }
  return texts;
}

function readRecorded(value: unknown, { figures }: Action, problems: Problems): readonly string[] {
  const known = Object.keys(figures);
  const names = listOf(value, "record", problems);
  if (names === null) return known;
  if (names.length === 0) problems.add(`"record" names no figure`);
  for (const name of names) if (!known.includes(name)) problems.addUnknown("the figure", name, "figures", known);
  return [...new Set(names)];
}

function readObjectives(value: unknown, { figures, objectives }: Action, problems: Problems): readonly Objective[] {
  if (value === undefined) return objectives;
  const known = Object.entries(figures).flatMap(([name, { type }]) => (type === "number" ? [name] : []));
  const found = Object.entries(recordOf(value, `"objectives"`, problems)).flatMap(([figure, goal]): Objective[] => {
    if (!known.includes(figure)) problems.addUnknown("the objective", figure, "figures", known);
    if (goal === "max" || goal === "min") return [{ figure, goal }];
    problems.add(`the objective "${showName(figure)}" is max or min`);
    return [];
  });
  if (found.length === 0) problems.add(`"objectives" names none`);
  return found;
}

function readKeep(value: unknown, { keep, usualKeep }: Action, problems: Problems): readonly Kept[] {
  const names = listOf(value, "keep", problems);
  if (names === null) return usualKeep;
  for (const name of names)
    if (!keep.some((kept) => kept === name)) problems.addUnknown("the kept file", name, "files", keep);
  return keep.filter((kept) => names.includes(kept));
}
