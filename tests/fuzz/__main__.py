"""`python -m tests.fuzz --count 100000 --seed 1`: judge many inputs; what is found is printed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz import campaign


def main() -> int:
    """Run; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--here", action="store_true", help="judge in this process")
    parser.add_argument("--write", metavar="FILE", help="write the first input to a file instead")
    args = parser.parse_args()
    if args.write:
        campaign.write(args.seed, args.first, Path(args.write))
        return 0
    if args.here:
        campaign.work(args.seed, args.first, args.count)
        return 0
    judged, failures = 0, 0
    for done, found in campaign.run(args.seed, args.first, args.count):
        judged += done
        failures += len(found)
        for one in found:
            print(f"{one.number}: {one.what}: {one.detail}", flush=True)
        print(f"{judged:,} inputs judged, {failures} findings", file=sys.stderr, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
