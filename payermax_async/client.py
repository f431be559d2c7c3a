"""The client: one merchant's way to the gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, overload

from payermax_async.assembly import Engine
from payermax_async.clock import Clock
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import PayerMaxError
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import (
    CreatedLink,
    ExpiredLink,
    ExpireLink,
    LinkDetails,
    QueryLink,
)
from payermax_async.core.models.orders import Order, QueryOrder
from payermax_async.core.models.refunds import (
    CreateRefund,
    QueryRefund,
    RefundDetails,
    SubmittedRefund,
)
from payermax_async.core.operations.operation import Replay
from payermax_async.core.operations.table import (
    CREATE_LINK,
    EXPIRE_LINK,
    QUERY_LINK,
    QUERY_ORDER,
    QUERY_REFUND,
    REFUND,
)
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.options import ClientOptions
from payermax_async.pipeline.call import prepare_raw
from payermax_async.pipeline.chain import Middleware
from payermax_async.pipeline.doubtful import doubtful
from payermax_async.pipeline.observe import Hook
from payermax_async.signing.base import Signer, Verifier
from payermax_async.transport.base import Transport

if TYPE_CHECKING:
    from payermax_async.balances import Balances
    from payermax_async.cashier import Cashier
    from payermax_async.core.models.cashier import PlaceOrder
    from payermax_async.disputes import Disputes
    from payermax_async.risk import Risk

__all__ = ["PayerMaxClient", "engine_of"]


class PayerMaxClient:
    """Creates, queries and withdraws payment links, and refunds what was paid.

    Constructing does no I/O. ``async with`` opens and closes the client and its
    transport; a signer, and a session inside a transport, that came from outside
    stay open.

    Args:
        config: Who the merchant is and which gateway.
        options: Patience and pace.
        transport: How bytes travel; aiohttp when left out.
        signer: Signs requests in place of the configuration's private key.
        verifier: Checks replies in place of the configuration's platform keys.
        middlewares: Wrapped around every attempt, the first outermost.
        hooks: Get every event, for metrics and traces; see ``pipeline.observe``.
        clock: Where the time comes from.

    Raises:
        ConfigurationError: There is nothing to sign or to verify with.

    Example:
        >>> async with PayerMaxClient(config) as client:  # doctest: +SKIP
        ...     link = await client.create_link(request)
        ...     print(link.link_url)
    """

    def __init__(
        self,
        config: MerchantConfig,
        *,
        options: ClientOptions | None = None,
        transport: Transport | None = None,
        signer: Signer | None = None,
        verifier: Verifier | None = None,
        middlewares: Sequence[Middleware] = (),
        hooks: Sequence[Hook] = (),
        clock: Clock | None = None,
    ) -> None:
        self._config = config
        self._engine = Engine.build(
            config,
            options=options,
            transport=transport,
            signer=signer,
            verifier=verifier,
            middlewares=middlewares,
            hooks=hooks,
            clock=clock,
        )

    def __repr__(self) -> str:
        # No key, no token and no id of a person: it may stand in any log.
        environment = self._config.environment.name
        own = self._engine.own_signer or self._engine.own_verifier
        rsa = "" if own is None else f", RSA by {own.backend}"
        return f"<PayerMaxClient {self._config.merchant_no} at {environment}{rsa}>"

    @property
    def config(self) -> MerchantConfig:
        """Who the merchant is and which gateway, as given."""
        return self._config

    # Products beside links are loaded by who uses them.

    @property
    def balances(self) -> Balances:
        """Calls about money that PayerMax holds for the merchant."""
        from payermax_async.balances import Balances

        return Balances(self._engine)

    @property
    def cashier(self) -> Cashier:
        """Orders on PayerMax's cashier page, and amounts that are set aside first."""
        from payermax_async.cashier import Cashier

        return Cashier(self._engine, self._config.defaults)

    @property
    def disputes(self) -> Disputes:
        """Calls about disputes."""
        from payermax_async.disputes import Disputes

        return Disputes(self._engine)

    @property
    def risk(self) -> Risk:
        """Names that must not pay, and what PayerMax wants to know of a payment."""
        from payermax_async.risk import Risk

        return Risk(self._engine)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Also after an error: calls of other tasks are still waited for.
        await self.aclose()

    async def open(self) -> None:
        """Bind the client to the running event loop.

        Raises:
            ClientStateError: It is open already, or was closed.
        """
        await self._engine.open()

    async def aclose(self, *, drain: float = 20.0) -> None:
        """Wait for calls under way, then close the transport and the own signer.

        New calls are refused at once. A call that is cut off ends with
        ``OutcomeUnknownError`` when its write may have been done. Closing twice
        does nothing more.

        Args:
            drain: Seconds to wait before calls are cut off.
        """
        await self._engine.aclose(drain)

    async def create_link(
        self, request: CreateLink, *, timeout: float | None = None
    ) -> CreatedLink:
        """Create a payment link, once, whatever happens on the way.

        When the outcome of an attempt is unknown, PayerMax is asked; the same
        request is sent again only if it knows nothing of the link. What the
        request leaves out comes from the configuration's ``defaults``.

        A link that exists under the id is compared and returned with ``found`` set;
        so are repeats by other tasks and processes. What this client knows to exist is
        asked about and not sent again. What remains, should PayerMax not
        check for repeated ids: its queries lag, or a request is held up, for longer
        than :attr:`ClientOptions.settle_waits`.

        Args:
            request: The link. Its ``merchant_link_id`` makes it unique.
            timeout: Seconds for all of it; the client's option when left out.

        Raises:
            ValidationError: Something required is missing; nothing was sent.
            OutcomeUnknownError: It may exist; settle it with :meth:`resolve`.
            AlreadyEndedError: Just this exists, and is paid, withdrawn or expired.
            ConflictError: Something else exists under the id.
            PayerMaxError: It was certainly not created; see ``outcome``.
        """
        # Before anything else, so that a retry sends what the first attempt sent.
        completed = request.completed(self._config.defaults)
        return await self._engine.perform(CREATE_LINK, completed, timeout)

    async def query_link(
        self, merchant_link_id: str, *, timeout: float | None = None
    ) -> LinkDetails:
        """Ask about a link. ``is_paid`` of the answer follows from its payments.

        Raises:
            NotFoundError: PayerMax knows no such link.
            PayerMaxError: No answer could be had.
        """
        request = QueryLink(merchant_link_id=merchant_link_id)
        return await self._engine.perform(QUERY_LINK, request, timeout)

    async def expire_link(
        self, merchant_link_id: str, *, timeout: float | None = None
    ) -> ExpiredLink:
        """Withdraw a link. Query it to see its state: the answer may say ACTIVE.

        Raises:
            OutcomeUnknownError: It may be withdrawn or still payable.
            PayerMaxError: It was certainly not withdrawn by this call.
        """
        request = ExpireLink(merchant_link_id=merchant_link_id)
        return await self._engine.perform(EXPIRE_LINK, request, timeout)

    async def query_order(
        self, out_trade_no: str, *, timeout: float | None = None
    ) -> Order:
        """Ask about an order by PayerMax's order number.

        Raises:
            NotFoundError: PayerMax knows no such order.
            PayerMaxError: No answer could be had.
        """
        request = QueryOrder(out_trade_no=out_trade_no)
        return await self._engine.perform(QUERY_ORDER, request, timeout)

    async def refund(
        self, request: CreateRefund, *, timeout: float | None = None
    ) -> SubmittedRefund:
        """Refund an order, once, whatever happens on the way.

        The answer is usually ``REFUND_PENDING``; the notification or
        :meth:`query_refund` tells how it ended.

        Raises:
            OutcomeUnknownError: It may be under way; settle it with
                :meth:`resolve`, never with a new ``out_refund_no``.
            ConflictError: Another refund exists under the id.
            PayerMaxError: It was certainly not taken on; see ``outcome``.
        """
        request = request.completed(self._config.defaults)
        return await self._engine.perform(REFUND, request, timeout)

    async def query_refund(
        self,
        out_refund_no: str | None = None,
        *,
        refund_trade_no: str | None = None,
        timeout: float | None = None,
    ) -> RefundDetails:
        """Ask about a refund by the merchant's id or by PayerMax's.

        Raises:
            NotFoundError: PayerMax knows no such refund.
            PayerMaxError: No answer could be had.
        """
        request = QueryRefund(
            out_refund_no=out_refund_no, refund_trade_no=refund_trade_no
        )
        return await self._engine.perform(QUERY_REFUND, request, timeout)

    async def call_raw(
        self,
        name: str,
        data: Mapping[str, JsonValue],
        *,
        version: str,
        replay: Replay = Replay.NEVER,
        timeout: float | None = None,
    ) -> JsonObject:
        """Call any operation under its gateway name, signed and verified alike.

        A create or refund whose id an earlier call of this client left in doubt, raw
        or not, asks first; one that ends in doubt is remembered for later ones, and one
        that is known to exist is not sent. Of
        anything else nothing is asked: an unknown outcome is yours to settle. With
        ``Replay.SAFE`` a refusal after an attempt whose answer was lost leaves the
        outcome unknown, as that one may have been done.

        Args:
            name: Such as ``createPaybylink``; ASCII letters and digits.
            data: The business fields under the gateway's names. Amounts are
                text or ``Decimal``, never float.
            version: The interface version from the operation's page.
            replay: ``Replay.SAFE`` if sending it twice does no harm.
            timeout: Seconds for all of it.

        Returns:
            ``data`` of the reply, numbers as ``int`` or ``Decimal``.

        Raises:
            ValidationError: The name or the data cannot be sent.
            ConflictError: Something exists under the id, and nothing was sent.
            PayerMaxError: See ``outcome``.
        """
        # A copy: the caller's objects may change while this waits.
        call = prepare_raw(name, data, version=version, replay=replay)
        async with self._engine.execution(
            call.operation, call.merchant_key, timeout
        ) as execution:
            return await self._engine.resolver.write_raw(call, execution)

    @overload
    async def resolve(
        self,
        case: CreateLink,
        *,
        absence_from: str | Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> LinkDetails | None: ...

    @overload
    async def resolve(
        self,
        case: CreateRefund,
        *,
        absence_from: str | Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> RefundDetails | None: ...

    @overload
    async def resolve(
        self,
        case: PlaceOrder,
        *,
        absence_from: str | Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> Order | None: ...

    @overload
    async def resolve(
        self,
        case: PayerMaxError,
        *,
        absence_from: str | Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> LinkDetails | RefundDetails | Order | None: ...

    # One method for errors and requests: who catches an error need not know which call.
    async def resolve(
        self,
        case: CreateLink | CreateRefund | PlaceOrder | PayerMaxError,
        *,
        absence_from: str | Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> LinkDetails | RefundDetails | Order | None:
        """Settle a write whose outcome is unknown.

        What any host of the client knows settles it. That nothing is known counts
        only from the hosts that may have seen the write: those that the error
        names, and every host of the client when the case is a request or the error
        names none. Out of their reach the case stays unknown, unless you know
        better and say with ``absence_from`` whose word is enough.

        Args:
            case: The request that was made, or the error that it ended with. Both
                are compared with what is found; ``compared`` and ``not_compared``
                of the answer say how far that was possible.
            absence_from: Base URL or name of the hosts whose word is enough that
                nothing exists. On your responsibility: what another host made may
                exist all the same.
            timeout: Seconds for all of it; the client's option when left out.

        Returns:
            What exists under the merchant's id (of an order on the cashier page an
            ``Order``, also for its error), or ``None`` when PayerMax said
            throughout :attr:`ClientOptions.settle_waits` that it knows nothing: then
            it was not done, unless its queries lag behind for longer than that.

        Raises:
            ConflictError: What exists is not what was asked for.
            OutcomeUnknownError: Still unknown; ask again later.
            ValidationError: ``absence_from`` names no host of this client.
        """
        hosts = self._engine.retry_loop.hosts
        # Outside of the call: what cannot be settled at all is the caller's mistake.
        doubt = doubtful(case, hosts, absence_from)
        async with self._engine.execution(
            doubt.operation.name, doubt.merchant_key, timeout
        ) as execution:
            found: LinkDetails | RefundDetails | Order | None
            found = await self._engine.resolver.settle(doubt, execution)
            return found


def engine_of(client: PayerMaxClient) -> Engine:
    """What a client runs on, for the parts of this package that need more of it."""
    return client._engine  # pyright: ignore[reportPrivateUsage]
