/**
 * Checks a model as a whole before anything is lowered, and reports all that is wrong at once: opsets, operators that are not known,
 * signatures, names that are undefined or defined twice, cycles. Graphs within graphs see the names around them. Functions that
 * nothing calls are not looked at: some exporters leave bodies of operators that no runtime has.
 */
import { diagnostic, type Diagnostic, showName, WscError } from "../../ir/diagnostic.ts";
import { checkSignature } from "./check-signature.ts";
import { capped } from "./capped.ts";
import { subgraphsOf } from "./free-names.ts";
import { findOperator } from "./find-operator.ts";
import { checkExpansion, functionSubject, FunctionTable } from "./functions.ts";
import { nodeSubject, type OnnxFunction, type OnnxGraph, type OnnxModel, type OnnxNode } from "./onnx.ts";
import { operatorKey } from "./operator-table.ts";
import { newestOpset } from "./opsets.ts";
import { sortedNodes } from "./sort.ts";

/** Throws a WscError with everything that is wrong with the model; checks no shapes and no types of values. */
export function checkModel(model: OnnxModel): void {
  const functions = new FunctionTable(model.functions);
  checkExpansion(functions, model.graph.nodes);
  const checker = new Checker(functions, functions.reachedFrom(model.graph.nodes));
  checker.opsets(model.opsets, "the model");
  checker.graph(model.graph, model.opsets, null, true);
  checker.outputs(model.graph);
  checker.defaults(model.graph);
  checker.calledFunctions();
  const problems = checker.finish();
  if (problems.length > 0) throw new WscError(capped(problems));
}

/** The names that a graph may read, and those around it. */
interface Names {
  readonly own: ReadonlySet<string>;
  readonly outer: Names | null;
}

function isDefined(name: string, names: Names | null): boolean {
  for (let scope = names; scope !== null; scope = scope.outer) if (scope.own.has(name)) return true;
  return false;
}

interface Unsupported {
  readonly problem: Diagnostic;
  count: number;
}

class Checker {
  readonly #functions: FunctionTable;
  /** functions whose bodies every run goes through */
  readonly #certain: ReadonlySet<OnnxFunction>;
  readonly #problems: Diagnostic[] = [];
  /** by operator, so that one operator used a thousand times is one line */
  readonly #unsupported = new Map<string, Unsupported>();
  /** grows while its members are checked */
  readonly #called = new Set<OnnxFunction>();
  /** the function whose body is being checked */
  #function: OnnxFunction | null = null;

  constructor(functions: FunctionTable, certain: ReadonlySet<OnnxFunction>) {
    this.#functions = functions;
    this.#certain = certain;
  }

  finish(): readonly Diagnostic[] {
    const unsupported = [...this.#unsupported.values()].map(({ problem, count }) =>
      count === 1 ? problem : { ...problem, message: `${problem.message} (${count} nodes use it)` },
    );
    return [...unsupported, ...this.#problems];
  }

  opsets(opsets: ReadonlyMap<string, number>, who: string): void {
    for (const [domain, version] of opsets) {
      const newest = newestOpset.get(domain);
      if (newest === undefined) continue;
      const shown = domain === "" ? "ai.onnx" : domain;
      if (version <= newest) continue;
      this.#report(
        "WSC1004",
        `${who} imports opset version ${version} of ${shown}; ${newest} is the newest that is supported`,
      );
    }
  }

  /** `isCertain`: every run comes through it, which is not so of branches and bodies. */
  graph(graph: OnnxGraph, opsets: ReadonlyMap<string, number>, outer: Names | null, isCertain: boolean): void {
    const names: Names = { own: this.#definitions(graph), outer };
    this.#nodes(graph, opsets, names, isCertain);
    for (const { name } of graph.outputs) {
      if (!isDefined(name, names)) this.#report("WSC2001", `nothing defines the output "${showName(name)}"`);
    }
  }

  /** What nobody can ask for anything is no model. */
  outputs({ name, outputs }: OnnxGraph): void {
    if (outputs.length > 0) return;
    const hint = "list the values that the model is to give as the outputs of its graph";
    this.#report("WSC1003", "it has no outputs", `graph "${showName(name)}"`, hint);
  }

  /** An initializer that is the default of an input must be what the input says. */
  defaults(graph: OnnxGraph): void {
    for (const { name, type } of graph.inputs) {
      const tensor = graph.initializers.get(name);
      if (tensor === undefined || type?.kind !== "tensor") continue;
      const { dims } = type;
      const fits =
        type.dtype === tensor.dtype &&
        (dims === null ||
          (dims.length === tensor.shape.length &&
            dims.every((dim, i) => typeof dim !== "number" || dim === tensor.shape[i])));
      if (fits) continue;
      const actual = `${tensor.dtype}[${tensor.shape.join(",")}]`;
      const declared = `${type.dtype}[${dims?.map((dim) => dim ?? "?").join(",") ?? "*"}]`;
      this.#report(
        "WSC2004",
        `its initializer is of type ${actual}, the input is declared as ${declared}`,
        `input "${showName(name)}"`,
      );
    }
  }

  /** The functions that the graphs checked so far call, and those that they call. */
  calledFunctions(): void {
    for (const fn of this.#called) this.#functionBody(fn);
  }

  #functionBody(fn: OnnxFunction): void {
    this.#function = fn;
    this.opsets(fn.opsets, functionSubject(fn));
    const repeated = fn.outputs.find((name, i) => fn.outputs.indexOf(name) < i);
    if (repeated !== undefined)
      this.#report("WSC2002", `the output "${showName(repeated)}" is listed twice`, functionSubject(fn));
    const graph: OnnxGraph = {
      name: fn.name,
      nodes: fn.nodes,
      inputs: fn.inputs.map((name) => ({ name, type: null })),
      outputs: fn.outputs.map((name) => ({ name, type: null })),
      initializers: new Map(),
    };
    this.graph(graph, fn.opsets, null, this.#certain.has(fn));
    this.#function = null;
  }

  #definitions(graph: OnnxGraph): ReadonlySet<string> {
    const inputs = new Set<string>();
    for (const { name } of graph.inputs) {
      if (inputs.has(name)) this.#report("WSC2002", `two inputs are called "${showName(name)}"`);
      inputs.add(name);
    }
    const defined = new Set([...inputs, ...graph.initializers.keys()]);
    for (const node of graph.nodes) {
      for (const name of node.outputs) {
        if (name === "") continue;
        if (defined.has(name))
          this.#report("WSC2002", `it defines "${showName(name)}" a second time`, nodeSubject(node));
        defined.add(name);
      }
    }
    return defined;
  }

  #nodes(graph: OnnxGraph, opsets: ReadonlyMap<string, number>, names: Names, isCertain: boolean): void {
    const { problem } = sortedNodes(graph);
    if (problem !== null) this.#problems.push(problem);
    for (const node of graph.nodes) {
      for (const name of node.inputs) {
        if (name === "" || isDefined(name, names)) continue;
        this.#report("WSC2001", `it reads "${showName(name)}", which nothing defines`, nodeSubject(node));
      }
      this.#references(node);
      const fn = this.#functions.of(node);
      if (fn === undefined) this.#operator(node, opsets, isCertain);
      else this.#called.add(fn);
      for (const inner of subgraphsOf(node)) this.graph(inner, opsets, names, false);
    }
  }

  #references(node: OnnxNode): void {
    for (const [name, attribute] of node.attributes) {
      if (attribute.kind !== "reference") continue;
      const fn = this.#function;
      if (fn === null) {
        const message = `attribute "${showName(name)}" refers to an outer attribute (ref_attr_name "${showName(attribute.to)}") outside of any function`;
        this.#report("WSC3002", message, nodeSubject(node));
      } else if (!fn.attributes.includes(attribute.to) && !fn.defaults.has(attribute.to)) {
        const message = `attribute "${showName(name)}" refers to "${showName(attribute.to)}", which ${functionSubject(fn)} does not declare`;
        this.#report("WSC3002", message, nodeSubject(node));
      }
    }
  }

  /** An operator that is not known is a fault of the model, unless it stands where a run need not come: such a node's run is told (lower-graph.ts). */
  #operator(node: OnnxNode, opsets: ReadonlyMap<string, number>, isCertain: boolean): void {
    const found = findOperator(node, opsets, this.#function === null ? "the model" : functionSubject(this.#function));
    if (found.kind === "operator") this.#problems.push(...checkSignature(node, found.version));
    else if (isCertain) this.#isUnsupported(node, found.problem);
  }

  #isUnsupported(node: OnnxNode, problem: Diagnostic): void {
    const key = operatorKey(node.domain, node.opType);
    const known = this.#unsupported.get(key);
    if (known === undefined) this.#unsupported.set(key, { problem, count: 1 });
    else known.count++;
  }

  #report(code: Diagnostic["code"], message: string, subject?: string, hint?: string): void {
    this.#problems.push(diagnostic("error", code, message, { subject, hint }));
  }
}
