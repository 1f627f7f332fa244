"""How an outcome of asyncio is written in a trace."""

import asyncio


class Failure(Exception):
    """What `fail NAME` raises."""


def of_error(error):
    if isinstance(error, BaseExceptionGroup):
        return "failed [%s]" % ", ".join(of_member(each) for each in error.exceptions)
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, Failure):
        return "failed %s" % error
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, RuntimeError) and str(error).startswith("Event loop stopped before"):
        return "stopped"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, (asyncio.InvalidStateError, RuntimeError, ValueError, TypeError)):
        return "refused"
    return "failed with %r" % error


def of_member(error):
    text = of_error(error)
    return text[len("failed "):] if text.startswith("failed ") else text


def of_value(value):
    if isinstance(value, list):
        return " ".join(["values"] + [of_place(each) for each in value])
    return "ok" if value is None else "value %s" % (value,)


def of_place(value):
    """What stands in one place of a gather."""
    if isinstance(value, asyncio.CancelledError):
        return "(it was cancelled)"
    if isinstance(value, BaseException):
        return "(%s)" % of_error(value)
    return "none" if value is None else "%s" % (value,)


def reason(error):
    message = error.args[0] if error.args else None
    return '"%s"' % message if message else "none"


def of_target(future):
    """The outcome of a future or task as one reads it there, which is nobody's own trouble."""
    if not future.done():
        return "pending"
    if future.cancelled():
        return "it was cancelled"
    error = future.exception()
    return of_value(future.result()) if error is None else of_error(error)
