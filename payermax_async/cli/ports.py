"""A port to listen on, as commands take it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

__all__ = ["Port"]

Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))]
"""0 takes a free one."""
