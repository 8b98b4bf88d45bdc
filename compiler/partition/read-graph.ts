/** Reads an operator graph from a file. */
import { readFile, stat } from "node:fs/promises";
import { fail, showName } from "../../ir/diagnostic.ts";
import { type DeviceGraph, parseDeviceGraph } from "./device-graph.ts";

const maxFileBytes = 1 << 28;

/** The operator graph in a JSON file; throws a WscError that lists everything wrong with it. */
export async function readDeviceGraph(file: string): Promise<DeviceGraph> {
  const subject = showName(file);
  const unreadable = (error: unknown): Error =>
    fail("WSC1001", `cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, { subject });
  const { size } = await stat(file).catch((error: unknown) => {
    throw unreadable(error);
  });
  if (size > maxFileBytes) {
    throw fail("WSC1009", `the file has ${size} bytes; at most ${maxFileBytes} are read`, { subject });
  }
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(error);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? showName(error.message) : "";
    throw fail("WSC2006", `an operator graph is JSON, and this is not: ${reason}`, {
      subject,
      hint: "an ONNX model takes --wafers; see docs/partition.md for the form of a graph",
    });
  }
  return parseDeviceGraph(json, file);
}
