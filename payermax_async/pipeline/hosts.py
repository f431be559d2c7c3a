"""Where requests go: the gateway, and its backup when that was asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codes.lookup import AMBIGUOUS_CODES, lookup
from payermax_async.core.errors import (
    ApiError,
    ExtensionError,
    NotSentError,
    PayerMaxError,
    ReplyError,
    ThrottledError,
    TransportError,
    UnnamedReplyError,
)
from payermax_async.pipeline.breaker import (
    Admission,
    Breaker,
    BreakerPolicy,
    BreakerState,
)
from payermax_async.pipeline.facts import Attempt
from payermax_async.pipeline.observe import BreakerChanged, Observers
from payermax_async.pipeline.skew import SkewPolicy, SkewWatch

__all__ = ["Host", "Hosts", "Lease"]


class Host:
    """One base URL and what is known of its health."""

    def __init__(
        self,
        base_url: str,
        *,
        breaker: BreakerPolicy | None,
        skew: SkewPolicy,
        clock: Clock,
        observers: Observers,
    ) -> None:
        self.base_url: str = base_url.rstrip("/")
        self.name: str = urlsplit(base_url).netloc
        self.skew: SkewWatch = SkewWatch(skew)
        self._breaker = Breaker(breaker) if breaker is not None else None
        self._clock = clock
        self._observers = observers
        self._told = BreakerState.CLOSED

    def url_of(self, operation: str) -> str:
        """Where an operation is posted to."""
        return f"{self.base_url}/{operation}"

    def time(self) -> datetime:
        """Its time, as far as that is known."""
        wall, now = self._clock.now(), self._clock.monotonic()
        return wall + self.skew.correction(wall, now)

    def admit(self) -> Admission:
        """What may be sent there now."""
        if self._breaker is None:
            return Admission.GO
        now = self._clock.monotonic()
        admission = self._breaker.admit(now)
        # Its first probe is the only question that can find the state changed.
        if admission is Admission.PROBE:
            try:
                self._tell(self._breaker.state(now))
            except BaseException:
                self._breaker.abandoned()
                raise
        return admission

    def check_open_to(self, attempt: Attempt) -> None:
        """Raise if the host was left alone since the attempt got leave to be made.

        Raises:
            NotSentError: It was; ``retry_after`` says when it may be tried.
        """
        if self._breaker is None or attempt.probe:
            return
        if self._breaker.state(self._clock.monotonic()) is not BreakerState.CLOSED:
            raise _left_alone(self.wait)

    @property
    def wait(self) -> float:
        """Seconds until it may be tried again."""
        return self._breaker.wait(self._clock.monotonic()) if self._breaker else 0.0

    def answered(self, *, probe: bool) -> None:
        """It gave an answer that a healthy gateway gives."""
        if self._breaker is not None:
            now = self._clock.monotonic()
            self._breaker.succeeded(now, probe=probe)
            self._tell(self._breaker.state(now))

    def ailed(self, *, probe: bool) -> None:
        """It gave no answer, or said that it is unwell."""
        if self._breaker is not None:
            now = self._clock.monotonic()
            self._breaker.failed(now, probe=probe)
            self._tell(self._breaker.state(now))

    def abandoned(self) -> None:
        """A probe ended without saying anything about the host."""
        if self._breaker is not None:
            self._breaker.abandoned()

    def _tell(self, state: BreakerState) -> None:
        if state is not self._told:
            self._told = state
            self._observers.emit(BreakerChanged(host=self.name, state=state))


class Lease:
    """Leave to send to a host, given back at the end of its block in any case.

    A probe that nobody gives back keeps a healthy host shut for ever.
    """

    def __init__(self, host: Host, *, probe: bool) -> None:
        self.host = host
        self.probe: bool = probe
        """Whether it is the one question that finds out about the host."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.probe:
            self.probe = False
            self.host.abandoned()

    def learn(self, error: BaseException | None, *, tried: bool) -> None:
        """Tell the host how an attempt ended.

        Args:
            error: How it failed, if it did.
            tried: Whether it came so far as to reach for the host.
        """
        if error is not None and not (tried and _tells_of_host(error)):
            return
        probe, self.probe = self.probe, False
        if _is_ailment(error):
            self.host.ailed(probe=probe)
        else:
            self.host.answered(probe=probe)


def _tells_of_host(error: BaseException) -> bool:
    if isinstance(error, ExtensionError):
        return _is_ailment(error)
    return isinstance(error, PayerMaxError)


def _is_ailment(error: BaseException | None) -> bool:
    if isinstance(error, ApiError):
        # Unsigned, a system error or a code that no list has may come from anything in
        # between, which is an ailment too. Being busy is not: the slots answer to that.
        throttled = isinstance(error, ThrottledError)
        made_up = not error.verified and lookup(error.code) is None
        return (error.code in AMBIGUOUS_CODES or made_up) and not throttled
    if isinstance(error, ExtensionError):
        return error.part == "transport"
    if isinstance(error, UnnamedReplyError):
        return False  # genuine, and PayerMax's schema allows it
    return isinstance(error, TransportError | ReplyError)


@attrs.frozen
class Hosts:
    """The hosts in order of preference."""

    hosts: Sequence[Host]

    @property
    def first(self) -> Host:
        """The gateway itself."""
        return self.hosts[0]

    def named(self, address: str) -> Host | None:
        """The host with this base URL or name, if it is one of these."""
        wanted = address.rstrip("/")
        return next(
            (host for host in self.hosts if wanted in {host.base_url, host.name}), None
        )

    def others(self, than: Collection[str]) -> tuple[Host, ...]:
        """Hosts beside those with these base URLs, as long as they take requests."""
        return tuple(
            host for host in self.hosts if host.base_url not in than and not host.wait
        )

    def choose(self, only: Host | None) -> Lease:
        """Leave to send to the first host that takes requests.

        Args:
            only: The only one that may be used, if there is one.

        Raises:
            NotSentError: None takes any now; ``retry_after`` says when.
        """
        candidates = self.hosts if only is None else (only,)
        for host in candidates:
            admission = host.admit()
            if admission is not Admission.NO:
                return Lease(host, probe=admission is Admission.PROBE)
        raise _left_alone(min(host.wait for host in candidates))


def _left_alone(seconds: float) -> NotSentError:
    """The error for what is not sent to a host that is left alone."""
    return NotSentError(
        "the gateway failed too often and is left alone for a while",
        retry_after=seconds,
    )
