"""Token buckets: how much may be taken at once, how fast more comes, and that memory is bounded."""

import pytest

from coordination.transport.buckets import Buckets, address_key, retry_after


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(2, 4, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0]
    assert buckets.take("a") == pytest.approx(0.5)
    clock.now += 0.25
    assert buckets.take("a") == pytest.approx(0.25)
    clock.now += 0.25
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0


def test_what_was_refused_costs_nothing() -> None:
    clock = Clock()
    buckets = Buckets(1, 1, clock=clock)
    assert buckets.take("a") == 0
    for _ in range(100):
        assert buckets.take("a") == pytest.approx(1)
    clock.now += 1.001
    assert buckets.take("a") == 0


def test_keys_have_buckets_of_their_own() -> None:
    buckets = Buckets(1, 1, clock=Clock())
    assert (buckets.take("a"), buckets.take("b")) == (0, 0)
    assert buckets.take("a") > 0


def test_a_rest_fills_the_bucket_and_no_more() -> None:
    clock = Clock()
    buckets = Buckets(10, 2, clock=clock)
    assert (buckets.take("a"), buckets.take("a")) == (0, 0)
    clock.now += 3600
    assert (buckets.take("a"), buckets.take("a")) == (0, 0)
    assert buckets.take("a") > 0


def test_to_look_takes_nothing() -> None:
    buckets = Buckets(1, 1, clock=Clock())
    assert [buckets.wait_of("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == 0
    assert buckets.wait_of("a") == pytest.approx(1)


def test_memory_is_bounded_and_the_active_are_remembered() -> None:
    buckets = Buckets(1, 1, most_keys=100, clock=Clock())
    assert buckets.take("active") == 0
    for number in range(99):
        buckets.take(f"other {number}")
    assert buckets.take("active") > 0
    for number in range(1000):
        buckets.take(f"another {number}")
    assert len(buckets) == 100


@pytest.mark.parametrize(("wait", "seconds"), [(0.001, 1), (1.0, 1), (1.01, 2), (59.9, 60)])
def test_a_wait_is_told_in_whole_seconds_that_are_enough(wait: float, seconds: int) -> None:
    assert retry_after(wait) == seconds


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_customer_has_one_key_whatever_address_of_its_network_it_uses(host: str, key: str) -> None:
    assert address_key(host) == key
