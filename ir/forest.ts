/**
 * What the tables of a `forest` op hold. A node is four numbers: the outcomes of comparing its feature with its split that lead to the true
 * node, the feature, the true node, the false node. Nodes stand behind all that lead to them, so that every way ends. A leaf is `leafMark`, 0,
 * its first vote, and where its votes end.
 */

/** Numbers per node. */
export const nodeFields = 4;

/** Ways in which a feature can stand to a split. */
export const outcomes = { less: 1, equal: 2, greater: 4, unordered: 8 } as const;

const anyOutcome = outcomes.less | outcomes.equal | outcomes.greater | outcomes.unordered;

/** Stands in a leaf where a node has its outcomes. */
export const leafMark = 16;

export interface ForestTables {
  readonly roots: ArrayLike<number>;
  readonly nodes: ArrayLike<number>;
  /** target of each vote */
  readonly targets: ArrayLike<number>;
}

/** What is wrong with the tables of a forest over so many features and targets; null when every way ends at a leaf and all it names is there. */
export function forestFault(tables: ForestTables, features: number, targets: number): string | null {
  const { roots, nodes, targets: votes } = tables;
  const count = nodes.length / nodeFields;
  for (let node = 0; node < count; node++) {
    const fault = nodeFault(nodes, node, count, features, votes.length);
    if (fault !== null) return fault;
  }
  for (let tree = 0; tree < roots.length; tree++) {
    if (!isWithin(roots[tree], 0, count)) return `tree ${tree} begins at node ${roots[tree]} of ${count}`;
  }
  for (let vote = 0; vote < votes.length; vote++) {
    if (!isWithin(votes[vote], 0, targets)) return `a leaf votes for target ${votes[vote]} of ${targets}`;
  }
  return null;
}

const isWithin = (value: number | undefined, low: number, high: number): boolean =>
  value !== undefined && value >= low && value < high;

function nodeFault(
  nodes: ArrayLike<number>,
  node: number,
  count: number,
  features: number,
  votes: number,
): string | null {
  const at = node * nodeFields;
  const [mark = -1, feature, first = 0, second = 0] = [nodes[at], nodes[at + 1], nodes[at + 2], nodes[at + 3]];
  if (mark === leafMark) {
    return isWithin(first, 0, second + 1) && second <= votes ? null : `leaf ${node} has votes ${first} to ${second}`;
  }
  if (!isWithin(mark, 0, anyOutcome + 1)) return `node ${node} has outcomes ${mark}`;
  if (!isWithin(feature, 0, features)) return `the trees ask for feature ${feature}, the input has ${features}`;
  const goesOn = isWithin(first, node + 1, count) && isWithin(second, node + 1, count);
  return goesOn ? null : `node ${node} of ${count} leads to ${first} and ${second}`;
}
