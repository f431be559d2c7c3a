from __future__ import annotations

from payermax_async.pipeline.matching import conflict


def test_an_id_that_forges_a_line_is_told_on_one() -> None:
    error = conflict("order-1\nERROR paid", ("total_amount",))
    assert str(error).splitlines() == [str(error)]
    assert "order-1\\nERROR paid already stands for" in str(error)
