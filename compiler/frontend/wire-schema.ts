/** Fields of ONNX's messages by number (onnx.proto of ONNX 1.23, IR 14), as far as their structure is checked; others are skipped. */

/** `text` is bytes that must be UTF-8: the names that a model goes by. Notes for people (doc_string and the like) may be anything. */
export type WireKind = "varint" | "fixed32" | "fixed64" | "bytes" | "text";

export interface FieldSpec {
  readonly name: string;
  readonly kind: WireKind;
  readonly repeated: boolean;
  /** the message that the bytes are */
  readonly message?: MessageName;
}

export type MessageName =
  | "ModelProto" | "GraphProto" | "NodeProto" | "AttributeProto" | "TensorProto" | "SparseTensorProto" | "ValueInfoProto"
  | "TypeProto" | "TypeProto.Tensor" | "TypeProto.Sequence" | "TypeProto.Map" | "TypeProto.Optional" | "TensorShapeProto"
  | "TensorShapeProto.Dimension" | "OperatorSetIdProto" | "FunctionProto" | "StringStringEntryProto"; // prettier-ignore

type Fields = ReadonlyMap<number, FieldSpec>;

/** One word per field: `number:name:kind`, kind being a wire kind or a message, with `*` for repeated ones. */
function fields(text: string): Fields {
  return new Map(
    text.trim().split(/\s+/).map((word) => {
      const [number = "", name = "", type = ""] = word.split(":");
      const repeated = type.endsWith("*");
      const base = repeated ? type.slice(0, -1) : type;
      const isKind = ["varint", "fixed32", "fixed64", "bytes", "text"].includes(base);
      const kind = isKind ? (base as WireKind) : "bytes";
      return [Number(number), { name, kind, repeated, ...(isKind ? {} : { message: base as MessageName }) }];
    }),
  ); // prettier-ignore
}

const entries = "StringStringEntryProto*";

export const wireSchema: Readonly<Record<MessageName, Fields>> = {
  ModelProto:
    fields(`1:ir_version:varint 2:producer_name:bytes 3:producer_version:bytes 4:domain:bytes 5:model_version:varint
    6:doc_string:bytes 7:graph:GraphProto 8:opset_import:OperatorSetIdProto* 14:metadata_props:${entries} 20:training_info:bytes*
    25:functions:FunctionProto* 26:configuration:bytes*`),
  GraphProto:
    fields(`1:node:NodeProto* 2:name:text 5:initializer:TensorProto* 10:doc_string:bytes 11:input:ValueInfoProto*
    12:output:ValueInfoProto* 13:value_info:ValueInfoProto* 14:quantization_annotation:bytes* 15:sparse_initializer:SparseTensorProto*
    16:metadata_props:${entries}`),
  NodeProto:
    fields(`1:input:text* 2:output:text* 3:name:text 4:op_type:text 5:attribute:AttributeProto* 6:doc_string:bytes
    7:domain:text 8:overload:text 9:metadata_props:${entries} 10:device_configurations:bytes*`),
  AttributeProto:
    fields(`1:name:text 2:f:fixed32 3:i:varint 4:s:bytes 5:t:TensorProto 6:g:GraphProto 7:floats:fixed32* 8:ints:varint*
    9:strings:bytes* 10:tensors:TensorProto* 11:graphs:GraphProto* 13:doc_string:bytes 14:tp:TypeProto 15:type_protos:TypeProto*
    20:type:varint 21:ref_attr_name:text 22:sparse_tensor:SparseTensorProto 23:sparse_tensors:SparseTensorProto*`),
  TensorProto:
    fields(`1:dims:varint* 2:data_type:varint 3:segment:bytes 4:float_data:fixed32* 5:int32_data:varint* 6:string_data:bytes*
    7:int64_data:varint* 8:name:text 9:raw_data:bytes 10:double_data:fixed64* 11:uint64_data:varint* 12:doc_string:bytes
    13:external_data:${entries} 14:data_location:varint 16:metadata_props:${entries}`),
  SparseTensorProto: fields(`1:values:TensorProto 2:indices:TensorProto 3:dims:varint*`),
  ValueInfoProto: fields(`1:name:text 2:type:TypeProto 3:doc_string:bytes 4:metadata_props:${entries}`),
  TypeProto:
    fields(`1:tensor_type:TypeProto.Tensor 4:sequence_type:TypeProto.Sequence 5:map_type:TypeProto.Map 6:denotation:bytes
    7:opaque_type:bytes 8:sparse_tensor_type:TypeProto.Tensor 9:optional_type:TypeProto.Optional`),
  "TypeProto.Tensor": fields(`1:elem_type:varint 2:shape:TensorShapeProto`),
  "TypeProto.Sequence": fields(`1:elem_type:TypeProto`),
  "TypeProto.Map": fields(`1:key_type:varint 2:value_type:TypeProto`),
  "TypeProto.Optional": fields(`1:elem_type:TypeProto`),
  TensorShapeProto: fields(`1:dim:TensorShapeProto.Dimension*`),
  "TensorShapeProto.Dimension": fields(`1:dim_value:varint 2:dim_param:text 3:denotation:bytes`),
  OperatorSetIdProto: fields(`1:domain:text 2:version:varint`),
  FunctionProto: fields(`1:name:text 4:input:text* 5:output:text* 6:attribute:text* 7:node:NodeProto* 8:doc_string:bytes
    9:opset_import:OperatorSetIdProto* 10:domain:text 11:attribute_proto:AttributeProto* 12:value_info:ValueInfoProto* 13:overload:text
    14:metadata_props:${entries}`),
  StringStringEntryProto: fields(`1:key:bytes 2:value:bytes`),
};
