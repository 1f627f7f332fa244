"""The language of the scenarios: reads grammar.txt and scenario files into statements.

A mistake in a file raises Refused with "file:line: what"; the C driver refuses the same files.
"""


class Refused(Exception):
    pass


class Rule:
    """One verb of grammar.txt."""

    def __init__(self, words):
        self.kind = words[0][0]
        self.block = words[0].endswith("{")
        self.verb = words[1]
        rest = words[2:]
        self.arguments = [word for word in rest if len(word) == 1]
        self.valued = {word[:-1] for word in rest if len(word) > 1 and word.endswith("=")}
        self.flags = {word for word in rest if len(word) > 1 and not word.endswith("=")}


class Statement:
    """A line, with the statements inside it if it is a block. `text` is what a trace shows."""

    def __init__(self, rule, words, number):
        self.rule, self.verb, self.number = rule, words[0], number
        self.text = " ".join(words)
        self.words = []
        self.options = {}
        self.inside = []

    def word(self, index, default=None):
        return self.words[index] if index < len(self.words) else default

    def integer(self, index, default=None):
        return int(self.words[index]) if index < len(self.words) else default


class Scenario:
    def __init__(self, name, number):
        self.name, self.number = name, number
        self.rows, self.differs = [], None
        self.sections = {}
        self.bodies = {}
        self.expected = {}


def read_grammar(path):
    rules = {}
    with open(path) as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                rules[words[1]] = Rule(words)
    return rules


def is_integer(word):
    return word.lstrip("-").isdigit() and word.count("-") <= 1


class Reader:
    def __init__(self, path, rules):
        self.path, self.rules, self.number = path, rules, 0
        self.scenarios = []
        self.open = []

    def refuse(self, what, number=None):
        raise Refused("%s:%d: %s" % (self.path, number or self.number, what))

    def read(self):
        with open(self.path) as file:
            for self.number, line in enumerate(file, 1):
                self.line(line)
        if self.open:
            self.refuse("no `end` for the block of line %d" % self.open[-1].number)
        return self.scenarios

    def line(self, line):
        if self.open and self.open[-1].verb in ("asyncio", "eddy"):
            text = line.strip()
            if text.startswith("|"):
                self.open[-1].inside.append(text[1:].strip())
                return
        words = line.split("#")[0].split()
        if not words:
            return
        if words[0] == "scenario":
            self.scenario(words)
        elif words[0] == "end":
            if not self.open or len(words) > 1:
                self.refuse("`end` without a block")
            self.open.pop()
        else:
            self.statement(words)

    def scenario(self, words):
        if self.open:
            self.refuse("no `end` for the block of line %d" % self.open[-1].number)
        if len(words) < 4 or words[2] != "rows":
            self.refuse("a scenario is `scenario NAME rows ROW,ROW [differs ROW]`")
        if any(each.name == words[1] for each in self.scenarios):
            self.refuse("a second scenario %s" % words[1])
        new = Scenario(words[1], self.number)
        new.rows = words[3].split(",")
        if len(words) == 6 and words[4] == "differs":
            new.differs = words[5]
        elif len(words) != 4:
            self.refuse("a scenario is `scenario NAME rows ROW,ROW [differs ROW]`")
        self.scenarios.append(new)

    def statement(self, words):
        rule = self.rules.get(words[0])
        if rule is None:
            self.refuse("no such word: %s" % words[0])
        if not self.scenarios:
            self.refuse("outside a scenario")
        new = Statement(rule, words, self.number)
        self.arguments(new, words[1:])
        self.place(new)
        if rule.block:
            self.open.append(new)

    def arguments(self, new, words):
        rule = new.rule
        for kind in rule.arguments:
            if kind == "*":
                new.words += words
                return
            optional = kind.isupper()
            taken = words and words[0] not in rule.valued and words[0] not in rule.flags
            if not taken:
                if not optional:
                    self.refuse("%s wants more words" % new.verb)
                break
            if kind in "iI" and not is_integer(words[0]):
                self.refuse("%s wants a number in place of %s" % (new.verb, words[0]))
            new.words.append(words.pop(0))
        while words:
            word = words.pop(0)
            if word in rule.flags:
                new.options[word] = True
            elif word in rule.valued and words:
                new.options[word] = words.pop(0)
            else:
                self.refuse("%s does not take %s" % (new.verb, word))

    def place(self, new):
        scenario = self.scenarios[-1]
        if new.rule.kind == "S":
            if self.open:
                self.refuse("%s stands inside a block" % new.verb)
            self.section(scenario, new)
            return
        if not self.open or self.open[-1].verb in ("asyncio", "eddy"):
            self.refuse("%s stands outside a block" % new.verb)
        home = self.open[0].verb
        if new.rule.kind in "TC" and home != "task":
            self.refuse("%s is for tasks" % new.verb)
        if new.rule.kind == "O" and home != "outside":
            self.refuse("%s is for `outside`" % new.verb)
        if new.rule.kind == "C" and self.open[-1].verb != "try":
            self.refuse("%s stands outside a `try`" % new.verb)
        self.open[-1].inside.append(new)

    def section(self, scenario, new):
        if new.verb in ("task", "callback"):
            if new.words[0] in scenario.bodies:
                self.refuse("a second %s" % new.words[0])
            scenario.bodies[new.words[0]] = new
        elif new.verb in ("asyncio", "eddy"):
            scenario.expected[new.verb] = new.inside
        else:
            scenario.sections[new.verb] = new


def read_scenarios(path, rules):
    reader = Reader(path, rules)
    scenarios = reader.read()
    for each in scenarios:
        if "main" not in each.bodies:
            reader.refuse("%s has no task main" % each.name, each.number)
        if each.differs and set(each.expected) != {"asyncio", "eddy"}:
            reader.refuse("%s differs, and does not say how" % each.name, each.number)
        if not each.differs and each.expected:
            reader.refuse("%s states traces, and does not differ" % each.name, each.number)
    return scenarios
