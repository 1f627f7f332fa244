"""asyncio_bench.py: the same figures on asyncio, printed beside Eddy's and never a bound.

One thread but for the posts; each figure is the least of 7 rounds after a warm-up; rows as bench.h prints them.
"""

import asyncio
import sys
import threading
import time

ROUNDS = 7
NAME = "asyncio " + ".".join(str(part) for part in sys.version_info[:3])


def row(figure: str, value_ns: float) -> None:
    print(f"peer\t{NAME}\t{figure}\t{value_ns:.0f}\tns", flush=True)


async def best(figure: str, operations: int, body) -> None:
    least = float("inf")
    for number in range(ROUNDS + 1):
        elapsed = await body(operations)
        if number > 0:
            least = min(least, elapsed / operations)
    row(figure, least)


def yields(tasks: int):
    async def body(operations: int) -> int:
        each = operations // tasks

        async def yielder() -> None:
            for _ in range(each):
                await asyncio.sleep(0)

        running = [asyncio.create_task(yielder()) for _ in range(tasks)]
        begin = time.perf_counter_ns()
        for task in running:
            await task
        return time.perf_counter_ns() - begin

    return body


async def nothing() -> None:
    pass


async def spawn_join(operations: int) -> int:
    begin = time.perf_counter_ns()
    for _ in range(operations):
        await asyncio.create_task(nothing())
    return time.perf_counter_ns() - begin


async def future_wake(operations: int) -> int:
    loop = asyncio.get_running_loop()
    pairs = operations // 2
    ping = [loop.create_future() for _ in range(pairs)]
    pong = [loop.create_future() for _ in range(pairs)]

    async def answer() -> None:
        for i in range(pairs):
            await ping[i]
            pong[i].set_result(None)

    task = asyncio.create_task(answer())
    await asyncio.sleep(0)
    begin = time.perf_counter_ns()
    for i in range(pairs):
        ping[i].set_result(None)
        await pong[i]
    elapsed = time.perf_counter_ns() - begin
    await task
    return elapsed


async def timeouts(operations: int) -> int:
    begin = time.perf_counter_ns()
    for _ in range(operations):
        async with asyncio.timeout(5):
            pass
    return time.perf_counter_ns() - begin


def posts(threads: int):
    async def body(operations: int) -> int:
        loop = asyncio.get_running_loop()
        finished = loop.create_future()
        each = operations // threads
        left = each * threads
        go = threading.Barrier(threads + 1)

        def arrive() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                finished.set_result(None)

        def poster() -> None:
            go.wait()
            for _ in range(each):
                loop.call_soon_threadsafe(arrive)

        running = [threading.Thread(target=poster) for _ in range(threads)]
        for thread in running:
            thread.start()
        go.wait()
        begin = time.perf_counter_ns()
        await finished
        elapsed = time.perf_counter_ns() - begin
        for thread in running:
            thread.join()
        return elapsed

    return body


async def main() -> None:
    await best("yield, 2 tasks", 20000, yields(2))
    await best("yield, 1000 tasks", 50000, yields(1000))
    await best("spawn + join", 5000, spawn_join)
    await best("future wake", 10000, future_wake)
    await best("post from 1 thread", 5000, posts(1))
    await best("post from 4 threads", 5000, posts(4))
    if hasattr(asyncio, "timeout"):
        await best("timeout open + close", 10000, timeouts)


asyncio.run(main())
