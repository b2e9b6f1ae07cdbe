"""Writes records.csv: two months of step counts of 36 invented people.

Nothing here was measured. Run `python3 generate.py > records.csv`; the same seed gives the same
file. Only `random()` is used, whose sequence Python keeps from version to version.
"""

import calendar
import random

PEOPLE = 36
MONTHS = [(2025, 3), (2025, 4)]
SEED = 20250301


def between(rng, low, high):
    """A whole number from low to high."""
    return low + int(rng.random() * (high - low + 1))


def around(rng, mean, spread):
    """Near the mean, as the sum of four throws; never below 0."""
    throw = sum(rng.random() for _ in range(4)) / 2 - 1
    return max(0, round(mean * (1 + spread * throw)))


def main():
    rng = random.Random(SEED)
    print("person,date,worn_min,steps,brisk_min")
    people = [
        # Who walks how much, what part of it briskly, and how often the watch stays on the table.
        (f"w{i:02}", between(rng, 3_000, 13_000), 0.1 + 0.5 * rng.random(), 0.25 * rng.random())
        for i in range(1, PEOPLE + 1)
    ]
    for year, month in MONTHS:
        for name, habit, brisk, forgets in people:
            for day in range(1, calendar.monthrange(year, month)[1] + 1):
                date = f"{year}-{month:02}-{day:02}"
                if rng.random() < forgets:
                    # Worn for less than ten hours: the day is not known, and that is not 0 steps.
                    print(f"{name},{date},{between(rng, 0, 599)},,")
                    continue
                weekend = calendar.weekday(year, month, day) >= 5
                steps = around(rng, habit * (0.8 if weekend else 1.05), 0.8)
                # Some 110 steps a minute when walking briskly.
                minutes = around(rng, steps * brisk / 110, 0.3)
                print(f"{name},{date},{between(rng, 600, 1080)},{steps},{minutes}")


if __name__ == "__main__":
    main()
