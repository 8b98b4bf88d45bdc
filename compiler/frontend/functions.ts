/** The functions that a model brings along, and how large the model grows when they are inlined. */
import { fail, showName } from "../../ir/diagnostic.ts";
import { subgraphsOf } from "./free-names.ts";
import type { OnnxFunction, OnnxNode } from "./onnx.ts";

const keyOf = (domain: string, name: string, overload: string): string => JSON.stringify([domain, name, overload]);

/** Model-local functions by domain, name and overload. A function that is called as a standard operator takes its place. */
export class FunctionTable {
  readonly #functions = new Map<string, OnnxFunction>();

  constructor(functions: readonly OnnxFunction[]) {
    for (const fn of functions) {
      const key = keyOf(fn.domain, fn.name, fn.overload);
      if (this.#functions.has(key)) throw fail("WSC2002", "it is defined twice", { subject: functionSubject(fn) });
      this.#functions.set(key, fn);
    }
  }

  get size(): number {
    return this.#functions.size;
  }

  /** The function that a node calls; undefined when it is an operator. */
  of(node: OnnxNode): OnnxFunction | undefined {
    return this.#functions.size === 0 ? undefined : this.#functions.get(keyOf(node.domain, node.opType, node.overload));
  }

  /** The functions that `nodes` call themselves, not in their subgraphs, and those that these call in turn. */
  reachedFrom(nodes: readonly OnnxNode[]): ReadonlySet<OnnxFunction> {
    const reached = new Set<OnnxFunction>();
    const visit = (calls: readonly OnnxNode[]): void => {
      for (const fn of calls.map((node) => this.of(node))) if (fn !== undefined) reached.add(fn);
    };
    visit(nodes);
    for (const fn of reached) visit(fn.nodes); // grows while it is read
    return reached;
  }
}

/** `function "pkg.ops::Attention"`. */
export const functionSubject = ({ domain, name }: Pick<OnnxFunction, "domain" | "name">): string =>
  `function "${showName(domain === "" ? name : `${domain}::${name}`)}"`;

/** Nodes that a model may grow to. */
export const maxExpandedNodes = 1_000_000;
/** Functions that may call one another in a row. */
const maxCallDepth = 256;

/** WSC1008 when functions call themselves, WSC1009 when inlining the calls of `nodes` would exceed the limit. */
export function checkExpansion(table: FunctionTable, nodes: readonly OnnxNode[]): void {
  if (table.size === 0) return;
  const sizes = new Map<OnnxFunction, number>();
  const total = expandedSize(table, nodes, sizes, []);
  if (total <= maxExpandedNodes) return;
  const largest = [...sizes].reduce((a, b) => (b[1] > a[1] ? b : a));
  throw fail("WSC1009", `inlining its functions makes ${total} nodes, the limit is ${maxExpandedNodes}`, {
    subject: functionSubject(largest[0]),
  });
}

function expandedSize(
  table: FunctionTable,
  nodes: readonly OnnxNode[],
  sizes: Map<OnnxFunction, number>,
  callers: readonly OnnxFunction[],
): number {
  let total = 0;
  for (const node of nodes) {
    const fn = table.of(node);
    total += fn === undefined ? 1 : functionSize(table, fn, sizes, callers);
    for (const graph of subgraphsOf(node)) total += expandedSize(table, graph.nodes, sizes, callers);
  }
  return total;
}

function functionSize(
  table: FunctionTable,
  fn: OnnxFunction,
  sizes: Map<OnnxFunction, number>,
  callers: readonly OnnxFunction[],
): number {
  const known = sizes.get(fn);
  if (known !== undefined) return known;
  const subject = functionSubject(fn);
  if (callers.includes(fn))
    throw fail("WSC1008", "it is recursive: it calls itself, directly or through others", { subject });
  if (callers.length >= maxCallDepth)
    throw fail("WSC1008", `functions call one another more than ${maxCallDepth} deep`, { subject });
  const size = expandedSize(table, fn.nodes, sizes, [...callers, fn]);
  sizes.set(fn, size);
  return size;
}
