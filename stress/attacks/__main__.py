"""`python -m stress.attacks [KIND] [PART OF A NAME]`: a line per attack that succeeded, then a table; status 1 when any did.

What became of a kind that was tried whole goes to `stress/results/attacks.json`.
"""

import sys

from stress.attacks.runner import keep, kinds, run


def main(arguments: list[str]) -> int:
    """Try the attacks and print the table."""
    chosen = arguments[:1] or kinds()
    only = arguments[1] if len(arguments) > 1 else ""
    rows = []
    for kind in chosen:
        outcomes = list(run(kind, only))
        if not only:
            keep(kind, outcomes)
        broken = [outcome for outcome in outcomes if outcome.broken is not None]
        for outcome in broken:
            sys.stdout.write(f"{kind}: {outcome.name}: {outcome.broken}\n")
        left_out = [outcome.not_tried for outcome in outcomes if outcome.not_tried is not None]
        for reason in sorted(set(left_out)):
            sys.stdout.write(f"{kind}: {left_out.count(reason)} not tried: {reason}\n")
        seconds = sum(outcome.seconds for outcome in outcomes)
        rows.append((kind, len(outcomes) - len(left_out), len(broken), len(left_out), seconds))
    sys.stdout.write(f"\n{'kind':<12}{'attacks':>9}{'succeeded':>11}{'not tried':>11}{'seconds':>9}\n")
    for kind, tried, succeeded, not_tried, seconds in rows:
        sys.stdout.write(f"{kind:<12}{tried:>9}{succeeded:>11}{not_tried:>11}{seconds:>9.1f}\n")
    return int(any(succeeded for _, _, succeeded, _, _ in rows))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
