"""The package's promise of names: where they are, what importing them costs."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import itertools
import json
import pickle
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import payermax_async
from payermax_async.core import errors
from tests.test_snippets import blocks

FOLDER = Path(payermax_async.__file__).parent
PUBLIC = {
    "payermax_async": """
        NO_NOTIFY_URL AiohttpTransport AlreadyEndedError ApiError AuthenticationError
        BreakerPolicy ClientOptions ClientStateError ClockSkewError ConfigurationError
        ConflictError CreateLink CreateRefund Environment ExpireLink ExtensionError
        GoodsItem HttpRequest HttpResponse HttpStatusError InvalidRequestError
        LinkDefaults LinkType MerchantConfig MerchantInfo NoReplyError NotFoundError
        NotSentError NotificationVerifier Outcome OutcomeUnknownError PayerMaxClient
        PayerMaxError PrivateKey PublicKey QueryLink QueryOrder QueryRefund Replay
        ReplyError ReplyMismatchError ReplySignatureError ReplyTooLargeError RetryPolicy
        RsaSigner RsaVerifier SignatureError Signer SkewPolicy ThrottledError TlsError
        Transport TransportError UnnamedReplyError UnreadableReplyError UserInfo
        ValidationError Verifier WebhookError
    """,
    "payermax_async.bulk": """
        AgeingLine AmountAt AskedLink AskedLinks BatchFigures BatchMismatchError
        BatchPlan BatchStatus BatchVerdict BulkBatch BulkControl BulkItem BulkProgress
        BulkRails BulkReport BulkRun BulkSource ClaimStanding CurrencyTotal DoneRow
        DoneState FailureGroup FileLimits FileSettings Journal JournalError JournalRow
        MemoryJournal OrderFile OrderFileError OrderRow PaidLink PaymentJournal
        PaymentMark PlannedRow PostgresJournal Rail RailTrippedError RowClaim RowInDoubt
        RowPayment RowProblem RowResult RowSettled RowState RunPaused RunResumed
        RunStatus SqliteJournal StateTotal UnpaidLinks WithdrawnLinks create_links
        expire_links link_id_of note_paid refresh write_template
    """,
    "payermax_async.closing": """
        BalanceSum ClosingDay CurrencyClose DayClose DayDifference DifferenceKind
        SideSum close_day closing_day
    """,
    "payermax_async.contrib": """
        OpenTelemetryHook PrometheusHook
    """,
    "payermax_async.fleet": """
        ChunkWork EnqueuedRows Fleet FleetBatch FleetStatus FleetWorker SharedQuota
        StuckChunk WorkerHealth WorkerStatus
    """,
    "payermax_async.hooks": """
        Attempt AttemptFinished AttemptStarted BreakerChanged BreakerState CallFinished
        CallNext CallStarted Clock Event FailedOver ForgetsConnections Headers Hook
        Limiter Middleware RetryScheduled SignatureRefused SkewMeasured SystemClock
        VouchesForPeers header_values
    """,
    "payermax_async.models": """
        AccountBalance AccountKind AnswerDispute AnsweredDispute
        AuthorizationType BillingInfo BuyerAccount BuyerDevice CancelledAmount
        CaptureMode CapturedAmount CardInfo ChangedRiskList CreatedLink
        CurrentBalances DayEndAccount DayEndBalances DayZone DisputeDetails
        DisputeStatus ExpiredLink Fees GoodsDetail LinkDetails LinkPayment
        LinkStatus Material MerchantFee Order OrderGoods OrderPlan Payer
        PaymentWays PaymentDetail PaymentStatus PeriodRule PlaceOrder
        PlacedOrder PlanAmount Problem RefundDetails RefundStatus RiskName
        SentMaterials ShippingInfo SubMerchant SubmittedRefund ThreeDsResult
        TrialPeriod
    """,
    "payermax_async.money": """
        LateMoney LateMoneyError LateMoneyReport LateReason MadeRefund MoneyBook
        PaymentFact ProposedRefund RefundFate RefundStanding find_late_money give_back
        refund_number
    """,
    "payermax_async.reconcile": """
        AskAgain Found LinkOutcome LinkState OpenLink OpenLinks Polling Reconciler
        ReconcilerLimits Round wait_until_paid
    """,
    "payermax_async.sandbox": """
        Duplicates FaultAction FaultHook FaultKind FaultPoint FaultRule FaultStage
        Faults GatewayPolicy LedgerPolicy Method NoticeKind PaymentOutcome PlacedFault
        SandboxAccount SandboxCredentials SandboxEngine SandboxMerchant SandboxOptions
        SandboxServer Trade VirtualClock load_scenario read_scenario
    """,
    "payermax_async.testing": """
        Answer FakeTransport Responder LocalSandbox MockedPosts NotificationFactory
        RecordedRequest RecordingTransport ReplayTransport SandboxTransport
        SignedNotification TransportContract json_reply script sign_notification
        signed_reply
    """,
    "payermax_async.webhooks": """
        ACKNOWLEDGEMENT CONTENT_TYPE AccountNotification AccountNotified AccountReceipt
        Alert AlertHook AlertKind Arrival BalanceChanged BalanceMovement
        BalanceNotification BillNotification BillNotified BillPaid BillPaymentResult
        CaptureFailed CaptureNotification CaptureNotified CaptureResult CaptureSucceeded
        Direction DisputeCase DisputeEnded DisputeInquiry DisputeNotification
        DisputeNotified DisputeOpened EntryState Expected ExpectedLookup Failure
        FailureHook FraudNotification FraudReport FraudReported Handler HandlerBackoff
        Handlers HeaderSource Inbox InboxError InformationRequest InformationRequested
        Intake LeaseLostError LinkNotPaid LinkNotification LinkPaid LinkPaidAgain
        LinkResult MemoryInbox MoneyReceived Notification NotificationKind
        NotificationVerifier NotifiedEvent ParkedBody PaymentAuthorized PaymentClosed
        PaymentFailed PaymentNotification PaymentPending PaymentResult PaymentSucceeded
        PayoutFailed PayoutNotification PayoutNotified PayoutResult PayoutReturned
        PayoutStatus PayoutSucceeded PostgresConnection PostgresInbox ReceiptStatus
        Receiver ReceiverLimits Receives RefundFailed RefundNotification RefundPending
        RefundResult RefundSucceeded Reply RfiNotification RunningBeside RunningReceiver
        SampleQuirk SignedNotification Source SqliteChanges SqliteInbox StepStatus
        StorageError Stored StoredNotification SubscriptionChanged SubscriptionNotPaid
        SubscriptionNotification SubscriptionPaid SubscriptionPaymentNotification
        SubscriptionPaymentNotified SubscriptionPaymentResult SubscriptionResult
        TokenActivated TokenEnded TokenNotification TokenNotified TokenResult
        TokenStatus TransactionHandler UnknownEvent UnknownNotification Verdict
        VoidFailed VoidNotification VoidNotified VoidResult VoidSucceeded WebhookApp
        WebhookReason ZeroPayment add_webhook build_notification dedupe_key
        sign_notification webhook_handler
    """,
}
"""The promise: what may be imported from where. All else is internal.

Who adds a name here promises to keep it; who takes one away breaks somebody's code.
"""

MOST_AT_THE_ROOT = 60
TWICE = {
    # The client's configuration makes one, and the receiver wants one.
    "NotificationVerifier": {"payermax_async", "payermax_async.webhooks"},
    # A merchant's tests look for doubles in one place.
    "SignedNotification": {"payermax_async.testing", "payermax_async.webhooks"},
    "sign_notification": {"payermax_async.testing", "payermax_async.webhooks"},
}
"""Names that have two homes, with the reason."""

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(payermax_async.__path__, "payermax_async.")
    if not module.name.endswith(".__main__")
)
NAMES = [(package, name) for package, names in PUBLIC.items() for name in names.split()]
each_package = pytest.mark.parametrize("package", PUBLIC)


def homes(package: str) -> dict[str, str]:
    """The module that each name of a public package lives in."""
    found: dict[str, str] = vars(importlib.import_module(package))["_HOMES"]
    return found


def imports_for_type_checkers(package: str) -> dict[str, str]:
    """Name to module, from the ``if TYPE_CHECKING`` block of a package."""
    found: dict[str, str] = {}
    source = inspect.getsource(importlib.import_module(package))
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == (
            "TYPE_CHECKING"
        ):
            for line in statement.body:
                assert isinstance(line, ast.ImportFrom)
                module = (line.module or "").removeprefix("payermax_async.")
                found |= {name.asname or name.name: module for name in line.names}
    return found


@each_package
def test_a_public_package_exports_what_is_promised_and_no_more(package: str) -> None:
    exported: list[str] = importlib.import_module(package).__all__
    assert sorted(exported) == sorted(PUBLIC[package].split())


def test_the_root_stays_small_enough_to_be_read() -> None:
    assert len(PUBLIC["payermax_async"].split()) <= MOST_AT_THE_ROOT


@each_package
def test_the_three_lists_of_a_public_package_are_equal(package: str) -> None:
    exported: list[str] = importlib.import_module(package).__all__
    assert exported == list(homes(package)), "__all__ and _HOMES"
    assert imports_for_type_checkers(package) == homes(package), "TYPE_CHECKING"


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_a_public_name_is_what_its_home_module_exports(package: str, name: str) -> None:
    home = importlib.import_module(f"payermax_async.{homes(package)[name]}")
    assert name in home.__all__
    assert getattr(importlib.import_module(package), name) is getattr(home, name)


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_a_public_name_says_what_it_is(package: str, name: str) -> None:
    value: object = getattr(importlib.import_module(package), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        text = value.__doc__ or ""
        # What attrs and enum write themselves says nothing.
        assert text
        assert not text.startswith(f"{name}(")
    else:
        assert described(f"payermax_async.{homes(package)[name]}", name)


def described(module: str, name: str) -> bool:
    """Whether a string stands below the assignment of a constant or an alias."""
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and name in {
            ast.unparse(target)
            for target in getattr(statement, "targets", [])
            or [getattr(statement, "target", statement)]
        }:
            return (
                isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
                and isinstance(following.value.value, str)
            )
    return False


def test_a_name_has_one_public_home() -> None:
    found: dict[str, set[str]] = {}
    for package, name in NAMES:
        found.setdefault(name, set()).add(package)
    assert {name: at for name, at in found.items() if len(at) > 1} == TWICE


def test_every_error_can_be_imported_from_the_root() -> None:
    raised = {
        name
        for name in errors.__all__
        if isinstance(thing := getattr(errors, name), type)
        and issubclass(thing, Exception)
    }
    assert raised | {"Outcome"} <= set(payermax_async.__all__)


@pytest.mark.parametrize("error", sorted(errors.__all__))
def test_an_error_pickles_by_a_path_that_leads_to_it(error: str) -> None:
    thing = getattr(errors, error)
    assert pickle.loads(pickle.dumps(thing)) is thing


@each_package
def test_dir_lists_what_was_not_loaded_yet(package: str) -> None:
    loaded = importlib.import_module(package)
    assert set(loaded.__all__) <= set(dir(loaded))


def imports_of(source: str) -> Iterator[tuple[str, str]]:
    """What a piece of Python imports of this package: from where, and which name."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    for node in ast.walk(compile(source, "<shown>", "exec", flags)):
        if isinstance(node, ast.Import):
            yield from (("", n.name) for n in node.names if is_ours(n.name))
        elif isinstance(node, ast.ImportFrom) and is_ours(node.module or ""):
            yield from ((node.module or "", alias.name) for alias in node.names)


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "payermax_async"


def shown() -> Iterator[tuple[str, str]]:
    """Every piece of Python that a reader is shown: in guides, and in docstrings."""
    guides = [*FOLDER.rglob("*.md"), *FOLDER.parent.glob("*.md")]
    for guide in guides:
        for block in blocks(guide.read_text(encoding="utf-8")):
            if block.language == "python":
                yield f"{guide.name}:{block.line}", block.text
    finder = doctest.DocTestFinder(exclude_empty=True)
    for package, name in NAMES:
        for found in finder.find(getattr(importlib.import_module(package), name), name):
            if found.examples:
                text = "".join(example.source for example in found.examples)
                yield f"{package}.{found.name}", text


SHOWN = dict(shown())


def internal(source: str) -> list[tuple[str, str]]:
    """What a piece of Python imports that nobody promised."""
    promised = {(package, name) for package, name in NAMES}
    return [found for found in imports_of(source) if found not in promised]


@pytest.mark.parametrize("place", sorted(SHOWN))
def test_what_readers_are_shown_imports_public_names_only(place: str) -> None:
    assert internal(SHOWN[place]) == []


@pytest.mark.parametrize(
    "source",
    [
        "from payermax_async.core.errors import Outcome",
        "from payermax_async import LinkPaid",
        "async with x():\n    import payermax_async.client",
        "from payermax_async.webhooks.asgi import WebhookApp\nawait y",
    ],
)
def test_an_internal_import_in_a_guide_is_seen(source: str) -> None:
    assert internal(source)


def test_the_guides_were_read() -> None:
    assert len([place for place in SHOWN if place.startswith("README.md")]) > 3
    assert any(place.startswith("frameworks.md") for place in SHOWN)


def test_the_guide_lists_the_public_packages() -> None:
    text = (FOLDER / "guides" / "stability.md").read_text(encoding="utf-8")
    section = text.partition("\n## What is public\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE)) == set(PUBLIC)
    assert "Every other module is internal" in section


@pytest.mark.parametrize("guide", [*FOLDER.rglob("*.md"), *FOLDER.parent.glob("R*.md")])
def test_a_guide_names_modules_and_files_that_exist(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    named = set(re.findall(r"`(payermax_async(?:\.\w+)*)`", text))
    for name in named - {"payermax_async"}:
        package, _, last = name.rpartition(".")
        assert (package, last) in NAMES or name in PUBLIC, name
    for path in re.findall(r"`(payermax_async/[\w/.]+)`", text):
        assert (FOLDER.parent / path).exists(), path


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchName'"):
        getattr(payermax_async, "NoSuchName")  # noqa: B009 - a checker would object


def newly_loaded(statement: str) -> set[str]:
    """Top-level modules that a statement loads into a fresh interpreter."""
    program = f"""
import json, sys
before = set(sys.modules)
{statement}
print(json.dumps(sorted({{m.partition(".")[0] for m in set(sys.modules) - before}})))
"""
    child = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(json.loads(child.stdout))


def test_importing_a_public_package_loads_nothing_but_the_standard_library() -> None:
    loaded = newly_loaded(f"import {', '.join(PUBLIC)}")
    assert loaded - sys.stdlib_module_names == {"payermax_async"}
    assert "asyncio" not in loaded


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("PayerMaxError", {"aiohttp", "cattrs", "Crypto"}),
        ("CreateLink", {"aiohttp", "Crypto"}),
        ("NotificationVerifier", {"aiohttp"}),
        ("PayerMaxClient", {"aiohttp"}),
    ],
)
def test_a_name_loads_only_what_it_needs(name: str, absent: set[str]) -> None:
    loaded = newly_loaded(f"from payermax_async import {name}")
    assert not loaded & (absent | {"cyclopts", "jinja2", "rich", "segno"})


@pytest.mark.parametrize("module", MODULES)
def test_every_module_declares_what_it_exports(module: str) -> None:
    loaded = importlib.import_module(module)
    assert loaded.__doc__
    assert loaded.__doc__.strip(". \n"), "a module says what it is for"
    tree = ast.parse(inspect.getsource(loaded))
    if any(not isinstance(node, ast.Expr) for node in tree.body):
        missing = [name for name in loaded.__all__ if not hasattr(loaded, name)]
        assert missing == []


def undocumented(name: str, thing: object) -> Iterator[str]:
    """Public classes, functions and methods without a docstring."""
    if (inspect.isclass(thing) or inspect.isfunction(thing)) and not thing.__doc__:
        yield name
    for attribute in vars(thing) if inspect.isclass(thing) else ():
        value = getattr(thing, attribute)
        described = inspect.isroutine(value) or isinstance(value, property)
        if described and not attribute.startswith("_") and not inspect.getdoc(value):
            yield f"{name}.{attribute}"


@pytest.mark.parametrize("module", MODULES)
def test_whatever_a_module_exports_is_documented(module: str) -> None:
    loaded = importlib.import_module(module)
    names: list[str] = getattr(loaded, "__all__", [])
    lacking = [
        line for name in names for line in undocumented(name, vars(loaded)[name])
    ]
    assert lacking == []
