"""Options that several commands of ``payermax bulk`` have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

__all__ = ["Database", "DatabaseSchema", "JournalFile"]

JournalFile = Annotated[Path, Parameter(name="JOURNAL")]
"""The file of a batch's journal."""

Database = Annotated[
    str,
    Parameter(
        group=Group("Database", sort_key=2),
        env_var="PAYERMAX_DATABASE",
        help="postgresql://... of the fleet; best left to PAYERMAX_DATABASE.",
    ),
]
"""Where a fleet's tables are. On a command line, others on the machine may read it."""

DatabaseSchema = Annotated[
    str,
    Parameter(
        group=Group("Database", sort_key=2), help="Where the tables stand in it."
    ),
]
"""The schema of a fleet's tables."""
