"""Figures of many rounds as tables: medians with their quartiles, and how sluice stands against HAProxy."""
import statistics


def quartiles(values):
    """(lower quartile, median, upper quartile)."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, statistics.median(values), upper


def number(value):
    """Three digits that count, and none more behind the point than those."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def cell(values):
    if not values:
        return "-"
    lower, median, upper = quartiles(values)
    return number(median) if len(values) < 2 else f"{number(median)} ({number(lower)}..{number(upper)})"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


class Series:
    """What was measured of each load and peer, a dictionary a round."""

    def __init__(self):
        self.rounds = {}

    def add(self, load, peer, figures):
        self.rounds.setdefault((load, peer), []).append(figures)

    def values(self, load, peer, name):
        return [figures[name] for figures in self.rounds.get((load, peer), []) if name in figures]

    def ratios(self, load, name, peer="sluice", other="HAProxy"):
        """Of each round: what runs side by side sees the same disturbances."""
        pairs = zip(self.values(load, peer, name), self.values(load, other, name))
        return [mine / theirs for mine, theirs in pairs if theirs > 0]

    def table(self, head, columns):
        """`columns`: a title and the name of a figure each."""
        rows = [[load, peer] + [cell(self.values(load, peer, name)) for _, name in columns]
                for load, peer in self.rounds]
        return table([head, "peer"] + [title for title, _ in columns], rows)


class Targets:
    """What is to be reached, and what was."""

    def __init__(self):
        self.rows = []

    def add(self, subject, measured, limit, is_least=False, unit="times HAProxy's"):
        """`measured`: values of the rounds; their median is to be at most `limit`, or at least."""
        if not measured:
            return
        median = statistics.median(measured)
        is_met = median >= limit if is_least else median <= limit
        bound = f"{'>=' if is_least else '<='} {number(limit)}"
        self.rows.append([subject, cell(measured), bound, unit, "yes" if is_met else "NO"])

    def table(self):
        return table(["subject", "measured", "wanted", "", "met"], self.rows)
