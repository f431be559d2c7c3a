"""The parts of a client, made from its configuration and put together."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Self, TypeVar, cast

import attrs

from payermax_async import __version__
from payermax_async.clock import Clock, SystemClock
from payermax_async.config import MerchantConfig
from payermax_async.core.checks import seconds_problem
from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    Problem,
    ValidationError,
)
from payermax_async.core.models.common import Received, Sent
from payermax_async.core.models.links import QueryLink
from payermax_async.core.operations.operation import Operation, Replay
from payermax_async.core.operations.table import QUERY_LINK
from payermax_async.options import ClientOptions
from payermax_async.pipeline.attempt import AttemptRunner
from payermax_async.pipeline.call import prepare
from payermax_async.pipeline.chain import Middleware
from payermax_async.pipeline.disguise import guarded
from payermax_async.pipeline.execution import Care, Execution
from payermax_async.pipeline.hosts import Host, Hosts
from payermax_async.pipeline.in_flight import InFlight
from payermax_async.pipeline.limiter import Limiter
from payermax_async.pipeline.observe import Hook, Observers, log_event
from payermax_async.pipeline.once import send_once
from payermax_async.pipeline.questions import Questions
from payermax_async.pipeline.resolve import Resolver
from payermax_async.pipeline.retry_loop import RetryLoop
from payermax_async.pipeline.sends import Sends
from payermax_async.pipeline.slots import Slots
from payermax_async.pipeline.writes import Writes
from payermax_async.signing.base import Signer, Verifier
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.transport.base import Transport

__all__ = ["Engine"]

# PayerMax's own libraries send their version as "sdk-ver", such as "php-1.1.0"; this
# one names itself, so that support can tell whose request it looks at.
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_NAMED = (
    ("user-agent", f"payermax_async/{__version__} Python/{_PYTHON}"),
    ("sdk-ver", f"payermax_async-{__version__}"),
)

RequestT = TypeVar("RequestT", bound=Sent)
ReplyT = TypeVar("ReplyT", bound=Received)


@attrs.frozen(kw_only=True)
class Engine:
    """What a client runs on, and the life of it."""

    retry_loop: RetryLoop
    """Sends what may simply be repeated."""
    resolver: Resolver
    """Sends what must not be done twice."""
    in_flight: InFlight
    """The calls under way."""
    transport: Transport
    """Opened and closed with the client."""
    own_signer: RsaSigner | None
    """Closed with the client; ``None`` when the signer came from outside."""
    own_verifier: RsaVerifier | None
    """Checks replies; ``None`` when the verifier came from outside."""
    options: ClientOptions
    """Patience and pace."""

    @classmethod
    def build(
        cls,
        config: MerchantConfig,
        *,
        options: ClientOptions | None,
        transport: Transport | None,
        signer: Signer | None,
        verifier: Verifier | None,
        middlewares: Sequence[Middleware],
        hooks: Sequence[Hook],
        clock: Clock | None,
    ) -> Self:
        """Make the parts; nothing is opened.

        Raises:
            ConfigurationError: There is nothing to sign or to verify with.
        """
        options = options or ClientOptions()
        clock = guarded(clock or SystemClock())
        _require_keys(config, signer, verifier)
        transport = transport or _aiohttp_transport(config, options)
        own_key = cast("PrivateKey", config.private_key)
        backend = options.rsa_backend
        own_signer = (
            None
            if signer
            else RsaSigner(
                own_key,
                backend=backend,
                place=options.sign_in,
                workers=options.sign_workers,
            )
        )
        own_verifier = (
            None if verifier else RsaVerifier(*config.platform_keys, backend=backend)
        )
        # The log comes first: a hook of the merchant's may end the process.
        observers = Observers((log_event, *hooks))
        slots = options.limiter or Slots(options.max_in_flight, clock)
        token = config.merchant_auth_token
        runner = AttemptRunner(
            identity=config.identity,
            transport=transport,
            signer=signer or cast("RsaSigner", own_signer),
            verifier=verifier or cast("RsaVerifier", own_verifier),
            clock=clock,
            slots=slots,
            observers=observers,
            middlewares=middlewares,
            extra_headers=(
                *_NAMED,
                *(((config.auth_token_header, token.reveal()),) if token else ()),
            ),
            trust_unsigned_failures=config.trust_unsigned_failures,
        )
        in_flight = InFlight(clock, observers)
        retry_loop = _retry_loop(config, options, runner, slots, in_flight)
        return cls(
            retry_loop=retry_loop,
            resolver=Resolver(
                questions=Questions(
                    retry_loop=retry_loop, clock=clock, waits=options.settle_waits
                ),
                writes=Writes(clock),
                versions=config.versions,
            ),
            in_flight=in_flight,
            transport=transport,
            own_signer=own_signer,
            own_verifier=own_verifier,
            options=options,
        )

    async def open(self) -> None:
        """Bind to the running event loop and open the transport."""
        # First: a transport that opens for a client of another loop would be lost.
        self.in_flight.open()
        try:
            async with asyncio.timeout(self.options.timeout):
                await self.transport.open()
        except TimeoutError:
            self.in_flight.reopen()
            raise ClientStateError(
                f"the transport did not open within {self.options.timeout:g} s"
            ) from None
        except BaseException:
            self.in_flight.reopen()
            raise

    async def aclose(self, drain: float) -> None:
        """Wait for calls under way, then close what is closed with the client."""
        # A second close must not wait for the first one's calls again.
        if not self.in_flight.refuse():
            return
        try:
            await self.in_flight.drain(drain)
        finally:
            try:
                await self.transport.aclose()
            finally:
                if self.own_signer is not None:
                    await self.own_signer.aclose()

    async def perform(
        self,
        operation: Operation[RequestT, ReplyT],
        request: RequestT,
        timeout: float | None,
        care: Care | None = None,
    ) -> ReplyT:
        """Run an operation with the care that its row in the table asks for."""
        key = operation.key_of(request)
        async with self.execution(operation.name, key, timeout, care) as execution:
            if operation.replay is Replay.KEYED:
                return await self.resolver.write(operation, request, execution)
            if operation.settlement is not None:
                return await self.resolver.repeat(operation, request, execution)
            call = prepare(operation, request, self.resolver.versions)
            # A question needs no care: nothing is done, so nothing can be done twice.
            if operation.is_query:
                return await self.retry_loop.run(call, execution)
            return await send_once(
                self.resolver.writes, self.retry_loop, operation, call, execution
            )

    def execution(
        self,
        operation: str,
        merchant_key: str | None,
        timeout: float | None,
        care: Care | None = None,
    ) -> Execution:
        """A call about to start.

        Raises:
            ValidationError: ``timeout`` is no number of seconds above zero.
        """
        # Before the call starts: of a mistake like this no hook needs to hear.
        problem = None if timeout is None else seconds_problem(timeout)
        if problem is not None:
            raise ValidationError(
                (Problem("timeout", problem),),
                subject=operation,
                operation=operation,
                merchant_key=merchant_key,
            )
        return Execution(
            self.in_flight,
            operation=operation,
            merchant_key=merchant_key,
            policy=self.options.retry,
            timeout=self.options.timeout if timeout is None else timeout,
            care=care,
        )


def _retry_loop(
    config: MerchantConfig,
    options: ClientOptions,
    runner: AttemptRunner,
    slots: Limiter,
    in_flight: InFlight,
) -> RetryLoop:
    clock, observers = in_flight.clock, in_flight.observers
    hosts = _hosts_of(config, options, clock, observers)
    return RetryLoop(
        sends=Sends(
            runner=runner,
            hosts=hosts,
            slots=slots,
            budget=in_flight.budget,
            observers=observers,
            attempt_timeout=options.attempt_timeout,
        ),
        hosts=hosts,
        observers=observers,
        clock=clock,
        # Any link will do, and none is called so: what counts is whether it answers.
        neutral=prepare(
            QUERY_LINK, QueryLink(merchant_link_id="are-you-there"), config.versions
        ),
    )


def _hosts_of(
    config: MerchantConfig,
    options: ClientOptions,
    clock: Clock,
    observers: Observers,
) -> Hosts:
    urls = [config.environment.base_url]
    if options.failover:
        backup = config.environment.backup_url
        if backup is None:
            raise ConfigurationError("failover is on, but there is no backup_url")
        # Last: it is used only while the first one is given a rest.
        urls.append(backup)
    return Hosts(
        [
            Host(
                url,
                breaker=options.breaker,
                skew=options.skew,
                clock=clock,
                observers=observers,
            )
            for url in urls
        ]
    )


def _require_keys(
    config: MerchantConfig, signer: Signer | None, verifier: Verifier | None
) -> None:
    problems: list[str] = []
    # Both at once: one round of mending instead of two.
    if signer is None and config.private_key is None:
        problems.append("private_key is not set, and no signer was given")
    if verifier is None and not config.platform_keys:
        problems.append(
            "platform_keys is empty: take the PayerMax public key from the dashboard"
        )
    if problems:
        raise ConfigurationError("; ".join(problems))


def _aiohttp_transport(config: MerchantConfig, options: ClientOptions) -> Transport:
    # Imported here: aiohttp takes a quarter of a second, which users of another
    # transport need not spend.
    from payermax_async.transport.aiohttp import AiohttpTransport

    return AiohttpTransport(
        limit=options.max_in_flight, proxy=config.proxy, ca_file=config.ca_file
    )
