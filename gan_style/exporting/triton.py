"""config.pbtxt of Triton Inference Server for an exported network, which its ONNX Runtime backend runs."""

from gan_style.bundles.exported import ExportInfo, Port

CONFIG = "config.pbtxt"
_LARGEST_BATCH = 8  # pictures of one size that Triton joins
_TYPES = {"uint8": "TYPE_UINT8", "float32": "TYPE_FP32"}


def triton_config(name: str, file: str, info: ExportInfo) -> str:
    """name: of the model in the repository, whose folder holds the text as config.pbtxt; file: the name of the file in 1/"""
    lines = [
        f"name: {_quoted(name)}",
        'backend: "onnxruntime"',
        f"default_model_filename: {_quoted(file)}",
        f"max_batch_size: {_LARGEST_BATCH}",
        "dynamic_batching { }",
        *(f"input [ {_port(port)} ]" for port in info.inputs),
        *(f"output [ {_port(port)} ]" for port in info.outputs),
    ]
    return "\n".join(lines) + "\n"


def _port(port: Port) -> str:
    """Without the batch, which Triton puts in front."""
    sides = ", ".join(str(side if isinstance(side, int) else -1) for side in port.shape[1:])
    return f"{{ name: {_quoted(port.name)} data_type: {_TYPES[port.type]} dims: [ {sides} ] }}"


def _quoted(text: str) -> str:
    """A string of protobuf's text format."""
    return '"' + "".join(f"\\{byte:03o}" if byte < 32 or byte > 126 or chr(byte) in '"\\' else chr(byte) for byte in text.encode()) + '"'
