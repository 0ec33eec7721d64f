from __future__ import annotations

import pytest

from muster.errors import SourceError
from muster.predictors.external.exchange import Limits
from muster.predictors.external.transport.gate import Permit
from muster.predictors.external.transport.lane import Lane, close, share
from muster.predictors.external.transport.rate import Caps, Spend
from muster.predictors.external.transport.together import Own

LIMITS = Limits(1 << 20, 8.0, concurrency=4)


def spend(lane: Lane) -> Spend:
    assert isinstance(lane.together, Own)
    return lane.together.spend


def test_all_who_call_an_endpoint_share_what_is_known_of_it_until_the_last_has_closed() -> None:
    first = share("here", "scores", LIMITS, Caps())
    second = share("here", "scores", LIMITS, Caps())
    other = share("there", "scores", LIMITS, Caps())
    assert first is second
    assert first is not other
    close("here", Caps())
    assert share("here", "scores", LIMITS, Caps()) is first
    for key in ("here", "here", "there"):
        close(key, Caps())
    last = share("here", "scores", LIMITS, Caps())
    assert last is not first
    close("here", Caps())


def test_the_tightest_caps_hold_as_long_as_who_set_them_is_there() -> None:
    free, dear = Caps(), Caps(money=1.0, call_price=1.0)
    lane = share("here", "scores", LIMITS, free)
    assert lane.limiter.value == 4
    share("here", "scores", LIMITS, dear, 2)
    share("here", "scores", LIMITS, free, 3)
    assert lane.limiter.value == 2
    assert spend(lane).caps.money == 1.0
    close("here", dear, 2)
    assert lane.limiter.value == 3
    assert spend(lane).caps.money is None
    close("here", free, 3)
    close("here", free)


def test_endpoints_of_one_connection_share_its_caps() -> None:
    caps = Caps(money=2.0, call_price=1.0)
    one = share("one", "one", LIMITS, caps, 1, within="c")
    two = share("two", "two", LIMITS, caps, 1, within="c")
    assert one is not two
    assert one.together is two.together
    permit = one.limiter.acquire(lambda: None)

    def give_up() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        two.limiter.acquire(give_up)
    one.limiter.release(permit)
    two.limiter.release(two.limiter.acquire(give_up))
    spend(one).charge()
    spend(two).charge()
    with pytest.raises(SourceError, match="used up"):
        spend(one).charge()
    close("one", caps, 1, within="c")
    close("two", caps, 1, within="c")
    fresh = share("one", "one", LIMITS, caps, within="c")
    assert spend(fresh).spent == 0
    close("one", caps, within="c")


def test_slow_answers_among_many_make_fewer_fly_and_then_smaller() -> None:
    lane = share("here", "scores", LIMITS, Caps())
    held = [lane.limiter.acquire(lambda: None) for _ in range(4)]
    rows, value = lane.packing.rows, lane.limiter.value
    for _ in range(2):
        assert lane.packing.answered(rows, 100, 3.0, 4)
    assert lane.packing.rows == rows // 2
    lane.answered(held.pop(), rows, 100, 0.5)
    assert lane.limiter.value == value
    held.pop()
    lane.answered(Permit(5, 0.0), rows, 100, 3.0)
    assert lane.limiter.value < value
    assert lane.packing.rows == rows // 2
    close("here", Caps())
