/** Rewrites a kernel's loops: renamed, split in two, or expressed by other loops. Everything that names a loop follows. */
import type { Axis, Gather, Kernel, Loop, Operand, Stage, StageRead, Term } from "../../../ir/kernel-graph.ts";

/** The part of a kernel that is written in its loops. */
export type Body = Pick<Kernel, "loops" | "operands" | "stages">;

/** What a loop becomes: the number of its iteration is the sum of the terms and of `offset`. */
export interface Replacement {
  readonly terms: readonly Term[];
  readonly offset: number;
}

/** By loop; loops that are not there stay. */
export type Replacements = ReadonlyMap<string, Replacement>;

export const renamedTo = (loop: string): Replacement => ({ terms: [{ loop, factor: 1 }], offset: 0 });

/** Rewrites everything but the list of loops; null where a loop that elements are dealt out over would become a sum. */
export function rewrite({ operands, stages }: Body, by: Replacements): Pick<Body, "operands" | "stages"> | null {
  const newOperands: Operand[] = [];
  for (const operand of operands) {
    const axes = rewriteAxes(operand.axes, by);
    if (axes === null) return null;
    newOperands.push({ ...operand, axes });
  }
  const newStages: Stage[] = [];
  for (const stage of stages) {
    const gathers: Gather[] = [];
    for (const gather of stage.gathers) {
      const axes = rewriteAxes(gather.axes, by);
      if (axes === null) return null;
      gathers.push({ ...gather, axes });
    }
    const reads: StageRead[] = [];
    for (const read of stage.reads) {
      const axes = read.axes === null ? null : rewriteAxes(read.axes, by);
      if (read.axes !== null && axes === null) return null;
      reads.push({ ...read, axes });
    }
    newStages.push({
      ...stage,
      reads,
      gathers,
      domain: stage.domain.map((terms) => rewriteTerms(terms, by).terms),
      vector: rewriteNames(stage.vector, by),
      combine: stage.combine === null ? null : { ...stage.combine, loops: rewriteNames(stage.combine.loops, by) },
    });
  }
  return { operands: newOperands, stages: newStages };
}

function rewriteTerms(terms: readonly Term[], by: Replacements): Replacement {
  let offset = 0;
  const sum = new Map<string, number>();
  const add = (loop: string, factor: number): void => {
    sum.set(loop, (sum.get(loop) ?? 0) + factor);
  };
  for (const { loop, factor } of terms) {
    const replacement = by.get(loop);
    if (replacement === undefined) add(loop, factor);
    else {
      offset += factor * replacement.offset;
      for (const term of replacement.terms) add(term.loop, factor * term.factor);
    }
  }
  return { terms: [...sum].map(([loop, factor]) => ({ loop, factor })), offset };
}

/** Null where elements would be dealt out over a sum. */
export function rewriteAxes(axes: readonly Axis[], by: Replacements): readonly Axis[] | null {
  const result: Axis[] = [];
  for (const axis of axes) {
    switch (axis.kind) {
      case "whole":
        result.push(axis);
        break;
      case "spread": {
        const replacement = by.get(axis.loop) ?? renamedTo(axis.loop);
        const [term] = replacement.terms;
        if (term === undefined || replacement.terms.length > 1 || term.factor !== 1) return null;
        result.push({ ...axis, loop: term.loop });
        break;
      }
      case "index": {
        const { terms, offset } = rewriteTerms(axis.terms, by);
        result.push({ ...axis, terms, offset: axis.offset + offset });
        break;
      }
    }
  }
  return result;
}

const rewriteNames = (names: readonly string[], by: Replacements): readonly string[] => [
  ...new Set(names.flatMap((name) => by.get(name)?.terms.map(({ loop }) => loop) ?? [name])),
];

/** The body with one of its loops split into an outer loop of `outer` iterations and an inner one; null where elements are dealt out over it. */
export function splitLoop(body: Body, name: string, outer: number): Body | null {
  const loop = body.loops.find((other) => other.name === name);
  if (loop === undefined || loop.size % outer !== 0) return null;
  const inner = loop.size / outer;
  const outerName = freshName(body.loops, name);
  const names: readonly Loop[] = [
    { name: outerName, size: outer },
    { name, size: inner },
  ];
  const split = {
    terms: [
      { loop: outerName, factor: inner },
      { loop: name, factor: 1 },
    ],
    offset: 0,
  };
  const rewritten = rewrite(body, new Map([[name, split]]));
  if (rewritten === null) return null;
  return { ...rewritten, loops: body.loops.flatMap((other) => (other === loop ? names : [other])) };
}

/** A name that no loop has: the letters of another one with the next number that is free. */
export function freshName(loops: readonly Pick<Loop, "name">[], like: string): string {
  const stem = like.replace(/[0-9]+$/, "");
  const taken = new Set(loops.map(({ name }) => name));
  let number = 1;
  while (taken.has(`${stem}${number}`)) number++;
  return `${stem}${number}`;
}

/** Names of the loops that positions along an axis depend on. */
export const loopsOfAxis = (axis: Axis): readonly string[] =>
  axis.kind === "index" ? axis.terms.map(({ loop }) => loop) : axis.kind === "spread" ? [axis.loop] : [];

/** Names of the loops that a stage runs over. */
export const loopsOfStage = ({ domain }: Stage): ReadonlySet<string> =>
  new Set(domain.flatMap((terms) => terms.map(({ loop }) => loop)));
