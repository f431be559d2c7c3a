"""The network's side: bytes out, bytes in, and whether anything left.

:mod:`payermax_async.transport.base` is the seam.
:mod:`payermax_async.transport.aiohttp` fills it over HTTP; it is not imported
here, because aiohttp takes a good quarter of a second to load and who brings
another transport should not wait for it.
"""

from __future__ import annotations

from payermax_async.transport.base import (
    Headers,
    HttpRequest,
    HttpResponse,
    Transport,
    header_values,
)

__all__ = ["Headers", "HttpRequest", "HttpResponse", "Transport", "header_values"]
