"""The statements of the asyncio driver for several at once, and for callbacks of the loop."""

import asyncio

import words


def limit(word):
    return None if word == "none" else int(word)


class Several:
    """A part of World."""

    def targets(self, names):
        return [self.things[name] for name in names]

    # Several at once

    async def in_shield(self, actor, statement):
        await self.waited(actor, statement, asyncio.shield(self.things[statement.words[0]]))

    async def in_gather(self, actor, statement):
        await self.waited(actor, statement, asyncio.gather(*self.targets(statement.words)))

    async def in_gather_all(self, actor, statement):
        await self.waited(actor, statement, asyncio.gather(
            *self.targets(statement.words), return_exceptions=True))

    async def in_wait_for(self, actor, statement):
        target, after = self.things[statement.words[1]], limit(statement.words[0])
        await self.waited(actor, statement, asyncio.wait_for(target, after))

    async def wait_until(self, actor, statement, until):
        names = statement.words[1:]
        try:
            done, _ = await asyncio.wait(
                self.targets(names), timeout=limit(statement.words[0]), return_when=until)
        except asyncio.CancelledError as error:
            self.outcome(actor, statement, words.of_error(error))
            raise
        except (ValueError, TypeError) as error:
            self.outcome(actor, statement, words.of_error(error))
            return
        names = [name for name in names if self.things[name] in done]
        self.outcome(actor, statement, "done: %s" % (" ".join(names) or "none"))

    async def in_wait_all(self, actor, statement):
        await self.wait_until(actor, statement, asyncio.ALL_COMPLETED)

    async def in_wait_any(self, actor, statement):
        await self.wait_until(actor, statement, asyncio.FIRST_COMPLETED)

    async def in_wait_error(self, actor, statement):
        await self.wait_until(actor, statement, asyncio.FIRST_EXCEPTION)

    async def in_next(self, actor, statement):
        names, completions = self.things[statement.words[0]]
        try:
            target = await anext(completions)
        except StopAsyncIteration:
            self.outcome(actor, statement, "end")
        except TimeoutError:
            self.outcome(actor, statement, "timed out")
        except asyncio.CancelledError as error:
            self.outcome(actor, statement, words.of_error(error))
            raise
        else:
            name = next(name for name in names if self.things[name] is target)
            self.outcome(actor, statement, name)

    def do_completions(self, actor, statement):
        names = statement.words[2:]
        completions = asyncio.as_completed(
            self.targets(names), timeout=limit(statement.words[1]))
        self.things[statement.words[0]] = names, aiter(completions)

    def do_start_gather(self, actor, statement):
        self.things[statement.words[0]] = asyncio.gather(*self.targets(statement.words[1:]))

    def do_start_gather_all(self, actor, statement):
        self.things[statement.words[0]] = asyncio.gather(
            *self.targets(statement.words[1:]), return_exceptions=True)

    # Callbacks of the loop

    def called(self, statement, handle):
        if "as" in statement.options:
            self.things[statement.options["as"]] = handle

    def options_of(self, statement):
        context = statement.options.get("context")
        return {"context": self.things[context]} if context else {}

    def do_soon(self, actor, statement):
        call = self.callback(statement.words[0])
        self.called(statement, self.loop.call_soon(call, **self.options_of(statement)))

    def do_later(self, actor, statement):
        call = self.callback(statement.words[1])
        self.called(statement, self.loop.call_later(
            statement.integer(0), call, **self.options_of(statement)))

    def do_at(self, actor, statement):
        call = self.callback(statement.words[1])
        self.called(statement, self.loop.call_at(
            statement.integer(0), call, **self.options_of(statement)))

    def do_cancel_call(self, actor, statement):
        self.things[statement.words[0]].cancel()

    def do_call_state(self, actor, statement):
        cancelled = self.things[statement.words[0]].cancelled()
        self.outcome(actor, statement, "cancelled" if cancelled else "not cancelled")

    def do_report_shows(self, actor, statement):
        self.shown = statement.words[0]
