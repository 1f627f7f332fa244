"""Drives a scenario with asyncio and writes its trace.

An actor is what runs statements: a task, a callback, or the code outside the loop. A refusal of a
statement that does not wait is an event and the actor goes on; every other failure propagates.
"""

import asyncio
import contextvars
import gc
import os
import signal

import words
from several_driver import Several
from virtual import Loop, Stuck


class Actor:
    def __init__(self, name):
        self.name = name
        self.leaving = False
        self.value = None
        self.flying = []


class World(Several):
    def __init__(self, scenario):
        self.scenario = scenario
        self.trace = []
        self.closed = False
        self.things = {}
        self.tasks = []
        self.dropped = set()
        self.callbacks = {}
        self.variables = {}
        self.shown = None
        self.loop = Loop()
        self.loop.set_exception_handler(self.report)
        self.runner = asyncio.Runner(loop_factory=lambda: self.loop)
        self.context = contextvars.copy_context()

    # Events

    def event(self, who, what):
        if not self.closed:
            self.trace.append("@%d %s: %s" % (self.loop.time(), who, what))

    def outcome(self, actor, statement, what):
        self.event(actor.name, "%s -> %s" % (statement.text, what))

    def report(self, loop, context):
        error = context.get("exception")
        more = ""
        if self.shown:
            more = ", %s is %s" % (self.shown, self.variable(self.shown).get())
        self.event("report", (words.of_error(error) if error else context["message"]) + more)

    # The whole

    def run(self):
        outside = Actor("outside")
        try:
            before = self.scenario.sections.get("before")
            if before:
                self.script(outside, before.inside)
            script = self.scenario.sections.get("outside")
            if script:
                self.script(outside, script.inside)
            else:
                self.run_root(outside, "main")
            for name in [] if self.loop.is_closed() else self.tasks:
                if name in self.things:
                    self.event("end", "%s %s" % (name, words.of_target(self.things[name])))
        except Stuck as stuck:
            self.trace.append("stuck: %s" % stuck)
        self.close()
        return self.trace

    def script(self, actor, statements):
        """Outside the loop, in the context of root tasks; a run enters that by itself."""
        for statement in statements:
            if statement.verb.startswith("run"):
                self.step(actor, statement)
            else:
                self.context.run(self.step, actor, statement)

    def close(self):
        self.closed = True
        if self.loop.is_closed():
            return
        self.loop.clock.rounds = 0
        try:
            while left := asyncio.all_tasks(self.loop):
                for task in left:
                    task.cancel()
                self.loop.run_until_complete(asyncio.wait(left))
        except Stuck:
            pass
        self.things.clear()
        self.loop.close()

    def run_root(self, actor, name):
        """What a root task sets stays for the next one, as with asyncio's Runner."""
        async def root():
            asyncio.current_task().set_name(name)
            return await self.body(name, name)
        coroutine = root()
        if name not in self.tasks:
            self.tasks.append(name)
        self.entered(actor, "run " + name, lambda: self.runner.run(coroutine, context=self.context))
        coroutine.close()

    def entered(self, actor, text, run):
        try:
            value = run()
        except Stuck:
            raise
        except BaseException as error:
            self.event(actor.name, "%s -> %s" % (text, words.of_error(error)))
        else:
            self.event(actor.name, "%s -> %s" % (text, words.of_value(value)))

    # Bodies

    async def body(self, name, body):
        actor = Actor(name)
        if name not in self.dropped:
            self.things[name] = asyncio.current_task()
        self.event(name, "begins")
        try:
            await self.block(actor, self.scenario.bodies[body].inside)
        except GeneratorExit:
            raise
        except BaseException as error:
            self.event(name, "raises %s" % words.of_error(error))
            raise
        value = actor.value
        self.event(name, "returns" if value is None else "returns %s" % value)
        return value

    def callback(self, name):
        """The one function object of a callback: it is taken back by its identity."""
        if name not in self.callbacks:
            def run(*future):
                actor = Actor(name)
                self.event(name, "is called")
                self.now(actor, self.scenario.bodies[name].inside)
            self.callbacks[name] = run
        return self.callbacks[name]

    def now(self, actor, statements):
        for statement in statements:
            self.step(actor, statement)

    def step(self, actor, statement):
        """A statement that does not wait."""
        act = getattr(self, "do_" + statement.verb.replace("-", "_"))
        try:
            act(actor, statement)
        except (RuntimeError, ValueError, TypeError, asyncio.InvalidStateError) as error:
            self.outcome(actor, statement, words.of_error(error))

    async def block(self, actor, statements):
        for statement in statements:
            wait = getattr(self, "in_" + statement.verb.replace("-", "_"), None)
            if wait:
                await wait(actor, statement)
            else:
                self.step(actor, statement)
            if actor.leaving:
                return

    # Statements that wait

    async def waited(self, actor, statement, awaitable):
        try:
            value = await awaitable
        except GeneratorExit:
            raise
        except BaseException as error:
            self.outcome(actor, statement, words.of_error(error))
            raise
        self.outcome(actor, statement, words.of_value(value))

    async def in_sleep(self, actor, statement):
        await self.waited(actor, statement, asyncio.sleep(statement.integer(0)))

    async def in_yield(self, actor, statement):
        for _ in range(statement.integer(0, 1)):
            await self.waited(actor, statement, asyncio.sleep(0))

    async def in_spin(self, actor, statement):
        """How many rounds it takes is not looked at."""
        try:
            for _ in range(statement.integer(0)):
                await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            self.outcome(actor, statement, words.of_error(error))
            raise
        self.outcome(actor, statement, "ok")

    async def in_await(self, actor, statement):
        await self.waited(actor, statement, self.things[statement.words[0]])

    in_join = in_await

    async def in_wait(self, actor, statement):
        target = self.things[statement.words[0]]
        try:
            await asyncio.wait([target])
        except asyncio.CancelledError as error:
            self.outcome(actor, statement, words.of_error(error))
            raise
        self.outcome(actor, statement, words.of_target(target))

    async def in_group(self, actor, statement):
        group = asyncio.TaskGroup()
        if statement.words:
            self.things[statement.words[0]] = group
        await self.scope(actor, statement, group, lambda: "")

    async def in_timeout(self, actor, statement):
        after = statement.words[0]
        scope = asyncio.timeout(None if after == "none" else int(after))
        await self.timed(actor, statement, scope)

    async def in_deadline(self, actor, statement):
        await self.timed(actor, statement, asyncio.timeout_at(statement.integer(0)))

    async def timed(self, actor, statement, scope):
        if len(statement.words) > 1:
            self.things[statement.words[1]] = scope
        await self.scope(actor, statement, scope, lambda: ", expired" if scope.expired() else "")

    async def scope(self, actor, statement, scope, more):
        try:
            async with scope:
                await self.block(actor, statement.inside)
        except GeneratorExit:
            raise
        except BaseException as error:
            self.outcome(actor, statement, words.of_error(error) + more())
            raise
        self.outcome(actor, statement, "ok" + more())

    async def in_shielded(self, actor, statement):
        await self.block(actor, statement.inside)

    async def in_repeat(self, actor, statement):
        for _ in range(statement.integer(0)):
            await self.block(actor, statement.inside)
            if actor.leaving:
                return

    async def in_return(self, actor, statement):
        actor.value, actor.leaving = statement.integer(0), True

    async def in_raise_cancelled(self, actor, statement):
        raise asyncio.CancelledError

    async def in_reraise(self, actor, statement):
        raise actor.flying[-1]

    async def in_fail(self, actor, statement):
        raise words.Failure(statement.words[0])

    async def in_try(self, actor, statement):
        body, clauses, cleanup = split(statement.inside)
        try:
            try:
                await self.block(actor, body)
            except (GeneratorExit, Stuck):
                raise
            except BaseException as error:
                for clause, inside in clauses:
                    if matches(clause, error):
                        break
                else:
                    raise
                actor.flying.append(error)
                try:
                    await self.block(actor, inside)
                finally:
                    actor.flying.pop()
        finally:
            if cleanup is not None and not self.closed:
                leaving, actor.leaving = actor.leaving, False
                await self.block(actor, cleanup)
                actor.leaving = actor.leaving or leaving

    # Statements that do not wait

    def do_fail(self, actor, statement):
        raise words.Failure(statement.words[0])

    def do_log(self, actor, statement):
        self.event(actor.name, statement.text)

    def do_why(self, actor, statement):
        self.outcome(actor, statement, words.reason(actor.flying[-1]))

    def do_run(self, actor, statement):
        self.run_root(actor, statement.words[0])

    def do_run_until(self, actor, statement):
        target = self.things[statement.words[0]]
        self.entered(actor, statement.text, lambda: self.loop.run_until_complete(target))

    def do_run_forever(self, actor, statement):
        self.entered(actor, statement.text, self.loop.run_forever)

    def do_stop(self, actor, statement):
        self.loop.stop()

    def do_interrupt(self, actor, statement):
        os.kill(os.getpid(), signal.SIGINT)

    def do_shutdown(self, actor, statement):
        again = self.loop.is_closed()
        if not again:
            self.runner.get_loop()
        self.runner.close()
        self.things.clear()
        gc.collect()
        self.outcome(actor, statement, "harmless" if again else "ok")

    def do_close(self, actor, statement):
        """Both refuse what is left: the scenario has ended its tasks before."""
        again = self.loop.is_closed()
        self.loop.close()
        self.outcome(actor, statement, "harmless" if again else "ok")

    def do_spawn(self, actor, statement):
        body = statement.words[0]
        name = statement.options.get("as", body)
        context = statement.options.get("context")
        options = {"name": name}
        if context:
            options["context"] = self.things[context]
        group = statement.options.get("in")
        maker = self.things[group] if group else self.loop
        self.loop.eager = name if "eager" in statement.options else None
        coroutine = self.body(name, body)
        self.tasks.append(name)
        try:
            task = maker.create_task(coroutine, **options)
        except RuntimeError:
            coroutine.close()
            self.tasks.remove(name)
            raise
        finally:
            self.loop.eager = None
        self.things[name] = task

    def do_future(self, actor, statement):
        self.things[statement.words[0]] = self.loop.create_future()

    def do_complete(self, actor, statement):
        self.things[statement.words[0]].set_result(statement.integer(1))
        self.outcome(actor, statement, "ok")

    def do_fail_future(self, actor, statement):
        self.things[statement.words[0]].set_exception(words.Failure(statement.words[1]))
        self.outcome(actor, statement, "ok")

    def do_fail_cancelled(self, actor, statement):
        self.things[statement.words[0]].set_exception(asyncio.CancelledError())
        self.outcome(actor, statement, "ok")

    def do_cancel(self, actor, statement):
        target = self.things[statement.words[0]]
        done = target.cancel(statement.options.get("because"))
        self.outcome(actor, statement, "asked" if done else "too late")

    def do_on_done(self, actor, statement):
        target, call = self.things[statement.words[0]], self.callback(statement.words[1])
        context = statement.options.get("context")
        # A context of None would not be captured here, but when the future is done.
        options = {"context": self.things[context]} if context else {}
        target.add_done_callback(call, **options)

    def do_off_done(self, actor, statement):
        target, call = self.things[statement.words[0]], self.callback(statement.words[1])
        self.outcome(actor, statement, "%d" % target.remove_done_callback(call))

    def do_state(self, actor, statement):
        target = self.things[statement.words[0]]
        state = "cancelled" if target.cancelled() else "done" if target.done() else "pending"
        self.outcome(actor, statement, state)

    def do_result(self, actor, statement):
        target = self.things[statement.words[0]]
        try:
            self.outcome(actor, statement, words.of_value(target.result()))
        except asyncio.CancelledError:
            self.outcome(actor, statement, "it was cancelled")
        except (words.Failure, ExceptionGroup, TimeoutError) as error:
            self.outcome(actor, statement, words.of_error(error))

    def do_reason(self, actor, statement):
        try:
            self.things[statement.words[0]].result()
        except asyncio.CancelledError as error:
            self.outcome(actor, statement, words.reason(error))

    def do_error(self, actor, statement):
        try:
            error = self.things[statement.words[0]].exception()
        except asyncio.CancelledError:
            self.outcome(actor, statement, "it was cancelled")
            return
        self.outcome(actor, statement, words.of_error(error) if error else "none")

    def do_cancelling(self, actor, statement):
        self.outcome(actor, statement, "%d" % self.things[statement.words[0]].cancelling())

    def do_tasks(self, actor, statement):
        names = sorted(task.get_name() for task in asyncio.all_tasks(self.loop))
        self.outcome(actor, statement, " ".join(names) or "none")

    def do_current(self, actor, statement):
        task = asyncio.current_task(self.loop)
        self.outcome(actor, statement, task.get_name() if task else "none")

    def do_name(self, actor, statement):
        self.outcome(actor, statement, self.things[statement.words[0]].get_name())

    def do_rename(self, actor, statement):
        self.things[statement.words[0]].set_name(statement.words[1])

    def variable(self, name):
        if name not in self.variables:
            self.variables[name] = contextvars.ContextVar(name, default=None)
        return self.variables[name]

    def do_set(self, actor, statement):
        token = self.variable(statement.words[0]).set(statement.integer(1))
        if "token" in statement.options:
            self.things[statement.options["token"]] = token

    def do_get(self, actor, statement):
        value = self.variable(statement.words[0]).get()
        self.outcome(actor, statement, "unset" if value is None else "%d" % value)

    def do_reset(self, actor, statement):
        token = self.things[statement.words[0]]
        token.var.reset(token)
        self.outcome(actor, statement, "ok")

    def do_context(self, actor, statement):
        self.things[statement.words[0]] = contextvars.copy_context()

    def do_drop(self, actor, statement):
        del self.things[statement.words[0]]
        self.dropped.add(statement.words[0])
        gc.collect()

    def do_when(self, actor, statement):
        scope = self.things[statement.words[0]]
        when = scope.when()
        text = "none" if when is None else "%d" % when
        self.outcome(actor, statement, text + (", expired" if scope.expired() else ""))

    def do_reschedule(self, actor, statement):
        when = statement.words[1]
        self.things[statement.words[0]].reschedule(None if when == "none" else int(when))
        self.outcome(actor, statement, "ok")


def split(statements):
    """The body of a `try`, its `on` clauses, and its cleanup or None."""
    body, clauses, cleanup = [], [], None
    into = body
    for statement in statements:
        if statement.verb == "on":
            into = []
            clauses.append((statement.words[0], into))
        elif statement.verb == "cleanup":
            into = cleanup = []
        else:
            into.append(statement)
    return body, clauses, cleanup


def matches(clause, error):
    if clause == "cancelled":
        return isinstance(error, asyncio.CancelledError)
    if clause == "timeout":
        return isinstance(error, TimeoutError)
    if clause == "group":
        return isinstance(error, BaseExceptionGroup)
    return isinstance(error, Exception)
