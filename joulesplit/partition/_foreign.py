"""What a file is that is no `.tflite` file, by its first bytes, and how to come by one."""

from __future__ import annotations

START_BYTES = 300
"""As many bytes as tell: a tar archive names itself at 257."""
CONVERT_TORCH = "convert the model with litert-torch (litert_torch.convert(…).export)"
CONVERT_KERAS = "convert the model with tf.lite.TFLiteConverter"
NONE_INSIDE = "there is no .tflite file in it: give one that holds some, or the network's own file"
KNOWN: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the file itself",
     "fetch it with `git lfs pull`"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras's .h5", CONVERT_KERAS),
    (0, b"GGUF", "a GGUF model (llama.cpp)", "take the model's .tflite from its publisher"),
    (4, b"ET12", "an ExecuTorch program (.pte)", CONVERT_TORCH),
    (0, b"LITERTLM", "a LiteRT-LM container", NONE_INSIDE),
    (0, b"\x01HEF", "a network compiled for a Hailo accelerator (.hef)",
     "cut the .tflite or ONNX file that it was compiled from, converted to .tflite"),
    (257, b"ustar", "a tar archive", "unpack it and give the .tflite file in it"),
    (0, b"\x1f\x8b", "gzip-compressed", "unpack it and give the .tflite file in it"),
)  # fmt: skip
"""Where the file says so, how, what it then is, and what to do."""
MEMBERS: tuple[tuple[bytes, str, str], ...] = (
    (b"data.pkl", "a PyTorch file (.pt, .pth)", CONVERT_TORCH),
    (b"metadata.json", "a Keras model (.keras)", CONVERT_KERAS),
    (b"config.json", "a Keras model (.keras)", CONVERT_KERAS),
)
"""First member of a zip archive, by the end of its name."""
MARKUP = (b"<!doctype html", b"<html")
ZIP, ZIP_NAME_LENGTH, ZIP_NAME = b"PK\x03\x04", slice(26, 28), 30
"""APPNOTE.TXT 4.3.7: a local file header; its name's length and its name, by position."""
ONNX_IR_VERSION = b"\x08"
"""onnx.proto: field 1 of ModelProto, a varint; field 2, the producer, is a string."""
ONNX_PRODUCER = b"\x12"


def foreign(start: bytes) -> tuple[str, str] | None:
    """Return what a file is and what to do instead; None if its first bytes do not tell.

    Args:
        start: The first ``START_BYTES`` bytes.
    """
    for place, mark, what, remedy in KNOWN:
        if start[place : place + len(mark)] == mark:
            return what, remedy
    if start.lstrip().lower().startswith(MARKUP):
        return "a web page", "download the file itself, not the page that links to it"
    if start.startswith(ZIP):
        return _archive(start)
    if start[:1] == ONNX_IR_VERSION and start[2:3] == ONNX_PRODUCER:
        return "an ONNX model", "convert it to .tflite, for example with onnx2tf"
    return None


def _archive(start: bytes) -> tuple[str, str]:
    length = int.from_bytes(start[ZIP_NAME_LENGTH], "little")
    name = start[ZIP_NAME : ZIP_NAME + length]
    for ending, what, remedy in MEMBERS:
        if name.endswith(ending):
            return what, remedy
    return "a zip archive, as MediaPipe's .task", NONE_INSIDE
