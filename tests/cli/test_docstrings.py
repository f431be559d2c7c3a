"""What the commands say of themselves when docstrings are left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent.parent
_ALL_HELP = """
from payermax_async.cli.app import _build

def walk(app, words):
    app.help_print(words)
    sub = app
    for word in words:
        sub = sub[word]
    for name in sub:
        if not name.startswith("-"):
            walk(app, [*words, name])

walk(_build(), [])
"""


def _help(*flags: str) -> str:
    done = subprocess.run(
        [sys.executable, *flags, "-c", _ALL_HELP],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_every_help_text_is_the_same_without_docstrings() -> None:
    whole = _help()
    assert "Create a payment link, once" in whole
    assert _help("-OO") == whole
