"""One picture of what `layercensus see` wrote: a row a layer, each unit's best examples beside its optimised image.

python docs/make_seeing.py FOLDER OUT.png [--examples 3] [--per-row 4]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIDE, SMALL, GAP, HEAD = 96, 46, 14, 16
INK, PAPER, RED = "#1d2329", "white", "#bb5566"


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--examples", type=int, default=4)
    parser.add_argument("--per-row", type=int, default=4)
    args = parser.parse_args()
    records = json.loads((args.folder / "see.json").read_text("utf-8"))["visualisations"]
    columns = -(-args.examples // 2)
    width, height = columns * (SMALL + 4) + SIDE + GAP, HEAD + SIDE + GAP
    rows = -(-len(records) // args.per_row)
    sheet = Image.new("RGB", (args.per_row * width - GAP + 8, rows * height - GAP + 8), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, record in enumerate(records):
        y, x = divmod(number, args.per_row)
        left, top = x * width + 4, y * height + 4
        failed = bool(record["score"]["status"])
        name = record["preset"] if len({r["preset"] for r in records}) > 1 else record["target"]
        label = "failed" if failed else f"x {record['score']['ratio']:.1f}" if record["score"]["ratio"] else ""
        draw.text((left, top), f"{name}  {label}", RED if failed else INK, font)
        for index, example in enumerate(record["top_examples"][: args.examples]):
            row, column = divmod(index, columns)
            crop = Image.open(args.folder / example["crop"]).convert("RGB").resize((SMALL, SMALL))
            sheet.paste(crop, (left + column * (SMALL + 4), top + HEAD + row * (SMALL + 4)))
        image = Image.open(args.folder / (record["cut"] or record["picture"])).convert("RGB").resize((SIDE, SIDE))
        at = (left + columns * (SMALL + 4), top + HEAD)
        sheet.paste(image, at)
        if failed:
            draw.rectangle((*at, at[0] + SIDE - 1, at[1] + SIDE - 1), outline=RED, width=3)
    sheet.save(args.out, optimize=True)


if __name__ == "__main__":
    main()
