"""Places in front of the pool: who has one, who waits, and that none is lost."""

import asyncio

from coordination.store.places import Places


async def test_who_finds_no_place_waits_and_is_counted() -> None:
    places, leave = Places(1), asyncio.Event()

    async def stay() -> None:
        async with places:
            await leave.wait()

    first, second, third = (asyncio.create_task(stay()) for _ in range(3))
    await asyncio.sleep(0)
    assert (places.taken, places.waiting) == (1, 2)
    third.cancel()
    await asyncio.wait({third})
    assert (places.taken, places.waiting) == (1, 1)
    leave.set()
    await asyncio.gather(first, second)
    assert (places.taken, places.waiting) == (0, 0)
