"""`make bench`: every benchmark, one after the other."""

import subprocess

from tools import environment
from tools.environment import BIN, DEVELOPMENT, ROOT


def main() -> int:
    environment.ensure(DEVELOPMENT)
    python = str(BIN / "python")
    scripts = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.name[0] != "_")
    results = [subprocess.run([python, str(script)], cwd=ROOT, check=False) for script in scripts]
    return max((result.returncode for result in results), default=0)
