/**
 * Tiles and blocks for products, ranked by estimated cycles. The estimate counts issue slots of a core like those that the figures in
 * docs/performance were measured on: it ranks choices and predicts no times.
 */
import { type Choose, distinct, modelChoice } from "../../choice.ts";
import { type Arith, aStepBytes } from "./arith.ts";
import { type Panels, panelsOf, type Schedule, tileHeights, type Tiling } from "./product.ts";
import { commonMultiple, rowPeriod, tileSpans } from "./rows.ts";

/** x86-64 has 16 vector registers; V8 keeps one for itself and loads all operands of a step before it multiplies. */
const vectorRegisters = 15;
/** An accumulator is ready for the next step after this many cycles (multiply-add, or add). */
const accumulateLatency = 4;
const issueWidth = 4;
/** Instructions of a step that are neither loads nor arithmetic: two pointers, compare and branch. */
const loopInstructions = 3;
/** A's elements are spread over all lanes when they are loaded, from lines of their own: measured as so many instructions. */
const spreadInstructions = 1.3;
/** Instructions around the reduction of one tile, and for each of its vectors. */
const tileInstructions = 25;
const storeInstructions = 4;

/** Bytes of a block's rows, of A, the result and what the epilogue reads, that stay near with a small B. */
const blockBytes = 64 * 1024;
/** A block's rows may be so much of B: then reading B again for each block costs less than what the rows cost. */
const rowsPerB = 0.7;
/** Bytes of A's block that may come from the third-level cache again for every panel: the tiles need few of them in each cycle. */
const farBlockBytes = 2 * 1024 * 1024;
/** Bytes of a panel of B that all rows read again: it may come from the second-level cache, which it must share with A's block. */
const panelBytes = 48 * 1024;
/** The same in the first-level cache: worth more parts of the run where unfinished results stay near. */
const nearPanelBytes = 24 * 1024;
/** Bytes of unfinished results that are near. */
const nearResultBytes = 128 * 1024;
/** Bytes of B that come in per cycle from the third-level cache or memory, and the rows up to which tiles are chosen by that. */
const arrivingBytes = 4;
const waitingRows = 8;
/** Tiles that read a panel; with fewer, what counts is how B comes in from afar. */
const manyTiles = 12;
/** Instructions on joined vectors take so much longer: measured, the core runs at a lower frequency then. */
const joinedSlowness = 1.25;
/** From so many rows on vectors are joined: B of fewer may be read as several streams. */
const fewestJoinedRows = 25;
/** Units that leave room for balance between threads. */
const wantedUnits = 16;
/** Below this many operations a stage is not worth cutting up. */
const smallWork = 1 << 20;

interface TileShape {
  readonly rows: number;
  readonly vectors: number;
  /** registers hold pairs of vectors */
  readonly joined?: true;
}

/** Shapes in order of preference among equals. */
const tileShapes: readonly TileShape[] = [3, 4, 2, 6, 5, 1].flatMap((rows) =>
  [3, 2, 4, 1].map((vectors) => ({ rows, vectors })),
);

/** The same where vectors are joined; taller ones were measured to be slower. */
const joinedShapes: readonly TileShape[] = [
  ...[4, 3, 2, 1].map((rows): TileShape => ({ rows, vectors: 4, joined: true })),
  ...[6, 5, 4, 3, 2, 1].map((rows): TileShape => ({ rows, vectors: 2, joined: true })),
];

/** Registers that a row or a step of B takes. */
const registersOf = ({ vectors, joined }: TileShape): number => (joined === true ? vectors / 2 : vectors);

/** Shapes whose accumulators, operands and products on their way stay in registers. */
const shapesFor = ({ fused, tileRows }: Arith): readonly TileShape[] =>
  tileShapes
    .filter(({ rows }) => rows === (tileRows ?? rows))
    .filter(({ rows, vectors }) => rows * vectors + rows + vectors + (fused ? 0 : 1) <= vectorRegisters);

const joinedShapesFor = ({ canJoin }: Arith): readonly TileShape[] => (canJoin === true ? joinedShapes : []);

/** Instructions that multiply and add: bytes become sums of 16 bits first. */
const arithmeticOf = ({ fused, kStep }: Arith): number => (fused ? 1 : kStep === 4 ? 3 : 2);

function stepCycles(tile: TileShape, arith: Arith): number {
  const { fused } = arith;
  const registers = registersOf(tile);
  const arithmetic = tile.rows * registers * arithmeticOf(arith);
  const issue = (arithmetic + tile.rows * spreadInstructions + registers + loopInstructions) / issueWidth;
  const cycles = fused ? Math.max(accumulateLatency, issue) : issue;
  return tile.joined === true ? cycles * joinedSlowness : cycles;
}

const tileCycles = (tile: TileShape, steps: number, arith: Arith): number =>
  steps * stepCycles(tile, arith) + (tileInstructions + storeInstructions * tile.rows * tile.vectors) / issueWidth;

/** Rows of a product as the tiles see them, and its reduction. */
export interface ProductSize {
  readonly outer: number;
  readonly y: number;
  readonly x: number;
  readonly columns: number;
  /** steps of the whole reduction */
  readonly steps: number;
  /** the run may be cut into blocks */
  readonly canBlockRun: boolean;
  /** bytes of A that each further y adds, where rows share elements of A */
  readonly aRowBytes?: number;
  /** tensors of the result's size that are written or read with it: the result (default), operands of the epilogue */
  readonly resultTensors?: number;
  /** vectors of a panel, where B is packed already */
  readonly vectors?: number;
  /** B was made just before and need not come in from afar */
  readonly isNear?: boolean;
}

interface Costed<T> {
  readonly value: T;
  readonly cycles: number;
}

/** Cheapest first; equals stay in their order. */
const ranked = <T>(costed: readonly Costed<T>[]): readonly T[] =>
  costed.toSorted((a, b) => a.cycles - b.cycles).map(({ value }) => value);

/** What a kind of panels is cut into: the shape in most modules, and that where vectors are joined, if they are. */
interface TilePair {
  readonly tile: TileShape;
  readonly joined: TileShape | null;
}

/** The full panels in one tile, the ragged panel in one that suits its width. */
function chooseTile(size: ProductSize, arith: Arith, choose: Choose): Tiling {
  const panelsFor = ({ vectors }: TileShape): Panels => panelsOf(size.columns, vectors, arith.lanes);
  const words = ({ tile, joined }: TilePair): string =>
    panelsFor(tile).full === 0 ? "ragged" : wordsOf(tile, arith) + (joined === null ? "" : ` or ${wordsOf(joined, arith)}`);
  const { candidates, joined } = rankedTiles(size, arith);
  const full = choose({ aspect: "tile", candidates: distinct(candidates, words), joined, words });
  const rest = chooseRestTile(panelsFor(full.tile), size, arith, choose);
  return tilingOf(full, rest);
} // prettier-ignore

const wordsOf = ({ rows, vectors }: TileShape, { lanes }: Arith): string => `${rows}x${vectors * lanes}`;

function chooseRestTile(panels: Panels, size: ProductSize, arith: Arith, choose: Choose): TilePair | null {
  if (panels.rest === 0) return null;
  const candidates = ranked(restTiles(panels, size, arith)).map((tile): TilePair => ({ tile, joined: null }));
  const joined = ranked(joinedRestTiles(panels, size, arith)).flatMap((shape) => pairWith(shape, candidates));
  return choose({ aspect: "rest tile", candidates, joined, words: ({ tile }) => wordsOf(tile, arith) });
}

function tilingOf(full: TilePair, rest: TilePair | null): Tiling {
  const heights = { rows: full.tile.rows, restRows: rest?.tile.rows ?? 1 };
  const tiling: Tiling = { rows: heights.rows, vectors: full.tile.vectors, restRows: heights.restRows };
  if (full.joined === null && (rest?.joined ?? null) === null) return tiling;
  return {
    ...tiling,
    joined: { rows: full.joined?.rows ?? heights.rows, restRows: rest?.joined?.rows ?? heights.restRows },
  };
}

/** A joined shape beside the first candidate for the same panels. */
function pairWith(joined: TileShape, candidates: readonly TilePair[]): readonly TilePair[] {
  const plain = candidates.find(({ tile }) => tile.vectors === joined.vectors);
  return plain === undefined ? [] : [{ tile: plain.tile, joined }];
}

/** Shapes for the full panels by the cycles of one outer index, with the best of the tiles for the ragged one. */
function rankedTiles(size: ProductSize, arith: Arith): { candidates: readonly TilePair[]; joined: readonly TilePair[] } {
  const fits = ({ vectors }: TileShape): boolean => vectors === (size.vectors ?? vectors);
  const costed = (value: TileShape): Costed<TileShape> => {
    const panels = panelsOf(size.columns, value.vectors, arith.lanes);
    const full = panels.full === 0 ? 0 : panels.full * sweepCycles(value, size, arith);
    const tiles = value.joined === true ? [...restTiles(panels, size, arith), ...joinedRestTiles(panels, size, arith)] : restTiles(panels, size, arith);
    const rest = panels.rest === 0 ? 0 : Math.min(...tiles.map(({ cycles }) => cycles));
    return { value, cycles: full + rest };
  };
  const plain = shapesFor(arith).filter(fits).map(costed);
  if (plain.length === 0) return { candidates: [{ tile: { rows: 1, vectors: size.vectors ?? 1 }, joined: null }], joined: [] };
  const candidates = ranked(plain).map((tile): TilePair => ({ tile, joined: null }));
  const fewest = Math.min(...plain.map(({ cycles }) => cycles));
  const joined = canJoinRows(size) ? joinedShapesFor(arith).filter(fits).filter((tile) => panelsOf(size.columns, tile.vectors, arith.lanes).full > 0).map(costed).filter(({ cycles }) => cycles < fewest) : [];
  return { candidates, joined: ranked(joined).flatMap((tile) => pairWith(tile, candidates)) };
} // prettier-ignore

const canJoinRows = ({ outer, x, y }: ProductSize): boolean => outer * x * y >= fewestJoinedRows;

/** Tiles for the ragged panel. */
const restTiles = (panels: Panels, size: ProductSize, arith: Arith): readonly Costed<TileShape>[] =>
  shapesFor(arith)
    .filter((tile) => tile.vectors === Math.ceil(panels.rest / arith.lanes))
    .map((value) => ({ value, cycles: sweepCycles(value, size, arith) }));

/** Joined tiles for a ragged panel of whole pairs of vectors. */
const joinedRestTiles = (panels: Panels, size: ProductSize, arith: Arith): readonly Costed<TileShape>[] =>
  !canJoinRows(size) || panels.rest % (2 * arith.lanes) !== 0
    ? []
    : joinedShapesFor(arith)
        .filter((tile) => tile.vectors * arith.lanes === panels.rest)
        .map((value) => ({ value, cycles: sweepCycles(value, size, arith) }));

/** Cycles for all rows of one panel. Where they are few it counts that the first tile waits until the panel has come in. */
function sweepCycles(tile: TileShape, { x, y, steps, isNear }: ProductSize, arith: Arith): number {
  const period = rowPeriod(x, tile.rows);
  const rest = y % period;
  const tiles = [...tileCounts(x, tile.rows, period, Math.floor(y / period)), ...tileCounts(x, tile.rows, rest, 1)];
  const cyclesOf = (rows: number): number => tileCycles({ ...tile, rows }, steps, arith);
  const cycles = tiles.reduce((sum, [height, count]) => sum + count * cyclesOf(height), 0);
  if (isNear === true || x * y > waitingRows) return cycles;
  const [height = 1] = tiles[0] ?? [];
  const arrival = (tile.vectors * steps * arith.bVectorBytes) / arrivingBytes;
  return cycles + Math.max(0, arrival - cyclesOf(height));
}

const tileCounts = (x: number, tileRows: number, y: number, times: number): (readonly [number, number])[] =>
  y === 0 ? [] : tileSpans(x, tileRows, y).map(({ count, repeat }) => [count, repeat * times] as const);

/** The tile that does the product with the fewest cycles, and blocks that keep its operands in the caches. */
export function chooseSchedule(size: ProductSize, arith: Arith, choose: Choose = modelChoice): Schedule {
  const { tile, kBlock } = chooseTileAndRun(size, arith, choose);
  const panels = panelsOf(size.columns, tile.vectors, arith.lanes);
  const y = chooseRows(size, tile, Math.min(kBlock, size.steps) * aStepBytes(arith), arith, choose);
  return { tile, kBlock, block: { y, panels: panelBlock(size, y, panels.count, arith) } };
}

/** What is left to choose where the caller decides about blocks of rows. */
export function chooseTileAndRun(size: ProductSize, arith: Arith, choose: Choose): Omit<Schedule, "block"> {
  const tile = chooseTile(size, arith, choose);
  return { tile, kBlock: chooseRun(size, tile, arith, choose) };
}

/**
 * Steps of the run that are done panel by panel, so that the panel's part of B stays in a near cache for all rows. With few rows B is not
 * read again, and goes best as one stream.
 */
function chooseRun(size: ProductSize, tile: Tiling, arith: Arith, choose: Choose): number {
  const resultBytes = size.y * size.x * size.columns * (16 / arith.lanes);
  const isNear = resultBytes <= nearResultBytes && size.y * size.x >= manyTiles * tile.rows;
  const panel = isNear ? nearPanelBytes : panelBytes;
  const fitting = Math.floor(panel / (tile.vectors * arith.bVectorBytes));
  const whole = Math.max(1, size.steps);
  const isReread = size.y * size.x > 2 * tile.rows;
  if (!size.canBlockRun || !isReread) return whole;
  const best = size.steps > fitting * 1.25 ? fitting : whole;
  const parts = (steps: number): number => Math.ceil(whole / steps);
  const words = (steps: number): string => (parts(steps) === 1 ? "whole" : `${parts(steps)} parts`);
  const others = [fitting, 2 * fitting, whole, Math.ceil(fitting / 2)];
  return choose({ aspect: "run", candidates: distinct([best, ...others], words), words });
}

/** Values of y in a unit: whole periods of tiles. A large B is read for few blocks, beside a small one blocks stay in the cache. */
function chooseRows(size: ProductSize, tile: Tiling, stepsBytes: number, arith: Arith, choose: Choose): number {
  const period = tileHeights(tile)
    .map((rows) => rowPeriod(size.x, rows))
    .reduce(commonMultiple);
  const aBytes = Math.max(1, size.aRowBytes ?? size.x * stepsBytes);
  const resultBytes = size.x * size.columns * (16 / arith.lanes) * (size.resultTensors ?? 1);
  const bBytes = (size.columns * size.steps * arith.bVectorBytes) / arith.lanes;
  const near = Math.max(blockBytes, rowsPerB * bBytes) / (aBytes + resultBytes);
  const fitting = Math.max(1, Math.floor(Math.min(near, farBlockBytes / aBytes) / period));
  const blocks = Math.max(1, Math.ceil(size.y / (fitting * period)));
  const inBlocks = (count: number): number => Math.max(1, Math.ceil(Math.ceil(size.y / count) / period)) * period;
  const counts = [blocks, 2 * blocks, Math.ceil(blocks / 2), 4 * blocks, 1];
  const words = (rows: number): string => (rows >= size.y ? "all" : `${rows} at once`);
  return choose({ aspect: "rows", candidates: distinct(counts.map(inBlocks), words), words });
}

/** Panels in a unit: all of them, unless there would be too few units to share. */
function panelBlock(size: ProductSize, y: number, panelCount: number, arith: Arith): number {
  const rowUnits = size.outer * Math.max(1, Math.ceil(size.y / Math.max(1, y)));
  const work = 2 * size.outer * size.y * size.x * size.columns * size.steps * arith.kStep;
  if (work < smallWork || rowUnits >= wantedUnits) return Math.max(1, panelCount);
  return Math.max(1, Math.floor(panelCount / Math.ceil(wantedUnits / rowUnits)));
}
