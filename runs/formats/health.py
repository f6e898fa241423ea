"""The generator's own health: a line a second and worker, and the columns that hold it."""

from typing import Final

import polars as pl

# The coordinator, which writes the spool and reads the probes, is worker -1 and has no schedule.
COORDINATOR: Final = -1

SCHEMA: Final[dict[str, pl.DataType]] = {
    "t_us": pl.Int64(),  # end of the second, since the run's start
    "worker": pl.Int64(),
    "wanted": pl.Int64(),  # journeys due in this second
    "reached": pl.Int64(),  # of which started
    "sent": pl.Int64(),  # requests sent
    "in_flight": pl.Int64(),
    "delay_p50_us": pl.Int64(),  # dispatch delay of planned requests
    "delay_p99_us": pl.Int64(),
    "delay_max_us": pl.Int64(),
    "loop_lag_us": pl.Int64(),  # the longest time that the loop was late for its own tick
    "cpu_process": pl.Float64(),  # share of one core
    "cpu_machine": pl.Float64(),  # share of all cores, 0..1
    "cpu_steal": pl.Float64(),
    "rss_bytes": pl.Int64(),
    "descriptors": pl.Int64(),
    "time_wait": pl.Int64(),  # sockets of this machine in TIME_WAIT
    "collections": pl.Int64(),  # garbage collections in this second
}


def empty() -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMA)
