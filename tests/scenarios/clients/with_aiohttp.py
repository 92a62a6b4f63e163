"""So many requests at once by asyncio and aiohttp: `with_aiohttp.py URL COUNT`."""

import asyncio
import sys

import aiohttp


async def ask(session, url):
    async with session.post(url, json={"a": "1", "b": "2", "c": 200}) as answer:
        assert (await answer.json())["code"] == 200
        return answer.status


async def main(url, count):
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        statuses = await asyncio.gather(*(ask(session, url) for _ in range(count)))
    assert set(statuses) == {200}, set(statuses)
    print(f"{len(statuses)} × 200")


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
