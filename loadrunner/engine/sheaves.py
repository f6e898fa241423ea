"""Gathers what workers ship until it is worth writing: turning records into lines costs about a
millisecond however few they are, and a microsecond each when they are many."""

from collections.abc import Iterator

from loadrunner.engine.record import RECORD

_WORTH_BYTES = 16_384 * RECORD.size


class Sheaves:
    """Packed records by worker, in the order they came."""

    def __init__(self) -> None:
        self._gathered: dict[int, list[bytes]] = {}
        self._sizes: dict[int, int] = {}

    def add(self, worker: int, records: bytes) -> bytes | None:
        """All that this worker has gathered, once that is worth writing."""
        self._gathered.setdefault(worker, []).append(records)
        size = self._sizes[worker] = self._sizes.get(worker, 0) + len(records)
        return self._taken(worker) if size >= _WORTH_BYTES else None

    def rest(self) -> Iterator[tuple[int, bytes]]:
        """Each worker that still has some, with its records; nothing is left behind."""
        for worker in tuple(self._gathered):
            yield worker, self._taken(worker)

    def _taken(self, worker: int) -> bytes:
        del self._sizes[worker]
        return b"".join(self._gathered.pop(worker))
