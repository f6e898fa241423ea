"""Gathers what workers ship for as long as that makes it cheaper to write.

A sample costs the coordinator half as much in a sheaf of thousands, which holds up whoever shares
its core for ten milliseconds and more. So only workers that send as much as they can are gathered
for: what they measure is how much that is, while at a set rate it matters when each request leaves.
"""

from collections.abc import Iterator
from typing import Final

from loadrunner.engine.record import RECORD

_WORTH_BYTES: Final = 16_384 * RECORD.size
# A worker ships a hundred times a second, so that more than this are 70,000 requests/s: a flood,
# where it comes twice in a row. Once may be what a worker catches up with.
_FLOOD_BYTES: Final = 700 * RECORD.size
_TWICE: Final = 2


class Sheaves:
    """Packed records by worker, in the order they came."""

    def __init__(self) -> None:
        self._gathered: dict[int, list[bytes]] = {}
        self._sizes: dict[int, int] = {}
        self._floods: dict[int, int] = {}

    def add(self, worker: int, records: bytes) -> bytes | None:
        """All that this worker has gathered, unless more of a flood is worth waiting for."""
        self._gathered.setdefault(worker, []).append(records)
        size = self._sizes[worker] = self._sizes.get(worker, 0) + len(records)
        return (
            None if self._is_flood(worker, records) and size < _WORTH_BYTES else self._taken(worker)
        )

    def rest(self) -> Iterator[tuple[int, bytes]]:
        """Each worker that still has some, with its records; nothing is left behind, and whether
        it floods is to be seen anew."""
        self._floods.clear()
        for worker in tuple(self._gathered):
            yield worker, self._taken(worker)

    def _is_flood(self, worker: int, records: bytes) -> bool:
        """It lasts until the next rest: ticks that come late make messages uneven."""
        in_a_row = self._floods.get(worker, 0)
        if len(records) >= _FLOOD_BYTES:
            in_a_row += 1
        elif in_a_row < _TWICE:
            in_a_row = 0
        self._floods[worker] = in_a_row
        return in_a_row >= _TWICE

    def _taken(self, worker: int) -> bytes:
        del self._sizes[worker]
        return b"".join(self._gathered.pop(worker))
