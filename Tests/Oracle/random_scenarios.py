"""Random scenarios, made from a number, in the part of the language in which no D row is met.

What is left out, and why: a wait in a cancelled body outside a shield (M2); a wait of a cancelled
body inside a group, and groups inside each other in one task (TG-40); a value returned, or cleanup
that waits, behind a group that failed while its task is cancelled (TSK-17, M7); a join of a task
that others may cancel (TSK-29), and one that keeps its value then (TSK-26). Times are far apart, so
that few things happen at one time.
"""

import random


class Body:
    """What holds where a statement stands."""

    def __init__(self, depth, converts, in_group=False):
        self.depth, self.converts, self.in_group = depth, converts, in_group


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.tasks, self.top = {}, []
        self.futures = self.groups = 0

    def chance(self, part):
        return self.random.random() < part

    def time(self):
        return self.random.randrange(1000, 60000)

    def brief(self):
        return self.random.randrange(1, 4)

    def scenario(self, name):
        main = []
        for _ in range(self.random.randrange(3)):
            main.append("future f%d" % self.futures)
            self.futures += 1
        for _ in range(self.random.randrange(1, 4)):
            task = self.task(3, self.chance(0.2))
            main.append("spawn " + task)
            self.top.append(task)
        for _ in range(self.random.randrange(1, 6)):
            main += ["sleep %d" % self.time(), self.event()]
        main.append("sleep 300000")
        main += ["cancel f%d" % each for each in range(self.futures)]
        main.append("sleep 300000")
        lines = ["scenario %s rows TSK-01" % name, "task main"] + main + ["end"]
        for task, body in self.tasks.items():
            lines += ["task " + task] + body + ["end"]
        return "\n".join(lines) + "\n"

    def event(self):
        top = self.random.choice(self.top)
        if self.futures and self.chance(0.3):
            form = ["complete f%d 3", "fail-future f%d lost", "cancel f%d"]
            return self.random.choice(form) % self.random.randrange(self.futures)
        return ("cancel " if self.chance(0.8) else "cancelling ") + top

    def task(self, depth, converts, private=False):
        name = "t%d" % len(self.tasks)
        self.tasks[name] = []
        first = self.time() if self.chance(0.5) else self.random.randrange(100, 999)
        lines = ["sleep %d" % first] + self.block(Body(depth, converts), 1, 4)
        if self.chance(0.25):
            lines.append("fail e" + name)
        elif self.chance(0.5):
            lines.append("return %d" % (len(self.tasks)))
        grouped = any(line.startswith("group") for line in lines)
        if not private and self.chance(0.3):
            ends = ["reraise"] if grouped else ["reraise", "return 9", "fail x" + name]
            lines = ["try"] + lines + ["on cancelled", self.random.choice(ends), "end"]
        elif not grouped and self.chance(0.4):
            lines = ["try"] + lines + ["cleanup", "sleep %d" % self.brief(), "log clean", "end"]
        self.tasks[name] = lines
        return name

    def block(self, body, least, most):
        lines = []
        for _ in range(self.random.randrange(least, most)):
            lines += self.statement(body)
        return lines

    def statement(self, body):
        kind = self.random.random()
        if kind < 0.25:
            return ["sleep %d" % self.time()]
        if kind < 0.33:
            return ["set v %d" % self.random.randrange(1, 9), "get v"]
        if kind < 0.50:
            targets = self.top + ["f%d" % each for each in range(self.futures)]
            if targets:
                return ["wait " + self.random.choice(targets), "sleep %d" % self.time()]
        elif kind < 0.62:
            return self.timeout(body)
        elif kind < 0.80 and body.depth and not body.in_group:
            return self.group(body)
        elif kind < 0.88 and body.depth and not body.in_group:
            child = self.task(body.depth - 1, False, private=True)
            return ["spawn " + child, "join " + child]
        elif kind < 0.94 and not body.in_group:
            return ["shielded", "sleep %d" % self.brief(), "end"]
        return self.attempt(body)

    def timeout(self, body):
        lines = ["timeout %d" % self.time()] + self.block(body, 1, 3) + ["end"]
        if not body.converts and self.chance(0.6):
            lines = ["try"] + lines + ["on timeout", "log late", "end"]
        return lines

    def group(self, body):
        name = "g%d" % self.groups
        self.groups += 1
        lines = ["group " + name]
        for _ in range(self.random.randrange(1, 4)):
            child = self.task(body.depth - 1, self.chance(0.2))
            lines.append("spawn %s in %s" % (child, name))
        if self.chance(0.6):
            lines += self.block(Body(body.depth, body.converts, in_group=True), 1, 3)
        lines.append("end")
        if not body.converts and self.chance(0.5):
            lines = ["try"] + lines + ["on group", "log caught", "reraise", "end"]
        return lines

    def attempt(self, body):
        lines = self.block(body, 1, 2)
        grouped = any(line.startswith("group") for line in lines)
        lines = ["try"] + lines + ["on cancelled"]
        lines += ["fail y"] if body.converts and self.chance(0.5) else ["log told", "reraise"]
        if not body.in_group and not grouped and self.chance(0.5):
            lines += ["cleanup", "sleep %d" % self.brief()]
        return lines + ["end"]


def make(seed, count):
    return "\n".join(Maker(seed * 1000003 + each).scenario("TSK-random-%d" % each)
                     for each in range(count))


def time_of(line):
    return int(line[1:line.index(" ")])


def plain(line):
    """A line without the order of a group's errors, which is that of their completion."""
    return "".join(sorted(line)) if "[" in line else line


def ordered(trace):
    """The trace without the order of what happens at one time."""
    return sorted("@%012d %s" % (time_of(line), plain(line)) for line in trace)


def by_time(trace):
    """For people: the lines of each time in the order of their texts."""
    return sorted(trace, key=lambda line: (time_of(line), line))


def is_tie(left, right):
    """Did two things of their own wake at the first time at which the traces differ?"""
    pairs = zip(ordered(left), ordered(right))
    times = [time_of(pair[0]) for pair in pairs if pair[0] != pair[1]]
    if not times:
        return False
    causes = [line for line in left if time_of(line) == min(times)
              and ("sleep" in line and line.endswith("-> ok") or line.endswith(", expired"))]
    return len(causes) > 1
