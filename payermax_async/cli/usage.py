"""What is wrong with the words that a command was given."""

from __future__ import annotations

from collections.abc import Callable

from cyclopts import App, CycloptsError, MissingArgumentError

from payermax_async.core.quoting import HIDDEN, may_hold_a_key

__all__ = ["what_is_wrong"]

_MOST = 20


def what_is_wrong(error: CycloptsError, build: Callable[[], App]) -> str:
    """What is wrong in words; what is missing, all at once.

    Args:
        error: As it was met first.
        build: Makes the commands anew.
    """
    text = str(error)
    tokens = list(error.root_input_tokens or ())
    # The message may name one piece alone, which is too short to be recognised.
    if may_hold_a_key(" ".join([text, *tokens])):
        return f"Wrong usage: {HIDDEN}."
    missing = _missing(error, tokens, build)
    if len(missing) > 1:
        names = f"{', '.join(missing[:-1])} and {missing[-1]}"
        return f'Command "{" ".join(error.command_chain or ())}" needs {names}.'
    return text


def _missing(
    error: CycloptsError, tokens: list[str], build: Callable[[], App]
) -> list[str]:
    """Names of all that has to be given: found by giving one after the other."""
    found: list[str] = []
    while type(error) is MissingArgumentError and len(found) < _MOST:
        # An option that stands there without its value says so itself.
        if error.argument is None or error.keyword is not None or error.tokens_so_far:
            break
        name = error.argument.name
        if name in found:
            break
        found.append(name)
        # Whatever it takes, most things can be read from a 1; if not, the list ends.
        tokens = [*tokens, name, "1"] if name.startswith("-") else [*tokens, "1"]
        try:
            build().parse_args(tokens, exit_on_error=False, print_error=False)
        except CycloptsError as next_one:
            error = next_one
        else:
            break
    return found
