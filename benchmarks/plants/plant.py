"""One mistake: what is changed in the text of the package, and what the world says.

They are written down in the text files beside this one. ``#`` begins a plant with its
name, ``?`` says by what words the world finds it, ``@`` names a file of the package.
The lines of a change follow, marked as in a diff: ``-`` for what is taken out, ``+``
for what is put in its place, a blank for what stays. What stands there must stand
there once.
"""

from __future__ import annotations

from pathlib import Path

import attrs

__all__ = ["Change", "Plant", "StaleError", "plants_in"]


class StaleError(Exception):
    """The text that a plant changes is not there any more, or not once."""


@attrs.define
class Change:
    """Lines of a file that are put in place of others."""

    path: str
    """The file, below the package."""
    right: list[str] = attrs.field(factory=list[str])
    """What stands there."""
    wrong: list[str] = attrs.field(factory=list[str])
    """What is put there."""

    def add(self, line: str) -> None:
        """Take in a line with its mark."""
        mark, content = line[:1], line[1:]
        if mark != "+":
            self.right.append(content)
        if mark != "-":
            self.wrong.append(content)

    def apply(self, package: Path) -> None:
        """Change the file in a copy of the package.

        Raises:
            StaleError: It reads otherwise by now.
        """
        right, wrong = ("\n".join(["", *one, ""]) for one in (self.right, self.wrong))
        path = self._file(package, right)
        text = f"\n{path.read_text()}"
        if (count := text.count(right)) != 1:
            raise StaleError(f"{self.path}: {count} times there: {self.right}")
        path.write_text(text.replace(right, wrong)[1:])

    def _file(self, package: Path, right: str) -> Path:
        """The file, also where it moved within its room."""
        path = package / self.path
        if path.exists():
            return path
        room = package / self.path.partition("/")[0]
        files = [one for one in room.rglob("*.py") if right in f"\n{one.read_text()}"]
        if len(files) != 1:
            raise StaleError(f"{self.path}: gone, and {len(files)} files have its text")
        return files[0]


@attrs.define(kw_only=True)
class Plant:
    """A mistake that somebody could make."""

    name: str
    """The rule that is broken, in words."""
    says: str = ""
    """What the world says of it, as a pattern: a failure by another name is none."""
    changes: list[Change] = attrs.field(factory=list[Change])


def plants_in(path: Path) -> tuple[Plant, ...]:
    """The plants that a file lists, after a line about them all."""
    plants: list[Plant] = []
    for line in path.read_text().splitlines()[1:]:
        mark, _, content = line.partition(" ")
        if mark == "#":
            plants.append(Plant(name=content))
        elif mark == "?":
            plants[-1].says = content
        elif mark == "@":
            plants[-1].changes.append(Change(content))
        elif line:
            plants[-1].changes[-1].add(line)
    return tuple(plants)
