"""PayerMax's gateway without its network: a request's bytes in, a reply's bytes out.

Checks come in the order a gateway can make them: size, JSON, app, signature,
merchant, envelope, clock, operation, and last the ledger's own rules. No bug
reaches the client as a traceback: it is logged and answered ``SYSTEM_ERROR``.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from email.utils import format_datetime

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codes import SUCCESS_CODE
from payermax_async.core.errors import ConfigurationError, SignatureError
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.sandbox.accounts import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.exchange import (
    ConnectionDroppedError,
    Exchange,
    FaultAction,
    FaultHook,
    FaultPoint,
    FaultStage,
    Verdict,
)
from payermax_async.sandbox.intake import (
    Envelope,
    check_envelope,
    claimed_merchant,
    read_app,
    read_body,
)
from payermax_async.sandbox.ledger import Ledger
from payermax_async.sandbox.records import Event, Owner, RefusedError
from payermax_async.signing.base import Signer, Verifier
from payermax_async.transport.base import Headers, HttpResponse, header_values

__all__ = ["SandboxGateway", "Throttle"]

_LOGGER = logging.getLogger(__name__)
_TOKEN_HEADERS = ("merchant_auth_token", "merchantAuthToken")

Throttle = Callable[[str, str], bool]
"""Operation and merchant number in; true when the request is one too many."""


@attrs.define
class _Case:
    """One request on its way through."""

    operation: str
    headers: Headers
    body: bytes
    call: int
    merchant_no: str = ""
    verdict: Verdict = Verdict.NOT_CHECKED
    code: str = ""
    data: JsonValue = None
    fault: bool = False


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
        throttle: Throttle | None = None,
        on_events: Callable[[tuple[Event, ...]], None] | None = None,
    ) -> None:
        """Put a gateway before a ledger.

        Args:
            ledger: The state.
            merchants: Who may ask.
            signer: The platform's key, for replies.
            clock: The gateway's own time.
            policy: Choices where PayerMax's pages leave one.
            faults: Makes things go wrong on purpose.
            throttle: Turns requests away.
            on_events: Is told what merchants may have to be notified of, after
                every request; often nothing.

        Raises:
            ConfigurationError: A merchant is there twice.
        """
        self.ledger = ledger
        self.policy = policy or GatewayPolicy()
        self.exchanges: deque[Exchange] = deque(maxlen=self.policy.keep)
        self.faults = faults
        self.throttle = throttle
        self._signer = signer
        self._clock = clock
        self._on_events = on_events
        self._apps: dict[str, dict[str, SandboxMerchant]] = {}
        self._numbers = itertools.count(1)
        self._calls: Counter[str] = Counter()
        for merchant in merchants:
            of_app = self._apps.setdefault(merchant.app_id, {})
            if merchant.merchant_no in of_app:
                raise ConfigurationError(
                    f"merchant {merchant.merchant_no} of app {merchant.app_id} is "
                    "there twice: give each pair once"
                )
            of_app[merchant.merchant_no] = merchant

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
        self._calls[operation] += 1
        case = _Case(operation, headers, body, self._calls[operation])
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
                    body=body[: self.policy.max_body],
                    merchant_no=case.merchant_no,
                    verdict=case.verdict,
                    code=case.code,
                    response=response,
                    fault=case.fault,
                )
            )

    async def _answer(self, case: _Case) -> HttpResponse:
        try:
            response = await self._outcome(case)
            if case.verdict is Verdict.VALID:
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

    async def _outcome(self, case: _Case) -> HttpResponse:
        try:
            owner = await self._authenticate(case)
            early = await self._ask(case, FaultStage.BEFORE, None)
            if early is not None:
                return await self._struck(case, early)
            data = self._perform(case, owner)
        except RefusedError as refusal:
            return await self._refuse(case, refusal)
        return await self._reply(case, SUCCESS_CODE, "Success.", data)

    def _perform(self, case: _Case, owner: Owner) -> JsonObject:
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

    async def _authenticate(self, case: _Case) -> Owner:
        outer = read_body(case.body, self.policy.max_body)
        case.merchant_no = claimed_merchant(outer)[:64]
        app_id = read_app(outer)
        of_app = self._apps.get(app_id)
        if of_app is None:
            case.verdict = Verdict.UNKNOWN_APP
            raise RefusedError(
                "MERCHANT_APP_INVALID", "No signature key is configured for the app."
            )
        await self._verify(case, next(iter(of_app.values())).verifier)
        envelope = check_envelope(outer)
        merchant = of_app.get(envelope.merchant_no)
        if merchant is None or not self._may_ask(merchant, envelope, case):
            raise RefusedError("MERCHANT_INVALID", "The merchant is invalid.")
        skew = abs((envelope.request_time - self._clock.now()).total_seconds())
        if skew > self.policy.window:
            raise RefusedError(
                "REQ_TIME_OVER_TIME",
                f"requestTime differs by {skew:.0f} s from the gateway's clock, at "
                f"most {self.policy.window:.0f} s are allowed.",
            )
        if self.throttle is not None and self.throttle(
            case.operation, merchant.merchant_no
        ):
            raise RefusedError(
                "TOO_MANY_REQUEST", "Too many requests, try again later."
            )
        if case.operation not in self.ledger.operations:
            raise RefusedError("PARAMS_INVALID", "There is no such interface.")
        case.data = outer.get("data")
        return Owner(merchant_no=merchant.merchant_no, app_id=app_id)

    @staticmethod
    def _may_ask(merchant: SandboxMerchant, envelope: Envelope, case: _Case) -> bool:
        if merchant.sp_merchant_no != envelope.sp_merchant_no:
            return False
        tokens = [
            value
            for name in _TOKEN_HEADERS
            for value in header_values(case.headers, name)
        ]
        return merchant.auth_token is None or tokens == [merchant.auth_token]

    async def _verify(self, case: _Case, verifier: Verifier) -> None:
        signatures = header_values(case.headers, "sign")
        case.verdict = Verdict.WRONG
        if len(signatures) == 1 and signatures[0].strip():
            try:
                await verifier.verify(case.body, signatures[0].strip())
            except SignatureError:
                pass
            else:
                case.verdict = Verdict.VALID
                return
        elif len(signatures) > 1:
            case.verdict = Verdict.REPEATED
        else:
            case.verdict = Verdict.MISSING
        raise RefusedError(
            "SIGN_VERIFY_FAILED",
            f"Signature verification failed: the sign header is {case.verdict.value}.",
        )

    async def _after(self, case: _Case, response: HttpResponse) -> HttpResponse:
        if case.fault:
            return response
        action = await self._ask(case, FaultStage.AFTER, response)
        return response if action is None else await self._struck(case, action)

    async def _ask(
        self, case: _Case, stage: FaultStage, response: HttpResponse | None
    ) -> FaultAction | None:
        if self.faults is None:
            return None
        return await self.faults(
            FaultPoint(
                operation=case.operation,
                stage=stage,
                call=case.call,
                data=case.data,
                response=response,
            )
        )

    async def _struck(self, case: _Case, action: FaultAction) -> HttpResponse:
        case.fault = True
        case.code = ""
        if action.drop:
            raise ConnectionDroppedError("the sandbox dropped the connection")
        if action.response is not None:
            return action.response
        return await self._refuse(
            case, RefusedError(action.code or "", "Fault injected.")
        )

    async def _refuse(self, case: _Case, refusal: RefusedError) -> HttpResponse:
        return await self._reply(case, refusal.code, refusal.message, None)

    async def _reply(
        self, case: _Case, code: str, message: str, data: JsonObject | None
    ) -> HttpResponse:
        case.code = code
        content: JsonObject = {"msg": message, "code": code}
        if data is not None:
            content["data"] = data
        body = write_json(content)
        headers: Headers = (
            ("Content-Type", "application/json;charset=utf-8"),
            ("Date", format_datetime(self._clock.now(), usegmt=True)),
        )
        if code == SUCCESS_CODE or self.policy.sign_failures:
            headers = (*headers, ("sign", await self._signer.sign(body)))
        return HttpResponse(status=200, headers=headers, body=body)
