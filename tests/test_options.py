"""How patient a client can be told to be."""

from __future__ import annotations

from typing import Any

import pytest

from payermax_async.core.errors import ConfigurationError
from payermax_async.options import ClientOptions


@pytest.mark.parametrize(
    "changes",
    [
        {"timeout": 0},
        {"timeout": -1.0},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"attempt_timeout": 0.0},
        {"attempt_timeout": float("nan")},
        {"max_in_flight": 0},
        {"settle_waits": (1.0, -1.0)},
        {"settle_waits": (float("nan"),)},
        {"settle_waits": (float("inf"),)},
    ],
)
def test_impossible_patience_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ClientOptions(**changes)
    (name,) = changes
    assert str(caught.value).startswith(f"{name} must be ")


def test_options_may_be_as_small_as_they_make_sense() -> None:
    options = ClientOptions(
        timeout=0.001, attempt_timeout=1, max_in_flight=1, settle_waits=()
    )
    assert options.settle_waits == ()
