/** Faults put into a program at random: one for each kind that a fabric program may have. */
import fc from "fast-check";
import { nth } from "../../ir/access.ts";
import {
  type CoreSet,
  type FabricProgram,
  type Filter,
  forEachCore,
  type Port,
  ports,
  type Position,
  type Region,
  type Role,
  type RouterRule,
  type Step,
} from "../../ir/fabric/program.ts";
import type { Core } from "../../ir/placement.ts";

/** Picks one of so many things. */
export type Pick = (count: number) => number;

const single = ({ x, y }: Core): CoreSet => ({ x, y, columns: 1, rows: 1, stepX: 1, stepY: 1 });

const coresOf = (sets: readonly CoreSet[]): Core[] => {
  const cores: Core[] = [];
  forEachCore(sets, (x, y) => cores.push({ x, y }));
  return cores;
};

/** One router of one rule changes; null takes its rule away. */
function changeRouter(
  program: FabricProgram,
  pick: Pick,
  change: (rule: RouterRule, at: Core) => RouterRule | null,
): FabricProgram {
  const index = pick(program.routers.length);
  const rule = nth(program.routers, index);
  const cores = coresOf(rule.cores);
  const at = nth(cores, pick(cores.length));
  const rest = cores.filter((core) => core !== at).map(single);
  const changed = change({ ...rule, cores: [single(at)] }, at);
  const routers = [
    ...program.routers.filter((_, other) => other !== index),
    ...(rest.length === 0 ? [] : [{ ...rule, cores: rest }]),
    ...(changed === null ? [] : [changed]),
  ];
  return { ...program, routers };
}

/** One step of one role changes; null takes it away. Steps that are not meant stay. */
function changeStep(
  program: FabricProgram,
  pick: Pick,
  isMeant: (step: Step) => boolean,
  change: (step: Step) => Step | null,
): FabricProgram | null {
  const places = program.roles.flatMap(({ tasks }, role) =>
    tasks.flatMap(({ steps }, task) =>
      steps.flatMap((step, index) => (isMeant(step) ? [{ role, task, index, step }] : [])),
    ),
  );
  if (places.length === 0) return null;
  const { role, task, index, step } = nth(places, pick(places.length));
  const changed = change(step);
  return changeRole(program, role, (old) => ({
    ...old,
    tasks: old.tasks.map((one, number) =>
      number !== task
        ? one
        : {
            ...one,
            steps: one.steps.flatMap((same, at) => (at !== index ? [same] : changed === null ? [] : [changed])),
          },
    ),
  }));
}

const changeRole = (program: FabricProgram, index: number, change: (role: Role) => Role): FabricProgram => ({
  ...program,
  roles: program.roles.map((role, other) => (other === index ? change(role) : role)),
});

const moves = ({ kind }: Step): boolean => kind === "receive" || kind === "send" || kind === "reduce";

const takes = ({ kind }: Step): boolean => kind === "receive" || kind === "reduce";

function recolored(step: Step, color: number): Step {
  switch (step.kind) {
    case "receive":
      return { ...step, from: { ...step.from, color } };
    case "send":
      return { ...step, to: { ...step.to, color } };
    case "reduce":
      return { ...step, from: { ...step.from, color } };
    default:
      return step;
  }
}

/** A size more or less in one dim of something. */
const resized = (sizes: readonly number[], pick: Pick, by: number): number[] => {
  const dim = pick(sizes.length);
  return sizes.map((size, other) => (other === dim ? size + by : size));
};

const other = (pick: Pick, count: number, than: number): number => (than + 1 + pick(count - 1)) % count;

function miscounted(step: Step, pick: Pick): Step {
  const by = pick(2) === 0 ? -1 : 1;
  switch (step.kind) {
    case "receive": {
      const landing = pick(step.into.length);
      return {
        ...step,
        into: step.into.map((one, index) => {
          if (index !== landing) return one;
          if (one.into === null) return { words: one.words + by, into: null };
          const sizes = resized(one.into.sizes, pick, by);
          return { words: sizes.reduce((product, size) => product * size, 1), into: { ...one.into, sizes } };
        }),
      };
    }
    case "send": {
      const part = pick(step.words.length);
      const words = step.words.map((one, index) =>
        index === part ? { ...one, sizes: resized(one.sizes, pick, by) } : one,
      );
      return { ...step, words };
    }
    case "reduce":
      return { ...step, own: { ...step.own, sizes: resized(step.own.sizes, pick, by) } };
    default:
      return step;
  }
}

/** Gives null where the program has nothing of the kind. */
export type Mutation = (program: FabricProgram, pick: Pick) => FabricProgram | null;

/** One region of one role changes. */
function changeRegion(program: FabricProgram, pick: Pick, change: (region: Region) => Region): FabricProgram {
  return changeRole(program, pick(program.roles.length), (old) => {
    const index = pick(old.regions.length);
    return { ...old, regions: old.regions.map((one, at) => (at === index ? change(one) : one)) };
  });
}

const without =
  (kind: Step["kind"]): Mutation =>
  (program, pick) =>
    changeStep(
      program,
      pick,
      (step) => step.kind === kind,
      () => null,
    );

/** One computation changes. */
const computing =
  (change: (step: Step & { kind: "compute" }, pick: Pick) => Step): Mutation =>
  (program, pick) =>
    changeStep(
      program,
      pick,
      ({ kind }) => kind === "compute",
      (step) => (step.kind === "compute" ? change(step, pick) : step),
    );

const filtering =
  (change: (filter: Filter) => Filter): Mutation =>
  (program, pick) => {
    const rules = program.routers.filter(({ filter }) => filter !== null);
    if (rules.length === 0) return null;
    const meant = nth(rules, pick(rules.length));
    const routers = program.routers.map((rule) =>
      rule === meant && rule.filter !== null ? { ...rule, filter: change(rule.filter) } : rule,
    );
    return { ...program, routers };
  };

/** Faults of form: things that do not exist, do not fit, or are handed on wrongly. */
const malformed: Readonly<Record<string, Mutation>> = {
  "a color that does not exist": (program, pick) =>
    changeStep(program, pick, moves, (step) => recolored(step, program.target.colorsPerRouter + pick(4))),
  "a queue of two colors": (program, pick) => {
    const endsOf = ({ tasks }: Role): number[] =>
      tasks.flatMap(({ steps }) => steps.flatMap((step) => (takes(step) && "from" in step ? [step.from.color] : [])));
    const role = program.roles.findIndex((one) => new Set(endsOf(one)).size > 1);
    if (role < 0) return null;
    const queue = pick(8);
    return changeRole(program, role, (old) => ({
      ...old,
      tasks: old.tasks.map((task) => ({
        ...task,
        steps: task.steps.map((step) =>
          step.kind === "receive" || step.kind === "reduce" ? { ...step, from: { ...step.from, queue } } : step,
        ),
      })),
    }));
  },
  "a router outside the fabric": (program, pick) =>
    changeRouter(program, pick, (rule, { y }) => ({ ...rule, cores: [single({ x: program.target.width, y })] })),
  "a core outside the fabric": (program, pick) =>
    changeRole(program, pick(program.roles.length), (old) => ({
      ...old,
      cores: [single({ x: pick(program.target.width), y: program.target.height })],
    })),
  "an address between words": (program, pick) =>
    changeRegion(program, pick, (region) => ({ ...region, address: region.address + 2 })),
  "a region without a slot": (program, pick) => changeRegion(program, pick, (region) => ({ ...region, slots: 0 })),
  "a region at the stack": (program, pick) => changeRegion(program, pick, (region) => ({ ...region, address: -4 })),
  "a reader too many": (program, pick) =>
    changeRegion(program, pick, (region) => ({ ...region, readers: region.readers + 1 })),
  "a writer too many": (program, pick) =>
    changeRegion(program, pick, (region) => ({ ...region, writers: region.writers + 1 })),
  "a region that is not claimed": without("claim"),
  "a region that is read before it is there": without("take"),
  "a region that is never free": without("free"),
  "a region that does not exist": computing((step) => ({ ...step, out: { ...step.out, region: "nowhere" } })),
  "an operand beyond its region": computing((step) => ({
    ...step,
    out: { ...step.out, offset: step.out.offset + 100_000 },
  })),
  "an operand too few": computing((step) => ({ ...step, args: step.args.slice(1) })),
  "a stride too few": computing((step) => ({ ...step, out: { ...step.out, strides: step.out.strides.slice(1) } })),
  "vectors along no loop": computing((step) => ({ ...step, vector: step.sizes.length })),
  "a filter beyond its period": filtering((filter) => ({ ...filter, begin: filter.period })),
  "a filter of a period that words do not fill": filtering((filter) => ({ ...filter, period: 2 * filter.period + 1 })),
  "a switch of five positions": (program, pick) =>
    changePositions(program, pick, (positions) =>
      Array.from({ length: 5 }, (_, index) => nth(positions, index % positions.length)),
    ),
  "a switch that stays": (program, pick) =>
    changePositions(program, pick, (positions) =>
      positions.map((one, index) => (index === 0 ? { ...one, words: null } : one)),
    ),
  "an input at a side that is no edge": (program, pick) => {
    if (program.edges.length === 0) return null;
    const meant = pick(program.edges.length);
    const side = { west: "east", east: "west", north: "south", south: "north" } as const;
    const edges = program.edges.map((one, index) => (index === meant ? { ...one, side: side[one.side] } : one));
    return { ...program, edges };
  },
  "words over the edge twice": (program, pick) =>
    program.edges.length === 0
      ? null
      : { ...program, edges: [...program.edges, nth(program.edges, pick(program.edges.length))] },
  "an edge less": (program, pick) => {
    if (program.edges.length === 0) return null;
    const gone = pick(program.edges.length);
    return { ...program, edges: program.edges.filter((_, index) => index !== gone) };
  },
  "a constant at a core without it": (program, pick) => {
    if (program.loads.length === 0) return null;
    const meant = pick(program.loads.length);
    const loads = program.loads.map((one, index) => (index === meant ? { ...one, region: "nowhere" } : one));
    return { ...program, loads };
  },
  "a constant beyond its region": (program, pick) => {
    if (program.loads.length === 0) return null;
    const meant = pick(program.loads.length);
    const loads = program.loads.map((one, index) => (index === meant ? { ...one, at: one.at + 100_000 } : one));
    return { ...program, loads };
  },
  "a layer that does not exist": (program, pick) =>
    changeRole(program, pick(program.roles.length), (old) => ({ ...old, layer: program.layers.length })),
};

export const mutations: Readonly<Record<string, Mutation>> = {
  ...malformed,
  "a swapped color at a core": (program, pick) =>
    changeStep(program, pick, moves, (step) => {
      const color =
        step.kind === "send" ? step.to.color : step.kind === "receive" || step.kind === "reduce" ? step.from.color : 0;
      return recolored(step, other(pick, 21, color));
    }),
  "a swapped color at a router": (program, pick) =>
    changeRouter(program, pick, (rule) => ({ ...rule, color: other(pick, 21, rule.color) })),
  "a cut route": (program, pick) => changeRouter(program, pick, () => null),
  "a way out less": (program, pick) =>
    changeRouter(program, pick, (rule) => {
      const { to } = nth(rule.positions, 0);
      const gone = pick(to.length);
      const positions = rule.positions.map((position) => ({
        ...position,
        to: position.to.filter((port) => port !== nth(to, gone)),
      }));
      return { ...rule, positions };
    }),
  "a second input": (program, pick) =>
    changeRouter(program, pick, (rule) => {
      const free = ports.filter((port) => !rule.positions.some(({ from, to }) => from === port || to.includes(port)));
      const from = free.length === 0 ? ("ramp" as Port) : nth(free, pick(free.length));
      const words = 1 + pick(8);
      const positions = rule.positions.map((position): Position => ({ ...position, words: position.words ?? words }));
      return { ...rule, positions: [...positions, { from, to: nth(positions, 0).to, words }] };
    }),
  "a second rule": (program, pick) => {
    const rule = nth(program.routers, pick(program.routers.length));
    return { ...program, routers: [...program.routers, rule] };
  },
  "a missing consumer": (program, pick) => changeStep(program, pick, takes, () => null),
  "a missing producer": (program, pick) =>
    changeStep(
      program,
      pick,
      ({ kind }) => kind === "send",
      () => null,
    ),
  "an extra consumer": (program, pick) =>
    changeRouter(program, pick, (rule, at) => {
      const isTaken = rule.positions.some(({ from, to }) => from === "ramp" || to.includes("ramp"));
      if (isTaken) return { ...rule, cores: [single({ x: at.x, y: at.y + 1 })] };
      return { ...rule, positions: rule.positions.map((one) => ({ ...one, to: [...one.to, "ramp"] })) };
    }),
  "a step twice": (program, pick) => {
    const role = pick(program.roles.length);
    return changeRole(program, role, (old) => {
      const task = pick(old.tasks.length);
      const moving = nth(old.tasks, task).steps.filter(moves);
      const added = moving.length === 0 ? nth(old.tasks, task).steps : moving;
      return {
        ...old,
        tasks: old.tasks.map((one, index) =>
          index === task ? { ...one, steps: [...one.steps, ...added.slice(0, 1)] } : one,
        ),
      };
    });
  },
  "a queue too many": (program, pick) =>
    changeStep(program, pick, moves, (step) => {
      switch (step.kind) {
        case "receive":
        case "reduce":
          return { ...step, from: { ...step.from, queue: 8 + pick(4) } };
        case "send":
          return { ...step, to: { ...step.to, queue: 8 + pick(4) } };
        default:
          return step;
      }
    }),
  "two bytes too many of SRAM": (program, pick) => {
    const role = pick(program.roles.length);
    return changeRole(program, role, (old) => {
      const index = pick(old.regions.length);
      const { words, slots } = nth(old.regions, index);
      const address = program.target.sramBytes + 2 - 4 * words * slots;
      return { ...old, regions: old.regions.map((one, at) => (at === index ? { ...one, address } : one)) };
    });
  },
  "a region that overlaps another": (program, pick) => {
    const role = program.roles.findIndex(({ regions }) => regions.length > 1);
    if (role < 0) return null;
    return changeRole(program, role, (old) => {
      const index = 1 + pick(old.regions.length - 1);
      const address = nth(old.regions, index - 1).address;
      return { ...old, regions: old.regions.map((one, at) => (at === index ? { ...one, address } : one)) };
    });
  },
  "a circle of routes": (program, pick) => {
    const used = new Set(program.routers.map(({ color }) => color));
    const color = Array.from({ length: 21 }, (_, one) => one).find((one) => !used.has(one));
    if (color === undefined) return null;
    const { width, height } = program.target;
    const [x, y] = [pick(width - 1), pick(height - 1)];
    const rule = (dx: number, dy: number, from: Port, to: Port): RouterRule => ({
      color,
      cores: [single({ x: x + dx, y: y + dy })],
      positions: [{ from, to: [to], words: null }],
      filter: null,
    });
    const circle = [
      rule(0, 0, "south", "east"),
      rule(1, 0, "west", "south"),
      rule(1, 1, "north", "west"),
      rule(0, 1, "east", "north"),
    ];
    return { ...program, routers: [...program.routers, ...circle] };
  },
  "a way back": (program, pick) =>
    changeRouter(program, pick, (rule) => {
      const from = nth(rule.positions, 0).from;
      const positions = rule.positions.map((one) => ({ ...one, to: [...one.to, from] }));
      return { ...rule, positions };
    }),
  "a dead core in use": (program, pick) => {
    const cores = coresOf(program.roles.flatMap(({ cores: sets }) => sets));
    const deadCores = [...program.target.deadCores, nth(cores, pick(cores.length))];
    return { ...program, target: { ...program.target, deadCores } };
  },
  "a dead router in use": (program, pick) => {
    const cores = coresOf(program.routers.flatMap(({ cores: sets }) => sets));
    const deadCores = [...program.target.deadCores, nth(cores, pick(cores.length))];
    return { ...program, target: { ...program.target, deadCores } };
  },
  "a wrong extent": (program, pick) =>
    changeStep(
      program,
      pick,
      ({ kind }) => kind === "compute",
      (step) =>
        step.kind === "compute" ? { ...step, sizes: resized(step.sizes, pick, pick(2) === 0 ? -1 : 1) } : step,
    ),
  "a region a word short": (program, pick) => {
    const role = pick(program.roles.length);
    return changeRole(program, role, (old) => {
      const index = pick(old.regions.length);
      return {
        ...old,
        regions: old.regions.map((one, at) => (at === index ? { ...one, words: one.words - 1 } : one)),
      };
    });
  },
  "a wrong word count": (program, pick) => changeStep(program, pick, moves, (step) => miscounted(step, pick)),
  "a wrong count of words over the edge": (program, pick) => {
    if (program.edges.length === 0) return null;
    const edge = pick(program.edges.length);
    const edges = program.edges.map((one, index) =>
      index === edge ? { ...one, elements: [...one.elements, { offset: 0, sizes: [1], strides: [1] }] } : one,
    );
    return { ...program, edges };
  },
  "a late switch": (program, pick) =>
    changePositions(program, pick, (positions) => {
      const late = pick(positions.length);
      return positions.map((one, index) =>
        index === late && one.words !== null ? { ...one, words: one.words + 1 } : one,
      );
    }),
  "a switch that is late for one and early for the next": (program, pick) =>
    changePositions(program, pick, (positions) =>
      positions.map((one, index) =>
        one.words === null || index > 1 ? one : { ...one, words: one.words + (index === 0 ? 1 : -1) },
      ),
    ),
  "a filter that lets a word more through": (program, pick) => {
    const rules = program.routers.filter(({ filter }) => filter !== null);
    if (rules.length === 0) return null;
    const meant = nth(rules, pick(rules.length));
    const routers = program.routers.map((rule) =>
      rule === meant && rule.filter !== null
        ? { ...rule, filter: { ...rule.filter, count: rule.filter.count + 1 } }
        : rule,
    );
    return { ...program, routers };
  },
  "two kernels on one core": (program, pick) => {
    const role = nth(program.roles, pick(program.roles.length));
    const cores = coresOf(program.roles.flatMap(({ cores: sets }) => sets));
    return { ...program, roles: [...program.roles, { ...role, cores: [single(nth(cores, pick(cores.length)))] }] };
  },
  "a region that nobody fills": (program, pick) =>
    changeStep(
      program,
      pick,
      ({ kind }) => kind === "publish",
      () => null,
    ),
  "a constant less": (program, pick) => {
    if (program.loads.length === 0) return null;
    const gone = pick(program.loads.length);
    return { ...program, loads: program.loads.filter((_, index) => index !== gone) };
  },
};

/** Changes that leave all counts as they are: only the numbers, compared with the host's, can tell. */
export const disorders: Readonly<Record<string, Mutation>> = {
  "a window that begins a word late": (program, pick) => {
    const rules = program.routers.filter(
      ({ filter }) => filter !== null && filter.begin + filter.count < filter.period && filter.count > 0,
    );
    if (rules.length === 0) return null;
    const meant = nth(rules, pick(rules.length));
    const routers = program.routers.map((rule) =>
      rule === meant && rule.filter !== null
        ? { ...rule, filter: { ...rule.filter, begin: rule.filter.begin + 1 } }
        : rule,
    );
    return { ...program, routers };
  },
  "words sent backwards": (program, pick) =>
    changeStep(
      program,
      pick,
      (step) => step.kind === "send" && step.words.some(({ sizes }) => (sizes.at(-1) ?? 1) > 1),
      (step) => {
        if (step.kind !== "send") return step;
        return {
          ...step,
          words: step.words.map(({ region, offset, sizes, strides }) => {
            const last = sizes.length - 1;
            const reach = (nth(sizes, last) - 1) * nth(strides, last);
            const turned = strides.map((stride, dim) => (dim === last ? -stride : stride));
            return { region, offset: offset + reach, sizes, strides: turned };
          }),
        };
      },
    ),
};

/** Changes the positions of a switch that has several. */
function changePositions(
  program: FabricProgram,
  pick: Pick,
  change: (positions: readonly Position[]) => Position[],
): FabricProgram | null {
  const rules = program.routers.filter(({ positions }) => positions.length > 1);
  if (rules.length === 0) return null;
  const meant = nth(rules, pick(rules.length));
  return {
    ...program,
    routers: program.routers.map((rule) => (rule === meant ? { ...rule, positions: change(rule.positions) } : rule)),
  };
}

/** A seeded picker, and the mutation's name. */
export const anyMutation: fc.Arbitrary<{ readonly name: string; readonly seed: number }> = fc.record({
  name: fc.constantFrom(...Object.keys(mutations)),
  seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
});

export function pickerOf(seed: number): Pick {
  let state = seed | 0;
  return (count) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return count < 1 ? 0 : (state >>> 8) % count;
  };
}
