"""The zygote's memory, laid out for forking: what a fork copies is entries, one a page and one a mapping.

- Huge pages: one entry for 2 MB where there were 512. What a child writes to is still copied by 4 KB, and divides a page for it alone;
  what the zygote writes to between forks divides it for good. Nothing happens where the kernel cannot (before Linux 6.1).
- Small objects side by side: Python asks for them by the megabyte, and finds it between the libraries that are loaded meanwhile, where
  no huge page fits.
- Two mappings a library instead of five.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eurus_sandbox.confinement import kernel

_HUGE = 2 << 20
_EMPTY = b"".__sizeof__()
_LARGEST_SMALL_OBJECT = 512 - _EMPTY
_OBJECTS_IN_AN_ARENA = 1900
_READ, _WRITE, _EXECUTE = 1, 2, 4  # as in mprotect

_places: list[bytes] = []


def reserve(megabytes: int) -> None:
    """Have so much memory for small objects mapped in one piece; to be called before anything much is imported."""
    objects = [b""] * (megabytes * _OBJECTS_IN_AN_ARENA)  # in its final size: one that grows moves, and leaves holes
    for place in range(len(objects)):
        objects[place] = bytes(_LARGEST_SMALL_OBJECT)
    _places[:] = objects[::_OBJECTS_IN_AN_ARENA]  # one in each keeps it


def settle() -> None:
    """Give back what was reserved and not used, and make few entries of what is mapped."""
    _places.clear()
    _join_libraries()
    for one in _mappings():
        if one.rights == "rw-p" and one.file in ("", "[heap]"):
            start = -(-one.first // _HUGE) * _HUGE
            for address in range(start, one.last - _HUGE + 1, _HUGE):
                kernel.madvise_collapse(address, _HUGE)


def _join_libraries() -> None:
    """Give all that a library only reads the rights of its code, and what it was done relocating those of its data.

    The kernel then holds each as one mapping. No layer of confinement rests on these rights: code in a session may ask for any.
    """
    libraries: dict[str, list[_Mapping]] = {}
    for one in _mappings():
        if ".so" in one.file:
            libraries.setdefault(one.file, []).append(one)
    for parts in libraries.values():
        for place, one in enumerate(parts):
            if one.rights != "r--p":
                continue
            nearby = [*parts[max(place - 1, 0) : place], *parts[place + 1 : place + 2]]
            rights = {other.rights for other in nearby if other.joins(one) or one.joins(other)}
            if "r-xp" in rights:
                kernel.mprotect(one.first, one.last - one.first, _READ | _EXECUTE)
            elif "rw-p" in rights:
                kernel.mprotect(one.first, one.last - one.first, _READ | _WRITE)


@dataclass(frozen=True, slots=True)
class _Mapping:
    first: int
    last: int
    rights: str
    offset: int
    file: str

    def joins(self, after: _Mapping) -> bool:
        """Tell whether ``after`` goes on where this one ends, in memory and in the file."""
        return self.last == after.first and self.offset + self.last - self.first == after.offset


def _mappings() -> Iterator[_Mapping]:
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, offset, _, _, *file = line.split(maxsplit=5)
        first, last = addresses.split("-")
        yield _Mapping(int(first, 16), int(last, 16), rights, int(offset, 16), "".join(file))
