"""Journeys written in Python: `journey: FILE.py:FUNCTION`, checked without running any of it.

The file is parsed and not imported, so that `validate` and `plan` do nothing but read, also where
somebody else wrote the file.
"""

import ast
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path as FilePath
from typing import Final

from loadrunner.campaign.document import Path
from loadrunner.campaign.found import did_you_mean, one_of
from loadrunner.campaign.model import Script
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import ScenarioSection

REQUESTS: Final = ("get", "head", "options", "post", "put", "patch", "delete", "request")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class ScriptError(Exception):
    """What is wrong with the file, or with its function."""


def script(section: ScenarioSection, path: Path, reading: Reading) -> Script | None:
    """The function that a scenario names; what is wrong with it goes to the problems."""
    if section.journey is None:
        return None
    name, _, function = section.journey.rpartition(":")
    file = reading.file.parent / name
    try:
        raw = _bytes(file)
        _check(_function(_tree(raw, name), function, name), section, name)
    except ScriptError as error:
        reading.problems.add(path, str(error))
        return None
    return Script(file, function, hashlib.sha256(raw).hexdigest())


def _bytes(file: FilePath) -> bytes:
    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:
        raise ScriptError(
            f"found {file}, which cannot be read, allowed: a Python file, its path relative to the"
            " campaign file"
        ) from error


def _tree(raw: bytes, name: str) -> ast.Module:
    try:
        return ast.parse(raw)
    except SyntaxError as error:
        at = f" in line {error.lineno}" if error.lineno else ""
        raise ScriptError(f"found {name}, which is not Python{at}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ScriptError(f"found {name}, which is not Python: {error}") from error


def _function(tree: ast.Module, function: str, name: str) -> ast.AsyncFunctionDef:
    has = [node for node in tree.body if isinstance(node, _Function)]
    coroutines = [node.name for node in has if isinstance(node, ast.AsyncFunctionDef)]
    found = next((node for node in has if node.name == function), None)
    if isinstance(found, ast.AsyncFunctionDef):
        return found
    if found is not None:
        raise ScriptError(
            f"found 'def {function}' in line {found.lineno} of {name}, allowed: 'async def'"
        )
    raise ScriptError(
        f"found no function '{function}' in {name}, allowed: one of its async functions:"
        f" {one_of(coroutines) or 'it has none'}{did_you_mean(function, coroutines)}"
    )


def _check(function: ast.AsyncFunctionDef, section: ScenarioSection, name: str) -> None:
    """It takes a session, and the steps that it names for it are there."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    needed = len(arguments) - len(function.args.defaults)
    if not arguments or needed > 1 or None in function.args.kw_defaults:
        raise ScriptError(
            f"found {function.name} in line {function.lineno} of {name} with other parameters,"
            f" allowed: one, async def {function.name}(session)"
        )
    steps = [step.name for step in section.steps]
    for call in _requests(function, arguments[0].arg):
        _check_step(call, steps, name)


def _requests(function: ast.AsyncFunctionDef, session: str) -> Iterator[ast.Call]:
    """Where the function itself sends something; what it calls is not followed."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=id_), attr=attribute)):
                if id_ == session and attribute in REQUESTS:
                    yield node


def _check_step(call: ast.Call, steps: Collection[str], name: str) -> None:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    match given.get("step"):
        case None if len(steps) > 1 and None not in given:
            raise ScriptError(
                f"found a request without a step in line {call.lineno} of {name}, allowed:"
                f" step=NAME of {one_of(steps)}"
            )
        case ast.Constant(value=str(step)) if step not in steps:
            raise ScriptError(
                f"found the step '{step}' in line {call.lineno} of {name}, which is not there;"
                f" allowed: {one_of(steps)}{did_you_mean(step, steps)}"
            )
