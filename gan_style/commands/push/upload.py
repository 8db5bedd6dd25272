"""Writing files to the hub: one commit with all of them, on a branch, with a tag where one is asked for."""

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from gan_style.bundles.hub import CARD
from gan_style.bundles.hub_mistakes import client, in_one_line
from gan_style.errors import UserError
from gan_style.terminal.progress import watched

Content = bytes | Path


class Upload:
    """A repository of the hub to write to. kind: model or space"""

    def __init__(self, repository: str, kind: str, private: bool) -> None:
        self.repository, self.kind, self.private = repository, kind, private
        self.what = f"hf://{repository}" if kind == "model" else f"Space {repository}"
        self.api = client(self.what)

    def check(self, files: Mapping[str, Content]) -> None:
        """`UserError` if the hub would refuse the card among the files, such as for its licence. Nothing is written."""
        hub: Any = import_module("huggingface_hub")
        card = files[CARD]
        with in_one_line(self.what, writing=True):
            try:
                hub.RepoCard((card if isinstance(card, bytes) else card.read_bytes()).decode()).validate(repo_type=self.kind)
            except ValueError as refused:
                raise ValueError(_mistakes(str(refused))) from None

    def make(self, branch: str | None) -> set[str]:
        """Make the repository and the branch unless they are there. Returns the names of the files that the branch has.

        `UserError` if it should be private and is not: nothing is written then.
        """
        with in_one_line(self.what, writing=True):
            sdk = "gradio" if self.kind == "space" else None
            self.api.create_repo(self.repository, repo_type=self.kind, private=self.private or None, exist_ok=True, space_sdk=sdk)
            if branch:
                self.api.create_branch(self.repository, branch=branch, repo_type=self.kind, exist_ok=True)
            info = self.api.repo_info(self.repository, repo_type=self.kind, revision=branch)
        if self.private and not info.private:
            raise UserError(f"--private: {self.what} is public already; make it private on its page, or choose another name")
        return {each.rfilename for each in info.siblings or ()}

    def commit(self, files: Mapping[str, Content], leftovers: Collection[str], message: str, branch: str | None) -> str:
        """Write the files and remove the leftovers, in one commit. Returns its hash."""
        hub: Any = import_module("huggingface_hub")
        operations = [hub.CommitOperationAdd(name, content) for name, content in files.items()]
        operations += [hub.CommitOperationDelete(name) for name in leftovers]
        with in_one_line(self.what, writing=True), _bars_on_terminals_alone():
            done = self.api.create_commit(self.repository, operations, commit_message=message, repo_type=self.kind, revision=branch)
            return done.oid

    def tag(self, tag: str, commit: str) -> None:
        """Name a commit. `UserError` if another one has the name."""
        with in_one_line(f"--tag {tag}: the files are pushed as commit {commit}, but not its tag: {self.what}", writing=True):
            self.api.create_tag(self.repository, tag=tag, revision=commit, repo_type=self.kind)


def _mistakes(answer: str) -> str:
    """The mistakes in a card, in the hub's words."""
    try:
        return "; ".join(str(each["message"]) for each in json.loads(answer)["errors"])
    except (ValueError, LookupError, TypeError):
        return answer


@contextmanager
def _bars_on_terminals_alone() -> Iterator[None]:
    """While entered, huggingface_hub shows its bars on a terminal only."""
    bars: Any = import_module("huggingface_hub.utils")
    silent = not watched(sys.stderr) and not bars.are_progress_bars_disabled()
    if silent:
        bars.disable_progress_bars()
    try:
        yield
    finally:
        if silent:
            bars.enable_progress_bars()
