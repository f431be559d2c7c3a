"""The transports of this package keep to the contract that is given to others."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.gateway.handler import SandboxGateway
from payermax_async.sandbox.ledger.ledger import Ledger
from payermax_async.signing.keys import PrivateKey
from payermax_async.testing.contract import TransportContract
from payermax_async.testing.fake import FakeTransport, json_reply
from payermax_async.testing.lifetime_contract import LifetimeContract
from payermax_async.testing.recording import RecordingTransport
from payermax_async.testing.replaying import ReplayTransport
from payermax_async.testing.sandbox import SandboxTransport
from payermax_async.transport.aiohttp import AiohttpTransport
from payermax_async.transport.base import Transport


class TestAiohttpTransport(TransportContract):
    def make_transport(self) -> Transport:
        return AiohttpTransport()


class TestAiohttpTransportWithItsOwnLimits(TransportContract):
    max_body = 1000

    def make_transport(self) -> Transport:
        return AiohttpTransport(max_body=1000, limit=2, force_close=True)


class TestRecordingTransport(TransportContract):
    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_transport(self) -> Transport:
        return RecordingTransport(AiohttpTransport(), self.folder / "exchanges.json")


class TestFakeTransport(LifetimeContract):
    def make_transport(self) -> Transport:
        return FakeTransport(lambda _: json_reply({"code": "APPLY_SUCCESS"}))


class StampSigner:
    """Stands in for a key: what is signed does not matter here."""

    async def sign(self, payload: bytes) -> str:
        return "c2ln"


class TestSandboxTransport(LifetimeContract):
    def make_transport(self) -> Transport:
        clock = VirtualClock()
        ledger = Ledger(clock, random.Random(7), origin="http://127.0.0.1")
        return SandboxTransport(SandboxGateway(ledger, (), StampSigner(), clock=clock))


@pytest.fixture(scope="module")
def platform_key() -> PrivateKey:
    return PrivateKey.generate()


class TestReplayTransport(LifetimeContract):
    @pytest.fixture(autouse=True)
    def _with_a_recording(self, tmp_path: Path, platform_key: PrivateKey) -> None:
        self.key = platform_key
        self.file = tmp_path / "exchanges.json"
        exchange: JsonObject = {
            "operation": "contract",
            "key": "m1",
            "status": 200,
            "signatures": 1,
            "reply": {"code": "APPLY_SUCCESS"},
        }
        self.file.write_bytes(write_json({"format": 1, "exchanges": [exchange] * 50}))

    def make_transport(self) -> Transport:
        return ReplayTransport(self.file, self.key)
