"""table: figures as they come in, and the table of them at the end."""
import statistics
import sys
import time

_began = time.monotonic()


def say(text):
    """Progress, on standard error."""
    sys.stderr.write("%5.0f s  %s\n" % (time.monotonic() - _began, text))
    sys.stderr.flush()


def human(value, unit=""):
    if value is None:
        return "-"
    digits = 0 if value >= 1000 else 1 if value >= 10 else 2
    return ("{:,.%df}" % digits).format(value) + (" " + unit if unit else "")


class Row:
    """One figure. `at_least` and `at_most` are what to reach; `runs` are the measurements; `beside` are (name, value) references."""

    def __init__(self, name, unit, runs, at_least=None, at_most=None, beside=()):
        self.name, self.unit, self.runs = name, unit, [run for run in runs if run is not None]
        self.at_least, self.at_most, self.beside = at_least, at_most, [each for each in beside if each[1]]

    @property
    def median(self):
        return statistics.median(self.runs) if self.runs else None

    @property
    def target(self):
        if self.at_least is not None:
            return ">= " + human(self.at_least)
        return "<= " + human(self.at_most) if self.at_most is not None else ""

    @property
    def met(self):
        if self.median is None:
            return "not measured"
        if self.at_least is None and self.at_most is None:
            return ""
        good = (self.at_least is None or self.median >= self.at_least) and (self.at_most is None or self.median <= self.at_most)
        return "yes" if good else "NO"

    def cells(self):
        measured = human(self.median, self.unit)
        if len(self.runs) > 1:
            measured += " (%d: %s to %s)" % (len(self.runs), human(min(self.runs)), human(max(self.runs)))
        beside = "; ".join("%s %s, x%.2f" % (name, human(value), self.median / value) for name, value in self.beside
                           if self.median is not None)
        return [self.name, self.target, measured, beside, self.met]


class Table:
    def __init__(self):
        self.rows, self.notes = [], []

    def add(self, *words, **more):
        row = Row(*words, **more)
        self.rows.append(row)
        say("%s: %s %s" % (row.name, human(row.median, row.unit), row.met))
        return row

    def note(self, text):
        self.notes.append(text)

    def show(self):
        lines = [["figure", "target", "measured, median (runs: range)", "reference in this run, ratio", "met"]]
        lines += [row.cells() for row in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(5)]
        for number, line in enumerate(lines):
            print(" | ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
            if number == 0:
                print("-+-".join("-" * width for width in widths))
        for text in self.notes:
            print("* " + text)
