import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  chainProgram,
  starProgram,
  treeProgram,
  twoPhaseProgram,
  broadcastProgram,
  allReduceProgram,
  relayProgram,
} from "../../compiler/fabric/collectives/line.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import type { FabricProgram, Role, RouterRule, Step } from "../../ir/fabric/program.ts";
import { parseFabric } from "../../ir/fabric/parse.ts";
import { printFabric } from "../../ir/fabric/print.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import "../helpers/golden.ts";

const row = { target: wse2, cores: 6, words: 8 };

const builders = [chainProgram, starProgram, treeProgram, broadcastProgram, allReduceProgram, relayProgram];

describe("programs of collectives", () => {
  it("are legal, and print and parse back", () => {
    const anyRow = fc.record({
      target: fc.constant(wse2),
      cores: fc.integer({ min: 2, max: 40 }),
      words: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(
        anyRow,
        fc.constantFrom(...builders, (one: typeof row) => twoPhaseProgram(one, 3)),
        (given, build) => {
          const program = build(given);
          expect(verifyFabric(program)).toEqual([]);
          expect(parseFabric(printFabric(program))).toEqual(program);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("read like this", () => {
    expect(printFabric(starProgram({ ...row, cores: 4 }))).toMatchGolden("fabric/star.fabric");
  });
});

const withRules = (
  program: FabricProgram,
  change: (rule: RouterRule, index: number) => RouterRule[],
): FabricProgram => ({
  ...program,
  routers: program.routers.flatMap(change),
});

const withRoles = (program: FabricProgram, change: (role: Role) => Role): FabricProgram => ({
  ...program,
  roles: program.roles.map(change),
});

const withSteps = (program: FabricProgram, change: (step: Step) => Step): FabricProgram =>
  withRoles(program, (role) => ({
    ...role,
    tasks: role.tasks.map((task) => ({ ...task, steps: task.steps.map(change) })),
  }));

const chain = chainProgram(row);
const star = starProgram(row);

describe("what is wrong with a program is found, with layer, core and color", () => {
  const mutations: Readonly<Record<string, readonly [FabricProgram, RegExp]>> = {
    "a swapped color": [
      withSteps(chain, (step) =>
        step.kind === "reduce" && step.from.color === 1 ? { ...step, from: { ...step.from, color: 2 } } : step,
      ),
      /layer "chain", core \(4, 1\), color 2: its tasks take 8 words of a sample, and 0 come/,
    ],
    "a cut route": [
      withRules(star, (rule, index) => (index === 0 ? [] : [rule])),
      /layer "star", core \(5, 1\), color 0: 40 words go west, where no router takes them/,
    ],
    "a second input": [withRules(chain, (rule) => [rule, rule]), /color 0: a second input: the router has two rules/],
    "a missing consumer": [
      withSteps(chain, (step) =>
        step.kind === "reduce" && step.to === null ? { kind: "fill", into: step.own, value: 0 } : step,
      ),
      /core \(4, 1\), color 1: 8 words come to the core, and no task takes them/,
    ],
    "a wrong word count": [
      withSteps(chain, (step) =>
        step.kind === "send" ? { ...step, words: step.words.map((one) => ({ ...one, sizes: [7] })) } : step,
      ),
      /core \(8, 1\), color 1: its tasks take 8 words of a sample, and 7 come/,
    ],
    "a wrong extent": [
      withSteps(chain, (step) =>
        step.kind === "send" ? { ...step, words: step.words.map((one) => ({ ...one, sizes: [9] })) } : step,
      ),
      /words 0 to 8 of region data, which has 8/,
    ],
    "a late switch": [
      withRules(star, (rule) => [
        { ...rule, positions: rule.positions.map((one) => (one.words === 8 ? { ...one, words: 9 } : one)) },
      ]),
      /core \(\d+, 1\), color 0: 8 words come from (ramp|east), and its switch takes 9/,
    ],
    "a circle of routes": [
      {
        ...chain,
        routers: [
          ...chain.routers,
          {
            color: 5,
            cores: [{ x: 20, y: 1, columns: 1, rows: 1, stepX: 1, stepY: 1 }],
            positions: [{ from: "east", to: ["east"], words: null }],
            filter: null,
          },
        ],
      },
      /color 5: words from east go to \[east\]/,
    ],
    "a circle over four routers": [
      {
        ...chain,
        routers: [
          ...chain.routers,
          ...(
            [
              [20, 10, "south", "east"],
              [21, 10, "west", "south"],
              [21, 11, "north", "west"],
              [20, 11, "east", "north"],
            ] as const
          ).map(([x, y, from, to]): RouterRule => ({
            color: 5,
            cores: [{ x, y, columns: 1, rows: 1, stepX: 1, stepY: 1 }],
            positions: [{ from, to: [to], words: null }],
            filter: null,
          })),
        ],
      },
      /color 5: its route runs in a circle/,
    ],
    "two kernels on one core": [
      { ...chain, roles: [...chain.roles, ...chain.roles.slice(0, 1)] },
      /core \(4, 1\): two programs on one core/,
    ],
    "a dead core": [
      { ...chain, target: { ...chain.target, deadCores: [{ x: 6, y: 1 }] } },
      /layer "chain", core \(6, 1\): the core is dead/,
    ],
    "a color too many": [withRules(chain, (rule) => [{ ...rule, color: rule.color + 24 }]), /there are 24 colors/],
    "a reserved color": [
      withSteps(
        withRules(chain, (rule) => [{ ...rule, color: rule.color + 21 }]),
        (step) => step,
      ),
      /color 21: the color is reserved/,
    ],
    "a queue too many": [
      withSteps(chain, (step) => (step.kind === "send" ? { ...step, to: { ...step.to, queue: 8 } } : step)),
      /queue 8 does not exist/,
    ],
  };

  it.each(Object.entries(mutations))("%s", (_name, [program, message]) => {
    const faults = verifyFabric(program);
    expect(faults.map(({ subject, message: text }) => `${subject ?? ""}: ${text}`).join("\n")).toMatch(message);
    expect(new Set(faults.map(({ code }) => code))).toEqual(new Set(["WSC5006"]));
  });

  it("SRAM to the byte: 49,152 fit, 49,156 do not", () => {
    const filled = (words: number): FabricProgram =>
      withRoles(chain, (role) => ({
        ...role,
        regions: [
          ...role.regions,
          { name: "rest", address: 7_712, words, slots: 1, category: "buffers", writers: 0, readers: 0 },
        ],
      }));
    expect(verifyFabric(filled((49_152 - 7_712) / 4))).toEqual([]);
    expect(verifyFabric(filled((49_152 - 7_712) / 4 + 1))[0]?.message).toBe(
      "its regions end at byte 49156 of an SRAM of 49152 bytes",
    );
  });

  it("a circle of waits: two cores that each take before they give", () => {
    const relay = relayProgram({ ...row, cores: 3 });
    const first = relay.roles[0] as Role;
    const middle = relay.roles[1] as Role;
    const data = { region: "data", offset: 0, sizes: [8], strides: [1] };
    const swap = (from: number, to: number): Step[] => [
      { kind: "receive", from: { color: from, queue: 0 }, into: [{ words: 8, into: data }] },
      { kind: "send", to: { color: to, queue: 0 }, words: [data] },
    ];
    const rule = (
      x: number,
      color: number,
      from: "ramp" | "east" | "west",
      to: "ramp" | "east" | "west",
    ): RouterRule => ({
      color,
      cores: [{ x, y: 1, columns: 1, rows: 1, stepX: 1, stepY: 1 }],
      positions: [{ from, to: [to], words: null }],
      filter: null,
    });
    const program: FabricProgram = {
      ...relay,
      roles: [
        { ...first, tasks: [{ name: "main", steps: swap(1, 0) }] },
        { ...middle, tasks: [{ name: "main", steps: swap(0, 1) }] },
      ],
      routers: [
        rule(4, 0, "ramp", "east"),
        rule(5, 0, "west", "ramp"),
        rule(5, 1, "ramp", "west"),
        rule(4, 1, "east", "ramp"),
      ],
      loads: [],
    };
    expect(verifyFabric(program)[0]?.message).toBe("a step waits for itself, over other steps and cores");
  });
});
