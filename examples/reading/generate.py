"""Writes records.csv: two months at a library of 40 invented readers.

Nothing here was recorded anywhere. Run `python3 generate.py > records.csv`; the same seed gives the
same file. Only `random()` is used, whose sequence Python keeps from version to version.
"""

import calendar
import random

READERS = 40
MONTHS = [(2024, 3), (2024, 4)]
SEED = 20240302
# Days a book may be kept, and books on one card at a time (Meixian).
LOAN_DAYS = 30
CARD = 6


def between(rng, low, high):
    """A whole number from low to high."""
    return low + int(rng.random() * (high - low + 1))


def month_of(rng, name, keen, tardy, year, month):
    """One reader's events of a month, each at a minute of its own."""
    days = calendar.monthrange(year, month)[1]
    events = {}

    def put(day, kind, books, late, stay):
        minute = between(rng, 9 * 60, 20 * 60 - stay)
        while (day, minute) in events:
            minute += 1
        events[(day, minute)] = (kind, books, late, stay)

    for day in range(1, days + 1):
        if rng.random() >= keen:
            continue
        if rng.random() < 0.5:
            put(day, "loan", between(rng, 1, CARD), 0, 0)
        if rng.random() < 0.35:
            # What goes back now was borrowed a month ago or so; most of it in time.
            late = between(rng, 1, 45) if rng.random() < tardy else 0
            put(day, "return", between(rng, 1, 4), late, 0)
        if rng.random() < 0.4:
            put(day, "visit", 0, 0, between(rng, 20, 360))
    for (day, minute), (kind, books, late, stay) in sorted(events.items()):
        at = f"{year}-{month:02}-{day:02}T{minute // 60:02}:{minute % 60:02}"
        print(f"{name},{at},{kind},{books},{late},{stay}")


def main():
    rng = random.Random(SEED)
    print("card,at,event,books,days_late,stay_min")
    readers = [
        (f"r{i:02}", 0.1 + 0.4 * rng.random(), 0.1 * rng.random()) for i in range(1, READERS + 1)
    ]
    for year, month in MONTHS:
        for name, keen, tardy in readers:
            month_of(rng, name, keen, tardy, year, month)


if __name__ == "__main__":
    main()
