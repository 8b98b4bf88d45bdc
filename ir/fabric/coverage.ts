/**
 * That the tasks of a core read what is there, and all of what came for them: words that nobody writes are not read, and what is received or held for
 * a computation is read to its end. Words in between may be passed over (strides), and words around what is received may stay zero (padding).
 */
import { nth } from "../access.ts";
import type { FabricFaults } from "./faults.ts";
import {
  type Elements,
  type FabricProgram,
  forEachCore,
  type Load,
  type Operand,
  type Region,
  type Role,
  type Step,
  type Strided,
  stridedCount,
  wordsOfOperand,
} from "./program.ts";

/** Words of a region that some steps touch. */
class Touched {
  readonly words: Uint8Array;
  first = Infinity;
  last = -Infinity;
  /** words that have been touched */
  count = 0;

  constructor(words: number) {
    this.words = new Uint8Array(words);
  }

  add(word: number): void {
    if (this.words[word] === 0) this.count++;
    this.words[word] = 1;
    this.first = Math.min(this.first, word);
    this.last = Math.max(this.last, word);
  }

  get isEmpty(): boolean {
    return this.last < 0;
  }
}

/** What the steps of a role do with a region. */
interface Use {
  readonly region: Region;
  readonly received: Touched;
  readonly computed: Touched;
  readonly sent: Touched;
  /** read by computations */
  readonly worked: Touched;
  /** read before a step of the core writes there */
  readonly early: Touched;
  /** worked on where they lie */
  readonly inPlace: Touched;
}

export function checkCoverage(program: FabricProgram, faults: FabricFaults): void {
  const loads = new Map<string, Load[]>();
  for (const load of program.loads) {
    const key = `${load.x} ${load.y} ${load.region}`;
    const known = loads.get(key);
    if (known === undefined) loads.set(key, [load]);
    else known.push(load);
  }
  for (const role of program.roles) {
    for (const use of usesOf(role)) checkUse(role, use, loads, faults);
    if (faults.isFull) return;
  }
  checkOutputs(program, faults);
}

function usesOf(role: Role): Use[] {
  const uses = new Map(
    role.regions.map((region) => {
      const touched = (): Touched => new Touched(region.words);
      return [
        region.name,
        {
          region,
          received: touched(),
          computed: touched(),
          sent: touched(),
          worked: touched(),
          early: touched(),
          inPlace: touched(),
        },
      ] as const;
    }),
  );
  const useOf = (name: string): Use => {
    const use = uses.get(name);
    if (use === undefined) throw new Error(`internal: no region ${name}`);
    return use;
  };
  for (const step of role.tasks.flatMap(({ steps }) => steps)) addStep(step, useOf);
  return [...uses.values()];
}

function addStep(step: Step, useOf: (region: string) => Use): void {
  switch (step.kind) {
    case "claim":
    case "publish":
    case "take":
    case "free":
      return;
    case "receive":
      for (const { into } of step.into) if (into !== null) touch(useOf(into.region).received, into);
      return;
    case "send":
      for (const words of step.words) read(useOf(words.region), "sent", words);
      return;
    case "reduce":
      // what is summed into must be there before
      read(useOf(step.own.region), "sent", step.own);
      return;
    case "fill":
      touch(useOf(step.into.region).computed, step.into);
      return;
    case "compute": {
      const placesOf = ({ offset, strides }: Operand): Places => ({ offset, sizes: step.sizes, strides });
      for (const operand of step.args) read(useOf(operand.region), "worked", wordsOfOperand(step, operand));
      const made = useOf(step.out.region);
      const isInPlace = step.operation.kind === "map" && step.args.some(({ region }) => region === step.out.region);
      if (isInPlace) touch(made.inPlace, placesOf(step.out));
      touch(made.computed, placesOf(step.out));
    }
  }
}

type Places = Pick<Strided, "offset" | "sizes" | "strides">;

function read(use: Use, how: "sent" | "worked", places: Places): void {
  for (const place of placesIn(places)) {
    use[how].add(place);
    if (use.received.words[place] !== 1 && use.computed.words[place] !== 1) use.early.add(place);
  }
}

function touch(touched: Touched, places: Places): void {
  for (const place of placesIn(places)) touched.add(place);
}

/** All places of a nest, a loop after the other. */
function placesIn({ offset, sizes, strides }: Places): readonly number[] {
  let places = [offset];
  for (const [dim, size] of sizes.entries()) {
    const stride = nth(strides, dim);
    if (stride === 0) continue;
    places = [
      ...new Set(places.flatMap((place) => Array.from({ length: size }, (_, index) => place + index * stride))),
    ];
  }
  return places;
}

function checkUse(
  role: Role,
  { region, received, computed, sent, worked, early, inPlace }: Use,
  loads: ReadonlyMap<string, readonly Load[]>,
  faults: FabricFaults,
): void {
  const at = { x: nth(role.cores, 0).x, y: nth(role.cores, 0).y };
  const { name } = region;
  const isConstant = received.isEmpty && computed.isEmpty;
  // what tasks hand to each other is written by another task
  if (isConstant || region.writers === 0) checkLoaded(role, { region, early, isConstant, loads }, faults);
  if (isConstant) return;
  if (!inPlace.isEmpty && inPlace.count < computed.count && region.writers > 0)
    faults.at(at, `only some words of region ${name} are worked on in place before it is handed on`);
  const isRead = !sent.isEmpty || !worked.isEmpty;
  for (let word = 0; isRead && word < region.words; word++) {
    // padding around what is received stays as it is
    const isWritten = received.words[word] === 1 || computed.words[word] === 1;
    if (isWritten || !(sent.words[word] === 1 || (received.isEmpty && worked.words[word] === 1))) continue;
    if (loads.has(`${at.x} ${at.y} ${name}`)) return;
    faults.at(at, `word ${word} of region ${name} is read, and nothing is written there`);
    return;
  }
  // what only computations read was brought for them; windows over padding may begin and end elsewhere
  if (received.count < region.words || worked.isEmpty || !sent.isEmpty) return;
  if (received.first < worked.first || received.last > worked.last)
    faults.at(
      at,
      `words ${received.first} to ${received.last} of region ${name} come, and the core works on words ${worked.first} to ${worked.last}`,
    );
}

/** At every core all that is read before it is written is loaded; of what nothing writes, all that is loaded is read. */
function checkLoaded(
  { cores }: Role,
  {
    region,
    early,
    isConstant,
    loads,
  }: {
    readonly region: Region;
    readonly early: Touched;
    readonly isConstant: boolean;
    readonly loads: ReadonlyMap<string, readonly Load[]>;
  },
  faults: FabricFaults,
): void {
  if (early.isEmpty) return;
  forEachCore(cores, (x, y) => {
    const own = loads.get(`${x} ${y} ${region.name}`) ?? [];
    const loaded = new Uint8Array(region.words);
    for (const { at, elements } of own) loaded.fill(1, at, at + countOf(elements));
    const missing = early.words.findIndex((isRead, word) => isRead === 1 && loaded[word] !== 1);
    const end = loaded.lastIndexOf(1);
    if (missing >= 0)
      faults.at({ x, y }, `word ${missing} of region ${region.name} is read, and no constant is loaded there`);
    else if (isConstant && end > early.last)
      faults.at({ x, y }, `region ${region.name} holds constants to word ${end}, and the core reads to ${early.last}`);
  });
}

const countOf = (elements: readonly Elements[]): number =>
  elements.reduce((sum, { sizes }) => sum + stridedCount(sizes), 0);

/** Each element of an output leaves the wafer once. */
function checkOutputs({ edges }: FabricProgram, faults: FabricFaults): void {
  const outputs = edges.filter(({ kind }) => kind === "output");
  for (const name of new Set(outputs.map((edge) => edge.name))) {
    const own = outputs.filter((edge) => edge.name === name);
    const count = own.reduce((sum, { elements }) => sum + countOf(elements), 0);
    const seen = new Touched(count);
    for (const { x, y, color, elements } of own) {
      const before = seen.count;
      for (const part of elements) touch(seen, part);
      if (seen.count - before === countOf(elements) && seen.last < count) continue;
      faults.at({ x, y }, `output "${name}" has elements there that leave elsewhere too, or do not exist`, color);
      return;
    }
  }
}
