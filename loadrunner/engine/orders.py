"""What a worker is told to do: plain, picklable, complete. It looks nothing up by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadrunner.campaign.model import DataSet, Scenario
from loadrunner.engine.record import Names
from loadrunner.pacing import Shard

Credentials = Mapping[str, tuple[bytes, ...]]
"""The header line of each user of each identity (`authorization: Bearer …\\r\\n`)."""


@dataclass(frozen=True)
class Orders:
    """The instant of microsecond 0 is not among them: it comes when all workers are ready."""

    worker: int
    shard: Shard
    run_id: str
    seed: int
    base_url: str
    addresses: tuple[str, ...]
    verify_tls: bool
    ca_file: Path | None
    timeout_s: float
    connect_timeout_s: float
    first_byte_timeout_s: float | None
    drain_s: float
    scenarios: tuple[Scenario, ...]
    credentials: Credentials
    names: Names
    data: Mapping[str, DataSet] = field(default_factory=dict)
