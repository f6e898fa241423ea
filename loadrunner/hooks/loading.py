"""From FILE.py:FUNCTION to the function: the file is imported, once in each process."""

import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

from loadrunner.campaign.model import Campaign, Script
from loadrunner.errors import UsageError
from loadrunner.hooks.session import Session

JourneyFunction = Callable[[Session], Awaitable[object]]


def loaded(script: Script) -> JourneyFunction:
    """Raises UsageError naming what the file raised."""
    function = getattr(_module(script.file.resolve()), script.function, None)
    if not inspect.iscoroutinefunction(function):
        raise UsageError(
            f"{script.file}: {script.function} is no async function once the file is imported."
            " Nothing was sent."
        )
    return function


def check_loads(campaign: Campaign) -> None:
    """Raise a UsageError where a file of the campaign cannot be imported here."""
    for one in campaign.scenarios:
        if one.script is not None:
            loaded(one.script)


def _module(file: Path) -> ModuleType:
    name = f"headroom_journeys_{file}"
    if name in sys.modules:
        return sys.modules[name]
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))  # last, so that a neighbour takes no other's place
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        # What it prints is no part of the summary.
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # foreign code
        del sys.modules[name]
        raise UsageError(
            f"{file}{line_in(file, error)} cannot be imported: {type(error).__name__}: {error}."
            " Nothing was sent."
        ) from error
    return module


def line_in(file: Path, error: BaseException) -> str:
    """', line N' of the file, where the error came by it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    return f", line {lines[-1]}" if lines else ""
