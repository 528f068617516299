import asyncio

import pytest

from callseal.sandbox.api.idempotency import Answer, ConflictError, Once

pytestmark = pytest.mark.unit


def test_work_is_done_once_also_when_asked_at_the_same_time() -> None:
    done = []

    async def work() -> Answer:
        await asyncio.sleep(0)
        done.append(1)
        return Answer(202, {"n": len(done)})

    async def story() -> list[Answer]:
        once = Once()
        asked = (once.do(token="t", path="/p", key="k", body=b"{}", work=work) for _ in range(5))
        return await asyncio.gather(*asked)

    assert {answer.body["n"] for answer in asyncio.run(story())} == {1}


def test_another_body_is_a_conflict_another_token_is_another_key() -> None:
    async def work() -> Answer:
        return Answer(202, {})

    async def story() -> None:
        once = Once()
        await once.do(token="t", path="/p", key="k", body=b"1", work=work)
        await once.do(token="other", path="/p", key="k", body=b"2", work=work)
        await once.do(token="t", path="/q", key="k", body=b"2", work=work)
        with pytest.raises(ConflictError):
            await once.do(token="t", path="/p", key="k", body=b"2", work=work)

    asyncio.run(story())
