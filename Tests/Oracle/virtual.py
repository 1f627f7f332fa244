"""asyncio on a clock of its own: it stands still while anything can run, and jumps when nothing can.

One unit of this loop's clock is a millisecond, so that times are whole numbers and exact. Tasks
hash by their order of creation: asyncio keeps tasks in sets, and would otherwise cancel siblings
in the order of their addresses, which differs from run to run.
"""

import asyncio
import selectors


class Stuck(BaseException):
    """Nothing can ever run again, or too much has run."""


class Selector(selectors.SelectSelector):
    def __init__(self):
        super().__init__()
        self.now = 0
        self.rounds = 0

    def select(self, timeout=None):
        self.rounds += 1
        if self.rounds > 100000:
            raise Stuck("100,000 rounds")
        if timeout is None:
            raise Stuck("nothing can ever run again")
        if timeout > 0:
            self.now += timeout
        return super().select(0)


class Task(asyncio.Task):
    serial = 0

    def __init__(self, *arguments, **options):
        Task.serial += 1
        self.own_serial = Task.serial
        super().__init__(*arguments, **options)

    def __hash__(self):
        return self.own_serial


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        Task.serial = 0
        self.clock = Selector()
        self.eager = None
        super().__init__(self.clock)
        self.set_task_factory(Loop.make_task)

    def time(self):
        return self.clock.now

    def make_task(self, coroutine, **options):
        """An eager task gets its name here: 3.13.0 itself names it only behind its first step."""
        name, self.eager = self.eager, None
        if name:
            return Task(coroutine, loop=self, name=name, eager_start=True, **options)
        return Task(coroutine, loop=self, **options)
