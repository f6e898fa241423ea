"""The names that a file of a spool can have; nothing else is let in."""

import re
from typing import Final

MANIFEST: Final = "manifest.json"
_SPOOL_FILE = re.compile(r"manifest\.json|(samples-[0-9]{5,9}|probes|health)\.ndjson\.zst")
ALLOWED: Final = "manifest.json, samples-NNNNN.ndjson.zst, probes.ndjson.zst, health.ndjson.zst"


def is_spool_file(name: str) -> bool:
    return _SPOOL_FILE.fullmatch(name) is not None
