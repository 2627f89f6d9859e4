"""The machine's clock and its ids."""

import time
import uuid

from chalicelib.clock import SystemClock


def test_ids_sort_by_time_of_making() -> None:
    """Within one process, however fast."""
    clock = SystemClock()
    ids = []
    for _ in range(200):
        ids.append(clock.new_id())
        began = time.time_ns()
        while time.time_ns() - began < 1_000:  # a microsecond: the fraction of the millisecond counts quarters of it
            pass
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_an_id_is_a_uuid_of_its_time() -> None:
    """Version 7, and the variant of RFC 9562."""
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(SystemClock().new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_time_passes() -> None:
    """Seconds since the epoch."""
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0.001)
    assert 0.001 <= clock.now() - before < 60
    assert abs(before - time.time()) < 60
