"""The bill of materials: what is incomplete in it, and what a device costs.

python -m hardware.bill             writes the table of costs into hardware/README.md
python -m hardware.bill --check     only looks whether it is fresh
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from hardware.netlist import Netlist, designed, parts

README = Path(__file__).parent / "README.md"
BEGIN = "<!-- cost: begin -->\n"
END = "<!-- cost: end -->\n"
AIM_USD = 7.0  # complete, at 100,000
DONOR_YUAN = 104  # a device, in the programme of January 2023


def complaints(book: Mapping[str, Any], netlist: Netlist) -> list[str]:
    """What is missing in the bill, a sentence each."""
    said = []
    used = {component.part for component in netlist.values()}
    for key in sorted(used - set(book["board"])):
        said.append(f"{key}: the design uses it, but parts.yaml has no such part; add it.")
    for key in sorted(set(book["board"]) - used):
        said.append(f"{key}: nothing on the board uses it; take it out of parts.yaml.")
    for group, wanted in (
        ("board", ("what", "maker", "mpn", "second", "symbol", "footprint", "price")),
        ("beside", ("what", "count", "price")),
    ):
        for key, part in book[group].items():
            said += [f"{key}: `{name}` is missing." for name in wanted if not part.get(name)]
            second = part.get("second", {"none": "a service"})
            if not second.get("none") and not (second.get("maker") and second.get("mpn")):
                said.append(f"{key}: name a second source with maker and mpn, or `none` and why.")
            price = part.get("price", [])
            if len(price) != len(book["quantities"]):
                said.append(f"{key}: give one price for each quantity.")
            if any(dear < cheap for dear, cheap in zip(price, price[1:], strict=False)):
                said.append(f"{key}: a price rises with the quantity; look again.")
            if not isinstance(part.get("date", book["default"]["date"]), date):
                said.append(f"{key}: date its price as YYYY-MM-DD.")
            if part.get("source", "estimate") != "estimate" and "date" not in part:
                said.append(f"{key}: a price with a source needs a date of its own.")
    return said


def lines(book: Mapping[str, Any], netlist: Netlist) -> list[tuple[str, int, dict[str, Any]]]:
    """(key, pieces a device, part) of everything that is paid for."""
    counts = Counter(component.part for component in netlist.values())
    bought = [
        (key, counts[key], part) for key, part in book["board"].items() if any(part["price"])
    ]
    return bought + [(key, part["count"], part) for key, part in book["beside"].items()]


def table(book: Mapping[str, Any], netlist: Netlist) -> str:
    """The costs as a Markdown table; its first line is the share that is estimated."""
    bought = lines(book, netlist)
    default = book["default"]["source"]
    each = range(len(book["quantities"]))
    total = [sum(count * part["price"][i] for _, count, part in bought) for i in each]
    guessed = [
        sum(
            count * p["price"][i]
            for _, count, p in bought
            if p.get("source", default) == "estimate"
        )
        for i in each
    ]

    def row(name: str, cells: Sequence[str]) -> str:
        return f"| {name} | " + " | ".join(cells) + " |"

    def dollars(values: Sequence[float]) -> list[str]:
        return [f"{value:.2f}" for value in values]

    rate = book["yuan_per_dollar"]
    on_board = [bought_ for bought_ in bought if bought_[0] in book["board"]]
    small = [line for line in on_board if line[1] * line[2]["price"][2] < 0.04]
    named = [line for line in bought if line not in small]
    out = [
        row("US dollars a device, at", [f"{quantity:,}" for quantity in book["quantities"]]),
        "|---" + "|--:" * len(total) + "|",
        row(
            "**estimated share of the sum**",
            [f"**{100 * g / t:.0f} %**" for g, t in zip(guessed, total, strict=True)],
        ),
    ]
    for _, count, part in named:
        name = part["what"] + (f" ({part['mpn']})" if "mpn" in part else "")
        name = f"{count} x {name}" if count > 1 else name
        out.append(row(name, dollars([count * part["price"][i] for i in each])))
    pieces = sum(count for _, count, _ in small)
    rest = [sum(count * part["price"][i] for _, count, part in small) for i in each]
    out.append(row(f"{pieces} small parts on the board", dollars(rest)))
    out.append(row("**complete**", [f"**{value:.2f}**" for value in total]))
    out.append(row("in yuan", [f"{rate * value:.0f}" for value in total]))
    at = book["quantities"].index(100_000)
    over = total[at] - AIM_USD
    verdict = f"{over:.2f} over" if over > 0 else f"{-over:.2f} under"
    out += [
        "",
        f"At 100,000 that is {verdict} the aim of {AIM_USD:.2f} dollars. The donor's {DONOR_YUAN}",
        f"yuan are {DONOR_YUAN / rate:.2f} dollars at {rate} yuan a dollar. What would save",
        "more, in dollars a device at 100,000:",
        "",
        "| option | saves | but |",
        "|---|--:|---|",
    ]
    out += [f"| {o['what']} | {o['saves']:.2f} | {o['but']} |" for o in book["options"]]
    return "\n".join(out) + "\n"


def with_table(page: str, book: Mapping[str, Any], netlist: Netlist) -> str:
    """The page with the table of costs between its two marks."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table(book, netlist) + END + rest.partition(END)[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m hardware.bill", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args(arguments).check
    book, netlist = parts(), designed()
    said = complaints(book, netlist)
    for sentence in said:
        print(sentence, file=sys.stderr)
    if said:
        return 1
    page = README.read_text()
    fresh = with_table(page, book, netlist)
    if fresh != page and check:
        print(
            "hardware/README.md is older than the parts: run `python -m hardware.bill`.",
            file=sys.stderr,
        )
        return 1
    README.write_text(fresh)
    print(table(book, netlist), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
