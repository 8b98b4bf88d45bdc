/** Reads a model's config.json as Hugging Face has it; what is missing or contradicts itself is named by its field. */
import { type Diagnostic, diagnostic, fail, showName, WscError } from "../../../ir/diagnostic.ts";
import { nameHint } from "../../../ir/nearest.ts";
import type { Activation, Experts, ModelConfig, Positions, RotaryScaling, Router } from "./config.ts";

type Json = Readonly<Record<string, unknown>>;

/** Fields that are read, each problem with one noted. */
class Fields {
  readonly problems: Diagnostic[] = [];
  readonly #json: Json;
  readonly #subject: string;

  constructor(json: Json, subject: string) {
    this.#json = json;
    this.#subject = subject;
  }

  has(name: string): boolean {
    return this.#json[name] !== undefined && this.#json[name] !== null;
  }

  raw(name: string): unknown {
    return this.#json[name];
  }

  problem(field: string, message: string, hint?: string): void {
    this.problems.push(
      diagnostic("error", "WSC1010", `${field} ${message}`, { subject: showName(this.#subject), hint }),
    );
  }

  /** A positive whole number; 1 stands in for one that is not, which has been noted. */
  count(name: string, fallback?: number): number {
    if (!this.has(name)) {
      if (fallback !== undefined) return fallback;
      this.problem(name, "is missing");
      return 1;
    }
    const value = this.#json[name];
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < 2 ** 31) return value;
    this.problem(name, `must be a positive whole number, not ${showName(JSON.stringify(value))}`);
    return 1;
  }

  number(name: string, fallback: number): number {
    if (!this.has(name)) return fallback;
    const value = this.#json[name];
    if (typeof value === "number" && Number.isFinite(value)) return value;
    this.problem(name, `must be a number, not ${showName(JSON.stringify(value))}`);
    return fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    if (!this.has(name)) return fallback;
    const value = this.#json[name];
    if (typeof value === "boolean") return value;
    this.problem(name, `must be true or false, not ${showName(JSON.stringify(value))}`);
    return fallback;
  }

  text(name: string, fallback: string): string {
    if (!this.has(name)) return fallback;
    const value = this.#json[name];
    if (typeof value === "string") return value;
    this.problem(name, `must be a text, not ${showName(JSON.stringify(value))}`);
    return fallback;
  }

  /** Notes that `field` does not go into `whole`. */
  divides(field: string, part: number, whole: string, total: number): void {
    if (total % part !== 0) this.problem(field, `(${part}) does not divide ${whole} (${total})`);
  }
}

const readers: Readonly<Record<string, (fields: Fields, name: string) => ModelConfig>> = {
  gpt2: readGpt2,
  gpt_neox: readNeoX,
  llama: (fields, name) => readLlama(fields, name, {}),
  mistral: (fields, name) => readLlama(fields, name, {}),
  qwen2: (fields, name) => readLlama(fields, name, { bias: true }),
  qwen3: (fields, name) => readLlama(fields, name, { headNorm: true }),
  mixtral: readMixtral,
  qwen3_moe: readQwenExperts,
  gpt_oss: readGptOss,
  deepseek_v3: readLatent,
  kimi_k2: readLatent,
  switch_transformers: readSwitch,
};

/** The configuration in a config.json; throws a WscError that lists everything wrong with it. */
export function readConfig(json: unknown, subject: string): ModelConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw fail("WSC1010", "is no JSON object", { subject: showName(subject) });
  }
  const fields = new Fields(json as Json, subject);
  const type = fields.text("model_type", "");
  const reader = readers[type];
  if (reader === undefined) {
    throw fail("WSC1010", `model_type ${type === "" ? "is missing" : `"${showName(type)}" is not known`}`, {
      subject: showName(subject),
      hint: nameHint(type, "types", Object.keys(readers)),
    });
  }
  const config = reader(fields, fields.text("_name_or_path", "") || type);
  if (fields.problems.length > 0) throw new WscError(fields.problems);
  return config;
}

const activationNames: Readonly<Record<string, Activation>> = {
  relu: "relu",
  gelu: "gelu",
  gelu_new: "gelu-tanh",
  gelu_fast: "gelu-tanh",
  gelu_pytorch_tanh: "gelu-tanh",
  silu: "silu",
  swish: "silu",
};

function activation(fields: Fields, field: string, fallback: string): Activation {
  const name = fields.text(field, fallback);
  const known = activationNames[name];
  if (known !== undefined) return known;
  fields.problem(
    field,
    `"${showName(name)}" is not known`,
    nameHint(name, "activations", Object.keys(activationNames)),
  );
  return "gelu";
}

const source = "config.json";

// ---- dense, a key for every head -----------------------------------------------------------------------------------------------------

function readGpt2(fields: Fields, name: string): ModelConfig {
  const hidden = fields.count("n_embd");
  const heads = fields.count("n_head");
  fields.divides("n_head", heads, "n_embd", hidden);
  return {
    name,
    family: "gpt",
    source,
    layers: fields.count("n_layer"),
    hidden,
    vocabulary: fields.count("vocab_size"),
    context: fields.count("n_positions", 1024),
    tied: fields.flag("tie_word_embeddings", true),
    norm: { kind: "layer", epsilon: fields.number("layer_norm_epsilon", 1e-5) },
    positions: { kind: "learned" },
    attention: { kind: "heads", heads, kvHeads: heads, headSize: hidden / heads, bias: { in: true, out: true } },
    feedForward: {
      inner: fields.count("n_inner", 4 * hidden),
      activation: activation(fields, "activation_function", "gelu_new"),
      gated: false,
      bias: true,
    },
  };
}

function readNeoX(fields: Fields, name: string): ModelConfig {
  const hidden = fields.count("hidden_size");
  const heads = fields.count("num_attention_heads");
  fields.divides("num_attention_heads", heads, "hidden_size", hidden);
  const headSize = hidden / heads;
  const share = fields.number("rotary_pct", 0.25);
  const size = Math.trunc(headSize * share);
  if (!(share > 0 && share <= 1) || size % 2 !== 0)
    fields.problem("rotary_pct", `(${share}) does not make an even number of elements of a head of ${headSize}`);
  return {
    name,
    family: "gpt",
    source,
    layers: fields.count("num_hidden_layers"),
    hidden,
    vocabulary: fields.count("vocab_size"),
    context: fields.count("max_position_embeddings"),
    tied: fields.flag("tie_word_embeddings", false),
    norm: { kind: "layer", epsilon: fields.number("layer_norm_eps", 1e-5) },
    positions: { kind: "rotary", size, base: fields.number("rotary_emb_base", 10_000) },
    attention: { kind: "heads", heads, kvHeads: heads, headSize, bias: { in: true, out: true } },
    feedForward: {
      inner: fields.count("intermediate_size"),
      activation: activation(fields, "hidden_act", "gelu"),
      gated: false,
      bias: true,
    },
    parallel: fields.flag("use_parallel_residual", true),
  };
}

// ---- Llama and its like --------------------------------------------------------------------------------------------------------------

function readLlama(
  fields: Fields,
  name: string,
  { bias = false, headNorm = false }: { readonly bias?: boolean; readonly headNorm?: boolean },
): ModelConfig {
  const hidden = fields.count("hidden_size");
  const heads = fields.count("num_attention_heads");
  const kvHeads = fields.count("num_key_value_heads", heads);
  fields.divides("num_key_value_heads", kvHeads, "num_attention_heads", heads);
  if (!fields.has("head_dim")) fields.divides("num_attention_heads", heads, "hidden_size", hidden);
  const headSize = fields.count("head_dim", hidden / heads);
  if (headSize % 2 === 1) fields.problem("head_dim", `(${headSize}) must be even, since positions turn pairs`);
  const layers = fields.count("num_hidden_layers");
  const types = fields.raw("layer_types");
  if (Array.isArray(types) && types.length !== layers)
    fields.problem("layer_types", `has ${types.length} entries for num_hidden_layers (${layers})`);
  return {
    name,
    family: "llama",
    source,
    layers,
    hidden,
    vocabulary: fields.count("vocab_size"),
    context: fields.count("max_position_embeddings"),
    tied: fields.flag("tie_word_embeddings", false),
    norm: { kind: "rms", epsilon: fields.number("rms_norm_eps", 1e-6) },
    positions: rotaryOf(fields, headSize, false),
    attention: {
      kind: "heads",
      heads,
      kvHeads,
      headSize,
      bias: { in: fields.flag("attention_bias", bias), out: false },
      ...(headNorm ? { headNorm } : {}),
    },
    feedForward: {
      inner: fields.count("intermediate_size"),
      activation: activation(fields, "hidden_act", "silu"),
      gated: true,
      bias: false,
    },
  };
}

function rotaryOf(fields: Fields, size: number, interleaved: boolean): Positions {
  const scaling = scalingOf(fields);
  return {
    kind: "rotary",
    size,
    base: fields.number("rope_theta", 10_000),
    ...(interleaved ? { interleaved } : {}),
    ...(scaling === undefined ? {} : { scaling }),
  };
}

function scalingOf(fields: Fields): RotaryScaling | undefined {
  if (!fields.has("rope_scaling")) return undefined;
  const given = fields.raw("rope_scaling");
  if (typeof given !== "object" || given === null) {
    fields.problem("rope_scaling", "must be an object");
    return undefined;
  }
  const inner = new Fields(given as Json, "rope_scaling");
  const kind = inner.text("rope_type", inner.text("type", ""));
  const factor = inner.number("factor", 1);
  const original = inner.count("original_max_position_embeddings", 4096);
  const note = (): void => {
    for (const { message } of inner.problems) fields.problem(`rope_scaling.${message}`, "");
  };
  switch (kind) {
    case "llama3": {
      const lowFrequency = inner.number("low_freq_factor", 1);
      const highFrequency = inner.number("high_freq_factor", 4);
      note();
      if (!(highFrequency > lowFrequency))
        fields.problem("rope_scaling.high_freq_factor", "must be greater than low_freq_factor");
      return { kind, factor, lowFrequency, highFrequency, original };
    }
    case "yarn": {
      const [fast, slow] = [inner.number("beta_fast", 32), inner.number("beta_slow", 1)];
      const whole = inner.flag("truncate", true);
      const stretch = (of: number): number => (factor <= 1 ? 1 : 0.1 * of * Math.log(factor) + 1);
      const all = inner.number("mscale_all_dim", 0);
      const magnitude = all === 0 ? stretch(1) : stretch(inner.number("mscale", 1)) / stretch(all);
      note();
      return { kind, factor, betaFast: fast, betaSlow: slow, original, whole, magnitude };
    }
    case "default":
      return undefined;
    default:
      fields.problem(
        "rope_scaling.rope_type",
        `"${showName(kind)}" is not known`,
        nameHint(kind, "kinds", ["llama3", "yarn"]),
      );
      return undefined;
  }
}

// ---- experts -------------------------------------------------------------------------------------------------------------------------

const router = (more: Partial<Router>): Router => ({
  score: "softmax",
  of: "all",
  normalized: false,
  scale: 1,
  bias: false,
  correction: false,
  ...more,
});

/** Experts of a model; the choice may not be more than there are. */
function expertsOf(fields: Fields, countField: string, inner: string, more: Partial<Experts>): Experts {
  const count = fields.count(countField);
  const chosen = fields.count("num_experts_per_tok");
  if (chosen > count) fields.problem("num_experts_per_tok", `(${chosen}) is more than ${countField} (${count})`);
  return { count, chosen, inner: fields.count(inner), shared: 0, router: router({}), after: 0, every: 1, ...more };
}

function readMixtral(fields: Fields, name: string): ModelConfig {
  return {
    ...readLlama(fields, name, {}),
    family: "mixture",
    experts: expertsOf(fields, "num_local_experts", "intermediate_size", { router: router({ of: "chosen" }) }),
  };
}

function readQwenExperts(fields: Fields, name: string): ModelConfig {
  const every = fields.count("decoder_sparse_step", 1);
  return {
    ...readLlama(fields, name, { headNorm: true }),
    family: "mixture",
    experts: expertsOf(fields, "num_experts", "moe_intermediate_size", {
      router: router({ normalized: fields.flag("norm_topk_prob", false) }),
      every,
    }),
  };
}

function readGptOss(fields: Fields, name: string): ModelConfig {
  const base = readLlama(fields, name, { bias: true });
  if (base.attention.kind !== "heads") return base;
  const window = fields.count("sliding_window", 128);
  return {
    ...base,
    family: "mixture",
    attention: { ...base.attention, bias: { in: true, out: true }, sinks: true, window },
    feedForward: { ...base.feedForward, activation: "clamped-silu", bias: true },
    experts: expertsOf(fields, "num_local_experts", "intermediate_size", {
      router: router({ of: "chosen", bias: true }),
    }),
  };
}

function readLatent(fields: Fields, name: string): ModelConfig {
  const layers = fields.count("num_hidden_layers");
  const after = fields.number("first_k_dense_replace", 0);
  if (!(Number.isInteger(after) && after >= 0 && after < layers))
    fields.problem("first_k_dense_replace", `(${after}) must leave some of num_hidden_layers (${layers}) for experts`);
  const [plain, turned] = [fields.count("qk_nope_head_dim"), fields.count("qk_rope_head_dim")];
  if (turned % 2 !== 0) fields.problem("qk_rope_head_dim", `(${turned}) must be even, since positions turn pairs`);
  const groups = { count: fields.count("n_group", 1), chosen: fields.count("topk_group", 1) };
  const count = fields.count("n_routed_experts");
  fields.divides("n_group", groups.count, "n_routed_experts", count);
  if (groups.chosen > groups.count)
    fields.problem("topk_group", `(${groups.chosen}) is more than n_group (${groups.count})`);
  const positions = rotaryOf(fields, turned, true);
  const scaling = positions.kind === "rotary" ? positions.scaling : undefined;
  const stretch = scaling?.kind === "yarn" ? 0.1 * Math.log(scaling.factor) + 1 : 1;
  return {
    name,
    family: "latent",
    source,
    layers,
    hidden: fields.count("hidden_size"),
    vocabulary: fields.count("vocab_size"),
    context: fields.count("max_position_embeddings"),
    tied: fields.flag("tie_word_embeddings", false),
    norm: { kind: "rms", epsilon: fields.number("rms_norm_eps", 1e-6) },
    positions,
    attention: {
      kind: "latent",
      heads: fields.count("num_attention_heads"),
      queryRank: fields.count("q_lora_rank"),
      latent: fields.count("kv_lora_rank"),
      plain,
      turned,
      value: fields.count("v_head_dim"),
      scale: stretch ** 2 / Math.sqrt(plain + turned),
    },
    feedForward: {
      inner: fields.count("intermediate_size"),
      activation: activation(fields, "hidden_act", "silu"),
      gated: true,
      bias: false,
    },
    experts: expertsOf(fields, "n_routed_experts", "moe_intermediate_size", {
      shared: fields.number("n_shared_experts", 0),
      after,
      router: router({
        score: "sigmoid",
        normalized: fields.flag("norm_topk_prob", true),
        correction: true,
        scale: fields.number("routed_scaling_factor", 1),
        ...(groups.count > 1 ? { groups } : {}),
      }),
    }),
  };
}

function readSwitch(fields: Fields, name: string): ModelConfig {
  const layers = fields.count("num_decoder_layers", fields.count("num_layers"));
  const sparse = fields.count("num_sparse_decoder_layers", layers);
  fields.divides("num_sparse_decoder_layers", sparse, "num_decoder_layers", layers);
  const heads = fields.count("num_heads");
  const inner = fields.count("d_ff");
  const projection = fields.text("feed_forward_proj", "relu");
  const gated = projection.startsWith("gated-");
  const known = activationNames[gated ? projection.slice("gated-".length) : projection];
  if (known === undefined) fields.problem("feed_forward_proj", `"${showName(projection)}" is not known`);
  return {
    name,
    family: "switch",
    source,
    layers,
    encoderLayers: fields.count("num_layers"),
    hidden: fields.count("d_model"),
    vocabulary: fields.count("vocab_size"),
    context: fields.count("n_positions", 512),
    tied: fields.flag("tie_word_embeddings", false),
    norm: { kind: "rms", epsilon: fields.number("layer_norm_epsilon", 1e-6) },
    positions: {
      kind: "buckets",
      count: fields.count("relative_attention_num_buckets", 32),
      farthest: fields.count("relative_attention_max_distance", 128),
    },
    attention: {
      kind: "heads",
      heads,
      kvHeads: heads,
      headSize: fields.count("d_kv"),
      bias: { in: false, out: false },
      scale: 1,
    },
    feedForward: { inner, activation: known ?? "relu", gated, bias: false },
    experts: {
      count: fields.count("num_experts"),
      chosen: 1,
      inner,
      shared: 0,
      router: router({}),
      after: 0,
      every: layers / sparse,
    },
  };
}
