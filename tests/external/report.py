"""How many cases of each operator are reproduced, and why the others are not:
``python -m tests.external.report``."""

from __future__ import annotations

from collections import Counter

from tests.external.importer import Refused
from tests.external.mappings import MAPPED
from tests.external.test_external import NODE_CASES, STORED_CASES, imported


def main() -> None:
    """Print a line for each operator, then the reasons."""
    made, left, reasons = Counter[str](), Counter[str](), Counter[str]()
    for operator, name in [*NODE_CASES, *(("", n) for n in STORED_CASES)]:
        case = imported(operator, name)
        if isinstance(case, Refused):
            left[operator or "stored cases"] += 1
            reasons[case.reason] += 1
        else:
            made[operator or "stored cases"] += 1
    for operator in [*sorted(MAPPED), "stored cases"]:
        print(f"{operator:28}{made[operator]:4} reproduced{left[operator]:4} not")
    print(f"{'in all':28}{made.total():4} reproduced{left.total():4} not")
    for reason, count in sorted(reasons.items()):
        print(f"{count:4}  {reason}")


if __name__ == "__main__":
    main()
