/**
 * Every code, with what docs/diagnostics.md says of it (`npm run docs:diagnostics` writes that page). Codes are stable.
 * WSC1xxx reading, 2xxx graph, 3xxx operators, 4xxx passes, 5xxx placement, 6xxx codegen, 7xxx run time, 8xxx command line and sweeps.
 */

export interface DiagnosticEntry {
  /** what the code says, in one line */
  readonly summary: string;
  /** what is behind it, and when it comes */
  readonly meaning: string;
  /** what to do about it */
  readonly remedy: string;
  /** one as it is printed, without the hint */
  readonly example: string;
}

export const diagnosticTable = {
  WSC1001: {
    summary: "the file cannot be read",
    meaning:
      "A model, input or expected output is not there, is no regular file, changed while it was read, or could not be fetched.",
    remedy: "Check path and permissions; the operating system's reason stands in the message.",
    example: "error WSC1001: cannot read image.npy: ENOENT",
  },
  WSC1002: {
    summary: "the file is no ONNX model",
    meaning:
      "The bytes are not a protobuf message of ONNX: another format, text, an empty or a truncated file. Reading ends at the byte that is named.",
    remedy: "Export the model to ONNX, or fetch the file again; a file of Git LFS may be a pointer.",
    example: "error WSC1002: the file is text, not an ONNX model (a binary protobuf file)",
  },
  WSC1003: {
    summary: "the model's header is missing or contradictory",
    meaning:
      "The model lacks its graph or ir_version, imports one domain twice, or has fields that exclude each other.",
    remedy: "Write the model again with its exporter; a newer ir_version has to be exported for an older ONNX.",
    example: "error WSC1003: the model has no ir_version",
  },
  WSC1004: {
    summary: "the opset is not supported",
    meaning:
      "The model imports a version of a domain that is newer than any known here, or none for a domain that it uses.",
    remedy: "Export for an opset that is supported; `wsc ops` lists the versions of each operator.",
    example: "error WSC1004: the model imports opset version 99 of ai.onnx; 26 is the newest that is supported",
  },
  WSC1005: {
    summary: "a tensor's data does not fit its dims and type",
    meaning:
      "An initializer or a tensor's file has more or fewer elements than its dims say, negative or immense dims, or data in two fields.",
    remedy: "Write the tensor again; what the message counts shows which side is wrong.",
    example: 'error WSC1005: tensor "w": its shape has the negative dim -1',
  },
  WSC1006: {
    summary: "external data cannot be used",
    meaning:
      "Weights beside the model are missing, too short, lie outside the model's folder, or are of a type that cannot lie there.",
    remedy: "Keep the data file in the model's folder under the name that the model gives, or pass its bytes along.",
    example: 'error WSC1006: tensor "w": its data is in the external file "model.data", which was not given',
  },
  WSC1007: {
    summary: "an element type is not supported",
    meaning:
      "A value is of a type that neither the graph nor the runtime has, such as sparse tensors at the model's border.",
    remedy: "Export the model with dense tensors of a supported type.",
    example: 'error WSC1007: input "x": sparse tensors as inputs or outputs are not supported',
  },
  WSC1008: {
    summary: "a model-local function cannot be inlined",
    meaning:
      "Functions of the model are inlined before anything else; this one calls itself, has no name or is nested too deeply.",
    remedy: "Inline the functions when the model is exported.",
    example: 'error WSC1008: function "f": it is recursive: it calls itself, directly or through others',
  },
  WSC1009: {
    summary: "a size is beyond what this machine or WebAssembly can hold",
    meaning:
      "Sizes are counted before memory is taken. A file, a tensor, or a program's weights and values together are larger than the limit.",
    remedy: "Keep large weights in external data, use smaller sizes (--dim), or split the model.",
    example: "error WSC1009: 5000 kernels; at most 4096 can be placed",
  },
  WSC1010: {
    summary: "no such model, or its configuration is missing something or contradicts itself",
    meaning:
      "`plan`, `model` and `compare` take a known name or a config.json; the name is unknown, or a field of the file is missing or wrong.",
    remedy: "`wsc model` lists the names; every wrong field is reported with what it must be.",
    example: 'error WSC1010: no model named "llama9"',
  },
  WSC1011: {
    summary: "a context is longer than the model was made for",
    meaning: "The context asked for exceeds the positions of the model's configuration.",
    remedy: "Ask for at most as many tokens as the hint says.",
    example: "error WSC1011: gpt3-175b: 4096 tokens are more than gpt3-175b's 2048",
  },
  WSC2001: {
    summary: "a node reads a value that nothing defines",
    meaning: "A node or an output names a value that is no input, no initializer and no node's output in its scope.",
    remedy: "Repair the name; often a node was removed from the model and its reader left.",
    example: 'error WSC2001: it reads "hidden", which nothing defines',
  },
  WSC2002: {
    summary: "two definitions share one name",
    meaning: "Names of values are unique in a graph; two inputs, initializers, node outputs or kernels have the same.",
    remedy: "Rename one of them.",
    example: 'error WSC2002: two initializers are called "w"',
  },
  WSC2003: {
    summary: "the graph has a cycle",
    meaning: "Nodes, edges of an operator graph or functions wait for each other; the message gives the way round.",
    remedy: "Break the cycle; a loop of a model is a Loop or Scan node.",
    example: "error WSC2003: the edges form a cycle: node 5 -> node 1 -> node 5",
  },
  WSC2004: {
    summary: "a declared type or shape contradicts the inferred one",
    meaning:
      "An output, an input or an initializer is declared otherwise than it follows from the operators. A warning where the model can still run: the inferred type is used.",
    remedy: "Correct the declaration, or run ONNX shape inference again after editing a model.",
    example: 'warning WSC2004: output "y": the model declares its shape as [3], it is [2]',
  },
  WSC2005: {
    summary: "a symbolic dimension is not bound",
    meaning:
      "A placement needs numbers, and a dim of the model has only a name; or the model cannot be compiled for all sizes of a dim.",
    remedy: "Bind it: --dim batch=1; or give a range (--dim batch=1..512) for a program without placement.",
    example: "error WSC2005: dims batch have no value: a placement needs numbers, and target asks for one",
  },
  WSC2006: {
    summary: "the intermediate representation is malformed",
    meaning:
      "The graph, kernel graph or operator graph that was read breaks a rule of its form: a missing field, a wrong type, a value out of range.",
    remedy: "Compile again rather than edit; for operator graphs docs/partition.md says what each field holds.",
    example: "error WSC2006: an operator graph is an object with nodes and edges",
  },
  WSC2007: {
    summary: "text of an intermediate form cannot be parsed",
    meaning:
      "A text form (graph, kernels, placement, fabric, a contest's graph or paint) has a syntax error at the line that is named.",
    remedy: "Compare with what --emit prints for the same form.",
    example: "error WSC2007: line 3: a string is not closed",
  },
  WSC3001: {
    summary: "the operator is not supported",
    meaning:
      "No lowering is known for the operator, its domain or this form of it; or it is newer than the opset that the model imports.",
    remedy:
      "`wsc ops NAME` says what is supported; `wsc inspect` lists everything at once. Export with other operators.",
    example: 'error WSC3001: Frobnicate "layer/odd": operator Frobnicate is not supported',
  },
  WSC3002: {
    summary: "an attribute is missing, unknown or of the wrong type",
    meaning: "The node lacks an attribute that the operator needs, has one twice, or one of another type.",
    remedy: "Correct the attribute; the operator's page of ONNX gives names and types for the opset.",
    example: 'error WSC3002: Elu "e": attribute "alpha" is there twice',
  },
  WSC3003: {
    summary: "a node has the wrong number of inputs or outputs",
    meaning: "The operator, or the body of an If, Loop or Scan, takes or gives another number of values.",
    remedy: "Add or remove inputs; optional ones that are left out are empty names.",
    example: 'error WSC3003: If "choose": a branch gives 2 values, the node has 1 outputs',
  },
  WSC3004: {
    summary: "shapes do not fit the operator",
    meaning:
      "Inputs of these shapes cannot be combined. The hint shows the node's inputs with the shapes that were inferred.",
    remedy: "Follow the shapes back to the first one that surprises; a dim bound to a wrong size is the usual cause.",
    example: 'error WSC3004: MatMul "head": cannot multiply f32[4,8] by f32[7,5]: 8 columns meet 7 rows',
  },
  WSC3005: {
    summary: "element types do not fit the operator",
    meaning: "The operator is not defined for these element types, or for them together.",
    remedy: "Insert a Cast, or export the model with one type.",
    example: 'error WSC3005: MatMul "head": cannot multiply f32[4,8] by i64[8,5]',
  },
  WSC3006: {
    summary: "an attribute's value is out of range",
    meaning: "An axis, a kernel size, a number of groups or the like lies outside what the inputs allow.",
    remedy: "Correct the value; the message gives the range.",
    example: 'error WSC3006: Conv "c": groups must be at least 1, is 0',
  },
  WSC4001: {
    summary: "a pass left an invalid graph",
    meaning:
      "A pass of your own returned a graph that breaks an invariant, as the verifier that runs behind every pass says.",
    remedy:
      "Repair the pass; `--print-after` shows the graph before it. Ops that replace others keep types and origins (docs/projects.md).",
    example: "error WSC4001: pass drop-all: it left an invalid graph: an op reads a value that is not defined",
  },
  WSC5001: {
    summary: "the target description is not valid",
    meaning: "No machine has this name, or its JSON file breaks the schema or contradicts itself.",
    remedy: "`wsc targets` lists the machines; start a description of your own from `wsc targets wse2`.",
    example: 'error WSC5001: no target named "wse22"',
  },
  WSC5002: {
    summary: "the model does not fit the target",
    meaning:
      "A layer, or all together, need more SRAM, cores, colors or edge than there are, or the pins leave no room. No placement exists within what was tried; the message names limit and amount.",
    remedy: "--explain names the least change that helps: lower precision, mode stream, more wafers, other pins.",
    example: "error WSC5002: llama3.1-70b: layer 3 alone is 4096 bytes larger than a wafer",
  },
  WSC5003: {
    summary: "the placement is not legal",
    meaning:
      "The checker counted a placement again and found what does not hold: overlaps, memory, lanes or a certificate that claims too much.",
    remedy: "For a file that you edited, undo the edit. For one that wsc made, it is a defect: report it.",
    example: "error WSC5003: certificate: its bound 120 is above its objective 100",
  },
  WSC5004: {
    summary: "the solver found no answer in its limits",
    meaning:
      "An integer program ended without a solution within time and size, or the solver asked for is not installed.",
    remedy: "Give more time (--time-limit), more room, or another solver.",
    example: "error WSC5004: the solver glpk is asked for, and the package glpk.js is not installed",
  },
  WSC5005: {
    summary: "a constraint on the placement is not valid",
    meaning:
      "A pin, keep-out, co-location, defect list or another placement to start from names what is not there, or contradicts the mode.",
    remedy: "Check names against --emit kernels, and coordinates against the usable rectangle in the message.",
    example: 'error WSC5005: no layer is named "feature2"',
  },
  WSC5006: {
    summary: "the fabric program is not legal",
    meaning:
      "The verifier of fabric programs found two owners of a queue, color or address, a word that nobody sends or takes, or tasks that wait for themselves.",
    remedy: "For a text that you edited, see the place that is named; for one that wsc made, report it.",
    example: "error WSC5006: core (4, 1): a constant of 9 words in region data, which has 8",
  },
  WSC5007: {
    summary: "a layer cannot become a fabric program",
    meaning:
      "`simulate` needs what every core does. The layer's operation, element type or mode has no program yet, or colors and queues do not suffice. The placement itself stands.",
    remedy: "Compile with --mode pipeline and f32, or simulate a part (--layer).",
    example: 'error WSC5007: layer "k3": operand x0 is f16, and fabric programs compute in f32',
  },
  WSC5008: {
    summary: "a question to the cost models is not valid",
    meaning: "A configuration for one of the closed forms, or the name of a table, is none that they answer.",
    remedy: "Use the values that the message allows.",
    example: 'error WSC5008: no table is named "prefil"',
  },
  WSC6001: {
    summary: "no kernel can be generated for an operation",
    meaning: "The graph is valid, and code for this operation on operands of these types is missing.",
    remedy: "Export the operation in another type; please report the model.",
    example: "error WSC6001: there is no kernel for products of f64 and i8",
  },
  WSC6002: {
    summary: "a tuning file is not valid",
    meaning: "A file given with --tuning cannot be read, is no JSON, or names a kernel twice.",
    remedy: "Let `wsc compile --tune` write it again.",
    example: "error WSC6002: model.tuning.json: the file cannot be read: ENOENT",
  },
  WSC6003: {
    summary: "a tuning does not apply",
    meaning:
      "A warning: the file is of another version or model, or wants choices that a kernel does not offer. The cost model decides there.",
    remedy: "Tune again.",
    example: "warning WSC6003: model.tuning.json: the tuning is of version 99, and this wsc reads 1: it is left out",
  },
  WSC7001: {
    summary: "an input is missing",
    meaning: "A run was started without a value for an input that has none of its own.",
    remedy: "Give all inputs; the hint shows the type.",
    example: 'error WSC7001: input "image" is missing',
  },
  WSC7002: {
    summary: "an input has the wrong shape or type",
    meaning: "A value given to a run contradicts what the model, or the shapes it was compiled for, say.",
    remedy: "Reshape or convert the value, or compile for its sizes (--dim).",
    example: 'error WSC7002: input "image": it is given as f64[1,10], the model says f32[1,10]',
  },
  WSC7003: {
    summary: "a name is unknown",
    meaning: "An input, output or dim was named that the model does not have.",
    remedy: "`wsc inspect` lists the names; the hint has the closest one.",
    example: 'error WSC7003: the model has no input "imge"',
  },
  WSC7004: {
    summary: "the compiled program cannot be loaded",
    meaning:
      "A folder lacks a file, a digest does not agree, it is of another version, or it does not hold what the verb needs.",
    remedy: "Compile the model again.",
    example: "error WSC7004: the folder holds no constants for a simulation",
  },
  WSC7005: {
    summary: "a value at run time is out of range",
    meaning:
      "Data asked for what does not exist: an index beyond its axis, a repeat below zero, a label outside its categories.",
    remedy: "Check the inputs; onnxruntime refuses the same values.",
    example: "error WSC7005: gather: index 7 is out of range for an axis of 5",
  },
  WSC7006: {
    summary: "a session is used after its release",
    meaning: "`run` was called on a session whose memory `release` has given back.",
    remedy: "Create a new session.",
    example: "error WSC7006: the session has been released",
  },
  WSC7007: {
    summary: "a session option has a value that it cannot take",
    meaning:
      "An option of `InferenceSession.create` or `run` has the wrong type, or contradicts the way the folder was compiled.",
    remedy: "Correct the option (docs/runtime.md), or compile with it.",
    example: "error WSC7007: externalData must be an array",
  },
  WSC7008: {
    summary: "a loop does not end",
    meaning: "A Loop went on beyond the limit of iterations, which keeps a page or a server from hanging.",
    remedy: "Check the condition's inputs, or raise the limit that the hint names.",
    example: 'error WSC7008: loop "Loop_0": it would go on after 100000 iterations',
  },
  WSC7009: {
    summary: "the engine joins vectors wrongly",
    meaning:
      "A warning: kernels with joined vectors gave other bits than those without, so that the plain ones run. The engine is at fault.",
    remedy:
      "Nothing needs to be done; compiling without --join-vectors silences it. Please report the engine's version.",
    example: "warning WSC7009: conv gives other bits than without joined vectors; kernels without them run",
  },
  WSC7010: {
    summary: "the simulated wafer does not come to its end",
    meaning:
      "The simulator stopped: tasks that wait forever, words nobody takes, or results that depart from the host's. Layer, core, color and cycle are named.",
    remedy: "For an edited program, see the place; for one that wsc made, report it.",
    example: "error WSC7010: small.onnx: the outputs differ from the host's by 1.2e-1 of the largest one",
  },
  WSC7011: {
    summary: "the compiler cannot be started in a page",
    meaning: "A page was given an .onnx model, and its worker could not be created or loaded.",
    remedy: "Allow worker-src blob: in the content security policy, or open a folder that was compiled beforehand.",
    example: "error WSC7011: the compiler cannot be started in this page: the worker was refused",
  },
  WSC8001: {
    summary: "wrong usage of the command line",
    meaning:
      "An option, a property of a configuration, or a combination of them is not understood. Nothing was done; the exit code is 2.",
    remedy: "`wsc VERB --help` lists options with examples.",
    example: "error WSC8001: 20000 points are more than 10000",
  },
  WSC8002: {
    summary: "a file is not written there: something else stands in its place",
    meaning:
      "wsc replaces only what it wrote itself. The output names a folder or file of somebody else's, or a folder that does not exist.",
    remedy: "Choose another -o, or remove what is there.",
    example: 'error WSC8002: the folder of "out/x.txt" does not exist',
  },
  WSC8003: {
    summary: "the file system refuses",
    meaning: "A full disk, a missing permission or a device's error while writing; nothing is left half written.",
    remedy: "Make room or choose another place.",
    example: "error WSC8003: 812000000000 bytes of weights do not fit on the disk, which has 4000000000 free",
  },
  WSC8101: {
    summary: "the specification of a sweep is not valid",
    meaning:
      "The YAML or JSON of a sweep does not parse, is too large, or names axes, models or machines that are none.",
    remedy: "docs/sweeps.md and sweep.schema.json give the form.",
    example: "error WSC8101: chips.yaml: the specification is larger than 1 MiB",
  },
  WSC8102: {
    summary: "the queue of a sweep cannot be used",
    meaning: "The Redis server cannot be reached or refuses, or the package for it is not installed.",
    remedy: "Check the address and install the package named; what is done is kept, and the same command goes on.",
    example: "error WSC8102: the queue at redis://host:6379 has been away for too long",
  },
  WSC8103: {
    summary: "a worker and a sweep are of different versions",
    meaning: "Results of two builds do not belong in one sweep, so that a worker refuses jobs of another version.",
    remedy: "Install the same build everywhere, or give each version a queue of its own.",
    example: "error WSC8103: the jobs are of wsc 0.2.0, and this worker is 0.1.0",
  },
  WSC8104: {
    summary: "the store of a sweep cannot be used",
    meaning:
      "A folder or bucket that sweep and workers share is missing, refuses, or holds another model than the sweep began with.",
    remedy: "Name the same --store on all machines, and set its credentials.",
    example: "error WSC8104: model.onnx: the model has been changed since the sweep began",
  },
  WSC8105: {
    summary: "jobs of a sweep have failed",
    meaning:
      "Some points ended with an error although they were tried several times; the others are done and in the results.",
    remedy: "See the failed rows in the sweep's results; running the command again tries only those.",
    example: "error WSC8105: 2 of 40 jobs have failed, each several times",
  },
  WSC8106: {
    summary: "a sweep's folder cannot be used",
    meaning: "The folder belongs to something else or to another sweep, or its record cannot be read.",
    remedy: "Choose another folder with -o.",
    example: 'error WSC8106: "out" is no sweep\'s folder: sweep.json cannot be read (EACCES)',
  },
  WSC9001: {
    summary: "a defect in wsc",
    meaning: "A check of wsc's own failed. Nothing about the input explains it; the exit code is 70.",
    remedy: "Please report it with model and command; WSC_DEBUG=1 adds the stack.",
    example: "error WSC9001: a defect in wsc: internal: erf of bool",
  },
} as const;

export type DiagnosticCode = keyof typeof diagnosticTable;
