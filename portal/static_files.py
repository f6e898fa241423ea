"""plotly.min.js as the installed package ships it: no CDN, no copy in the repository."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

_PREFIX = "vendor"
_FILE = "plotly.min.js"


class PlotlyFinder(BaseFinder):
    """Finds one file, `vendor/plotly.min.js`; the package's others are no page's business."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        self.storage = FileSystemStorage(location=_folder())
        # collectstatic and whitenoise put this before the path.
        self.storage.prefix = _PREFIX  # type: ignore[attr-defined]

    def check(self, **_kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, *_args: Any, **kwargs: Any) -> Any:
        """The file's path, or a list of paths where all matches are asked for."""
        wants_all = bool(kwargs.get("find_all") or kwargs.get("all"))
        if path != f"{_PREFIX}/{_FILE}":
            return []
        found = self.storage.path(_FILE)
        return [found] if wants_all else found

    def list(self, _ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Any]]:
        yield _FILE, self.storage


def _folder() -> Path:
    """Without importing plotly, which would cost every start its time."""
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("plotly is not installed: pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0]) / "package_data"
