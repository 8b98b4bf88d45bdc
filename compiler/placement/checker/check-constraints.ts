/** The checker's part for constraints: what the placement says it was asked for, held against where its kernels lie. */
import { showName } from "../../../ir/diagnostic.ts";
import type { PlacedKernel, Placement, Rect } from "../../../ir/placement.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Faults } from "./faults.ts";

const nameOf = ({ kernel, name }: PlacedKernel): string => `kernel ${kernel} "${showName(name)}"`;
const show = ({ x, y, width, height }: Rect): string => `${width} x ${height} at (${x}, ${y})`;

const meet = (a: Rect, b: Rect): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Checks every constraint that the placement records, and the target's own dead cores. */
export function checkConstraints(placement: Placement, target: Target, faults: Faults): void {
  checkPins(placement, faults);
  checkBlocked(placement, target, faults);
  checkDeadLinks(placement, faults);
  for (const group of placement.constraints.coLocate) checkTogether(placement, group, faults);
  const { maxInterval } = placement.constraints;
  const { objective } = placement.certificate;
  if (maxInterval !== null && objective > maxInterval)
    faults.add("certificate", `has an interval of ${objective} cycles, ${maxInterval} are allowed`);
}

function checkPins({ kernels, constraints }: Placement, faults: Faults): void {
  for (const pin of constraints.pins) {
    const pinned = kernels[pin.kernel];
    if (pinned === undefined) {
      faults.add("constraints", `pin kernel ${pin.kernel}, which does not exist`);
      continue;
    }
    const { rect, rotated } = pinned;
    if (pin.rotated !== null && rotated !== pin.rotated)
      faults.add(nameOf(pinned), `is ${rotated ? "" : "not "}turned, against its pin`);
    if (pin.width === null || pin.height === null) {
      if (rect.x !== pin.x || rect.y !== pin.y)
        faults.add(nameOf(pinned), `is ${show(rect)}, pinned to begin at (${pin.x}, ${pin.y})`);
      continue;
    }
    const area: Rect = { x: pin.x, y: pin.y, width: pin.width, height: pin.height };
    const right = rect.x + rect.width <= area.x + area.width;
    const bottom = rect.y + rect.height <= area.y + area.height;
    if (rect.x < area.x || rect.y < area.y || !right || !bottom)
      faults.add(nameOf(pinned), `is ${show(rect)}, outside its pin ${show(area)}`);
    const guest = kernels.find((other) => other !== pinned && meet(other.rect, area));
    if (guest !== undefined) faults.add(nameOf(guest), `lies in the rectangle that ${nameOf(pinned)} is pinned to`);
  }
}

/** No kernel on a keep-out area or a dead core; dead cores are looked up row by row. */
function checkBlocked({ kernels, constraints }: Placement, target: Target, faults: Faults): void {
  for (const [index, area] of constraints.keepOut.entries()) {
    for (const kernel of kernels) {
      if (meet(kernel.rect, area)) faults.add(nameOf(kernel), `${show(kernel.rect)} lies on keep-out ${index + 1}, ${show(area)}`); // prettier-ignore
    }
  }
  const columnsByRow = new Map<number, number[]>();
  const dead = [...constraints.deadCores.map(({ x, y }) => [x, y] as const), ...(target.deadCores ?? [])];
  for (const [x, y] of dead) columnsByRow.set(y, [...(columnsByRow.get(y) ?? []), x]);
  for (const kernel of kernels) {
    const { x, y, width, height } = kernel.rect;
    for (let row = y; row < y + height; row++) {
      const column = columnsByRow.get(row)?.find((one) => one >= x && one < x + width);
      if (column === undefined) continue;
      faults.add(nameOf(kernel), `${show(kernel.rect)} lies on the dead core (${column}, ${row})`);
      break;
    }
  }
}

/** No kernel on both ends of a dead link. */
function checkDeadLinks({ kernels, constraints }: Placement, faults: Faults): void {
  for (const { x, y, side } of constraints.deadLinks ?? []) {
    const link: Rect = { x, y, width: side === "east" ? 2 : 1, height: side === "south" ? 2 : 1 };
    for (const kernel of kernels) {
      const { rect } = kernel;
      const holdsBoth =
        rect.x <= x && rect.y <= y && rect.x + rect.width >= x + link.width && rect.y + rect.height >= y + link.height;
      if (holdsBoth)
        faults.add(nameOf(kernel), `${show(rect)} lies on both ends of the dead link (${x}, ${y}) ${side}`);
    }
  }
}

/** The union of the group's rectangles must be connected by shared borders. */
function checkTogether({ kernels }: Placement, group: readonly number[], faults: Faults): void {
  const members = group.flatMap((id) => kernels[id] ?? []);
  const [first] = members;
  if (first === undefined || members.length < group.length) {
    faults.add("constraints", `co-locate kernels ${group.join(", ")}, and not all of them exist`);
    return;
  }
  const reached = new Set<PlacedKernel>([first]);
  for (const at of reached) for (const other of members) if (borders(at.rect, other.rect)) reached.add(other);
  const apart = members.find((member) => !reached.has(member));
  if (apart !== undefined) faults.add(nameOf(apart), `does not touch the layers that it is co-located with`);
}

/** A common border of at least one core. */
function borders(a: Rect, b: Rect): boolean {
  const columns = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const rows = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return (columns > 0 && rows === 0) || (rows > 0 && columns === 0);
}
