/** What becomes of a group of kernels when they are fused one after the other, before anything in the draft is changed. */
import type { ValueId } from "../../../ir/graph.ts";
import type { Kernel, KernelId, KernelInput } from "../../../ir/kernel-graph.ts";
import { type Draft, type DraftEdge, type DraftKernel, type DraftOutput, withTraffic } from "../draft.ts";
import { merge, type Pair, type SeamWay } from "./merge.ts";
import { fusionRules } from "./rules.ts";

export interface Plan {
  readonly made: DraftKernel;
  /** what the kernel exchanges with others, its own end not yet numbered */
  readonly into: readonly DraftEdge[];
  readonly outOf: readonly DraftEdge[];
  readonly inputs: readonly KernelInput[];
  readonly outputs: readonly DraftOutput[];
  readonly group: readonly KernelId[];
  /** true where the other way of making seams gives another kernel */
  readonly hasSeams: boolean;
}

/** Fuses kernels that stand in the order of the data; null where a rule or the loops forbid it. */
export function planOf(draft: Draft, group: readonly KernelId[], way: SeamWay): Plan | null {
  const [first, ...others] = group;
  if (first === undefined) throw new Error("internal: nothing to fuse");
  const members = new Set(group);
  const renamed = new Map<KernelId, ReadonlyMap<string, string>>();
  let now: DraftKernel = draft.at(first);
  let hasSeams = false;
  const inside = new Set<KernelId>([first]);
  for (const id of others) {
    const edges = draft.around(id).into.filter(({ from }) => inside.has(from));
    inside.add(id);
    const pair: Pair = { producer: now, reader: draft.at(id), edges, leaving: neededBeyond(draft, inside) };
    if (!fusionRules.some(({ applies }) => applies(pair))) return null;
    const merged = merge(pair, way);
    if (merged === null) return null;
    now = merged;
    hasSeams ||= merged.hasSeams;
    renamed.set(id, merged.renamed);
  }
  const nameOf = (id: KernelId, operand: string): string => renamed.get(id)?.get(operand) ?? operand;
  const around = group.map((id) => draft.around(id));
  const into = around.flatMap((own, index) => {
    const id = group[index] as KernelId;
    return own.into
      .filter(({ from }) => !members.has(from))
      .map((edge) => ({ ...edge, operands: edge.operands.map((operand) => nameOf(id, operand)) }));
  });
  const inputs = around.flatMap((own) =>
    own.inputs.map((port) => ({ ...port, operands: port.operands.map((operand) => nameOf(port.kernel, operand)) })),
  );
  const plan = {
    made: now,
    into: once(into, ({ from, stream }) => `${from} ${stream}`),
    outOf: around.flatMap(({ outOf }) => outOf.filter(({ to }) => !members.has(to))),
    inputs: once(inputs, ({ name }) => name),
    outputs: around.flatMap(({ outputs }) => outputs),
    group,
    hasSeams,
  };
  return withoutTwins(plan);
}

/** Values made by some kernels that others, or the world, need. */
function neededBeyond(draft: Draft, inside: ReadonlySet<KernelId>): ReadonlySet<ValueId> {
  const needed = new Set<ValueId>();
  for (const id of inside) {
    const { outOf, outputs } = draft.around(id);
    for (const { to, value } of outOf) if (!inside.has(to)) needed.add(value);
    for (const { value } of outputs) needed.add(value);
  }
  return needed;
}

/** What arrives several times under one key arrives once, for all the operands. */
function once<T extends { readonly operands: readonly string[] }>(list: readonly T[], keyOf: (item: T) => string): T[] {
  const found = new Map<string, T>();
  for (const item of list) {
    const key = keyOf(item);
    const known = found.get(key);
    found.set(key, known === undefined ? item : { ...known, operands: [...known.operands, ...item.operands] });
  }
  return [...found.values()];
}

/** Operands that are one value read in one way become one operand. */
function withoutTwins(plan: Plan): Plan {
  const { kernel } = plan.made;
  /** the twin that stays, by the one that goes */
  const gone = new Map<string, string>();
  const single = <T extends { readonly operands: readonly string[] }>(item: T): T => {
    const ways = new Map<string, string>();
    const operands = item.operands.filter((name) => {
      const way = JSON.stringify(kernel.operands.find((operand) => operand.name === name)?.axes);
      const twin = ways.get(way);
      if (twin === undefined) ways.set(way, name);
      else gone.set(name, twin);
      return twin === undefined;
    });
    return { ...item, operands };
  };
  const into = plan.into.map(single);
  const inputs = plan.inputs.map(single);
  const operands = kernel.operands.filter(({ name }) => !gone.has(name));
  const kept = (name: string): string => gone.get(name) ?? name;
  const stages = kernel.stages.map((stage) => ({
    ...stage,
    reads: stage.reads.map((read) => ({ ...read, operand: kept(read.operand) })),
  }));
  const states = kernel.states.map((state) => ({
    ...state,
    append:
      state.append === null
        ? null
        : { ...state.append, reads: state.append.reads.map((name) => (name === null ? null : kept(name))) },
  }));
  return { ...plan, into, inputs, made: { ...plan.made, kernel: { ...kernel, operands, states, stages } } };
}

/** The kernel of a plan, with its traffic. */
export const plannedKernel = (plan: Plan): Kernel => withTraffic(plan.made.kernel, plan);

/** Puts the kernel in the place of its group. */
export function carryOut(draft: Draft, plan: Plan): KernelId {
  const places = plan.group.map((id) => draft.placesOf(id));
  const id = draft.add(plan.made, {
    first: Math.min(...places.map(({ first }) => first)),
    last: Math.max(...places.map(({ last }) => last)),
  });
  for (const member of plan.group) draft.remove(member);
  for (const edge of plan.into) draft.connect({ ...edge, to: id });
  for (const edge of plan.outOf) draft.connect({ ...edge, from: id });
  for (const port of plan.inputs) draft.addInput({ ...port, kernel: id });
  for (const port of plan.outputs) draft.addOutput({ ...port, kernel: id });
  return id;
}
