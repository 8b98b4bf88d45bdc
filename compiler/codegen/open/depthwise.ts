/** Depthwise convolutions and pools over images of open size: what kernels/depthwise.ts and pool.ts do in a tile, over an open walk. */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { addDims, countOf, type Dim, floorDiv, mulDims, sameDim } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import { epilogueOperands } from "../../../ir/graph.ts";
import type { OpenPoolOp } from "../../../ir/open/graph.ts";
import { kernelKey } from "../kernel.ts";
import { depthwiseBody, depthwisePack, fittingColumns } from "../kernels/depthwise.ts";
import { insideCounts, poolBody, poolColumns, poolSteps } from "../kernels/pool.ts";
import { arithFor } from "../kernels/product/arith.ts";
import { hoistConstants, makeEpilogue } from "../kernels/product/epilogue.ts";
import { packedArg } from "../kernels/product/pack.ts";
import type { WalkOperand } from "../kernels/window-walk.ts";
import { type ConvPlane, extraArgs, type OpenConv } from "./conv-plane.ts";
import { expectChannelsLast, openImage, planePair } from "./image.ts";
import { openFunction, type OpenKernelArg, type OpenKernelCode, type OpenOperands, SizeParams } from "./kernel.ts";
import { extraStrides } from "./window-product.ts";
import { emitOpenWalk, openWalkOf, openWalkUnits } from "./window-walk.ts";

/** Taps of a row that are worth code of their own. */
const mostRowTaps = 16;

export function depthwiseStages(op: OpenConv, plane: ConvPlane, operands: OpenOperands): readonly OpenKernelCode[] {
  const { inputs, constants, output } = operands;
  if (plane.kernel[1] > mostRowTaps) throw new NotOpen(`a depthwise convolution of ${plane.kernel[1]} taps in a row`);
  const constant = defined(constants[1]);
  const arith = arithFor("f32", "f32", false);
  const [image, result] = [openImage(nth(inputs, 0)), openImage(output)];
  const extras = inputs.slice(epilogueOperands.conv);
  const strides = extras.map((extra) => extraStrides(extra, result));
  const epilogue = makeEpilogue(
    op.epilogue,
    "f32",
    extras.map(({ dtype }) => dtype),
    output.dtype,
  );
  if (output.dtype !== "f32") throw new NotOpen(`a depthwise convolution that gives ${output.dtype}`);
  const params = new SizeParams();
  const [stride, dilation] = [plane.strides[1], plane.dilations[1]];
  const walk = openWalkOf(
    {
      plane,
      tapBytes: 16,
      tileColumns: fittingColumns({ taps: plane.kernel[1], stride, dilation }),
      image,
      result,
      extras: strides,
    },
    params,
  );
  const taps = plane.kernel[0] * plane.kernel[1];
  const packed = packedArg(1, constant, depthwisePack(arith, image.channels, taps, "nhwc"));
  const own = extraArgs(operands);
  const args: readonly OpenKernelArg[] = [{ kind: "input", index: 0 }, packed, ...own, { kind: "output", index: 0 }];
  const pixels = walk.operands.map(({ pixel, channel }): WalkOperand => ({ strides: [pixel, channel] }));
  return [
    {
      key: kernelKey("open depthwise", walk, epilogue),
      units: openWalkUnits(result),
      args,
      sizes: params.dims,
      work: mulDims(countOf(output.dims), 2 * taps),
      emit: (module) =>
        openFunction(module, "depthwise", args.length, params.dims.length, (site) => {
          const { f, addresses } = site;
          hoistConstants(f, epilogue);
          const places = {
            image: nth(addresses, 0),
            weights: nth(addresses, 1),
            operands: [nth(addresses, args.length - 1), ...addresses.slice(2, 2 + own.length)],
          };
          emitOpenWalk(site, walk, places, depthwiseBody(pixels, { arith, from: "f32" }, epilogue));
        }),
    },
  ];
}

export function emitOpenPool(
  op: Omit<OpenPoolOp, "inputs" | "outputs" | "origin">,
  { inputs, output }: OpenOperands,
): readonly OpenKernelCode[] {
  expectChannelsLast(op.layout);
  const x = nth(inputs, 0);
  if (x.dtype !== "f32") throw new NotOpen(`a pool of ${x.dtype}`);
  const plane: ConvPlane = {
    kernel: planePair(op.kernel, 1),
    strides: planePair(op.strides, 1),
    dilations: planePair(op.dilations, 1),
    before: planePair(op.padsBegin, 0),
    after: planePair(op.padsEnd, 0),
  };
  if (plane.kernel[1] > mostRowTaps) throw new NotOpen(`a pool of ${plane.kernel[1]} taps in a row`);
  const [image, result] = [openImage(x), openImage(output)];
  const isCounted = op.fn === "average" && op.countPadding;
  if (isCounted && !staysInside(plane, [image.rows, image.columns], [result.rows, result.columns])) {
    throw new NotOpen("an average that counts padding, whose last windows hang over");
  }
  const taps = plane.kernel[0] * plane.kernel[1];
  const params = new SizeParams();
  const walk = openWalkOf({ plane, tapBytes: 0, tileColumns: poolColumns, image, result, extras: [] }, params);
  const pool = {
    fn: op.fn,
    dtype: x.dtype,
    channels: image.channels,
    lanes: 4,
    columnBytes: image.channels * storageBytes(x.dtype),
    isNarrowMax: false,
    steps: poolSteps(op, x.dtype),
  } as const;
  return [
    {
      key: kernelKey("open pool", pool, isCounted, walk),
      units: openWalkUnits(result),
      args: [
        { kind: "input", index: 0 },
        { kind: "output", index: 0 },
      ],
      sizes: params.dims,
      work: mulDims(countOf(output.dims), taps),
      emit: (module) =>
        openFunction(module, `pool_${op.fn}`, 2, params.dims.length, (site) => {
          const { f, addresses } = site;
          const places = { image: nth(addresses, 0), weights: null, operands: [nth(addresses, 1)] };
          const body = poolBody({
            ...pool,
            countsOf: (tile, column) =>
              isCounted
                ? [
                    (): void => {
                      f.i32(taps);
                    },
                  ]
                : insideCounts(tile, column),
          });
          emitOpenWalk(site, walk, places, body);
        }),
    },
  ];
}

/** Whether all windows end within image and padding. */
const staysInside = (plane: ConvPlane, sizes: readonly [Dim, Dim], results: readonly [Dim, Dim]): boolean =>
  ([0, 1] as const).every((at) => {
    const reach = (plane.kernel[at] - 1) * plane.dilations[at] + 1;
    const free = addDims(sizes[at], plane.before[at] + plane.after[at] - reach);
    return sameDim(results[at], addDims(floorDiv(free, plane.strides[at]), 1));
  });
