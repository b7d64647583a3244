"""Seeds: every draw has a name, so that adding one never moves another."""

from __future__ import annotations

import hashlib


def derive(seed: int, *names: object) -> int:
    """Return a seed below 2**63 for the draw called ``names``, fixed across processes and versions of Python."""
    digest = hashlib.blake2b(repr((seed, *map(str, names))).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
