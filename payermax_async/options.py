"""How patient and how fast a client is."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, cast, get_args

import attrs

from payermax_async.core.checks import seconds_problem
from payermax_async.core.errors import ConfigurationError
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.limiter import Limiter
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.pipeline.skew import SkewPolicy

if TYPE_CHECKING:
    from payermax_async.signing.backends import BackendName
    from payermax_async.signing.places import PlaceName

__all__ = ["ClientOptions"]


def _seconds(_: object, field: attrs.Attribute[float], value: float) -> None:
    problem = seconds_problem(value)
    if problem is not None:
        raise ConfigurationError(f"{field.name} {problem}")


def _word(_: object, field: attrs.Attribute[Any], value: str) -> None:
    if value == field.default:
        return  # which needs nothing of what is imported here
    from payermax_async.signing.backends import BackendName
    from payermax_async.signing.places import PlaceName

    words = get_args({"rsa_backend": BackendName, "sign_in": PlaceName}[field.name])
    if value not in words:
        raise ConfigurationError(f"{field.name} is one of {', '.join(words)}")


def _place(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, Executor):
        _word(_, field, cast("str", value))


@attrs.frozen(kw_only=True)
class ClientOptions:
    """How a client goes about its calls."""

    # Long enough for all of ``settle_waits`` and the attempts around them.
    timeout: float = attrs.field(default=60.0, validator=_seconds)
    """Seconds for a call, with all attempts, waits and questions it takes."""
    attempt_timeout: float = attrs.field(default=15.0, validator=_seconds)
    """Seconds for one attempt."""
    # As many as the transport has connections: more would only wait for one, stamped.
    max_in_flight: int = 64
    """Attempts under way at once; more wait their turn before being stamped."""
    limiter: Limiter | None = None
    """What paces attempts in place of ``max_in_flight``; several clients may share one.

    Left out, at most ``max_in_flight`` attempts are under way; half as many once
    PayerMax says that it is too much, growing back within a minute.
    """
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    """How often and how fast to try again."""
    rsa_backend: BackendName = attrs.field(default="auto", validator=_word)
    """Which library does RSA for the configuration's keys.

    ``auto`` takes OpenSSL, by the package ``cryptography``, where the extra ``fast`` or
    another package brought one that is new enough: a third of the processor time and
    less. ``cryptography`` asks for it, ``pycryptodome`` does without. The ``repr`` of
    a client and ``payermax doctor`` say which it is.
    """
    sign_in: PlaceName | Executor = attrs.field(default="thread", validator=_place)
    """Where the configuration's key signs.

    ``thread`` never holds up the event loop. ``threads`` are as many as there are
    processors for this process; the event loop and they wait for one interpreter, so
    that little is gained. ``processes`` are as many, with the key handed to them
    through a pipe; they leave the interpreter to the event loop, and make many links
    from one process quickest (not on Windows). ``loop`` holds it up for a few
    milliseconds at a time, or one signature, and starts no thread. An executor of
    threads that is yours is used and left open.
    """
    sign_workers: int | None = None
    """How many threads or processes sign; ``None`` for one a processor."""
    breaker: BreakerPolicy | None = attrs.field(factory=BreakerPolicy)
    """When to leave a failing gateway alone; ``None`` for never."""
    skew: SkewPolicy = attrs.field(factory=SkewPolicy)
    """What to make of clocks that differ."""
    failover: bool = False
    """Whether to use the environment's backup host while the first one fails.

    A write goes there only if the first host has certainly not seen it.
    """
    settle_waits: tuple[float, ...] = (1.0, 4.0, 15.0)
    """Seconds between asking again after PayerMax said that it knows nothing.

    A fresh link may be invisible to queries for a moment; a write is sent again
    only after all of these. PayerMax refuses a second link under one id; these
    waits are the second line of defence. A request that is held up on its way for
    longer than their sum, and arrives at a gateway that does not check, could still
    make a second one. Over 120 seconds in all, none can: its time stamp is too old.
    """

    def __attrs_post_init__(self) -> None:
        if self.max_in_flight < 1:
            raise ConfigurationError("max_in_flight must be at least 1")
        if self.sign_workers is not None and self.sign_workers < 1:
            raise ConfigurationError("sign_workers must be at least 1")
        # This way round, NaN is refused as well.
        if any(not 0 <= wait < float("inf") for wait in self.settle_waits):
            raise ConfigurationError("settle_waits must be seconds, none negative")
