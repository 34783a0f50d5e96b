"""Object graphs in files: `.ndjson` or `.ndjson.gz`, a line per object, the root first.

A line is `id<TAB>json`, as the object endpoints send it, or plain JSON whose object has an `id`.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import msgspec

GZIP_MAGIC = b"\x1f\x8b"


class GraphFileError(ValueError):
    """A file holds no object graph; the message names the file, the line and what is wrong."""


class _Identified(msgspec.Struct):
    id: str


def load_graph(path: str | Path) -> tuple[str, dict[str, bytes]]:
    """Reads an object graph.

    Args:
        path: The file; whether it is compressed is seen from its first bytes.

    Returns:
        The root's id, and each object's JSON text by its id, in the order of the file. The texts are as in
        the file: whether they are JSON is not checked in lines with a tab.

    Raises:
        GraphFileError: The file is missing, empty or not such a graph.
    """
    file = Path(path)
    objects: dict[str, bytes] = {}
    # Only "\n" ends a line: U+2028 and its like occur within JSON texts.
    for number, line in enumerate(_content(file).split(b"\n"), start=1):
        stripped = line.strip(b"\r\n ")
        if stripped:
            object_id, text = _object(file, number, stripped)
            objects.setdefault(object_id, text)
    if not objects:
        raise GraphFileError(f"{file} is empty: it should hold one object per line, the root first.")
    return next(iter(objects)), objects


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise GraphFileError(f"{file} does not exist.") from error
    except OSError as error:
        raise GraphFileError(f"{file} cannot be read: {error.strerror}.") from error
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise GraphFileError(f"{file} is damaged: it begins as gzip and does not decompress.") from error


def _object(file: Path, number: int, line: bytes) -> tuple[str, bytes]:
    key, tab, text = line.partition(b"\t")
    if tab and not key.lstrip().startswith(b"{"):
        if not text.strip().startswith(b"{"):
            raise GraphFileError(f"{file}, line {number}: no JSON object after the tab.")
        return _text(file, number, key), text
    try:
        return msgspec.json.decode(line, type=_Identified).id, line
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        what = "neither `id<TAB>json` nor a JSON object with an id"
        raise GraphFileError(f"{file}, line {number}: {what}.") from error


def _text(file: Path, number: int, key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise GraphFileError(f"{file}, line {number}: the id is not text.") from error
