// `node --import peer-hook.mjs APP`: the app gets onnxruntime-web (WSC_PEER: the folder of its package) for whatever package of onnxruntime it asks for.
import Module, { register } from "node:module";

const names = "^onnxruntime-(node|web)(/.*)?$";
const file = (name) => new URL(name, import.meta.url);

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) =>
  new RegExp(names).test(request) ? file("peer.cjs").pathname : resolveFilename(request, ...rest);

const hook = `
export const resolve = (specifier, context, next) =>
  new RegExp(${JSON.stringify(names)}).test(specifier)
    ? { url: ${JSON.stringify(file("peer.mjs").href)}, shortCircuit: true }
    : next(specifier, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
