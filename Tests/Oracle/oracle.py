"""Compares CPython's asyncio with Eddy, scenario by scenario.

usage: oracle.py DRIVER SCENARIOS...        compares; DRIVER is the C program
       oracle.py --show DRIVER SCENARIOS... prints both traces of each
       oracle.py --random SEED COUNT DRIVER FILE   compares random ones, which it writes to FILE
The rows that a scenario names are looked up in Tests/conformance.rows: one that differs must name a
row tagged D, and one that agrees at least one tagged P or I to be counted; those that agree on a
row tagged D alone, in what the two have in common there, are counted apart.
The last line is "N scenarios agree, N differ as their D row says, N failed".
"""

import os
import subprocess
import sys
import warnings

import language
import random_scenarios
from asyncio_driver import World

HERE = os.path.dirname(os.path.abspath(__file__))
CHAPTERS = {
    "FUT": "1 futures", "TSK": "2 tasks", "EAG": "2b eager start", "AGG": "3 several at once",
    "TG": "4 groups", "TO": "5 timeouts", "RUN": "6 program", "LOOP": "7 loop", "CTX": "13 context",
}


def eddy_traces(driver, path):
    """The traces that the C program prints for a file, by scenario, or a text that says why not."""
    grammar = os.path.join(HERE, "grammar.txt")
    done = subprocess.run([driver, grammar, path], stdout=subprocess.PIPE, text=True, timeout=120)
    traces, lines = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("== "):
            lines = traces[line[3:]] = []
        elif lines is not None:
            lines.append(line)
    if done.returncode != 0:
        print("%s: the Eddy driver gave exit status %d" % (path, done.returncode))
    return traces, done.returncode


def whole(trace):
    """A trace of the C program ends with a line that says so."""
    return bool(trace) and trace[-1] == "--"


def judge(scenario, python, eddy):
    """One of "agree", "differ" and "failed", and why."""
    if eddy is None or not whole(eddy):
        return "failed", ["the Eddy driver did not finish it"]
    eddy = eddy[:-1]
    stuck = [line for line in python + eddy if line.startswith("stuck")]
    if stuck:
        return "failed", stuck
    if scenario.differs:
        return judge_difference(scenario, python, eddy)
    if python == eddy:
        return "agree", []
    return "failed", difference(python, eddy, "asyncio", "eddy")


def judge_difference(scenario, python, eddy):
    said = []
    if python != scenario.expected["asyncio"]:
        said += difference(scenario.expected["asyncio"], python, "stated", "asyncio")
    if eddy != scenario.expected["eddy"]:
        said += difference(scenario.expected["eddy"], eddy, "stated", "eddy")
    if python == eddy:
        said.append("it is said to differ, and agrees")
    return ("failed", said) if said else ("differ", [])


def difference(left, right, left_name, right_name):
    said = []
    same = 0
    while same < min(len(left), len(right)) and left[same] == right[same]:
        same += 1
    said += ["    %s" % line for line in left[:same]]
    said += ["%s only: %s" % (left_name, line) for line in left[same:]]
    said += ["%s only: %s" % (right_name, line) for line in right[same:]]
    return said


def chapter_of(scenario):
    return CHAPTERS.get(scenario.name.split("-")[0], "?")


def read_tags(path):
    """The tag of each row."""
    tags = {}
    with open(path) as file:
        for line in file:
            words = line.split()
            if len(words) == 4 and words[2].startswith("C=") and not line[0].isspace():
                tags[words[0]] = words[1]
    return tags


def judge_rows(scenario, tags, what):
    """The verdict in the light of the rows that the scenario names."""
    unknown = [row for row in scenario.rows + [scenario.differs] if row and row not in tags]
    if unknown:
        return "failed", ["no such row: %s" % " ".join(unknown)]
    if scenario.differs and tags[scenario.differs] != "D":
        return "failed", ["%s is tagged %s, not D" % (scenario.differs, tags[scenario.differs])]
    if what == "agree" and not any(tags[row] in "PI" for row in scenario.rows):
        return "common", []
    return what, []


class Count:
    def __init__(self):
        self.agree = self.common = self.differ = self.failed = 0

    def add(self, what):
        setattr(self, what, getattr(self, what) + 1)


def main(arguments):
    if arguments[0] == "--random":
        return compare_random(int(arguments[1]), int(arguments[2]), arguments[3], arguments[4])
    show = arguments[0] == "--show"
    driver, paths = arguments[1 if show else 0], arguments[2 if show else 1:]
    rules = language.read_grammar(os.path.join(HERE, "grammar.txt"))
    tags = read_tags(os.path.join(HERE, "../conformance.rows"))
    chapters, total, broken = {}, Count(), False
    for path in paths:
        scenarios = language.read_scenarios(path, rules)
        traces, status = eddy_traces(driver, path)
        broken = broken or status != 0
        for scenario in scenarios:
            python = World(scenario).run()
            eddy = traces.get(scenario.name)
            what, said = judge(scenario, python, eddy)
            if what != "failed":
                what, said = judge_rows(scenario, tags, what)
            if show:
                print_both(scenario, python, eddy)
            chapters.setdefault(chapter_of(scenario), Count()).add(what)
            total.add(what)
            if what == "failed":
                print("FAIL  %s (%s:%d)" % (scenario.name, path, scenario.number))
                for line in said:
                    print("      " + line)
    for name in sorted(chapters, key=lambda name: list(CHAPTERS.values()).index(name)):
        count = chapters[name]
        print("%-16s %3d agree, %2d differ by a D row, %d failed%s" % (
            name, count.agree, count.differ, count.failed,
            ", %d agree in part of a D row" % count.common if count.common else ""))
    print("%d scenarios agree, %d differ as their D row says, %d failed" % (
        total.agree, total.differ, total.failed))
    return 1 if total.failed or broken else 0


def compare_random(seed, count, driver, path):
    """Random scenarios agree, or agree but for the order of what happens at one time."""
    with open(path, "w") as file:
        file.write(random_scenarios.make(seed, count))
    rules = language.read_grammar(os.path.join(HERE, "grammar.txt"))
    traces, status = eddy_traces(driver, path)
    same = order = ties = failed = 0
    for scenario in language.read_scenarios(path, rules):
        python, eddy = World(scenario).run(), traces.get(scenario.name)
        if eddy is None or not whole(eddy):
            failed += 1
            print("FAIL  %s: the Eddy driver did not finish it" % scenario.name)
        elif python == eddy[:-1]:
            same += 1
        elif random_scenarios.ordered(python) == random_scenarios.ordered(eddy[:-1]):
            order += 1
        elif random_scenarios.is_tie(python, eddy[:-1]):
            ties += 1
        else:
            failed += 1
            print("FAIL  %s (%s:%d)" % (scenario.name, path, scenario.number))
            by_time = random_scenarios.by_time
            print("\n".join("      " + line for line in difference(
                by_time(python), by_time(eddy[:-1]), "asyncio", "eddy")))
    print("random scenarios: %d agree, %d but for the order at one time, %d not judged, %d failed"
          % (same, order, ties, failed))
    return 1 if failed or status else 0


def print_both(scenario, python, eddy):
    print("== %s" % scenario.name)
    eddy = eddy[:-1] if whole(eddy) else eddy or []
    if python == eddy:
        print("\n".join("  both     " + line for line in python))
        return
    print("\n".join("  asyncio  " + line for line in python))
    print("\n".join("  eddy     " + line for line in eddy))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    try:
        sys.exit(main(sys.argv[1:]))
    except language.Refused as refused:
        print(refused)
        sys.exit(2)
