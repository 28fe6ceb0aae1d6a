"""Ways to damage a file, and files that lie about their size."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Rng = np.random.Generator
WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1e308, float("nan"), float("inf"), "", "\0", "x" * 3000, "é\ud800", [], {}, [[]], [None],
    {"a": 1}, [1, 2, 3], "1", -(2**63), "../../x", [1e9, 1e9],
)  # fmt: skip


def truncated(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def flipped(content: bytes, rng: Rng) -> bytes:
    """Some bits are the other way round, of the first bytes more often."""
    damaged = bytearray(content)
    for _ in range(int(rng.choice([1, 1, 3, 20]))):
        at = int(rng.integers(min(len(content), 200 if rng.random() < 0.5 else len(content)) or 1))
        if damaged:
            damaged[at] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def overwritten(content: bytes, rng: Rng) -> bytes:
    """A stretch is zeros, ones, noise or text."""
    at, n = int(rng.integers(len(content) + 1)), int(rng.choice([1, 4, 8, 64]))
    new = [b"\0" * n, b"\xff" * n, rng.bytes(n), b'{"' * n, b"9" * n][int(rng.integers(5))]
    return content[:at] + new + content[at + n :]


def moved(content: bytes, rng: Rng) -> bytes:
    """A stretch is there twice, or is gone."""
    a, b = sorted(map(int, rng.integers(len(content) + 1, size=2)))
    return content[:b] + content[a:] if rng.random() < 0.5 else content[:a] + content[b:]


def emptied(content: bytes, rng: Rng) -> bytes:
    return [b"", b"\0", b"\n", b"{}", b"[]", b"null", b"\xff\xfe\0", content * 2, b"PK\x03\x04", rng.bytes(300)][
        int(rng.integers(10))
    ]


def rewritten_json(content: bytes, rng: Rng) -> bytes:
    """One value, key or item of a JSON text is another one, or is gone."""
    try:
        tree = json.loads(content)
    except ValueError:
        return flipped(content, rng)
    _change(tree, rng)
    return json.dumps(tree).encode("utf-8", "surrogatepass")


def _change(tree: Any, rng: Rng) -> None:
    while isinstance(tree, (dict, list)) and tree:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = keys[int(rng.integers(len(keys)))]
        inner = tree[key]
        if isinstance(inner, (dict, list)) and inner and rng.random() < 0.75:
            tree = inner
            continue
        if rng.random() < 0.4:
            del tree[key]
        else:
            tree[key] = WRONG[int(rng.integers(len(WRONG)))]
        return


def rewritten_table(content: bytes, rng: Rng) -> bytes:
    """One cell, row or column of a CSV table is another one, or is gone."""
    rows = [line.split(",") for line in content.decode("utf-8", "replace").split("\n")]
    row = rows[int(rng.integers(len(rows)))]
    way = int(rng.integers(4))
    if way == 0 and row:
        row[int(rng.integers(len(row)))] = str(WRONG[int(rng.integers(len(WRONG)))]).encode("utf-8", "replace").decode()
    elif way == 1:
        rows.remove(row)
    elif way == 2 and rows[0]:
        at = int(rng.integers(len(rows[0])))
        rows = [r[:at] + r[at + 1 :] for r in rows]
    else:
        rows.append(row)
    return "\n".join(map(",".join, rows)).encode()


def rewritten_header(content: bytes, rng: Rng) -> bytes:
    """The header of a safetensors file is changed in one place; the length before it fits, or is enormous."""
    if len(content) < 8:
        return emptied(content, rng)
    size = int.from_bytes(content[:8], "little")
    if rng.random() < 0.25:
        return int(rng.choice([2**60, 2**63 - 1, 2**32, size + 1, 0])).to_bytes(8, "little") + content[8:]
    header = rewritten_json(content[8 : 8 + size], rng)
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def nested(content: bytes, rng: Rng) -> bytes:
    """JSON so deep that a parser runs out of stack."""
    depth = int(rng.choice([900, 5_000, 100_000]))
    deep = b"[" * depth + b"]" * depth if rng.random() < 0.5 else b'{"a":' * depth + b"1" + b"}" * depth
    return deep if rng.random() < 0.5 else b'{"format": 7, "about": ' + deep + b"}"


def array_header(shape: str, descr: str = "'<f4'") -> bytes:
    """A .npy file that claims to hold an array of this shape."""
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + b"\0" * 64


LYING_ARRAYS = (
    array_header("(1000000000000, 2)"), array_header("(4611686018427387904, 4)"), array_header("(-1, 3)"),
    array_header("(3, 2)", "'|O'"), array_header("(" + "1, " * 70 + ")"), array_header("()"), array_header("(0, 3)"),
    array_header("(2, 1000000000)"), array_header("(3, 2)", "[('a', '<f4', (1000000000,))]"),
    array_header("(4, 2)", "'<U9'"), array_header("('a',)"), array_header("(3, 2)", "'<M8[s]'"),
    array_header("(3.5, 2)"), array_header("(3, 2)", "'>c16'"),
)  # fmt: skip


def lying_archive(content: bytes, rng: Rng) -> bytes:
    """An npz whose arrays claim enormous or impossible shapes, or that unfolds to gigabytes (zip bomb)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        if rng.random() < 0.04:
            zeros = array_header("(75000000, 10)")[:-64]
            with archive.open("x.npy", "w", force_zip64=True) as entry:
                entry.write(zeros)
                for _ in range(int(rng.choice([3, 24]))):
                    entry.write(b"\0" * 2**24)
        else:
            name = ["x.npy", "inputs.npy", "y.npy", "a/../x.npy", "x", "é.npy"][int(rng.integers(6))]
            archive.writestr(name, LYING_ARRAYS[int(rng.integers(len(LYING_ARRAYS)))])
            if rng.random() < 0.5:
                archive.writestr("labels.npy", LYING_ARRAYS[int(rng.integers(len(LYING_ARRAYS)))])
    return buffer.getvalue()


def lying_array(content: bytes, rng: Rng) -> bytes:
    return LYING_ARRAYS[int(rng.integers(len(LYING_ARRAYS)))]


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG file that claims this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(data or b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def lying_picture(content: bytes, rng: Rng) -> bytes:
    """A picture of another size than it claims: up to gigapixels."""
    sides = [1, 3, 60, 9_000, 13_000, 20_000, 65_535, 2**31 - 1]
    width, height = (sides[int(rng.integers(len(sides)))] for _ in range(2))
    if rng.random() < 0.3:
        return f"P6 {width} {height} 255\n".encode() + rng.bytes(64)
    return png(width, height, b"\0" * 100_000 if rng.random() < 0.3 else b"")


BYTES: tuple[Callable[[bytes, Rng], bytes], ...] = (truncated, flipped, flipped, overwritten, moved, emptied)


def damage(file: Path, rng: Rng) -> str:
    """Damage a file in a way that fits its kind, and say which."""
    ways = [*BYTES]
    if file.suffix == ".json":
        ways += [rewritten_json] * 8 + [nested]
    elif file.suffix == ".csv":
        ways += [rewritten_table] * 5
    elif file.suffix == ".safetensors":
        ways += [rewritten_header] * 8
    elif file.suffix == ".npz":
        ways += [lying_archive] * 3 + [lying_array]
    elif file.suffix == ".npy":
        ways += [lying_array] * 3
    elif file.parent.name == "pictures":
        ways += [lying_picture]
    if rng.random() < 0.03:
        file.unlink()
        return f"{file.name} gone"
    way = ways[int(rng.integers(len(ways)))]
    file.write_bytes(way(file.read_bytes(), rng))
    return f"{file.name} {way.__name__}"
