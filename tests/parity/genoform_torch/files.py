"""Model folders, safetensors and token files, with nothing but Python's standard library.

A tensor here is Raw(dtype, shape, data): its little-endian bytes as they stand in the file.
"""

import json
import math
import struct
import sys
from array import array
from collections import namedtuple
from pathlib import Path

assert sys.byteorder == "little", "tensors are read as they stand in the file"

Raw = namedtuple("Raw", "dtype shape data")
SIZES = {"F32": 4, "BF16": 2, "I32": 4}


def read_safetensors(path):
    """{name: Raw}.  Layout: uint64 length of the header, header in JSON, then the data it points into."""
    file = Path(path).read_bytes()
    length, = struct.unpack_from("<Q", file)
    header = json.loads(file[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        data = file[8 + length + begin:8 + length + end]
        if len(data) != math.prod(entry["shape"]) * SIZES[entry["dtype"]]:
            raise ValueError(f"{path}: {name} has {len(data)} bytes, shape {entry['shape']}, type {entry['dtype']}")
        tensors[name] = Raw(entry["dtype"], tuple(entry["shape"]), data)
    return tensors


def write_safetensors(path, tensors):
    header, end = {}, 0
    for name, raw in tensors.items():
        header[name] = {"dtype": raw.dtype, "shape": list(raw.shape), "data_offsets": [end, end + len(raw.data)]}
        end += len(raw.data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)                                  # the data starts at a multiple of 8
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(raw.data for raw in tensors.values()))


def floats(raw):
    """The numbers of an F32 tensor, as an array('f')."""
    if raw.dtype != "F32":
        raise ValueError(f"expected F32, found {raw.dtype}")
    return array("f", raw.data)


def read_folder(folder):
    """(text of the model, {name: Raw})."""
    config = json.loads((Path(folder) / "config.json").read_text())
    if config["format"] != "genoform-1":
        raise ValueError(f"{folder}: format {config['format']!r}, expected 'genoform-1'")
    return config["model"], read_safetensors(Path(folder) / "model.safetensors")


def write_folder(folder, text, tensors):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {"format": "genoform-1", "model": text, "tokenizer": {}}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_safetensors(folder / "model.safetensors", tensors)


TOKEN_KINDS = {(20240520, 1): "H", (20240801, 7): "I"}               # (magic number, version): array type of a token


def read_tokens(path):
    file = Path(path).read_bytes()
    magic, version, count = struct.unpack_from("<3i", file)
    return list(array(TOKEN_KINDS[magic, version], file[1024:])[:count])


def write_tokens(path, tokens, wide=False):
    """A token file of 16-bit tokens, or of 32-bit tokens when `wide`."""
    magic, version = (20240801, 7) if wide else (20240520, 1)
    header = array("i", [magic, version, len(tokens)] + [0] * 253)
    Path(path).write_bytes(header.tobytes() + array(TOKEN_KINDS[magic, version], tokens).tobytes())
