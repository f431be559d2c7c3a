"""Where requests go: the gateway, and its backup when that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codes import AMBIGUOUS_CODES
from payermax_async.core.errors import (
    ApiError,
    ExtensionError,
    NotSentError,
    PayerMaxError,
    ReplyError,
    ThrottledError,
    TransportError,
)
from payermax_async.pipeline.breaker import (
    Admission,
    Breaker,
    BreakerPolicy,
    BreakerState,
)
from payermax_async.pipeline.observe import BreakerChanged, Observers
from payermax_async.pipeline.skew import SkewPolicy, SkewWatch

__all__ = ["Host", "Hosts"]


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
        self.base_url = base_url.rstrip("/")
        self.name = urlsplit(base_url).netloc
        self.skew = SkewWatch(skew)
        self._breaker = Breaker(breaker) if breaker is not None else None
        self._clock = clock
        self._observers = observers
        self._told = BreakerState.CLOSED

    def url_of(self, operation: str) -> str:
        """Where an operation is posted to."""
        return f"{self.base_url}/{operation}"

    def admit(self) -> Admission:
        """What may be sent there now."""
        if self._breaker is None:
            return Admission.GO
        admission = self._breaker.admit(self._clock.monotonic())
        try:
            self._tell()
        except BaseException:
            self.abandoned(probe=admission is Admission.PROBE)
            raise
        return admission

    @property
    def wait(self) -> float:
        """Seconds until it may be tried again."""
        return self._breaker.wait(self._clock.monotonic()) if self._breaker else 0.0

    def answered(self, *, probe: bool) -> None:
        """It gave an answer that a healthy gateway gives."""
        if self._breaker is not None:
            self._breaker.succeeded(self._clock.monotonic(), probe=probe)
            self._tell()

    def learn(self, error: PayerMaxError, *, tried: bool, probe: bool) -> None:
        """Count an attempt that failed.

        Args:
            error: How it failed.
            tried: Whether it came so far as to reach for the host.
            probe: Whether it was let through to find out about the host.
        """
        if self._breaker is None:
            return
        if not tried or (isinstance(error, ExtensionError) and not _is_ailment(error)):
            self.abandoned(probe=probe)  # it says nothing about the host
        elif _is_ailment(error):
            self._breaker.failed(self._clock.monotonic(), probe=probe)
        else:
            self._breaker.succeeded(self._clock.monotonic(), probe=probe)
        self._tell()

    def abandoned(self, *, probe: bool) -> None:
        """An attempt was cut off and says nothing about the host."""
        if self._breaker is not None and probe:
            self._breaker.abandoned()

    def _tell(self) -> None:
        if self._breaker is None:
            return
        state = self._breaker.state(self._clock.monotonic())
        if state is not self._told:
            self._told = state
            self._observers.emit(BreakerChanged(host=self.name, state=state))


def _is_ailment(error: PayerMaxError) -> bool:
    if isinstance(error, ApiError):
        # An unsigned system error may come from anything in between, which is an
        # ailment too. Being busy is not: the slots answer to that.
        throttled = isinstance(error, ThrottledError)
        return error.code in AMBIGUOUS_CODES and not throttled
    if isinstance(error, ExtensionError):
        return error.part == "transport"
    return isinstance(error, TransportError | ReplyError)


@attrs.frozen
class Hosts:
    """The hosts in order of preference."""

    hosts: Sequence[Host]

    @property
    def first(self) -> Host:
        """The gateway itself."""
        return self.hosts[0]

    def choose(self, pinned: Host | None) -> tuple[Host, Admission]:
        """The first host that takes requests.

        Args:
            pinned: The only one that may be used, if there is one.

        Raises:
            NotSentError: None takes any now; ``retry_after`` says when.
        """
        candidates = self.hosts if pinned is None else (pinned,)
        for host in candidates:
            admission = host.admit()
            if admission is not Admission.NO:
                return host, admission
        raise NotSentError(
            "the gateway failed too often and is left alone for a while",
            retry_after=min(host.wait for host in candidates),
        )
