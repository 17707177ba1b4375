"""Spoils the committed design, one fault at a time; the gate that is there for it must notice.

python -m hardware.mutants [GROUP …]      exit code 1 when a spoiled design passes
"""

import argparse
import importlib
import sys
import time
from collections.abc import Sequence

GROUPS = ("schematic", "board", "fabrication", "power", "enclosure", "jig")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m hardware.mutants", description=__doc__)
    parser.add_argument("group", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    chosen = parser.parse_args(arguments).group or GROUPS
    if unknown := set(chosen) - set(GROUPS):
        parser.error(f"no group {' '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    spoiled = survivors = 0
    for group in chosen:
        begun = time.monotonic()
        for name, words, said in importlib.import_module(f"hardware.mutants.{group}").spoiled():
            # The gates are asked no further than to the complaint that is waited for.
            others = []
            for heard in said:
                if words in heard:
                    break
                others.append(heard)
            else:
                heard = None
            verdict = "killed  " if heard is not None else "SURVIVED"
            print(f"{verdict}  {group}: {name}: {heard or others[:1] or ''}"[:150], flush=True)
            spoiled += 1
            survivors += heard is None
        print(f"{group}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    print(f"{spoiled - survivors} of {spoiled} spoiled designs were noticed.")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
