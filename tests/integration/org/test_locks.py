"""The lock table by itself: order, time-outs, hand-over."""

import asyncio

from infra.local.org.locks import LockTable


def test_waiters_get_the_lock_in_the_order_of_their_coming() -> None:
    """First come, first served; the owner may ask again."""

    async def run() -> list[str]:
        table, order = LockTable(), []

        async def take(owner: str) -> None:
            assert await table.acquire(owner, "row", 1)
            order.append(owner)
            table.release(owner, "row")

        assert await table.acquire("first", "row", 0)
        assert await table.acquire("first", "row", 0)
        tasks = [asyncio.create_task(take(name)) for name in ("second", "third")]
        await asyncio.sleep(0)
        table.release("first", "row")
        await asyncio.gather(*tasks)
        return [*order, str(table.owner("row"))]

    assert asyncio.run(run()) == ["second", "third", "None"]


def test_a_waiter_that_gave_up_is_passed_over() -> None:
    """It has no lock, and the next in line gets it."""

    async def run() -> tuple[bool, object, int]:
        table = LockTable()
        await table.acquire("first", "row", 0)
        patient = asyncio.create_task(table.acquire("patient", "row", 1))
        hasty = await table.acquire("hasty", "row", 0.01)
        table.release("hasty", "row")
        table.release("first", "row")
        await patient
        return hasty, table.owner("row"), table.timeouts

    assert asyncio.run(run()) == (False, "patient", 1)
