"""Options that several commands of ``payermax bulk`` have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["JournalFile"]

JournalFile = Annotated[Path, Parameter(name="JOURNAL")]
"""The file of a batch's journal."""
