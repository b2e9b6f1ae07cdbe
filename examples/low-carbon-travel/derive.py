#!/usr/bin/env python3
"""Derives records.csv: a week's trips by mode of 23 travellers, three weeks of June 2025.

Usage: derive.py BIKESHARE_TRIPS_CSV > records.csv

What is real: every row with mode `bicycle` (start, distance) is a trip of the Bay Area bike share
of September 2014; one bike stands for one traveller. Its date is moved by 561 weeks, so that weekday
and time of day stay and the trips fall around the day on which the conversion factors change. The
source's times are UTC, though it does not say so: on working days most trips begin at 15:00 and at
0:00, which is 8:00 and 17:00 of Pacific daylight time. They are made local here.
What is generated: the rows on foot, by e-bike, bus and metro, from a seeded generator; `origin`
says which is which. The same file gives the same bytes.
"""

import csv
import random
import sys
from datetime import datetime, timedelta

MOVED = timedelta(weeks=561)
# Pacific daylight time, throughout September 2014.
LOCAL = timedelta(hours=-7)
FIRST, LAST = datetime(2025, 6, 2), datetime(2025, 6, 23)
# A claim holds 32 trips of all modes; a bike that was out more often in a week is left out whole.
MOST_BICYCLE = 16

# mode, least and greatest distance in m, pace in m a minute
MODES = {
    "walk": (300, 3_000, 80),
    "ebike": (1_500, 12_000, 330),
    "bus": (1_200, 15_000, 270),
    "metro": (2_500, 28_000, 550),
}
# What a person of each habit uses, and how likely they make such a trip on a working day.
HABITS = [
    {"walk": 0.9, "metro": 0.8},
    {"walk": 0.6, "bus": 0.9, "metro": 0.3},
    {"walk": 0.4, "ebike": 0.7},
    {"walk": 0.8, "bus": 0.3},
]


def cycling(path):
    """Real trips as (bike, start, metres): every twelfth bike."""
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            start = datetime.fromisoformat(row["start_date"]) + LOCAL + MOVED
            if int(row["bike_id"]) % 12 == 5 and FIRST <= start < LAST:
                yield row["bike_id"], start, int(row["crow_m"])


def others(account, habit):
    """Generated trips of one traveller."""
    dice = random.Random(f"low-carbon-travel {account}")
    day = FIRST
    while day < LAST:
        working = day.weekday() < 5
        for mode, chance in habit.items():
            least, most, pace = MODES[mode]
            # Out and back; each person has a way to work that is about the same every day.
            metres = dice.randint(least, most)
            if dice.random() > (chance if working else chance / 3):
                continue
            out = day + timedelta(minutes=dice.randint(390, 600))
            back = out + timedelta(minutes=metres // pace + dice.randint(60, 600))
            for start in (out, back):
                if start < day + timedelta(days=1):
                    yield mode, start, metres + dice.randint(-100, 100)
        day += timedelta(days=1)


def main():
    accounts = {}
    for bike, start, metres in cycling(sys.argv[1]):
        accounts.setdefault(bike, []).append(("bicycle", start, metres, "bikeshare14"))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["trip", "traveller", "start", "mode", "distance_m", "origin"])
    number = 0
    for place, (bike, trips) in enumerate(sorted(accounts.items(), key=lambda a: int(a[0]))):
        weeks = {}
        for trip in trips:
            weeks.setdefault(trip[1].isocalendar()[:2], []).append(trip)
        if max(len(week) for week in weeks.values()) > MOST_BICYCLE:
            continue
        habit = HABITS[place % len(HABITS)]
        # Trips of one traveller are told apart by their start, so a generated one makes way.
        taken = {trip[1] for trip in trips}
        for mode, start, metres in others(bike, habit):
            while start in taken:
                start += timedelta(minutes=1)
            taken.add(start)
            trips.append((mode, start, metres, "generated"))
        for mode, start, metres, origin in sorted(trips, key=lambda t: t[1]):
            number += 1
            at = start.strftime("%Y-%m-%dT%H:%M")
            out.writerow([number, f"traveller-{bike}", at, mode, metres, origin])


main()
