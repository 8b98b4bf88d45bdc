/** Machines of points: a preset, a system of wafers or a file, with fields set to other values, and what is sent of it. */
import { JsonMismatch, readBoolean, readInteger, readObject, readRecord, readString } from "../../../ir/json-reader.ts";
import { fail } from "../../../ir/diagnostic.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Scalar } from "../../axes.ts";
import { findSystem, type WaferSystem } from "../../planner/machines/systems.ts";
import { loadTarget, parseTarget } from "../../targets/load.ts";
import type { Action } from "../spec/actions.ts";
import { mostCount } from "../spec/rules.ts";

/** A machine as a job's target names it by digest: a target, or for plans a system of wafers. */
export type Machine = Target | WaferSystem;

/** The machine that a user names. */
export const findMachine = (name: string, model: Action["model"]): Promise<Machine> =>
  model === "language" ? findSystem(name) : loadTarget(name);

/** A machine with fields of its target set, checked as a user's own is; WSC5001 where that is none. */
export async function machineWith(machine: Machine, changes: ReadonlyMap<string, Scalar>): Promise<Machine> {
  if (changes.size === 0) return machine;
  const base = "target" in machine ? machine.target : machine;
  const json: unknown = { ...changed(base, changes), name: `${base.name.slice(0, 56)}-varied` };
  const target = await parseTarget(json, base.name);
  // nobody has measured a machine that is not there
  return "target" in machine ? { ...machine, name: `${machine.name}-varied`, target, validated: false } : target;
}

function changed(target: Target, changes: ReadonlyMap<string, Scalar>): Readonly<Record<string, unknown>> {
  let result: Readonly<Record<string, unknown>> = { ...target };
  for (const [path, value] of changes) result = withField(result, path.split("."), value);
  return result;
}

function withField(
  node: Readonly<Record<string, unknown>>,
  [key = "", ...rest]: readonly string[],
  value: Scalar,
): Readonly<Record<string, unknown>> {
  if (rest.length === 0) return { ...node, [key]: value };
  const inner = node[key];
  const part = typeof inner === "object" && inner !== null ? { ...inner } : {};
  return { ...node, [key]: withField(part, rest, value) };
}

const readSystem = readObject<Omit<WaferSystem, "target"> & { readonly target: unknown }>({
  name: readString,
  target: (value) => value,
  wafers: (value, path) => (value === null ? null : readInteger(1, mostCount)(value, path)),
  validated: readBoolean,
  source: readString,
});

/** A system that came from a store. */
export async function systemFrom(json: unknown): Promise<WaferSystem> {
  try {
    const { target, ...system } = readSystem(json, "");
    return { ...system, target: await parseTarget(target, system.name) };
  } catch (error) {
    if (!(error instanceof JsonMismatch)) throw error;
    throw fail("WSC5001", `a system of wafers: ${error.message}`);
  }
}

/** A target that came from a store. */
export const targetFrom = (json: unknown): Promise<Target> =>
  parseTarget(json, String(readRecord(json, "").get("name")));
