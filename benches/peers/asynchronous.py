"""The same requests with aiohttp: python3 asynchronous.py FILE BASE_URL CONCURRENCY"""

import asyncio
import csv
import sys

import aiohttp


async def main(file, url, concurrency):
    rows = iter(list(csv.reader(open(file)))[1:])
    headers = {"Authorization": "Bearer bench"}
    connector = aiohttp.TCPConnector(limit=concurrency)

    async def work(session, results):
        for lead, phone in rows:
            async with session.patch(f"{url}/campaigns-leads/{lead}", json={"phone_number": phone}) as answer:
                shown = (await answer.json())["phone_number"]
                results.writerow([lead, answer.status, shown == phone])

    with open(file + ".aiohttp", "w", newline="") as out:
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            await asyncio.gather(*(work(session, csv.writer(out)) for _ in range(concurrency)))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
