"""A client that signs by hand, also wrongly, and a browser without a script."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import attrs

from payermax_async.core.scalars import write_time
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaSigner

from .html_outline import outline
from .kit import ABSENT, OWNER, create

__all__ = ["Answer", "Developer", "developer"]


@attrs.frozen
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Developer:
    """Sends requests and looks at the dashboard."""

    def __init__(
        self,
        sandbox: SandboxServer,
        credentials: SandboxCredentials,
        http: aiohttp.ClientSession,
    ) -> None:
        self.sandbox = sandbox
        self.http = http
        self._credentials = credentials

    def body(self, data: JsonObject, **outer: JsonValue) -> bytes:
        return write_json(
            {
                "version": "1.4",
                "keyVersion": "1",
                "requestTime": write_time(self.sandbox.engine.clock.now()),
                "appId": OWNER.app_id,
                "merchantNo": OWNER.merchant_no,
                "data": data,
                **outer,
            }
        )

    def sign(self, body: bytes) -> str:
        return RsaSigner(self._credentials.merchant_key).sign_now(body)

    async def send(
        self, operation: str, body: bytes, sign: str | None, **headers: str
    ) -> int:
        """Send a request as it is; return its number on the dashboard."""
        given = {"sign": sign, **headers} if sign is not None else headers
        url = f"{self.sandbox.base_url}/{operation}"
        async with self.http.post(url, data=body, headers=given) as answer:
            await answer.read()
        return self.sandbox.engine.gateway.exchanges[-1].number

    async def create(self, **changes: JsonValue) -> str:
        """Create a link; return its id."""
        changes = {
            "merchantLinkId": "order-1",
            "notifyUrl": self.sandbox.settings["PAYERMAX_NOTIFY_URL"],
            "merchantInfo__logoUrl": ABSENT,
            **changes,
        }
        body = self.body(create(**changes))
        await self.send("createPaybylink", body, self.sign(body))
        return self.sandbox.engine.ledger.repository.links()[-1].link_id

    async def get(self, path: str, **headers: str) -> Answer:
        url = f"{self.sandbox.origin}{path}"
        async with self.http.get(url, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def page(self, path: str) -> str:
        """The page, which must be whole and well-formed."""
        answer = await self.get(path)
        assert answer.status == 200, path
        outline(answer.text)
        return answer.text

    async def token(self, path: str = "/dashboard/faults") -> str:
        match = re.search(r'name="token" value="([0-9a-f]{64})"', await self.page(path))
        assert match is not None
        return match[1]

    async def post(
        self, path: str, fields: Mapping[str, str], **headers: str
    ) -> tuple[int, str]:
        """Post a form as it is; return the status and where it leads."""
        url = f"{self.sandbox.origin}{path}"
        async with self.http.post(
            url, data=fields, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers.get("Location", "")

    async def press(self, path: str, **fields: str) -> str:
        """Press a button; return the page that comes next."""
        fields["token"] = await self.token()
        status, place = await self.post(path, fields, Origin=self.sandbox.origin)
        assert status == 303
        return await self.page(place)


@asynccontextmanager
async def developer(
    sandbox: SandboxServer, credentials: SandboxCredentials
) -> AsyncGenerator[Developer]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as http:
        yield Developer(sandbox, credentials, http)
