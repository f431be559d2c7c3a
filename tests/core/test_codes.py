"""The catalogue of gateway codes and the errors made from it."""

from __future__ import annotations

import pickle
import re
import unicodedata

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core import cleaning
from payermax_async.core.codes import lookup as codes
from payermax_async.core.codes.lookup import CodeInfo, CodeKind, Resend
from payermax_async.core.errors import (
    ApiError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    Outcome,
    PayerMaxError,
    ThrottledError,
)

AMBIGUOUS = {
    "PAYMENT_PENDING",
    "PAYMENT_PROCESSING",
    "REQUEST_TIMEOUT",
    "SYSTEM_BUSY",
    "SYSTEM_ERROR",
    "TOO_MANY_REQUEST",
    "UNEXPECTED_ERROR",
}

# PayerMax's published lists, section by section.
PUBLISHED = {
    "system": """
        APPLY_SUCCESS SYSTEM_ERROR REQUEST_TIMEOUT UNEXPECTED_ERROR
        REQ_TIME_OVER_TIME TOO_MANY_REQUEST ILLEGAL_IP_REQUEST SYSTEM_BUSY""",
    "set-up": """
        SIGN_VERIFY_FAILED MERCHANT_INVALID MERCHANT_APP_INVALID PARAMS_INVALID
        CONTRACT_INVALID MERCHANT_SIGNED_PRODUCT_ERROR CONTRACT_ERROR ONBOARD_ERROR
        MER_CONFIG_ERROR AUTH_NOT_SUPPORT PRE_AUTH_NOT_SUPPORT PARTICIPANT_INVALID""",
    "business": """
        AMOUNT_INVALID COUNTRY_INVALID CURRENCY_INVALID AMOUNT_LIMIT
        AMOUNT_LIMIT_MINIMUM AMOUNT_LIMIT_MAXIMUM PAYMENT_METHOD_NOT_EXIST
        PAYMENT_METHOD_SUSPEND ORDER_REPEAT ORDER_NOT_EXIST ORDER_CLOSED
        ORDER_CLOSE_FAILED PAYMENT_PROCESSING BALANCE_INSUFFICIENT
        RDR_REFUNDED_NOT_SUPPORT_RETRY PAYMENT_TOKEN_ID_INVALID""",
    "payer": """
        PAYMENT_FAILED PAYMENT_CANCELED ISSUER_PAYMENT_REJECTED PAYMENT_REJECTED
        RISK_FAILED RISK_BLACK_LIST_FAILED DECLINED_BY_MERCHANT_BLACKLIST
        AUTHENTICATE_FAILED AUTH_FAILED AUTH_EXPIRED OTP_VERIFY_FAILED
        OTP_VERIFY_LIMIT OVER_VERIFY_LIMIT PIN_INVALID PIN_VERIFY_LIMIT
        BARCODE_REFRESH_LIMIT BARCODE_REFRESH_FAILED CARD_INVALID
        CARD_EXPIRE_DATE_INVALID CARD_HOLDER_NAME_INVALID CVV_INVALID UNSUPPORT_CARD
        ACCOUNT_INVALID ACCOUNT_BLOCKED PHONE_NUM_INVALID EMAIL_INVALID UPI_INVALID
        BANKCODE_INVALID ID_NUM_INVALID DOCUMENT_INVALID TCK_INVALID CNIC_INVALID
        DATE_INVALID PAYEE_NAME_INVALID REMARK_INVALID""",
    "refund": "REFUND_FAILED REFUND_NO_INVALID REFUND_INSUFFICIENT_BALANCE",
    "payout": """
        INSUFFICIENT_QUOTA BANK_NOT_AVAILABLE PAYMENT_PENDING
        PROVIDER_FAILED_PROCESS""",
}


def refuse(code: str, message: str = "", **facts: str) -> ApiError:
    return codes.error_from_reply(
        code=code,
        api_message=message,
        verified=True,
        operation=facts.get("operation"),
        merchant_key=facts.get("merchant_key"),
    )


def failures() -> list[CodeInfo]:
    return [info for info in codes.known_codes() if info.kind is not CodeKind.SUCCESS]


def test_the_catalogue_is_exactly_the_published_codes_sorted_and_each_once() -> None:
    published = " ".join(PUBLISHED.values()).split()
    listed = [info.code for info in codes.known_codes()]
    assert listed == sorted(published)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("info", codes.known_codes(), ids=lambda info: info.code)
def test_every_entry_can_be_looked_up_and_reads_as_one_sentence(
    info: CodeInfo,
) -> None:
    assert codes.lookup(info.code) is info
    for sentence in (info.meaning, info.remedy):
        assert re.fullmatch(r"[A-Z][^.!?\n]*\.", sentence)
    # An instruction opens with a bare verb, not with "You" or "The".
    assert info.remedy.split()[0] not in {"The", "You", "This", "It", "A", "Your"}


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(CodeInfo)])
def test_an_entry_cannot_be_changed(name: str) -> None:
    info = codes.known_codes()[0]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(info, name, "x")


@pytest.mark.parametrize("code", ["", "xx", "order_repeat", " ORDER_REPEAT"])
def test_a_code_is_looked_up_as_spelt(code: str) -> None:
    assert codes.lookup(code) is None


def test_the_derived_sets() -> None:
    assert codes.AMBIGUOUS_CODES == AMBIGUOUS
    assert codes.DUPLICATE_CODES == {"ORDER_REPEAT"}
    assert codes.NOT_FOUND_CODES == {"ORDER_NOT_EXIST"}


@pytest.mark.parametrize("info", failures(), ids=lambda info: info.code)
def test_only_an_ambiguous_code_leaves_the_outcome_open(info: CodeInfo) -> None:
    expected = Outcome.UNKNOWN if info.code in AMBIGUOUS else Outcome.REJECTED
    assert codes.outcome_of(info.code) is expected
    assert refuse(info.code).outcome is expected


@pytest.mark.parametrize("info", failures(), ids=lambda info: info.code)
def test_an_unsigned_code_says_something_only_where_it_is_to_be_trusted(
    info: CodeInfo,
) -> None:
    def outcome(**facts: bool) -> Outcome:
        return codes.outcome_of(info.code, **facts)

    assert outcome(verified=False) is Outcome.UNKNOWN
    assert outcome(verified=False, trusted=True) is outcome(verified=True)
    assert outcome(verified=True, trusted=False) is outcome(verified=True)


@pytest.mark.parametrize(
    "code", ["GATEWAY_TIMEOUT", "504", "FAIL", "", "order_not_exist", "PARAMS_INVALID "]
)
def test_a_code_that_nobody_published_settles_only_a_question_and_only_when_signed(
    code: str,
) -> None:
    for trusted in (True, False):
        for asked in (True, False):
            facts = {"trusted": trusted, "asked": asked}
            unsigned = codes.outcome_of(code, verified=False, **facts)
            assert unsigned is Outcome.UNKNOWN
            signed = codes.outcome_of(code, verified=True, **facts)
            assert signed is (Outcome.REJECTED if asked else Outcome.UNKNOWN)


def test_only_a_signed_code_that_nobody_published_is_an_answer_to_look_into() -> None:
    assert codes.is_uncharted(refuse("BRAND_NEW_CODE"))
    assert not codes.is_uncharted(refuse("PARAMS_INVALID"))
    assert not codes.is_uncharted(PayerMaxError("x"))
    unsigned = codes.error_from_reply(
        code="BRAND_NEW_CODE", api_message="", verified=False
    )
    assert not codes.is_uncharted(unsigned)


@pytest.mark.parametrize("info", failures(), ids=lambda info: info.code)
def test_what_may_be_sent_again_is_never_an_open_outcome(info: CodeInfo) -> None:
    if info.resend in {Resend.SAME, Resend.LATER}:
        assert codes.outcome_of(info.code) is Outcome.REJECTED
    if info.kind is CodeKind.PAYER:
        assert info.resend in {Resend.NO, Resend.LATER}


@pytest.mark.parametrize(
    ("code", "resend"),
    [
        ("REQ_TIME_OVER_TIME", Resend.SAME),
        ("TOO_MANY_REQUEST", Resend.QUERY_FIRST),
        ("ORDER_REPEAT", Resend.QUERY_FIRST),
        ("ORDER_NOT_EXIST", Resend.LATER),
        ("PAYMENT_METHOD_SUSPEND", Resend.LATER),
        ("REFUND_INSUFFICIENT_BALANCE", Resend.LATER),
        ("SIGN_VERIFY_FAILED", Resend.NO),
        ("PARAMS_INVALID", Resend.NO),
        ("ORDER_CLOSE_FAILED", Resend.NO),
        ("RDR_REFUNDED_NOT_SUPPORT_RETRY", Resend.NO),
    ],
)
def test_may_it_be_sent_again(code: str, resend: Resend) -> None:
    info = codes.lookup(code)
    assert info is not None
    assert info.resend is resend


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("SYSTEM_ERROR", ApiError),
        ("PAYMENT_PROCESSING", ApiError),
        ("RISK_FAILED", ApiError),
        ("REFUND_FAILED", ApiError),
        ("REQ_TIME_OVER_TIME", ApiError),
        ("SIGN_VERIFY_FAILED", AuthenticationError),
        ("MERCHANT_APP_INVALID", AuthenticationError),
        ("ILLEGAL_IP_REQUEST", AuthenticationError),
        ("CONTRACT_INVALID", AuthenticationError),
        ("PARAMS_INVALID", InvalidRequestError),
        ("AMOUNT_LIMIT", InvalidRequestError),
        ("TOO_MANY_REQUEST", ThrottledError),
        ("ORDER_NOT_EXIST", NotFoundError),
        ("ORDER_REPEAT", ConflictError),
        ("BRAND_NEW_CODE", ApiError),
    ],
)
def test_the_error_is_the_leaf_by_what_the_caller_should_do(
    code: str, expected: type[ApiError]
) -> None:
    assert codes.error_class(code) is expected
    assert type(refuse(code)) is expected


def test_success_is_never_made_into_an_error() -> None:
    success = codes.lookup(codes.SUCCESS_CODE)
    assert success is not None
    assert success.kind is CodeKind.SUCCESS
    for judge in (codes.error_class, codes.outcome_of, refuse):
        with pytest.raises(ValueError, match="no failure"):
            judge(codes.SUCCESS_CODE)


def test_the_error_carries_the_facts_of_the_call_also_when_pickled() -> None:
    error = codes.error_from_reply(
        code="PARAMS_INVALID",
        api_message="subject: length must be 1 - 256, was 300",
        verified=True,
        operation="createPaybylink",
        merchant_key="L-1",
        attempts=2,
        retry_after=1.5,
        elapsed=0.25,
    )
    for seen in (error, pickle.loads(pickle.dumps(error))):
        assert isinstance(seen, InvalidRequestError)
        assert (seen.code, seen.verified, seen.outcome) == (
            "PARAMS_INVALID",
            True,
            Outcome.REJECTED,
        )
        assert seen.api_message == "subject: length must be 1 - 256, was 300"
        assert (seen.operation, seen.merchant_key) == ("createPaybylink", "L-1")
        assert (seen.attempts, seen.retry_after, seen.elapsed) == (2, 1.5, 0.25)
        assert seen.remedy == "Correct the field that PayerMax's message names."
        assert str(seen) == (
            "createPaybylink was refused with PARAMS_INVALID: subject: length must"
            " be 1 - 256, was 300. Correct the field that PayerMax's message names."
        )


def test_the_caller_can_overrule_the_outcome() -> None:
    error = codes.error_from_reply(
        code="PARAMS_INVALID", api_message="", verified=False, outcome=Outcome.UNKNOWN
    )
    assert error.outcome is Outcome.UNKNOWN
    assert str(error).startswith(
        "the request was answered with PARAMS_INVALID (reply not signed)."
        " Whether it was carried out is unknown. "
    )


@pytest.mark.parametrize("outcome", [None, Outcome.UNKNOWN])
def test_an_outcome_left_open_by_the_caller_follows_from_the_code(
    outcome: Outcome | None,
) -> None:
    error = codes.error_from_reply(
        code="SYSTEM_ERROR", api_message="busy", verified=True, outcome=outcome
    )
    assert error.outcome is Outcome.UNKNOWN
    assert "SYSTEM_ERROR: busy. Whether it was carried out is unknown." in str(error)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("BRAND_NEW_CODE", "BRAND_NEW_CODE"),
        ("", "an empty code"),
        ("A\r\nB", "A B"),
        ("X" * 500, "X" * 63 + "\N{HORIZONTAL ELLIPSIS}"),
        ("4111111111111111", "***"),
    ],
)
def test_an_unknown_code_is_kept_raw_but_shown_harmless(code: str, shown: str) -> None:
    error = refuse(code, operation="refund")
    assert error.code == code
    assert error.remedy == ""
    assert error.outcome is Outcome.UNKNOWN
    assert str(error) == (
        f"refund was answered with {shown}. Whether it was carried out is unknown. "
        "The code is not in the catalogue."
    )


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("", ""),
        (" Success \n", "Success"),
        ("amount 10.50 exceeds 9999.99 IDR", "amount 10.50 exceeds 9999.99 IDR"),
        ("length 300 not in 1-256", "length 300 not in 1-256"),
        ("limits 10.00-5000.00", "limits 10.00-5000.00"),
        ("ip 192.168.100.200", "ip 192.168.100.200"),
        ("seven 1234567 stays", "seven 1234567 stays"),
        ("eight 12345678 goes", "eight *** goes"),
        ("card 4111111111111111 bad", "card *** bad"),
        ("card 4111 1111 1111 1111 bad", "card *** bad"),
        ("card 4111-1111-1111-1111", "card ***"),
        ("card 4111 - 1111 - 1111", "card 4111 - 1111 - 1111"),
        ("card 4111.1111.1111.1111", "card ***"),
        ("card 4111\n1111\x001111\u20281111", "card ***"),
        ("card 4111\u200b1111\u00ad1111", "card ***"),
        ("card 4111\u20131111\u00a01111", "card ***"),
        ("card \uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11", "card ***"),
        ("id TR12345678901X", "id TR***X"),
        ("call +90 555 123 45 67 now", "call +*** now"),
        ("call 555.123.4567 now", "call *** now"),
        ("mail a.b+c@shop.example wrong", "mail *** wrong"),
        ("mail=a@b.example;next", "mail=***;next"),
        ("<kim@例子.example>", "<***>"),
        ("kim\u200d@\u200bshop.example", "***"),
        ("at @ sign alone", "at @ sign alone"),
        ("red \x1b[31mink\x07", "red [31mink"),
        ("turn\u202e around", "turn around"),
        ("lone \ud800 half", "lone half"),
        ("参数错误", "参数错误"),
    ],
)
def test_a_message_is_cleaned(raw: str, clean: str) -> None:
    assert cleaning.clean_message(raw) == clean
    error = refuse("PARAMS_INVALID", raw)
    assert error.api_message == clean
    if clean:
        assert f"PARAMS_INVALID: {clean}" in str(error)


def test_a_long_message_is_cut_after_masking() -> None:
    fill = cleaning.MESSAGE_LIMIT - 10
    cut = cleaning.clean_message("x" * fill + " 4111111111111111 " + "y" * 500)
    assert len(cut) == cleaning.MESSAGE_LIMIT
    assert cut == "x" * fill + " *** yyyy\N{HORIZONTAL ELLIPSIS}"
    whole = "z" * cleaning.MESSAGE_LIMIT
    assert cleaning.clean_message(whole) == whole


NOISE = st.text(
    st.sampled_from("\x00\n\x1b\u202e\u200b\u2066\ufeff\U000e0041 -_0123456789ab@.é例"),
    max_size=400,
)


@given(NOISE | st.text())
def test_no_message_keeps_controls_or_long_numbers(raw: str) -> None:
    clean = cleaning.clean_message(raw)
    assert len(clean) <= cleaning.MESSAGE_LIMIT
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in clean)
    assert not set(clean) & set("\u202e\u200b\u2066\ufeff\U000e0041\u2028\u2029")
    assert re.search(r"\d{8}", clean) is None
    assert re.search(r"[a-z0-9]@[a-z0-9]", clean) is None


@given(NOISE | st.text())
def test_cleaning_twice_changes_nothing_more(raw: str) -> None:
    once = cleaning.clean_message(raw)
    assert cleaning.clean_message(once) == once


@given(
    digits=st.from_regex(r"[0-9]{12,19}", fullmatch=True),
    separator=st.sampled_from(["", " ", "-", "\u200b", "\n", "\x00", "_", "\u2011"]),
    before=st.text("ab ", max_size=320),
)
def test_no_card_number_survives_however_it_is_grouped(
    digits: str, separator: str, before: str
) -> None:
    groups = separator.join(digits[at : at + 4] for at in range(0, len(digits), 4))
    error = refuse("CARD_INVALID", f"{before}no. {groups} is wrong")
    for text in (str(error), repr(error), error.api_message):
        assert re.search(r"\d", text) is None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ORDER_REPEAT", "ORDER_REPEAT"),
        ("order repeated", "ORDER_REPEAT"),
        (" sign-verify-fail ", "SIGN_VERIFY_FAILED"),
        ("TOO_MANY_REQUESTS", "TOO_MANY_REQUEST"),
        ("PAYMENT_CANCELLED", "PAYMENT_CANCELED"),
        ("PARAM_INVALID", "PARAMS_INVALID"),
    ],
)
def test_a_misspelt_code_finds_its_neighbours_best_first(
    typed: str, expected: str
) -> None:
    found = codes.closest(typed)
    assert found[0] == expected
    assert len(found) <= 3
    assert all(codes.lookup(code) for code in found)


@pytest.mark.parametrize("typed", ["", "42", "qqqq", "Q" * 100_000])
def test_nothing_near_finds_nothing(typed: str) -> None:
    assert codes.closest(typed) == ()
