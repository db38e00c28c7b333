"""WebDataset shards: tar files in which the files of a row lie side by side under one key.

    000017.jpg  000017.txt  000017.json   ->   one row, id `train-003.tar/000017`

A member's key is its path up to the first dot of its name, the rest is its column. `txt` is text,
`cls` a whole number, the keys of `json` are columns of their own; everything else stays a file.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from sensorium.data.files import Location, Part, Remote
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.tables import Cells, Entry, names_fingerprint

TEXTS = ("txt", "text", "caption", "transcript")
NUMBERS = ("cls", "cls2", "index")
JSONS = ("json", "jsn")
ROWS_FOR_COLUMNS = 50
"""The keys of so many `json` files become columns, beside the endings of all files."""


Content = Part | bytes
Keep = Callable[[int, int, int], Content]


@dataclass
class Group:
    """The members with one key: ending -> what is in it."""

    key: str
    members: dict[str, Content] = field(default_factory=dict)


class TarTable:
    """A shard whose members' places were looked up; their bytes are read when needed."""

    def __init__(self, file: Location) -> None:
        self.file = file
        self.name = file.name
        self.folder = file.parent
        self.classes: dict[str, list[str]] = {}
        self.broken: list[Broken] = []
        self.flaws: list[Broken] = []
        self._keys: list[str] = []
        self._endings: dict[str, int] = {}
        self._kinds, self._starts, self._sizes = array("h"), array("q"), array("q")
        self._firsts = array("q", [0])
        with file.open("rb") as opened:
            for group in _groups(opened, file, lambda _, start, size: Part(file, start, size)):
                if isinstance(group, Broken):
                    self.broken.append(group)
                else:
                    self._add(group)
        self.columns = self._find_columns()

    def __len__(self) -> int:
        return len(self._keys)

    def id(self, row: int) -> str:
        return f"{self.name}/{self._keys[row]}"

    def cells(self, row: int) -> Cells:
        return _cells(self._group(row))

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        digest.update("\n".join(self._keys).encode("utf-8", "surrogateescape"))
        for numbers in (self._kinds, self._starts, self._sizes):
            digest.update(numbers.tobytes())
        return digest.hexdigest()

    def _add(self, group: Group) -> None:
        self._keys.append(group.key)
        for ending, part in group.members.items():
            assert isinstance(part, Part)
            assert part.size is not None
            self._kinds.append(self._endings.setdefault(ending, len(self._endings)))
            self._starts.append(part.start)
            self._sizes.append(part.size)
        self._firsts.append(len(self._kinds))

    def _group(self, row: int) -> Group:
        endings = list(self._endings)
        members: dict[str, Content] = {
            endings[self._kinds[i]]: Part(self.file, self._starts[i], self._sizes[i])
            for i in range(self._firsts[row], self._firsts[row + 1])
        }
        return Group(self._keys[row], members)

    def _find_columns(self) -> list[str]:
        found = dict.fromkeys(e for e in self._endings if e.rpartition(".")[2] not in JSONS)
        if len(found) < len(self._endings):
            for row in range(min(len(self), ROWS_FOR_COLUMNS)):
                try:
                    found |= dict.fromkeys(self.cells(row))
                except BrokenSample:
                    continue  # named where the row is decoded
        return list(found)


class TarStream:
    """Shards read from begin to end. Of a local one only the places are taken up, and the bytes
    when a row's turn comes; what lies at a URL is read as it comes by.
    """

    def __init__(self, name: str, files: Sequence[Location]) -> None:
        self.name = name
        self.files = files
        self.shards = len(files)
        self.rows: int | None = None
        self.classes: dict[str, list[str]] = {}

    def folder(self, shard: int) -> Location:
        return self.files[shard].parent

    def read(self, shard: int, start: int, step: int) -> Iterator[Entry]:
        file = self.files[shard]
        with file.open("rb") as opened:

            def keep(number: int, first: int, size: int) -> Content:
                if not isinstance(file, Remote):
                    return Part(file, first, size)
                wanted = number >= start and (number - start) % step == 0
                opened.seek(first)
                return opened.read(size) if wanted else b""

            for group in islice(_groups(opened, file, keep), start, None, step):
                if isinstance(group, Broken):
                    yield group
                    continue
                id = f"{file.name}/{group.key}"
                try:
                    yield id, _cells(group)
                except BrokenSample as error:
                    yield Broken(id, str(error))

    def fingerprint(self) -> str:
        return names_fingerprint(self.files)


def _groups(opened: BinaryIO, file: Location, keep: Keep) -> Iterator[Group | Broken]:
    """The rows of a tar in order; if it is damaged, what comes before, and then the damage.

    Args:
        opened: the tar.
        file: where it lies.
        keep: (number of the row, first byte, size) -> what to take up of a member.
    """
    end = opened.seek(0, 2)
    opened.seek(0)
    group, number, damage = None, 0, None
    try:
        archive = tarfile.TarFile(fileobj=opened)
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep all headers
            if not member.isreg() or posixpath.basename(member.name).startswith((".", "__")):
                continue
            if member.offset_data + member.size > end:
                damage = f"truncated within {member.name!r}"
                break
            key, ending = _split(member.name)
            if group is not None and group.key != key:
                yield group
                group, number = None, number + 1
            group = group or Group(key)
            group.members[ending] = keep(number, member.offset_data, member.size)
        else:
            damage = _damage_at(opened, archive.offset)
    except (tarfile.TarError, EOFError) as error:
        damage = f"damaged ({error})"
    if damage is None:
        if group is not None:
            yield group
    else:  # nobody knows whether the last row is whole
        yield Broken(file.name, f"the shard is {damage}; the rows before are used")


def _damage_at(opened: BinaryIO, offset: int) -> str | None:
    """What is wrong at the place where the last member's data end, if anything is."""
    opened.seek(offset)
    block = opened.read(tarfile.BLOCKSIZE)
    if not block:
        return "truncated: it ends without the end mark of a tar"
    if block.strip(b"\0"):
        return f"truncated or damaged in the header at byte {offset:,}"
    return None


def _split(name: str) -> tuple[str, str]:
    """The key and the ending of a member."""
    folder, base = posixpath.split(name)
    stem, _, ending = base.partition(".")
    return posixpath.join(folder, stem).removeprefix("./"), ending.lower()


def _cells(group: Group) -> Cells:
    """Raises `BrokenSample` where a text, number or JSON of the row cannot be read."""
    cells: Cells = {}
    for ending, content in group.members.items():
        last = ending.rpartition(".")[2]
        if last in JSONS:
            read = _json(_bytes(content), ending)
            cells = {**read, **cells}
        elif last in TEXTS:
            cells[ending] = _bytes(content).decode("utf-8", errors="surrogateescape").strip()
        elif last in NUMBERS:
            cells[ending] = _number(_bytes(content), ending)
        else:
            cells[ending] = {"path": f"{group.key}.{ending}", "bytes": content}
    return cells


def _bytes(content: Content) -> bytes:
    return content.read() if isinstance(content, Part) else content


def _json(content: bytes, ending: str) -> dict[str, Any]:
    try:
        read = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BrokenSample(f"its {ending} is not JSON ({error})") from None
    if not isinstance(read, dict):
        raise BrokenSample(f"its {ending}: expected an object, got {type(read).__name__}")
    return read


def _number(content: bytes, ending: str) -> int:
    try:
        return int(content)
    except ValueError:
        raise BrokenSample(f"its {ending}: expected a whole number, got {content[:20]!r}") from None
