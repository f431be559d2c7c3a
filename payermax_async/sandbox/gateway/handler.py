"""PayerMax's gateway without its network: a request's bytes in, a reply's bytes out.

Checks come in the order a gateway can make them: size, JSON, app, signature,
merchant, envelope, clock, operation, and last the ledger's own rules. No bug
reaches the client as a traceback: it is logged and answered ``SYSTEM_ERROR``.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from email.utils import format_datetime

from payermax_async.clock import Clock
from payermax_async.core.codes.lookup import SUCCESS_CODE, lookup
from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.sandbox.gateway.authentication import (
    Authentication,
    GatewayRequest,
    Throttle,
)
from payermax_async.sandbox.gateway.exchange import (
    ConnectionDroppedError,
    Exchange,
    FaultAction,
    FaultHook,
    FaultPoint,
    FaultStage,
    SignatureCheck,
    SpoiledResponse,
)
from payermax_async.sandbox.gateway.merchants import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.gateway.signatures import respelled
from payermax_async.sandbox.ledger.events import Event
from payermax_async.sandbox.ledger.ledger import Ledger
from payermax_async.sandbox.ledger.records import Owner
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.risk import VALUE
from payermax_async.signing.base import Signer
from payermax_async.transport.base import Headers, HttpResponse

__all__ = ["SandboxGateway", "Throttle"]

_LOGGER = logging.getLogger(__name__)

_WORDS = {
    "ORDER_NOT_EXIST": "The payment link does not exist.",
    "SYSTEM_ERROR": "System busy.",
    "TOO_MANY_REQUEST": "Too many requests, try again later.",
}
"""What the gateway says in earnest, so that a fault cannot be told from it."""


class SandboxGateway:
    """Answers merchants' requests.

    Example:
        >>> response = await gateway.handle("queryPaybylink", headers, body)
        >>> gateway.exchanges[-1].verdict
        <Verdict.VALID: 'valid'>
    """

    def __init__(
        self,
        ledger: Ledger,
        merchants: Iterable[SandboxMerchant],
        signer: Signer,
        *,
        clock: Clock,
        policy: GatewayPolicy | None = None,
        faults: FaultHook | None = None,
        on_events: Callable[[tuple[Event, ...]], None] | None = None,
        foreign: Callable[[], Awaitable[Signer]] | None = None,
    ) -> None:
        """Put a gateway before a ledger.

        Args:
            ledger: The state.
            merchants: Who may ask.
            signer: The platform's key, for replies.
            clock: The gateway's own time.
            policy: Choices where PayerMax's pages leave one.
            faults: Makes things go wrong on purpose.
            on_events: Is told what merchants may have to be notified of, after
                every request; often nothing.
            foreign: A signer whose key nobody knows, for faults.

        Raises:
            ConfigurationError: A merchant is there twice.
        """
        self.ledger = ledger
        self.policy: GatewayPolicy = policy or GatewayPolicy()
        self.exchanges: deque[Exchange] = deque(maxlen=self.policy.keep)
        self.faults = faults
        self.throttle: Throttle | None = None
        """Turns requests away, once it is set."""
        self._signer = signer
        self._foreign = foreign
        self._clock = clock
        self._on_events = on_events
        self._authentication = Authentication(merchants, self.policy)
        self._numbers = itertools.count(1)
        self._calls: Counter[str] = Counter()

    async def handle(
        self, operation: str, headers: Headers, body: bytes
    ) -> HttpResponse:
        """Answer one request.

        Args:
            operation: The last part of the URL.
            headers: Header lines as they came.
            body: The body as it came.

        Raises:
            ConnectionDroppedError: A fault wants no answer to be given.
        """
        # Counted before any check: a fault's "second call" is the merchant's second
        # call.
        self._calls[operation] += 1
        case = GatewayRequest(operation, headers, body, self._calls[operation])
        at, number = self._clock.now(), next(self._numbers)
        response: HttpResponse | None = None
        try:
            response = await self._answer(case)
            return response
        finally:
            self.exchanges.append(
                Exchange(
                    number=number,
                    operation=operation,
                    at=at,
                    headers=headers,
                    # One byte more was read to know that it is too large.
                    body=body[: self.policy.max_body],
                    merchant_no=case.merchant_no,
                    verdict=case.verdict,
                    code=case.code,
                    response=response,
                    fault=case.fault,
                    fault_name=case.fault_name,
                )
            )

    async def _answer(self, case: GatewayRequest) -> HttpResponse:
        try:
            response = await self._outcome(case)
            if case.verdict is SignatureCheck.VALID:
                # Only what is the merchant's own: strangers cannot use faults up.
                response = await self._after(case, response)
        except ConnectionDroppedError:
            raise
        # The promise to the client: whatever is broken here, it gets an answer. The
        # traceback stays out of the log, since its texts may quote the request.
        except Exception as error:
            _LOGGER.error(  # noqa: TRY400
                "the sandbox failed at %s with %s: please report it",
                case.operation[:64].encode("unicode_escape").decode(),
                type(error).__name__,
                exc_info=error if _LOGGER.isEnabledFor(logging.DEBUG) else None,
            )
            response = await self._refuse(
                case, RefusedError("SYSTEM_ERROR", "System busy.")
            )
        return response

    async def _outcome(self, case: GatewayRequest) -> HttpResponse:
        try:
            await self._authentication.check_signature(case)
            early = await self._ask(case, FaultStage.BEFORE, None)
            # A clock that is off answers as ever, at another time; all else ends it
            # here.
            if early is not None and early.skew is None:
                return await self._struck(case, early, None)
            if early is not None and early.skew is not None:
                case.skew = timedelta(seconds=early.skew)
            owner = self._authentication.check_rest(
                case, self._clock.now() + case.skew, self.throttle
            )
            if case.operation not in self.ledger.rules:
                raise RefusedError("PARAMS_INVALID", "There is no such interface.")
            case.reply = self._perform(case, owner)
        except RefusedError as refusal:
            return await self._refuse(case, refusal)
        return await self._reply(case, SUCCESS_CODE, "Success.", case.reply)

    def _perform(self, case: GatewayRequest, owner: Owner) -> JsonObject:
        try:
            done = self.ledger.perform(case.operation, owner, case.data)
        finally:
            # What fell due by the clock is to be told even when the request failed.
            late = self.ledger.settle()
            if late:
                self._publish(late)
        self._publish(done.events)
        return done.value

    def _publish(self, events: tuple[Event, ...]) -> None:
        if self._on_events is not None:
            self._on_events(events)

    async def _after(
        self, case: GatewayRequest, response: HttpResponse
    ) -> HttpResponse:
        if case.struck:
            return response
        action = await self._ask(case, FaultStage.AFTER, response)
        if action is None:
            return response
        return await self._struck(case, action, response)

    async def _ask(
        self, case: GatewayRequest, stage: FaultStage, response: HttpResponse | None
    ) -> FaultAction | None:
        if self.faults is None:
            return None
        action = await self.faults(
            FaultPoint(
                operation=case.operation,
                stage=stage,
                call=case.call,
                data=case.data,
                response=response,
                code=case.code,
                reply=case.reply,
            )
        )
        if action is not None:
            case.fault = True
            case.fault_name = action.name
            # The sandbox's clock: a silence of hours takes a test no time.
            if action.wait > 0:
                await self._clock.sleep(action.wait)
        return action

    async def _struck(
        self, case: GatewayRequest, action: FaultAction, response: HttpResponse | None
    ) -> HttpResponse:
        case.struck = True
        code, case.code = case.code, ""
        if action.drop or action.reset:
            raise ConnectionDroppedError(
                "the sandbox dropped the connection", reset=action.reset
            )
        if action.response is not None:
            return action.response
        if action.data is not None:
            return await self._reply(case, SUCCESS_CODE, "Success.", action.data)
        if action.code is not None:
            info = lookup(action.code)
            known = "Fault injected." if info is None else info.meaning
            words = _WORDS.get(action.code, known)
            return await self._refuse(case, RefusedError(action.code, words))
        if response is None:
            raise ValueError("a fault that spoils the answer comes after it")
        case.code = code
        if action.signature is not None:
            return await respelled(
                response, action.signature, self._signer, self._foreign
            )
        return SpoiledResponse(
            status=response.status,
            headers=response.headers,
            body=response.body,
            sent=action.cut,
            gap=action.gap or 0.0,
        )

    async def _refuse(
        self, case: GatewayRequest, refusal: RefusedError
    ) -> HttpResponse:
        return await self._reply(case, refusal.code, refusal.message, None)

    async def _reply(
        self, case: GatewayRequest, code: str, message: str, data: JsonObject | None
    ) -> HttpResponse:
        case.code = code
        content: JsonObject = {"msg": message, "code": code}
        if data is not None:
            # One answer is a single value: the ledger's answers are all objects.
            content["data"] = data[VALUE] if data.keys() == {VALUE} else data
        body = write_json(content)
        now = self._clock.now() + case.skew
        headers: Headers = (
            ("Content-Type", "application/json;charset=utf-8"),
            ("Date", format_datetime(now, usegmt=True)),
        )
        if code == SUCCESS_CODE or self.policy.sign_failures:
            headers = (*headers, ("sign", await self._signer.sign(body)))
        return HttpResponse(status=200, headers=headers, body=body)
