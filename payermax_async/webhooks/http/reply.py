"""What a request is answered with."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

__all__ = ["Reply"]


@attrs.frozen(kw_only=True)
class Reply:
    """What to answer PayerMax with."""

    status: int
    """The HTTP status."""
    headers: Mapping[str, str]
    """The headers; the same for every refusal."""
    body: bytes
    """The body. Anything but the acknowledgement makes PayerMax send again."""
    closes: bool = False
    """Whether the connection is better closed: the rest of the request is not worth
    reading."""
