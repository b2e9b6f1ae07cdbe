"""Pictures as a phone takes them of a QR code: turned, scaled, blurred, lit unevenly, with noise.

    photographs.py make FOLDER [COUNT]      COUNT pictures (100), the same ones every time
    photographs.py read FOLDER              what zxing-cpp makes of them

Needs: pip install segno pillow numpy zxing-cpp
Each picture N.png or N.jpg has its bytes beside it in N.bytes.
"""

import io
import math
import pathlib
import random
import sys

import numpy
import segno
from PIL import Image, ImageFilter

MODULE = 6  # pixels, as `merits wallet attest` writes them
QUIET = 4  # modules


def code(chance):
    """A code as `merits wallet attest` makes it: byte mode, medium correction."""
    data = chance.randbytes(chance.randrange(600, 1600))
    made = segno.make(data, mode="byte", error="m", boost_error=False, micro=False)
    out = io.BytesIO()
    made.save(out, kind="png", scale=MODULE, border=QUIET)
    return data, Image.open(io.BytesIO(out.getvalue())).convert("L")


def light(width, height, chance):
    """Brightness over the picture: a slope in some direction, and a lamp."""
    y, x = numpy.mgrid[0:height, 0:width]
    angle = chance.uniform(0, 2 * math.pi)
    slope = (x / width - 0.5) * math.cos(angle) + (y / height - 0.5) * math.sin(angle)
    lamp_x, lamp_y = chance.uniform(0, 1), chance.uniform(0, 1)
    lamp = numpy.exp(-(((x / width - lamp_x) ** 2 + (y / height - lamp_y) ** 2) / 0.3))
    return 0.65 + chance.uniform(0, 0.5) * slope + 0.3 * lamp


def photograph(seed):
    chance = random.Random(seed)
    data, flat = code(chance)
    scale, turn = chance.uniform(0.5, 2), chance.uniform(0, 45)
    paper = chance.randrange(200, 256)
    side = max(1, round(flat.width * scale))
    turned = flat.resize((side, side), Image.LANCZOS).rotate(
        turn, resample=Image.BICUBIC, expand=True, fillcolor=255
    )
    margin = round(0.05 * turned.width)
    page = Image.new("L", (turned.width + 2 * margin, turned.height + 2 * margin), 255)
    page.paste(turned, (margin, margin))
    ink = chance.randrange(10, 50)
    grey = ink + numpy.asarray(page, dtype=float) / 255 * (paper - ink)
    grey = numpy.clip(grey * light(page.width, page.height, chance), 0, 255)
    soft = Image.fromarray(grey.astype("uint8")).filter(
        ImageFilter.GaussianBlur(chance.uniform(0, 1.5))
    )
    noise = numpy.random.default_rng(seed).normal(0, 3, (page.height, page.width))
    grey = numpy.clip(numpy.asarray(soft, dtype=float) + noise, 0, 255).astype("uint8")
    return data, Image.fromarray(grey), seed % 2 == 1


def make(folder, count):
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        data, picture, jpeg = photograph(seed)
        (folder / f"{seed}.bytes").write_bytes(data)
        if jpeg:
            picture.convert("RGB").save(folder / f"{seed}.jpg", quality=85)
        else:
            picture.save(folder / f"{seed}.png")


def read(folder):
    import zxingcpp

    pictures = sorted(folder.glob("*.png")) + sorted(folder.glob("*.jpg"))
    right = 0
    for path in pictures:
        found = zxingcpp.read_barcodes(Image.open(path))
        data = path.with_suffix(".bytes").read_bytes()
        right += len(found) == 1 and bytes(found[0].bytes) == data
    print(f"zxing-cpp: {right} of {len(pictures)}")


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "make":
        make(pathlib.Path(folder), int(rest[0]) if rest else 100)
    else:
        read(pathlib.Path(folder))
