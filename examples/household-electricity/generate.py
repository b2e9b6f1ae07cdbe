#!/usr/bin/env python3
"""Generates records.csv: daily meter readings of 26 homes, July and August 2026.

Usage: generate.py > records.csv

Nothing here was measured. Each home has a declared baseline for a July and an August day, uses
more at weekends and on hot days, saves a share of its own, and a meter that now and then misses a
day. A missed day has no row: it is absent, not a day of 0 kWh. The seed is fixed: the same bytes
each time.
"""

import csv
import random
import sys
from datetime import date, timedelta

HOMES = 26
FIRST, LAST = date(2026, 7, 1), date(2026, 9, 1)
# Share of the baseline that a home saves, and share of its peak use that it moves to the night.
SAVINGS = [0.12, -0.02, 0.02, 0.04, 0.06, 0.08, 0.09, -0.08, 0.15, 0.18, 0.22, 0.26, 0.31]
MOVES = [0.0, 0.05, 0.1, 0.2]


def homes():
    dice = random.Random("household-electricity 1")
    for home in range(HOMES):
        a_day = dice.uniform(4.0, 16.0)
        at_night = dice.uniform(0.22, 0.38)
        yield {
            "name": f"home-{home + 1:02}",
            "peak": a_day * (1 - at_night),
            "valley": a_day * at_night,
            "saves": SAVINGS[home % len(SAVINGS)],
            "moves": MOVES[home % len(MOVES)],
            # Most meters miss little; every thirteenth is out for a third of the days.
            "misses": 0.33 if home % 13 == 4 else 0.015,
            "dice": random.Random(f"household-electricity {home}"),
        }


def heat(day):
    """One hot week in July, one in August: everybody's cooling."""
    return 1.15 if 12 <= day.day <= 18 else 1.0


def main():
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(
        ["home", "day", "peak_kwh", "valley_kwh", "baseline_peak_kwh", "baseline_valley_kwh"]
    )
    for home in homes():
        day = FIRST
        while day < LAST:
            dice = home["dice"]
            # The same day of other years, averaged: hot weeks do not fall on the same days.
            base = 1.0 if day.month == 7 else 1.04
            use = heat(day) * (1.08 if day.weekday() >= 5 else 0.97) * (1 - home["saves"])
            use *= dice.uniform(0.85, 1.1)
            moved = home["peak"] * use * home["moves"] * dice.uniform(0.5, 1.0)
            missed = dice.random() < home["misses"]
            if not missed:
                out.writerow(
                    [
                        home["name"],
                        day.isoformat(),
                        f"{home['peak'] * use - moved:.2f}",
                        f"{home['valley'] * use + moved:.2f}",
                        f"{home['peak'] * base:.2f}",
                        f"{home['valley'] * base:.2f}",
                    ]
                )
            day += timedelta(days=1)


main()
