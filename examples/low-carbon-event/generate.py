#!/usr/bin/env python3
"""Generates records.csv: deeds of 28 visitors on four days of the Games, 4 to 7 February 2022.

Usage: generate.py > records.csv

Nothing here was recorded of anybody. Steps of a day come as one row at night; the other deeds as
they happen. The seed is fixed: the same bytes each time.
"""

import csv
import random
import sys
from datetime import datetime, timedelta

VISITORS = 28
DAYS = [datetime(2022, 2, 4) + timedelta(days=n) for n in range(4)]
# deed, chance on a day, most times a day, earliest and latest hour
DEEDS = [
    ("bus", 0.45, 5, 7, 21),
    ("metro", 0.65, 4, 6, 22),
    ("plate", 0.55, 4, 7, 20),
    ("bag", 0.25, 3, 9, 20),
]


def main():
    dice = random.Random("low-carbon-event 1")
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["deed_no", "visitor", "at", "deed", "amount"])
    number = 0
    for visitor in range(1, VISITORS + 1):
        for day in DAYS:
            if dice.random() < 0.1:
                continue
            deeds = {}
            for deed, chance, most, first, last in DEEDS:
                if dice.random() < chance:
                    for _ in range(dice.randint(1, most)):
                        minute = dice.randint(first * 60, last * 60)
                        # Two deeds of one minute are told apart by the minute.
                        while minute in deeds:
                            minute += 1
                        deeds[minute] = (deed, 1)
            if dice.random() < 0.85:
                deeds[23 * 60 + 55] = ("walk", dice.randint(900, 19_000))
            for minute, (deed, amount) in sorted(deeds.items()):
                number += 1
                at = day + timedelta(minutes=minute)
                out.writerow(
                    [number, f"visitor-{visitor:02}", at.strftime("%Y-%m-%dT%H:%M"), deed, amount]
                )


main()
