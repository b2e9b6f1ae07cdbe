#!/usr/bin/env python3
"""Derives records.csv: odometer readings of 32 cars over three months of 2018.

Usage: derive.py VED_STATIC_CSV UBER_TRIPS_CSV > records.csv

What is real: the cars (id, kind and displacement) and one person's driving diary of 2016.
What is derived: each car drives that diary, moved by a whole number of weeks so that weekdays stay:
by 104, since the tariff came in June 2017, and then by another number for each car, so that no two
stand still on the same days. An odometer adds up the diary's miles, and a driver photographs it
where the scheme would have it: when a stop begins and when the car is next used.
No randomness: the same two files give the same bytes.
"""

import csv
import sys
from datetime import datetime, timedelta

KM_PER_MILE = 1.609344
# The scale counts by the month; readings are kept for these three.
FIRST, LAST = datetime(2018, 3, 1), datetime(2018, 6, 1)
# A driver photographs a stop that they expect to last a day. Some turn out shorter and earn nothing.
PHOTOGRAPHED = timedelta(hours=20)
YEAR = timedelta(days=52 * 7)


def cars(path):
    """Every thirteenth car, and all electric ones: each class of the tariff is there."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    electric = [row for row in rows if row["Vehicle Type"] == "EV"]
    burning = [row for row in rows if row["displacement_l"] and row["Vehicle Type"] != "EV"]
    for row in electric:
        yield row["VehId"], "0.0"
    for row in burning[::13][: 32 - len(electric)]:
        yield row["VehId"], row["displacement_l"]


def diary(path):
    """Trips as (start, end, miles), in order. One row of the source has no miles and is left out."""
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["miles"] and row["start_date"]]
    when = datetime.fromisoformat
    return sorted((when(r["start_date"]), when(r["end_date"]), float(r["miles"])) for r in rows)


def moved(trips, weeks):
    """The diary moved by 104 weeks and `weeks`; what runs over the year's end comes in at its start."""
    out = []
    weeks += 104
    for start, end, miles in trips:
        start, end = start + timedelta(weeks=weeks), end + timedelta(weeks=weeks)
        if start >= datetime(2018, 12, 28):
            start, end = start - YEAR, end - YEAR
        out.append((start, end, miles))
    return sorted(out)


def readings(trips, odometer):
    """(time, odometer in km) of each photograph."""
    km = float(odometer)
    before = None
    for start, end, miles in trips:
        if before is not None and start - before >= PHOTOGRAPHED:
            yield before, int(km)
            # A stop over the turn of a month is photographed there too: a claim sees one month.
            turn = (before.replace(day=1) + timedelta(days=32)).replace(
                day=1, hour=0, minute=0
            )
            if before < turn < start:
                yield turn - timedelta(minutes=1), int(km)
                yield turn, int(km)
            yield start, int(km)
        km += miles * KM_PER_MILE
        before = end


def main():
    ved, uber = sys.argv[1:3]
    trips = diary(uber)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["reading", "car", "at", "odometer_km", "displacement_l"])
    number = 0
    for place, (car, displacement) in enumerate(cars(ved)):
        last = None
        # 17 and 52 have no common divisor, so 32 cars get 32 different weeks.
        for at, km in readings(moved(trips, place * 17 % 52), 20_000 + 3_517 * place):
            if not FIRST <= at < LAST or (last is not None and at <= last):
                continue
            number += 1
            out.writerow([number, f"car-{car}", at.strftime("%Y-%m-%dT%H:%M"), km, displacement])
            last = at


main()
