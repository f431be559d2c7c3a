"""The gateway's codes about requests: system, set-up, fields, orders, refunds.

The codes come from PayerMax's "transaction status and error codes" appendix,
its older flat list, and the payout and exchange-rate pages. PayerMax publishes
no advice on sending again outside payouts; those answers are chosen here so
that a wrong guess costs a query, never a second charge. Codes about the payer
are in :mod:`payermax_async.core.codes.payer_codes`.
"""

from __future__ import annotations

from payermax_async.core.codes.info import CodeInfo, CodeKind, Resend, group

__all__ = ["REQUEST_CODES"]

_SYSTEM = (
    *group(
        CodeKind.SUCCESS,
        Resend.NO,
        {
            "APPLY_SUCCESS": (
                "PayerMax accepted the request, which does not mean anyone has paid.",
                "Wait for the notification or query before treating it as paid.",
            ),
        },
    ),
    *group(
        CodeKind.SYSTEM,
        Resend.QUERY_FIRST,
        {
            "SYSTEM_ERROR": (
                "PayerMax failed inside and does not say how far it got.",
                "Query the result, then repeat the same request with growing pauses.",
            ),
            "REQUEST_TIMEOUT": (
                "PayerMax got no result in time, so the work may still complete.",
                "Query the result before sending anything again.",
            ),
            "UNEXPECTED_ERROR": (
                "Something failed that PayerMax has no code for.",
                "Query the result before sending anything again.",
            ),
            # Documented for exchange-rate reads only, where a plain repeat would
            # do; should a write ever get it, "system failure" settles nothing.
            "SYSTEM_BUSY": (
                "PayerMax's system failed or was too busy to answer properly.",
                "Query the result, then repeat the same request with growing pauses.",
            ),
        },
    ),
    *group(
        CodeKind.THROTTLED,
        # Probably refused at the door, but no page says so.
        Resend.QUERY_FIRST,
        {
            "TOO_MANY_REQUEST": (
                "Too many requests to this operation were running at once.",
                "Lower the concurrency, pause, and query before repeating a write.",
            ),
        },
    ),
    *group(
        CodeKind.OTHER,
        Resend.SAME,
        {
            "REQ_TIME_OVER_TIME": (
                "The request's time was over two minutes away from PayerMax's clock.",
                "Synchronise this machine's clock, and sign just before sending.",
            ),
        },
    ),
)

_SETUP = group(
    CodeKind.AUTHENTICATION,
    Resend.NO,
    {
        "SIGN_VERIFY_FAILED": (
            "The signature does not fit the bytes and the public key on file.",
            "Check that this private key belongs to the public key you uploaded.",
        ),
        "MERCHANT_INVALID": (
            "The merchant number is unknown here or has been taken offline.",
            "Check the merchant number and the environment, then ask PayerMax.",
        ),
        "MERCHANT_APP_INVALID": (
            "No signature key is configured for this app.",
            "Upload the public key in the merchant portal and check the app id.",
        ),
        "ILLEGAL_IP_REQUEST": (
            "The request came from an IP address that is not on the allow-list.",
            "Have PayerMax register the public address your requests leave from.",
        ),
        "CONTRACT_INVALID": (
            "No active contract covers this country, payment method or currency.",
            "Use what your contract covers, or ask PayerMax to extend it.",
        ),
        "MERCHANT_SIGNED_PRODUCT_ERROR": (
            "The merchant has no contract for this product.",
            "Ask PayerMax to add the product to your contract.",
        ),
        "CONTRACT_ERROR": (
            "PayerMax could not establish which contract applies.",
            "Ask PayerMax to check your contract.",
        ),
        "ONBOARD_ERROR": (
            "The merchant is not registered with the payment channel yet.",
            "Complete the onboarding for this channel with PayerMax.",
        ),
        "MER_CONFIG_ERROR": (
            "Choosing 3-D Secure per payment is not enabled for this merchant.",
            "Ask PayerMax to enable dynamic 3-D Secure.",
        ),
        "AUTH_NOT_SUPPORT": (
            "Authorising first and capturing later is not in the contract.",
            "Ask PayerMax to add authorisation and capture to your contract.",
        ),
        "PRE_AUTH_NOT_SUPPORT": (
            "Pre-authorisation is not in the contract.",
            "Ask PayerMax to add pre-authorisation to your contract.",
        ),
    },
)

_FIELDS = group(
    CodeKind.INVALID,
    Resend.NO,
    {
        "PARAMS_INVALID": (
            "A field is missing, of the wrong type, or outside its length limits.",
            "Correct the field that PayerMax's message names.",
        ),
        "PARTICIPANT_INVALID": (
            "A participant of the split payment is not valid.",
            "Correct the list of participants.",
        ),
        "AMOUNT_INVALID": (
            "The amount is not correct.",
            "Check the amount and how many decimals its currency takes.",
        ),
        "COUNTRY_INVALID": (
            "PayerMax does not know or support the country.",
            "Use a two-letter country code that PayerMax supports.",
        ),
        "CURRENCY_INVALID": (
            "PayerMax does not know or support the currency.",
            "Use a three-letter currency code that PayerMax supports.",
        ),
        "AMOUNT_LIMIT": (
            "The amount is outside the limits of the payment method.",
            "Change the amount, or offer another payment method.",
        ),
        "AMOUNT_LIMIT_MINIMUM": (
            "The amount is below what the payment method allows.",
            "Raise the amount, or offer another payment method.",
        ),
        "AMOUNT_LIMIT_MAXIMUM": (
            "The amount is above what the payment method allows.",
            "Lower the amount, or offer another payment method.",
        ),
        "PAYMENT_METHOD_NOT_EXIST": (
            "PayerMax does not know the payment method.",
            "Choose a payment method from PayerMax's list.",
        ),
        "PAYMENT_TOKEN_ID_INVALID": (
            "The payment token is wrong or no longer bound.",
            "Have the payer bind the payment method again to get a new token.",
        ),
        "REFUND_NO_INVALID": (
            "The refund carries the same number as the payment.",
            "Give the refund a number of its own.",
        ),
    },
)

_ORDERS = (
    *group(
        CodeKind.CONFLICT,
        Resend.QUERY_FIRST,
        {
            "ORDER_REPEAT": (
                "The order number was used before, perhaps by your earlier attempt.",
                "Query the number and compare before choosing a new one.",
            ),
        },
    ),
    *group(
        CodeKind.NOT_FOUND,
        # A fresh order may stay invisible for a while: PayerMax's payout pages
        # want "not found" repeated over minutes before it is believed.
        Resend.LATER,
        {
            "ORDER_NOT_EXIST": (
                "PayerMax knows no order under this number, or not yet.",
                "Check the number and environment, and ask again after some minutes.",
            ),
        },
    ),
    *group(
        CodeKind.OTHER,
        Resend.QUERY_FIRST,
        {
            "PAYMENT_PROCESSING": (
                "The payment is under way and its result is still open.",
                "Query until the result is final, and never charge a second time.",
            ),
            "PAYMENT_PENDING": (
                "The payout is under way and its result is still open.",
                "Query until the result is final, and never pay out a second time.",
            ),
        },
    ),
    *group(
        CodeKind.OTHER,
        Resend.NO,
        {
            "ORDER_CLOSED": (
                "The order is closed and takes no further action.",
                "Start a new order if the payment is still wanted.",
            ),
            "ORDER_CLOSE_FAILED": (
                "The order has already succeeded or failed and cannot be closed.",
                "Query the order to learn how it ended.",
            ),
        },
    ),
    *group(
        CodeKind.PAYER,
        Resend.LATER,
        {
            "PAYMENT_METHOD_SUSPEND": (
                "The payment method is switched off for the time being.",
                "Offer another payment method, or try again later.",
            ),
        },
    ),
)

_REFUNDS = (
    *group(
        CodeKind.REFUND,
        Resend.NO,
        {
            "REFUND_FAILED": (
                "The refund, or a partial one, is not possible for this payment.",
                "Read PayerMax's message, and give the money back another way.",
            ),
            "RDR_REFUNDED_NOT_SUPPORT_RETRY": (
                "Visa's dispute service has already returned the money.",
                "Do not refund this payment again.",
            ),
        },
    ),
    *group(
        CodeKind.REFUND,
        Resend.LATER,
        {
            "REFUND_INSUFFICIENT_BALANCE": (
                "The balance waiting for settlement is smaller than the refund.",
                "Repeat with the same refund number once new payments have come in.",
            ),
        },
    ),
)

_PAYOUTS = group(
    CodeKind.OTHER,
    Resend.LATER,
    {
        "INSUFFICIENT_QUOTA": (
            "The payout account does not hold enough for this payout.",
            "Top up the account, then repeat the payout with the same number.",
        ),
        "BANK_NOT_AVAILABLE": (
            "The payee's bank cannot be reached at the moment.",
            "Repeat the payout with the same number later.",
        ),
        "PROVIDER_FAILED_PROCESS": (
            "The payout provider failed to process the payout.",
            "Query the payout, and repeat it with the same number later.",
        ),
    },
)

REQUEST_CODES: tuple[CodeInfo, ...] = (
    *_SYSTEM,
    *_SETUP,
    *_FIELDS,
    *_ORDERS,
    *_REFUNDS,
    *_PAYOUTS,
)
"""Every known code that is not about the payer."""
