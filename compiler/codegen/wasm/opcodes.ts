/**
 * The instruction set as tables: WebAssembly 1.0 numerics, sign extension, saturating conversions, fixed-width SIMD and relaxed SIMD.
 * A row is [opcode, signature]; signatures read "parameters:results" with i = i32, l = i64, f = f32, d = f64, v = v128.
 * Numbers are those of the core specification's index of instructions (https://webassembly.github.io/spec/core/appendix/index-instructions.html).
 */

export type ValType = "i32" | "i64" | "f32" | "f64" | "v128";

/** Binary encoding of value types. */
export const valTypeCodes: Readonly<Record<ValType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

// prettier-ignore
const plainOps = {
  "i32.eqz": [0x45, "i:i"], "i32.eq": [0x46, "ii:i"], "i32.ne": [0x47, "ii:i"], "i32.lt_s": [0x48, "ii:i"], "i32.lt_u": [0x49, "ii:i"],
  "i32.gt_s": [0x4a, "ii:i"], "i32.gt_u": [0x4b, "ii:i"], "i32.le_s": [0x4c, "ii:i"], "i32.le_u": [0x4d, "ii:i"], "i32.ge_s": [0x4e, "ii:i"], "i32.ge_u": [0x4f, "ii:i"],
  "i64.eqz": [0x50, "l:i"], "i64.eq": [0x51, "ll:i"], "i64.ne": [0x52, "ll:i"], "i64.lt_s": [0x53, "ll:i"], "i64.lt_u": [0x54, "ll:i"],
  "i64.gt_s": [0x55, "ll:i"], "i64.gt_u": [0x56, "ll:i"], "i64.le_s": [0x57, "ll:i"], "i64.le_u": [0x58, "ll:i"], "i64.ge_s": [0x59, "ll:i"], "i64.ge_u": [0x5a, "ll:i"],
  "f32.eq": [0x5b, "ff:i"], "f32.ne": [0x5c, "ff:i"], "f32.lt": [0x5d, "ff:i"], "f32.gt": [0x5e, "ff:i"], "f32.le": [0x5f, "ff:i"], "f32.ge": [0x60, "ff:i"],
  "f64.eq": [0x61, "dd:i"], "f64.ne": [0x62, "dd:i"], "f64.lt": [0x63, "dd:i"], "f64.gt": [0x64, "dd:i"], "f64.le": [0x65, "dd:i"], "f64.ge": [0x66, "dd:i"],
  "i32.clz": [0x67, "i:i"], "i32.ctz": [0x68, "i:i"], "i32.popcnt": [0x69, "i:i"], "i32.add": [0x6a, "ii:i"], "i32.sub": [0x6b, "ii:i"], "i32.mul": [0x6c, "ii:i"],
  "i32.div_s": [0x6d, "ii:i"], "i32.div_u": [0x6e, "ii:i"], "i32.rem_s": [0x6f, "ii:i"], "i32.rem_u": [0x70, "ii:i"], "i32.and": [0x71, "ii:i"], "i32.or": [0x72, "ii:i"],
  "i32.xor": [0x73, "ii:i"], "i32.shl": [0x74, "ii:i"], "i32.shr_s": [0x75, "ii:i"], "i32.shr_u": [0x76, "ii:i"], "i32.rotl": [0x77, "ii:i"], "i32.rotr": [0x78, "ii:i"],
  "i64.clz": [0x79, "l:l"], "i64.ctz": [0x7a, "l:l"], "i64.popcnt": [0x7b, "l:l"], "i64.add": [0x7c, "ll:l"], "i64.sub": [0x7d, "ll:l"], "i64.mul": [0x7e, "ll:l"],
  "i64.div_s": [0x7f, "ll:l"], "i64.div_u": [0x80, "ll:l"], "i64.rem_s": [0x81, "ll:l"], "i64.rem_u": [0x82, "ll:l"], "i64.and": [0x83, "ll:l"], "i64.or": [0x84, "ll:l"],
  "i64.xor": [0x85, "ll:l"], "i64.shl": [0x86, "ll:l"], "i64.shr_s": [0x87, "ll:l"], "i64.shr_u": [0x88, "ll:l"], "i64.rotl": [0x89, "ll:l"], "i64.rotr": [0x8a, "ll:l"],
  "f32.abs": [0x8b, "f:f"], "f32.neg": [0x8c, "f:f"], "f32.ceil": [0x8d, "f:f"], "f32.floor": [0x8e, "f:f"], "f32.trunc": [0x8f, "f:f"], "f32.nearest": [0x90, "f:f"],
  "f32.sqrt": [0x91, "f:f"], "f32.add": [0x92, "ff:f"], "f32.sub": [0x93, "ff:f"], "f32.mul": [0x94, "ff:f"], "f32.div": [0x95, "ff:f"], "f32.min": [0x96, "ff:f"],
  "f32.max": [0x97, "ff:f"], "f32.copysign": [0x98, "ff:f"],
  "f64.abs": [0x99, "d:d"], "f64.neg": [0x9a, "d:d"], "f64.ceil": [0x9b, "d:d"], "f64.floor": [0x9c, "d:d"], "f64.trunc": [0x9d, "d:d"], "f64.nearest": [0x9e, "d:d"],
  "f64.sqrt": [0x9f, "d:d"], "f64.add": [0xa0, "dd:d"], "f64.sub": [0xa1, "dd:d"], "f64.mul": [0xa2, "dd:d"], "f64.div": [0xa3, "dd:d"], "f64.min": [0xa4, "dd:d"],
  "f64.max": [0xa5, "dd:d"], "f64.copysign": [0xa6, "dd:d"],
  "i32.wrap_i64": [0xa7, "l:i"], "i32.trunc_f32_s": [0xa8, "f:i"], "i32.trunc_f32_u": [0xa9, "f:i"], "i32.trunc_f64_s": [0xaa, "d:i"], "i32.trunc_f64_u": [0xab, "d:i"],
  "i64.extend_i32_s": [0xac, "i:l"], "i64.extend_i32_u": [0xad, "i:l"], "i64.trunc_f32_s": [0xae, "f:l"], "i64.trunc_f32_u": [0xaf, "f:l"], "i64.trunc_f64_s": [0xb0, "d:l"], "i64.trunc_f64_u": [0xb1, "d:l"],
  "f32.convert_i32_s": [0xb2, "i:f"], "f32.convert_i32_u": [0xb3, "i:f"], "f32.convert_i64_s": [0xb4, "l:f"], "f32.convert_i64_u": [0xb5, "l:f"], "f32.demote_f64": [0xb6, "d:f"],
  "f64.convert_i32_s": [0xb7, "i:d"], "f64.convert_i32_u": [0xb8, "i:d"], "f64.convert_i64_s": [0xb9, "l:d"], "f64.convert_i64_u": [0xba, "l:d"], "f64.promote_f32": [0xbb, "f:d"],
  "i32.reinterpret_f32": [0xbc, "f:i"], "i64.reinterpret_f64": [0xbd, "d:l"], "f32.reinterpret_i32": [0xbe, "i:f"], "f64.reinterpret_i64": [0xbf, "l:d"],
  "i32.extend8_s": [0xc0, "i:i"], "i32.extend16_s": [0xc1, "i:i"], "i64.extend8_s": [0xc2, "l:l"], "i64.extend16_s": [0xc3, "l:l"], "i64.extend32_s": [0xc4, "l:l"],
} as const;

/** After the prefix 0xfc. `memory.copy` and `memory.fill` have methods of their own: they carry memory indices. */
// prettier-ignore
const saturatingOps = {
  "i32.trunc_sat_f32_s": [0, "f:i"], "i32.trunc_sat_f32_u": [1, "f:i"], "i32.trunc_sat_f64_s": [2, "d:i"], "i32.trunc_sat_f64_u": [3, "d:i"],
  "i64.trunc_sat_f32_s": [4, "f:l"], "i64.trunc_sat_f32_u": [5, "f:l"], "i64.trunc_sat_f64_s": [6, "d:l"], "i64.trunc_sat_f64_u": [7, "d:l"],
} as const;

/** After the prefix 0xfd. */
// prettier-ignore
const simdOps = {
  "i8x16.swizzle": [14, "vv:v"], "i8x16.splat": [15, "i:v"], "i16x8.splat": [16, "i:v"], "i32x4.splat": [17, "i:v"], "i64x2.splat": [18, "l:v"], "f32x4.splat": [19, "f:v"], "f64x2.splat": [20, "d:v"],
  "i8x16.eq": [35, "vv:v"], "i8x16.ne": [36, "vv:v"], "i8x16.lt_s": [37, "vv:v"], "i8x16.lt_u": [38, "vv:v"], "i8x16.gt_s": [39, "vv:v"], "i8x16.gt_u": [40, "vv:v"],
  "i8x16.le_s": [41, "vv:v"], "i8x16.le_u": [42, "vv:v"], "i8x16.ge_s": [43, "vv:v"], "i8x16.ge_u": [44, "vv:v"],
  "i16x8.eq": [45, "vv:v"], "i16x8.ne": [46, "vv:v"], "i16x8.lt_s": [47, "vv:v"], "i16x8.lt_u": [48, "vv:v"], "i16x8.gt_s": [49, "vv:v"], "i16x8.gt_u": [50, "vv:v"],
  "i16x8.le_s": [51, "vv:v"], "i16x8.le_u": [52, "vv:v"], "i16x8.ge_s": [53, "vv:v"], "i16x8.ge_u": [54, "vv:v"],
  "i32x4.eq": [55, "vv:v"], "i32x4.ne": [56, "vv:v"], "i32x4.lt_s": [57, "vv:v"], "i32x4.lt_u": [58, "vv:v"], "i32x4.gt_s": [59, "vv:v"], "i32x4.gt_u": [60, "vv:v"],
  "i32x4.le_s": [61, "vv:v"], "i32x4.le_u": [62, "vv:v"], "i32x4.ge_s": [63, "vv:v"], "i32x4.ge_u": [64, "vv:v"],
  "f32x4.eq": [65, "vv:v"], "f32x4.ne": [66, "vv:v"], "f32x4.lt": [67, "vv:v"], "f32x4.gt": [68, "vv:v"], "f32x4.le": [69, "vv:v"], "f32x4.ge": [70, "vv:v"],
  "f64x2.eq": [71, "vv:v"], "f64x2.ne": [72, "vv:v"], "f64x2.lt": [73, "vv:v"], "f64x2.gt": [74, "vv:v"], "f64x2.le": [75, "vv:v"], "f64x2.ge": [76, "vv:v"],
  "v128.not": [77, "v:v"], "v128.and": [78, "vv:v"], "v128.andnot": [79, "vv:v"], "v128.or": [80, "vv:v"], "v128.xor": [81, "vv:v"], "v128.bitselect": [82, "vvv:v"], "v128.any_true": [83, "v:i"],
  "f32x4.demote_f64x2_zero": [94, "v:v"], "f64x2.promote_low_f32x4": [95, "v:v"],
  "i8x16.abs": [96, "v:v"], "i8x16.neg": [97, "v:v"], "i8x16.popcnt": [98, "v:v"], "i8x16.all_true": [99, "v:i"], "i8x16.bitmask": [100, "v:i"],
  "i8x16.narrow_i16x8_s": [101, "vv:v"], "i8x16.narrow_i16x8_u": [102, "vv:v"], "f32x4.ceil": [103, "v:v"], "f32x4.floor": [104, "v:v"], "f32x4.trunc": [105, "v:v"], "f32x4.nearest": [106, "v:v"],
  "i8x16.shl": [107, "vi:v"], "i8x16.shr_s": [108, "vi:v"], "i8x16.shr_u": [109, "vi:v"], "i8x16.add": [110, "vv:v"], "i8x16.add_sat_s": [111, "vv:v"], "i8x16.add_sat_u": [112, "vv:v"],
  "i8x16.sub": [113, "vv:v"], "i8x16.sub_sat_s": [114, "vv:v"], "i8x16.sub_sat_u": [115, "vv:v"], "f64x2.ceil": [116, "v:v"], "f64x2.floor": [117, "v:v"],
  "i8x16.min_s": [118, "vv:v"], "i8x16.min_u": [119, "vv:v"], "i8x16.max_s": [120, "vv:v"], "i8x16.max_u": [121, "vv:v"], "f64x2.trunc": [122, "v:v"], "i8x16.avgr_u": [123, "vv:v"],
  "i16x8.extadd_pairwise_i8x16_s": [124, "v:v"], "i16x8.extadd_pairwise_i8x16_u": [125, "v:v"], "i32x4.extadd_pairwise_i16x8_s": [126, "v:v"], "i32x4.extadd_pairwise_i16x8_u": [127, "v:v"],
  "i16x8.abs": [128, "v:v"], "i16x8.neg": [129, "v:v"], "i16x8.q15mulr_sat_s": [130, "vv:v"], "i16x8.all_true": [131, "v:i"], "i16x8.bitmask": [132, "v:i"],
  "i16x8.narrow_i32x4_s": [133, "vv:v"], "i16x8.narrow_i32x4_u": [134, "vv:v"], "i16x8.extend_low_i8x16_s": [135, "v:v"], "i16x8.extend_high_i8x16_s": [136, "v:v"],
  "i16x8.extend_low_i8x16_u": [137, "v:v"], "i16x8.extend_high_i8x16_u": [138, "v:v"], "i16x8.shl": [139, "vi:v"], "i16x8.shr_s": [140, "vi:v"], "i16x8.shr_u": [141, "vi:v"],
  "i16x8.add": [142, "vv:v"], "i16x8.add_sat_s": [143, "vv:v"], "i16x8.add_sat_u": [144, "vv:v"], "i16x8.sub": [145, "vv:v"], "i16x8.sub_sat_s": [146, "vv:v"], "i16x8.sub_sat_u": [147, "vv:v"],
  "f64x2.nearest": [148, "v:v"], "i16x8.mul": [149, "vv:v"], "i16x8.min_s": [150, "vv:v"], "i16x8.min_u": [151, "vv:v"], "i16x8.max_s": [152, "vv:v"], "i16x8.max_u": [153, "vv:v"], "i16x8.avgr_u": [155, "vv:v"],
  "i16x8.extmul_low_i8x16_s": [156, "vv:v"], "i16x8.extmul_high_i8x16_s": [157, "vv:v"], "i16x8.extmul_low_i8x16_u": [158, "vv:v"], "i16x8.extmul_high_i8x16_u": [159, "vv:v"],
  "i32x4.abs": [160, "v:v"], "i32x4.neg": [161, "v:v"], "i32x4.all_true": [163, "v:i"], "i32x4.bitmask": [164, "v:i"],
  "i32x4.extend_low_i16x8_s": [167, "v:v"], "i32x4.extend_high_i16x8_s": [168, "v:v"], "i32x4.extend_low_i16x8_u": [169, "v:v"], "i32x4.extend_high_i16x8_u": [170, "v:v"],
  "i32x4.shl": [171, "vi:v"], "i32x4.shr_s": [172, "vi:v"], "i32x4.shr_u": [173, "vi:v"], "i32x4.add": [174, "vv:v"], "i32x4.sub": [177, "vv:v"], "i32x4.mul": [181, "vv:v"],
  "i32x4.min_s": [182, "vv:v"], "i32x4.min_u": [183, "vv:v"], "i32x4.max_s": [184, "vv:v"], "i32x4.max_u": [185, "vv:v"], "i32x4.dot_i16x8_s": [186, "vv:v"],
  "i32x4.extmul_low_i16x8_s": [188, "vv:v"], "i32x4.extmul_high_i16x8_s": [189, "vv:v"], "i32x4.extmul_low_i16x8_u": [190, "vv:v"], "i32x4.extmul_high_i16x8_u": [191, "vv:v"],
  "i64x2.abs": [192, "v:v"], "i64x2.neg": [193, "v:v"], "i64x2.all_true": [195, "v:i"], "i64x2.bitmask": [196, "v:i"],
  "i64x2.extend_low_i32x4_s": [199, "v:v"], "i64x2.extend_high_i32x4_s": [200, "v:v"], "i64x2.extend_low_i32x4_u": [201, "v:v"], "i64x2.extend_high_i32x4_u": [202, "v:v"],
  "i64x2.shl": [203, "vi:v"], "i64x2.shr_s": [204, "vi:v"], "i64x2.shr_u": [205, "vi:v"], "i64x2.add": [206, "vv:v"], "i64x2.sub": [209, "vv:v"], "i64x2.mul": [213, "vv:v"],
  "i64x2.eq": [214, "vv:v"], "i64x2.ne": [215, "vv:v"], "i64x2.lt_s": [216, "vv:v"], "i64x2.gt_s": [217, "vv:v"], "i64x2.le_s": [218, "vv:v"], "i64x2.ge_s": [219, "vv:v"],
  "i64x2.extmul_low_i32x4_s": [220, "vv:v"], "i64x2.extmul_high_i32x4_s": [221, "vv:v"], "i64x2.extmul_low_i32x4_u": [222, "vv:v"], "i64x2.extmul_high_i32x4_u": [223, "vv:v"],
  "f32x4.abs": [224, "v:v"], "f32x4.neg": [225, "v:v"], "f32x4.sqrt": [227, "v:v"], "f32x4.add": [228, "vv:v"], "f32x4.sub": [229, "vv:v"], "f32x4.mul": [230, "vv:v"], "f32x4.div": [231, "vv:v"],
  "f32x4.min": [232, "vv:v"], "f32x4.max": [233, "vv:v"], "f32x4.pmin": [234, "vv:v"], "f32x4.pmax": [235, "vv:v"],
  "f64x2.abs": [236, "v:v"], "f64x2.neg": [237, "v:v"], "f64x2.sqrt": [239, "v:v"], "f64x2.add": [240, "vv:v"], "f64x2.sub": [241, "vv:v"], "f64x2.mul": [242, "vv:v"], "f64x2.div": [243, "vv:v"],
  "f64x2.min": [244, "vv:v"], "f64x2.max": [245, "vv:v"], "f64x2.pmin": [246, "vv:v"], "f64x2.pmax": [247, "vv:v"],
  "i32x4.trunc_sat_f32x4_s": [248, "v:v"], "i32x4.trunc_sat_f32x4_u": [249, "v:v"], "f32x4.convert_i32x4_s": [250, "v:v"], "f32x4.convert_i32x4_u": [251, "v:v"],
  "i32x4.trunc_sat_f64x2_s_zero": [252, "v:v"], "i32x4.trunc_sat_f64x2_u_zero": [253, "v:v"], "f64x2.convert_low_i32x4_s": [254, "v:v"], "f64x2.convert_low_i32x4_u": [255, "v:v"],
  "i8x16.relaxed_swizzle": [0x100, "vv:v"], "i32x4.relaxed_trunc_f32x4_s": [0x101, "v:v"], "i32x4.relaxed_trunc_f32x4_u": [0x102, "v:v"],
  "f32x4.relaxed_madd": [0x105, "vvv:v"], "f32x4.relaxed_nmadd": [0x106, "vvv:v"], "f64x2.relaxed_madd": [0x107, "vvv:v"], "f64x2.relaxed_nmadd": [0x108, "vvv:v"],
  "i8x16.relaxed_laneselect": [0x109, "vvv:v"], "i16x8.relaxed_laneselect": [0x10a, "vvv:v"], "i32x4.relaxed_laneselect": [0x10b, "vvv:v"], "i64x2.relaxed_laneselect": [0x10c, "vvv:v"],
  "f32x4.relaxed_min": [0x10d, "vv:v"], "f32x4.relaxed_max": [0x10e, "vv:v"], "f64x2.relaxed_min": [0x10f, "vv:v"], "f64x2.relaxed_max": [0x110, "vv:v"],
  "i16x8.relaxed_q15mulr_s": [0x111, "vv:v"], "i16x8.relaxed_dot_i8x16_i7x16_s": [0x112, "vv:v"], "i32x4.relaxed_dot_i8x16_i7x16_add_s": [0x113, "vvv:v"],
} as const;

/** Loads and stores of WebAssembly 1.0: [opcode, signature, log2 of the natural alignment]. */
// prettier-ignore
const scalarMemoryOps = {
  "i32.load": [0x28, "i:i", 2], "i64.load": [0x29, "i:l", 3], "f32.load": [0x2a, "i:f", 2], "f64.load": [0x2b, "i:d", 3],
  "i32.load8_s": [0x2c, "i:i", 0], "i32.load8_u": [0x2d, "i:i", 0], "i32.load16_s": [0x2e, "i:i", 1], "i32.load16_u": [0x2f, "i:i", 1],
  "i64.load8_s": [0x30, "i:l", 0], "i64.load8_u": [0x31, "i:l", 0], "i64.load16_s": [0x32, "i:l", 1], "i64.load16_u": [0x33, "i:l", 1], "i64.load32_s": [0x34, "i:l", 2], "i64.load32_u": [0x35, "i:l", 2],
  "i32.store": [0x36, "ii:", 2], "i64.store": [0x37, "il:", 3], "f32.store": [0x38, "if:", 2], "f64.store": [0x39, "id:", 3],
  "i32.store8": [0x3a, "ii:", 0], "i32.store16": [0x3b, "ii:", 1], "i64.store8": [0x3c, "il:", 0], "i64.store16": [0x3d, "il:", 1], "i64.store32": [0x3e, "il:", 2],
} as const;

/** Loads and stores of vectors, after the prefix 0xfd. */
// prettier-ignore
const simdMemoryOps = {
  "v128.load": [0, "i:v", 4], "v128.load8x8_s": [1, "i:v", 3], "v128.load8x8_u": [2, "i:v", 3], "v128.load16x4_s": [3, "i:v", 3], "v128.load16x4_u": [4, "i:v", 3],
  "v128.load32x2_s": [5, "i:v", 3], "v128.load32x2_u": [6, "i:v", 3], "v128.load8_splat": [7, "i:v", 0], "v128.load16_splat": [8, "i:v", 1], "v128.load32_splat": [9, "i:v", 2],
  "v128.load64_splat": [10, "i:v", 3], "v128.store": [11, "iv:", 4], "v128.load32_zero": [92, "i:v", 2], "v128.load64_zero": [93, "i:v", 3],
} as const;

/** Vector instructions with a lane number, after the prefix 0xfd. */
// prettier-ignore
const laneOps = {
  "i8x16.extract_lane_s": [21, "v:i"], "i8x16.extract_lane_u": [22, "v:i"], "i8x16.replace_lane": [23, "vi:v"], "i16x8.extract_lane_s": [24, "v:i"], "i16x8.extract_lane_u": [25, "v:i"],
  "i16x8.replace_lane": [26, "vi:v"], "i32x4.extract_lane": [27, "v:i"], "i32x4.replace_lane": [28, "vi:v"], "i64x2.extract_lane": [29, "v:l"], "i64x2.replace_lane": [30, "vl:v"],
  "f32x4.extract_lane": [31, "v:f"], "f32x4.replace_lane": [32, "vf:v"], "f64x2.extract_lane": [33, "v:d"], "f64x2.replace_lane": [34, "vd:v"],
} as const;

/** Loads and stores of one lane, after the prefix 0xfd. */
// prettier-ignore
const memoryLaneOps = {
  "v128.load8_lane": [84, "iv:v", 0], "v128.load16_lane": [85, "iv:v", 1], "v128.load32_lane": [86, "iv:v", 2], "v128.load64_lane": [87, "iv:v", 3],
  "v128.store8_lane": [88, "iv:", 0], "v128.store16_lane": [89, "iv:", 1], "v128.store32_lane": [90, "iv:", 2], "v128.store64_lane": [91, "iv:", 3],
} as const;

/** Instructions without immediates. */
export type OpName = keyof typeof plainOps | keyof typeof saturatingOps | keyof typeof simdOps;
/** Loads and stores with a constant offset. */
export type MemoryOpName = keyof typeof scalarMemoryOps | keyof typeof simdMemoryOps;
/** Instructions with a lane number. */
export type LaneOpName = keyof typeof laneOps;
/** Loads and stores with a constant offset and a lane number. */
export type MemoryLaneOpName = keyof typeof memoryLaneOps;

/** How an instruction is written and what it does to the stack. */
export interface Instruction {
  readonly bytes: readonly number[];
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  /** log2 of the bytes that it reads or writes; 0 where it touches no memory */
  readonly alignLog2: number;
  readonly relaxed: boolean;
}

type Row = readonly [opcode: number, signature: string, alignLog2?: number];

const letterTypes: ReadonlyMap<string, ValType> = new Map([
  ["i", "i32"],
  ["l", "i64"],
  ["f", "f32"],
  ["d", "f64"],
  ["v", "v128"],
]);

function parseTypes(letters: string): ValType[] {
  return Array.from(letters, (letter) => {
    const type = letterTypes.get(letter);
    if (type === undefined) throw new Error(`internal: no value type '${letter}'`);
    return type;
  });
}

/** Opcodes above 127 after a prefix take two bytes of LEB128. */
const prefixed = (prefix: number, opcode: number): number[] =>
  opcode < 0x80 ? [prefix, opcode] : [prefix, (opcode & 0x7f) | 0x80, opcode >> 7];

const instructions = new Map<string, Instruction>();

function addTable(table: Readonly<Record<string, Row>>, prefix: number | null): void {
  for (const [name, [opcode, signature, alignLog2 = 0]] of Object.entries(table)) {
    const [params = "", results = ""] = signature.split(":");
    const bytes = prefix === null ? [opcode] : prefixed(prefix, opcode);
    const relaxed = prefix === 0xfd && opcode >= 0x100;
    instructions.set(name, { bytes, params: parseTypes(params), results: parseTypes(results), alignLog2, relaxed });
  }
}

addTable(plainOps, null);
addTable(scalarMemoryOps, null);
addTable(saturatingOps, 0xfc);
for (const table of [simdOps, simdMemoryOps, laneOps, memoryLaneOps]) addTable(table, 0xfd);

/** Encoding and signature of an instruction. */
export function instruction(name: OpName | MemoryOpName | LaneOpName | MemoryLaneOpName): Instruction {
  const found = instructions.get(name);
  if (found === undefined) throw new Error(`internal: no instruction ${name}`);
  return found;
}

/** Names of all instructions in the tables, for tests. */
export const instructionNames: readonly string[] = [...instructions.keys()];
