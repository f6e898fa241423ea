"""One reading of one campaign file: its tree, the names it may use, and what is wrong with it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from loadrunner.campaign.document import ListNode, MapNode, Node, Path, Scalar, typed
from loadrunner.campaign.found import did_you_mean, one_of
from loadrunner.campaign.model import Escape, Template
from loadrunner.campaign.positions import is_of_identity, is_text, request_part
from loadrunner.campaign.problems import Problems
from loadrunner.campaign.variables import (
    Scope,
    Settings,
    VariableError,
    compiled,
    static,
)


@dataclass
class Reading:
    """`secrets` collects the values that must never be written."""

    file: FilePath
    root: Node
    settings: Settings
    problems: Problems
    secrets: set[str] = field(default_factory=set)

    def template(self, text: str, path: Path, scope: Scope, escape: Escape = "none") -> Template:
        """The text as a template; a problem, and the text itself, where a name is not known."""
        try:
            return compiled(
                text, scope, self.settings, escape=escape, is_secret=is_of_identity(path)
            )
        except VariableError as error:
            self.problems.add(path, str(error))
            return (text,)

    def check_name(self, name: str | None, known: Collection[str], what: str, path: Path) -> None:
        """A problem where something is named that the file does not have."""
        if name is not None and name not in known:
            self.problems.add(
                path,
                f"found the {what} '{name}', which is not there;"
                f" allowed: {one_of(known)}{did_you_mean(name, known)}",
            )

    def plain(self) -> object:
        """The file's values, with static variables folded in everywhere but in requests."""
        return self._plain(self.root, ())

    def _plain(self, node: Node, path: Path) -> object:
        if isinstance(node, Scalar):
            return self._scalar(node, path)
        if isinstance(node, ListNode):
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.items)]
        assert isinstance(node, MapNode)
        return {key: self._plain(entry.node, (*path, key)) for key, entry in node.entries.items()}

    def _scalar(self, node: Scalar, path: Path) -> object:
        if request_part(path):
            is_kept = "${" in node.text or (is_text(path) and node.value is not None)
            return node.text if is_kept else node.value
        text = self._static(node.text, path) if "${" in node.text else node.text
        if not node.plain or (is_text(path) and text):
            return text
        return typed(text)

    def _static(self, text: str, path: Path) -> str:
        try:
            return static(text, self.settings, is_secret=is_of_identity(path))
        except VariableError as error:
            self.problems.add(path, str(error))
            return text
