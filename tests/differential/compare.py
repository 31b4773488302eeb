"""Compares leadfix's decision on phone cells with Google's own, made by the Python port with the same metadata.

A seeded generator takes numbers of every region and type, true and damaged, and writes each in some disguise:
  same     Google's library reads the cell as it stands
  recover  the cell is damaged in a way that leadfix mends; Google reads what it was before
  zero     `091-…` is mended only where Google makes nothing of it as it stands
  idd      `00…` is read as `+…` and as the region's plan has it; two different numbers are ambiguous
  destroy  nothing may be accepted
A cell without `+` that begins with the calling code of its region is ambiguous where Google takes the code for an area
code, and the cell with a `+` is another valid number; behind a zero only where that and the code are set apart, or
Google's number is longer than usual. In Italy and Gabon so is a short fixed-line or mobile number that is another valid one with a zero in front.
Where leadfix refuses by a rule of its own, which Google's library does not have, there is nothing to compare; such
cells are counted by their code. Everywhere else decision and E.164 must be equal.
"""

import collections
import random
import re
import subprocess
import sys
import time
import unicodedata

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

# Refusals that are leadfix's own. All others repeat what Google's library says.
OWN = set(
    "text_too_long placeholder spreadsheet_formula date tel_parameter digits_lost not_whole masked several_numbers "
    "letters unexpected_character suspect_rounded ambiguous".split()
)
TYPES = [value for value in range(11) if value != PhoneNumberType.UNKNOWN]
LINES = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
EXTENSION = re.compile("[ex#;]")
INVISIBLE = re.compile("[\u200b\u200e\u2060]")
DOUBLE_ZERO = re.compile(r"[^0-9+]*0[^0-9+]*0")
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def google(text, region):
    """The E.164 of a valid number, or nothing. Above 15 digits it is none that E.164 allows, nor is it read from more
    than 15, but for those dialled before a country code."""
    try:
        number = phonenumbers.parse(text, None if region == "-" else region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    number.extension = None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    digits = phonenumbers.normalize_digits_only(EXTENSION.split(text)[0])
    too_long = len(digits) > 15 and ("+" in plain(text) or digits.startswith(str(calling_code(region))) or not digits.endswith(e164[1:]))
    return e164 if len(e164) <= 16 and not too_long else ""


def examples():
    found = []
    for region in REGIONS:
        for kind in TYPES:
            number = phonenumbers.example_number_for_type(region, kind)
            if number:
                found.append((region, number))
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        number = phonenumbers.example_number_for_non_geo_entity(code)
        if number:
            found.append(("-", number))
    return found


def vary(rng, number):
    """The same number, or one near it, mostly of the right length."""
    national = phonenumbers.national_significant_number(number)
    digits = list(national)
    how = rng.random()
    if how < 0.6:
        for place in range(max(0, len(digits) - rng.randint(1, 6)), len(digits)):
            digits[place] = rng.choice("0123456789")
    elif how < 0.7:
        digits[rng.randrange(len(digits))] = rng.choice("0123456789")
    elif how < 0.77:
        digits.pop(rng.randrange(len(digits)))
    elif how < 0.84:
        digits.insert(rng.randrange(len(digits) + 1), rng.choice("0123456789"))
    elif how < 0.88:
        digits = [rng.choice("0123456789") for _ in range(rng.randint(2, 18))]
    return str(number.country_code), "".join(digits)


def spaced(rng, text, marks):
    out = []
    for place, digit in enumerate(text):
        if place and digit.isdigit() and rng.random() < 0.3:
            out.append(rng.choice(marks))
        out.append(digit)
    return "".join(out)


def script(text, zero):
    return "".join(chr(ord(c) - 48 + zero) if c.isdigit() else c for c in text)


def make(rng, pool):
    """One cell: (region, cell, what it was before, how it is compared)."""
    home, number = rng.choice(pool)
    code, national = vary(rng, number)
    full = "+" + code + national
    region = home if rng.random() < 0.7 else rng.choice(REGIONS + ["-"])
    prefix = ""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(home, None) if home != "-" else None
    if metadata and metadata.national_prefix:
        prefix = metadata.national_prefix
    base = rng.choice([full, full, national, national, prefix + national, code + national])
    whole = rng.choice([full, national, code + national])

    def written(kind, text, before=None):
        return region, text, before if before is not None else text, kind

    ways = [
        lambda: written("same", base),
        lambda: written("same", spaced(rng, base, [" "])),
        lambda: written("same", spaced(rng, base, ["-"])),
        lambda: written("same", spaced(rng, base, [" ", "-", ".", " - ", "  "])),
        lambda: written("same", spaced(rng, base, ["\u00a0", "\u2013", "\u200b", "\u2060", "\u00ad", "\u3000"])),
        lambda: written("same", script(base, rng.choice([0x660, 0x6F0, 0x966, 0x9E6, 0xFF10, 0xE50]))),
        lambda: written("same", "(" + base[:3] + ") " + base[3:]),
        lambda: written("same", f"(+{code}) {national}"),
        lambda: written("same", f"+{code} {prefix}{national}"),
        lambda: written("same", f"\uff0b{code}{national}"),
        lambda: written("same", f"tel:{full}"),
        lambda: written("same", f"{base} {rng.choice(['ext. ', 'ext', 'x', 'extension ', '#'])}{rng.randint(1, 9999)}"),
        lambda: written("same", f"{base};ext={rng.randint(1, 9999)}"),
        lambda: written("same", "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 20)))),
        lambda: written("recover", f"'{base}", base),
        lambda: written("recover", f'="{base}"', base),
        lambda: written("recover", f"{whole}.0", whole),
        lambda: written("recover", f"{spaced(rng, base, [' ', '-'])}.0", base),
        lambda: written("recover", f"\u202a{base}\u202c", base),
        lambda: written("recover", spaced(rng, base, ["\u2009", "\u202f", "\u200e"]), base),
        lambda: written("recover", f"{base} (home)", base),
        lambda: written("recover", f"Mobile: {base}", base),
        lambda: written("recover", f"{base},", base),
        lambda: scientific(code + national, written),
        lambda: grouped(code + national, written),
        lambda: written("zero", f"0{code}-{national}", full),
        lambda: written("idd", f"00{code}{national}", full),
        lambda: written("idd", f"00 {code} {national}", full),
        lambda: written("destroy", national[:-4] + "XXXX"),
        lambda: written("destroy", national[:-4] + "****"),
        lambda: written("destroy", f"-{code + national}"),
        lambda: written("destroy", f"{full};phone-context=+{code}"),
        lambda: written("destroy", f"{full};{full}"),
        lambda: written("destroy", f"{full} / {full}"),
        lambda: written("destroy", f"{national[:-1]}O{national[-1:]}"),
        lambda: written("destroy", f"{(code + national)[0]}.{(code + national)[1:6]}E+{len(code + national) + 3}"),
    ]
    return rng.choice(ways)()


def scientific(digits, written):
    digits = digits.lstrip("0") or "1"
    return written("recover", f"{digits[0]}.{digits[1:]}E+{len(digits) - 1}" if len(digits) > 1 else digits, digits)


def grouped(digits, written):
    digits = digits.lstrip("0") or "1"
    return written("recover", f"{int(digits):,}", digits) if len(digits) >= 7 else written("same", digits)


def expected(region, cell, before, kind):
    """What leadfix should say: a number, nothing, or `ambiguous`."""
    if kind in ("same", "recover"):
        return in_region(before, region)
    if kind == "zero":
        return in_region(cell, region) or (google(before, region) if cell.startswith(f"0{calling_code(region)}-") and region_has_long_code(region) else "")
    if kind == "idd":
        abroad, domestic = google(before, "-"), google(cell, region)
        if abroad and domestic and abroad != domestic:
            return "ambiguous"
        return abroad or domestic
    return ""


def in_region(text, region):
    """What Google says, unless a calling code may have been taken for an area code, or a zero been lost."""
    found, code = google(text, region), str(calling_code(region))
    digits = phonenumbers.normalize_digits_only(EXTENSION.split(text)[0])
    zero = digits.startswith("0")
    if not found or "+" in plain(text):
        return found
    if code in ("39", "241") and not zero and len(digits) <= 9 and google("0" + digits, region) not in ("", found):
        if phonenumbers.number_type(phonenumbers.parse(found)) in LINES:
            return "ambiguous"
    if not digits[zero:].startswith(code):
        return found
    apart = re.match(rf"\D*0{code}\D", INVISIBLE.sub("", plain(text)))
    if zero and (len(code) == 1 or not apart and len(found) - 1 - len(code) <= 11):
        return found
    other = google("+" + digits[zero:], "-")
    return "ambiguous" if other and other != found else found


def calling_code(region):
    return phonenumbers.country_code_for_region(region) if region != "-" else "none"


def region_has_long_code(region):
    return calling_code(region) >= 10


def plain(text):
    """With the digits and plus signs of other scripts in ASCII; the length is kept."""
    return "".join(str(unicodedata.digit(c)) if unicodedata.category(c) == "Nd" else c.replace("\uff0b", "+") for c in text)


def escape(cell):
    return cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def ask(program, cells):
    lines = "".join(f"{region}\t{escape(cell)}\n" for region, cell, *_ in cells)
    start = time.perf_counter()
    out = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in out.split("\n")[:-1]], time.perf_counter() - start


def main():
    program, count, seed, sample = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    rng = random.Random(seed)
    pool = examples()
    cells = [make(rng, pool) for _ in range(count)]
    answers, seconds = ask(program, cells)
    assert len(answers) == len(cells)

    compared, own, wrong, rows = collections.Counter(), collections.Counter(), [], []
    accepted = 0
    start = time.perf_counter()
    for (region, cell, before, kind), (number, code, recovered) in zip(cells, answers):
        if "zero_before_calling_code" in recovered and kind != "zero":
            # Leadfix's own rule met by chance; still Google must know the number, and make nothing of the cell.
            digits = phonenumbers.normalize_digits_only(before)
            before, kind = (before, "same") if google(before, region) else ("+" + digits[1:], "recover")
        if kind in ("same", "recover") and (double_zero := DOUBLE_ZERO.match(plain(before))):
            # The same with leadfix's rule that `00` is read as `+` too.
            cell_as_it_was, kind = before, "idd"
            before = "+" + before[double_zero.end() :]
        else:
            cell_as_it_was = cell
        want = expected(region, cell_as_it_was, before, kind)
        zeros = re.search(r"\.0{1,2}$", cell) if kind == "same" else None
        if zeros and number != want:
            # The rule that `.0` is no digit, met by chance. What is read must be Google's reading without it.
            own["(decimal zeros)"] += 1
            if number not in ("", google(cell[: zeros.start()], region)):
                wrong.append((region, cell, kind, want, number))
            continue
        rule = code if code in OWN else ""
        rows.append((region, escape(cell), want if not rule else "", rule))
        if want == "ambiguous":
            compared[kind] += 1
            if not rule:
                wrong.append((region, cell, kind, want, number or code))
        elif rule and kind != "destroy":
            own[rule] += 1
        else:
            compared[kind] += 1
            accepted += bool(number)
            if number != want:
                wrong.append((region, cell, kind, want, number or code))
    google_seconds = time.perf_counter() - start

    total = sum(compared.values())
    print(f"metadata {phonenumbers.__version__}, seed {seed}, {len(REGIONS)} regions, {len(pool)} examples by region and type")
    print(f"{count} cells: {total} compared ({accepted} accepted), {sum(own.values())} decided by leadfix's own rules")
    print("compared:", ", ".join(f"{kind} {n}" for kind, n in compared.most_common()))
    print("own rules:", ", ".join(f"{code} {n}" for code, n in own.most_common()))
    print(f"leadfix {seconds:.1f} s with start and pipes, Python {google_seconds:.1f} s")
    for line in wrong[:40]:
        print("DIFFERENT", *map(repr, line))
    print(f"{total - len(wrong)} equal, {len(wrong)} different")
    if sample:
        with open(sample[0], "w", encoding="utf-8", newline="\n") as out:
            out.write("region\tcell\tnumber\trule\n")
            out.writelines("\t".join(row) + "\n" for row in rows)
    speed(rng)
    return 1 if wrong else 0


def speed(rng):
    """The Python port on Indian mobiles, one core."""
    cells = [f"{rng.randint(6, 9)}{rng.randint(1, 999_999_999):09}" for _ in range(10_000)]
    start = time.perf_counter()
    for cell in cells:
        google(cell, "IN")
    print(f"Python on Indian mobiles: {len(cells) / (time.perf_counter() - start):.0f} cells/s")


if __name__ == "__main__":
    sys.exit(main())
