"""A file of sums by digest that several processes add to at once, and of which a kill in the middle of a write spoils nothing."""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

HEAD = struct.Struct("<16sII")
"""What an entry begins with: a digest, how many sums follow as float64, and the checksum of all but itself."""


class SumsFile:
    """Entries one after another, only ever appended to. The first one of a digest counts, for every reader.

    An entry that is not whole ends what is read; the next writer cuts it off.
    """

    def __init__(self, path: Path):
        self.path = path
        self._whole = 0  # bytes that have been seen to be whole

    def read(self, wanted: Mapping[bytes, object]) -> dict[bytes, array[float]]:
        """Return the sums of the digests that are wanted and there; entries are read one at a time."""
        found: dict[bytes, array[float]] = {}
        if self.path.exists():
            with self.path.open("rb") as file:
                self._whole = 0
                for digest, sums in self._entries(file):
                    if digest in wanted:
                        found.setdefault(digest, sums)
        return found

    def add(self, digest: bytes, sums: array[float]) -> None:
        """Append an entry under the file's lock, after the last whole one. OSError where the file cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, 2)
            if size < self._whole:  # another file has taken this one's place
                self._whole = 0
            file.seek(self._whole)
            for _ in self._entries(file):
                pass
            if self._whole < size:
                file.truncate(self._whole)
            entry = HEAD.pack(digest, len(sums), _checksum(digest, sums)) + sums.tobytes()
            file.write(entry)
        self._whole += len(entry)

    def _entries(self, file: BinaryIO) -> Iterator[tuple[bytes, array[float]]]:
        """Yield the whole entries from ``_whole`` on, where the file stands, and move ``_whole`` past each."""
        size = os.fstat(file.fileno()).st_size
        while len(head := file.read(HEAD.size)) == HEAD.size:
            digest, count, checksum = HEAD.unpack(head)
            sums = array("d")
            end = self._whole + HEAD.size + count * sums.itemsize
            if end > size:
                return
            sums.frombytes(file.read(count * sums.itemsize))
            if _checksum(digest, sums) != checksum:
                return
            self._whole = end
            yield digest, sums


def _checksum(digest: bytes, sums: array[float]) -> int:
    return zlib.crc32(sums.tobytes(), zlib.crc32(digest))
