/** dead-code: drops ops whose results nobody reads, and renumbers the values that are left in order of definition. */
import { type Graph, type Op, type Port, regionsOf, type Value, type ValueId } from "../../ir/graph.ts";
import type { Pass } from "./pass.ts";

export const deadCode: Pass = {
  name: "dead-code",
  summary: "drop ops whose results nobody reads",
  run: withoutDeadCode,
};

/** The graph without unread ops and constants; graph inputs stay. The same object if all is alive. */
export function withoutDeadCode(graph: Graph): Graph {
  const live = liveValues(graph);
  const ops = graph.ops.filter((op) => op.outputs.some((id) => live[id]));
  const regionsChanged = ops.map(cleanRegions);
  const kept = new Set<ValueId>(graph.inputs.map((port) => port.value));
  for (const op of ops) op.outputs.forEach((id) => kept.add(id));
  const isKept = (value: Value, id: ValueId): boolean => kept.has(id) || (isConstant(value) && live[id] === true);
  const unchanged = graph.values.every(isKept) && regionsChanged.every((op, index) => op === graph.ops[index]);
  return unchanged ? graph : renumber(graph, regionsChanged, isKept);
}

const isConstant = (value: Value): boolean => value.constant !== undefined || value.resource !== undefined;

/** Which values some output depends on: one sweep backwards. */
function liveValues(graph: Graph): boolean[] {
  const live = new Array<boolean>(graph.values.length).fill(false);
  for (const port of graph.outputs) live[port.value] = true;
  for (const op of graph.ops.toReversed()) {
    if (op.outputs.some((id) => live[id])) for (const id of op.inputs) live[id] = true;
  }
  return live;
}

function cleanRegions(op: Op): Op {
  if (regionsOf(op).length === 0) return op;
  if (op.kind === "if") {
    const then = withoutDeadCode(op.then);
    const otherwise = withoutDeadCode(op.else);
    return then === op.then && otherwise === op.else ? op : { ...op, then, else: otherwise };
  }
  if (op.kind !== "loop" && op.kind !== "scan") return op;
  const body = withoutDeadCode(op.body);
  return body === op.body ? op : { ...op, body };
}

function renumber(graph: Graph, ops: readonly Op[], isKept: (value: Value, id: ValueId) => boolean): Graph {
  const values: Value[] = [];
  const ids = new Map<ValueId, ValueId>();
  for (const [id, value] of graph.values.entries()) {
    if (!isKept(value, id)) continue;
    ids.set(id, values.length);
    values.push(value);
  }
  const renamed = (id: ValueId): ValueId => {
    const known = ids.get(id);
    if (known === undefined) throw new Error(`internal: dead value %${id} is read`);
    return known;
  };
  const renamedPort = (port: Port): Port => ({ name: port.name, value: renamed(port.value) });
  return {
    name: graph.name,
    values,
    inputs: graph.inputs.map(renamedPort),
    outputs: graph.outputs.map(renamedPort),
    ops: ops.map((op) => ({ ...op, inputs: op.inputs.map(renamed), outputs: op.outputs.map(renamed) })),
  };
}
