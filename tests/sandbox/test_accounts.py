"""Several merchants and service providers, each with an address of its own."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import attrs
import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import ApiError, ConfigurationError
from payermax_async.sandbox.admin.actions import pay
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.scenario import read_scenario
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.sandbox import SandboxTransport, sandbox_in_process

from .kit import ABSENT, create

SCENARIO = """
    [sandbox]
    waived = ["notifyUrl"]

    [notifications]
    url = "http://127.0.0.1:5000/own"

    [[merchant]]
    merchant_no = "SUB1"
    sp_merchant_no = "SP18440851"
    auth_token = "token-of-sub-1"
    notify_url = "http://127.0.0.1:5000/sub-1"

    [[merchant]]
    merchant_no = "SUB2"
    sp_merchant_no = "SP18440851"
    auth_token = "token-of-sub-2"
"""


def sandbox(
    credentials: SandboxCredentials, more: str = ""
) -> AbstractAsyncContextManager[SandboxEngine]:
    return sandbox_in_process(
        credentials=credentials, options=read_scenario(SCENARIO + more)
    )


def client_of(engine: SandboxEngine, **changes: str) -> PayerMaxClient:
    names = {
        **engine.environment("http://127.0.0.1:9"),
        "PAYERMAX_MERCHANT_NO": "SUB1",
        "PAYERMAX_SP_MERCHANT_NO": "SP18440851",
        "PAYERMAX_MERCHANT_AUTH_TOKEN": "token-of-sub-1",
        **changes,
    }
    config = MerchantConfig.from_env(names)
    return PayerMaxClient(config, transport=SandboxTransport(engine.gateway))


async def test_a_service_provider_asks_for_its_merchants(
    credentials: SandboxCredentials,
) -> None:
    async with sandbox(credentials) as engine:
        data = create(notifyUrl=ABSENT)
        async with client_of(engine) as one:
            made = await one.call_raw("createPaybylink", data, version="1.1")
            pay(engine, str(made["linkId"]))
            await engine.notifier.settled()
        (notice, *_) = engine.notifier.deliveries
        assert notice.notice.url == "http://127.0.0.1:5000/sub-1"
        assert notice.notice.owner.merchant_no == "SUB1"
        other = {
            "PAYERMAX_MERCHANT_NO": "SUB2",
            "PAYERMAX_MERCHANT_AUTH_TOKEN": "token-of-sub-2",
        }
        async with client_of(engine, **other) as two:
            # Another merchant's name space: the same id is a new one.
            await two.call_raw("createPaybylink", data, version="1.1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"PAYERMAX_MERCHANT_AUTH_TOKEN": "token-of-sub-2"},
        {"PAYERMAX_SP_MERCHANT_NO": "SP1"},
        {"PAYERMAX_MERCHANT_NO": "SUB3"},
    ],
)
async def test_a_wrong_token_provider_or_merchant_is_turned_away(
    credentials: SandboxCredentials, wrong: dict[str, str]
) -> None:
    async with sandbox(credentials) as engine, client_of(engine, **wrong) as client:
        with pytest.raises(ApiError) as caught:
            await client.query_link("a1")
        assert caught.value.code == "MERCHANT_INVALID"


@pytest.mark.parametrize("spelling", ["merchant_auth_token", "merchantAuthToken"])
async def test_the_token_is_looked_for_in_the_spellings_of_the_switch(
    credentials: SandboxCredentials, spelling: str
) -> None:
    for names, fine in (
        ('["merchant_auth_token", "merchantAuthToken"]', True),
        ('["merchant_auth_token"]', spelling == "merchant_auth_token"),
        ('["merchantAuthToken"]', spelling == "merchantAuthToken"),
    ):
        options = read_scenario(SCENARIO)
        gateway = attrs.evolve(
            read_scenario(f"[sandbox]\ntoken_headers = {names}").gateway
        )
        options = attrs.evolve(options, gateway=gateway)
        async with sandbox_in_process(
            credentials=credentials, options=options
        ) as engine:
            client = client_of(engine)
            config = attrs.evolve(client.config, auth_token_header=spelling)
            async with PayerMaxClient(
                config, transport=SandboxTransport(engine.gateway)
            ) as spelt:
                with pytest.raises(ApiError) as caught:
                    await spelt.query_link("a1")
            code = "ORDER_NOT_EXIST" if fine else "MERCHANT_INVALID"
            assert caught.value.code == code


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("[[merchant]]\napp_id = 'a'", "merchant_no is missing"),
        ("[[merchant]]\nmerchant_no = 'M'\npublic_key = 'x'", "public_key"),
        ("[[merchant]]\nmerchant_no = 'M'\ncolour = 'x'", "colour is no setting"),
        ("[[merchant]]\nmerchant_no = 5", "must be text"),
    ],
)
def test_a_merchant_that_makes_no_sense_is_told(more: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        read_scenario(more)
    with pytest.raises(ConfigurationError, match=r"\[\[merchant\]\]"):
        read_scenario("[merchant]\nmerchant_no = 'M'")


async def test_a_key_of_its_own_needs_an_app_of_its_own(
    credentials: SandboxCredentials,
) -> None:
    key = credentials.platform_key.public_key.to_base64()
    same = f"[[merchant]]\nmerchant_no = 'M'\npublic_key = '{key}'"
    with pytest.raises(ConfigurationError, match="app_id"):
        async with sandbox(credentials, same):
            pass
    async with sandbox(credentials, same + "\napp_id = 'other'") as engine:
        # Signed with the sandbox's key, it is not that merchant.
        config = {"PAYERMAX_MERCHANT_NO": "M", "PAYERMAX_APP_ID": "other"}
        async with client_of(engine, **config) as client:
            with pytest.raises(ApiError) as caught:
                await client.query_link("a1")
        assert caught.value.code == "SIGN_VERIFY_FAILED"
