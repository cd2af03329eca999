"""Counts what passed and failed by class and context, and prints the table and the failures."""
from collections import Counter, defaultdict

SHOWN = 200  # failures in detail


class Report:
    def __init__(self):
        self.passed = Counter()
        self.counts = defaultdict(Counter)
        self.failures = []
        self.notes = []

    @property
    def failed(self):
        return len(self.failures)

    def check(self, group, context, good, subject="", complaint="", who=""):
        """Counts one attempt of a class in a context. What was not good is shown: subject and complaint."""
        self.counts[group][context, bool(good)] += 1
        if not good:
            self.failures.append((group, subject, complaint, f"{context} ({who})" if who else context))

    def note(self, text):
        self.notes.append(text)

    def add(self, other):
        for group, counts in other.counts.items():
            self.counts[group].update(counts)
        self.failures += other.failures
        self.notes += other.notes

    def print(self):
        for note in self.notes:
            print(note)
        self._print_table()
        self._print_failures()
        passed = sum(count for counts in self.counts.values() for (_, good), count in counts.items() if good)
        print(f"{passed} passed, {self.failed} failed")

    def _print_table(self):
        print("\nclass and context: attempts refused (or allowed) as they have to be; \"!\": that many were not")
        for group, counts in self.counts.items():
            contexts = dict.fromkeys(context for context, _ in counts)
            cells = []
            for context in contexts:
                bad = counts[context, False]
                cells.append(f"{context} {counts[context, True]}" + (f" !{bad}" if bad else ""))
            line = f"{group:<22}"
            for cell in cells:
                if len(line) + len(cell) > 118:
                    print(line.rstrip())
                    line = " " * 22
                line += f" {cell}; "
            print(line.rstrip(" ;"))
        print()

    def _print_failures(self):
        places = defaultdict(list)
        for group, subject, complaint, place in self.failures:
            places[group, subject, complaint].append(place)
        for (group, subject, complaint), where in list(places.items())[:SHOWN]:
            print(f"FAILED {group}: {subject}\n    {complaint}\n    in: {', '.join(where)}")
        if len(places) > SHOWN:
            print(f"... and {len(places) - SHOWN} more")
