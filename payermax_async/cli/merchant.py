"""Which merchant a command speaks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import attrs
from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.config import MerchantConfig
    from payermax_async.config.settings import Settings

__all__ = ["Flag", "MerchantSource", "Seconds", "ask"]

ResultT = TypeVar("ResultT")

_OPTIONS = Group("Options", sort_key=3)
_MERCHANT = Group(
    "Merchant",
    help="Read from exported PAYERMAX_* variables unless a file is given.",
    sort_key=4,
)

_HINT = (
    "Settings come from exported PAYERMAX_* variables, from a file of them with "
    "--env-file FILE, or from a TOML file with --config FILE --profile NAME. 'payermax "
    "sandbox' prints a set to try."
)

Flag: Parameter = Parameter(negative=(), show_default=False, group=_OPTIONS)
"""An option that is there or not."""

Seconds = Annotated[float, Parameter(group=_OPTIONS)]
"""How long a call may take."""


@Parameter(name="*", group=_MERCHANT)
@attrs.frozen(kw_only=True)
class MerchantSource:
    """Where the merchant's settings are."""

    config: Annotated[Path | None, Parameter(help="TOML file with profiles.")] = None
    """A TOML file; variables when left out."""
    env_file: Annotated[
        Path | None,
        Parameter(help="File of NAME=value lines, as 'payermax sandbox' writes it."),
    ] = None
    """A file that speaks in place of the environment's PAYERMAX_* variables."""
    profile: Annotated[str, Parameter(help="Table of the file.")] = "default"
    """The table of the file."""
    proxy: Annotated[
        str | None,
        Parameter(help="URL of the HTTP proxy that leads out (PAYERMAX_PROXY)."),
    ] = attrs.field(default=None, repr=False)
    """The proxy, in place of that of the settings."""
    ca_file: Annotated[
        Path | None,
        Parameter(help="PEM file of the only authorities to trust (PAYERMAX_CA_FILE)."),
    ] = None
    """The authorities, in place of those of the settings."""

    def read(self) -> MerchantConfig:
        """The merchant.

        Raises:
            ConfigurationError: A setting is missing or wrong; it is named.
        """
        from payermax_async.config import MerchantConfig
        from payermax_async.core.errors import ConfigurationError

        try:
            return MerchantConfig.from_settings(self.settings())
        except ConfigurationError as error:
            # Most often it is the first command somebody tries.
            error.add_note(_HINT)
            raise

    def settings(self) -> Settings:
        """The settings as they stand, to look at one without needing the rest.

        Raises:
            ConfigurationError: The file or the table cannot be read.
        """
        from payermax_async.config.profiles import read_profile
        from payermax_async.config.settings import Settings
        from payermax_async.core.errors import ConfigurationError

        if self.config is not None and self.env_file is not None:
            raise ConfigurationError("give --config or --env-file, not both")
        found = (
            Settings.of_variables(self.variables(), "PAYERMAX_")
            if self.config is None
            else read_profile(self.config, self.profile)
        )
        given: dict[str, str] = {}
        if self.proxy is not None:
            given["proxy"] = self.proxy
        if self.ca_file is not None:
            # Of the command's folder, not of the file's.
            given["ca_file"] = str(self.ca_file.absolute())
        return found.replaced(given)

    def variables(self) -> Mapping[str, str]:
        """Environment variables, with those of the file in place of our own.

        Raises:
            ConfigurationError: The file cannot be read.
        """
        import os

        from payermax_async.cli.env_file import read_env_file

        if self.env_file is None:
            return os.environ
        # Not a word of another merchant's that the shell may still hold.
        others = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PAYERMAX_")
        }
        return others | read_env_file(self.env_file)


def ask(
    config: MerchantConfig,
    timeout: float,
    question: Callable[[PayerMaxClient], Awaitable[ResultT]],
    tell: Callable[[ResultT], None],
) -> None:
    """Open a client, ask, tell the answer, close the client.

    Ctrl-C and SIGTERM do not break the question off: PayerMax may be acting on it.
    Its answer is waited for, 20 seconds at the most, and told as ever; without one
    the error says what may have been done. A second signal ends the wait at once.

    Args:
        config: The merchant.
        timeout: Seconds for the whole call.
        question: What to do with the client.
        tell: Shows the answer.

    Raises:
        PayerMaxError: What the question raises.
    """
    import asyncio

    from payermax_async.client import PayerMaxClient
    from payermax_async.options import ClientOptions

    # All else as the client has it: a command is no special customer.
    options = ClientOptions(timeout=timeout)

    async def run() -> None:
        from payermax_async.cli.stopping import finish_or_stop

        client = PayerMaxClient(config, options=options)
        await finish_or_stop(client, question, tell)

    asyncio.run(run())
