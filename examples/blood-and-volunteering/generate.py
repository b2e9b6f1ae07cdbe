"""Writes records.csv from transfusion.csv beside it, and invents what that does not have.

Real: which donors gave blood in January and in March 2007, how much (250 mL each time), and for
March in which month they had given before. Invented: the day and hour of each donation, for January
the donation before (spread evenly over the months since the first), platelets, and all
volunteering. Run `python3 generate.py > records.csv`; the same seed gives the same file. Only
`random()` is used, whose sequence Python keeps from version to version.
"""

import calendar
import csv
import datetime
import pathlib
import random

SEED = 20070304
# Every fourth donor, all their acts.
EVERY = 4
# Stands for no donation before: the day on which the Law took effect.
NEVER = datetime.date(1998, 10, 1)
JANUARY, MARCH = (2007, 1), (2007, 3)


def between(rng, low, high):
    """A whole number from low to high."""
    return low + int(rng.random() * (high - low + 1))


def day_in(rng, year, month):
    """Any day of the month."""
    return datetime.date(year, month, between(rng, 1, calendar.monthrange(year, month)[1]))


def months_before(year, month, count):
    """The month that lies so many months before."""
    at = year * 12 + month - 1 - count
    return at // 12, at % 12 + 1


def donation(rng, month, before):
    """When, of which kind, the donation before, how much, how long."""
    on = day_in(rng, *month)
    last = NEVER if before is None else day_in(rng, *months_before(*month, before))
    return (on, between(rng, 9 * 60, 17 * 60), "whole_blood", last, 250, between(rng, 20, 45))


def sessions(rng, month, busy):
    """Volunteering of a month, every few days; the last of the list may overlap the one before."""
    acts = []
    for day in range(1, calendar.monthrange(*month)[1] + 1):
        if rng.random() < busy:
            on = datetime.date(*month, day)
            acts.append((on, between(rng, 8 * 60, 14 * 60), "volunteering", on, 0, between(rng, 30, 420)))
    return acts


def platelets(rng, month):
    """Two gifts of platelets, three or five weeks apart or so: only some as far as the rule asks."""
    first = datetime.date(*month, between(rng, 1, 3))
    second = first + datetime.timedelta(days=between(rng, 20, 28))
    before = first - datetime.timedelta(days=between(rng, 28, 90))
    hour = between(rng, 9 * 60, 12 * 60)
    return [
        (first, hour, "platelets", before, 200, between(rng, 50, 80)),
        (second, hour, "platelets", first, 400, between(rng, 70, 110)),
    ]


def main():
    rng = random.Random(SEED)
    source = pathlib.Path(__file__).with_name("transfusion.csv")
    with source.open(encoding="utf-8", newline="") as file:
        donors = [row for row in csv.DictReader(file) if int(row["donor"]) % EVERY == 0]
    print("person,start,kind,date,last_donation,volume_ml,duration_min")
    lines = []
    for row in donors:
        recency = int(row["recency_months"])
        acts = {JANUARY: [], MARCH: []}
        # "Months since the last donation" is counted from March 2007, before that month's own.
        if recency == 2:
            count = int(row["donations"]) - 1
            span = int(row["first_donation_months_ago"]) - recency
            acts[JANUARY].append(donation(rng, JANUARY, round(span / count) if count else None))
        if row["donated_march_2007"] == "1" and recency > 0:
            acts[MARCH].append(donation(rng, MARCH, recency))
        busy = 0.3 * rng.random() if rng.random() < 0.3 else 0.0
        for month in (JANUARY, MARCH):
            acts[month] += sessions(rng, month, busy)
            # A few give platelets too, where they gave no whole blood.
            if recency > 4 and rng.random() < 0.04:
                acts[month] = acts[month] + platelets(rng, month)
            for on, minute, kind, last, volume, duration in acts[month]:
                start = f"{on}T{minute // 60:02}:{minute % 60:02}"
                lines.append((start, f"d{int(row['donor']):03}", kind, on, last, volume, duration))
    for start, person, kind, on, last, volume, duration in sorted(lines):
        print(f"{person},{start},{kind},{on},{last},{volume},{duration}")


if __name__ == "__main__":
    main()
