"""Writes records.csv: three weeks of reports to a health office from 45 invented people.

Nothing here was reported by anybody. Run `python3 generate.py > records.csv`; the same seed gives
the same file. Only `random()` is used, whose sequence Python keeps from version to version.
"""

import datetime
import random

PEOPLE = 45
# The Monday of 2025-W10.
FIRST = datetime.date(2025, 3, 3)
WEEKS = 3
SEED = 20250303


def between(rng, low, high):
    """A whole number from low to high."""
    return low + int(rng.random() * (high - low + 1))


def delay(rng, prompt):
    """Hours until the report: most within a day or three, a few much later."""
    if rng.random() < prompt:
        return between(rng, 0, 24)
    return between(rng, 25, 96) if rng.random() < 0.8 else between(rng, 97, 400)


def main():
    rng = random.Random(SEED)
    print("person,reported_at,kind,complete,hours_since")
    people = [
        # How likely ill on a day, how prompt, how careful with the form.
        (f"p{i:02}", 0.05 + 0.25 * rng.random(), 0.3 + 0.6 * rng.random(), 0.7 + 0.3 * rng.random())
        for i in range(1, PEOPLE + 1)
    ]
    for week in range(WEEKS):
        for name, ill, prompt, careful in people:
            reports = {}
            for day in range(7):
                kinds = []
                if rng.random() < ill:
                    # Now and then the same day's symptoms are reported twice.
                    kinds += ["symptoms"] * (2 if rng.random() < 0.2 else 1)
                if rng.random() < 0.02:
                    kinds.append("vaccination")
                if rng.random() < 0.02:
                    kinds.append("checkup")
                for kind in kinds:
                    minute = day * 1440 + between(rng, 7 * 60, 22 * 60)
                    while minute in reports:
                        minute += 1
                    complete = "true" if rng.random() < careful else "false"
                    reports[minute] = (kind, complete, delay(rng, prompt))
            for minute, (kind, complete, hours) in sorted(reports.items()):
                at = datetime.datetime.combine(FIRST, datetime.time()) + datetime.timedelta(
                    weeks=week, minutes=minute
                )
                print(f"{name},{at:%Y-%m-%dT%H:%M},{kind},{complete},{hours}")


if __name__ == "__main__":
    main()
