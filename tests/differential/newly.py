"""Counts the true numbers that leadfix refuses as ambiguous, by the way they are written and by region:
  python tests/differential/newly.py PROGRAM
Numbers are the examples of Google's plans with other digits at their end. PROGRAM is the example `normalise`.
"""

import collections
import random
import sys

import phonenumbers

from compare import REGIONS, ask

LINES = (0, 1)  # fixed and mobile


def numbers(rng):
    for region in REGIONS:
        for kind in LINES:
            example = phonenumbers.example_number_for_type(region, kind)
            if not example:
                continue
            national = phonenumbers.national_significant_number(example)
            for _ in range(300):
                kept = rng.randrange(len(national))
                digits = national[:kept] + "".join(rng.choice("0123456789") for _ in national[kept:])
                full = f"+{example.country_code}{digits}"
                try:
                    number = phonenumbers.parse(full, None)
                except phonenumbers.NumberParseException:
                    continue
                exact = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == full
                if exact and phonenumbers.is_valid_number_for_region(number, region):
                    yield region, example.country_code, digits, full


def main():
    cells = []
    for region, code, national, full in numbers(random.Random(7)):
        prefix = phonenumbers.PhoneMetadata.metadata_for_region(region, None).national_prefix or ""
        spaced = f"{national[0]} {national[1:]}"
        for way, cell in [
            ("+", full),
            ("national", prefix + national),
            ("without trunk prefix", national),
            ("first digit apart", spaced),
            ("calling code without +", full[1:]),
        ]:
            cells.append((region, cell, full, way))
    answers, _ = ask(sys.argv[1], cells)
    counts = collections.defaultdict(collections.Counter)
    for (region, cell, full, way), (number, code, _) in zip(cells, answers):
        outcome = code if code == "ambiguous" else "read" if number == full else "wrong" if number else "other"
        counts[way][outcome] += 1
        counts[way, region][outcome] += 1
    for way in dict.fromkeys(way for *_, way in cells):
        by_region = {r: counts[way, r]["ambiguous"] / counts[way, r].total() for r in REGIONS if counts[way, r]["ambiguous"]}
        worst = sorted(by_region.items(), key=lambda item: -item[1])
        print(way, dict(counts[way]), " ".join(f"{region} {share:.1%}" for region, share in worst[:16]))


if __name__ == "__main__":
    main()
