"""One table of people, many of them entered more than once: a column of a call centre.

Records of a person differ by nicknames, typing errors, date formats, house moves and gaps. Families
share surname, address and telephone, and are different people.
"""

from dataclasses import dataclass
from itertools import combinations

from dice import Dice
from vocabulary import CITIES, GIVEN_NAMES, STREET_SHORT, STREETS, SURNAMES

HOUSEHOLDS = 330

Row = dict[str, str]


@dataclass(frozen=True)
class Home:
    """An address and its telephone."""

    street: str
    city: str
    postcode: str
    phone: str


@dataclass(frozen=True)
class Person:
    """Who someone is; records differ in how that is written."""

    names: tuple[str, ...]
    surname: str
    born: tuple[int, int, int]
    home: Home


def people_tables(seed: int) -> dict[str, list[Row]]:
    """Return the rows of the table and of the gold file, by file name."""
    dice = Dice(seed + 1)
    people = [person for _ in range(HOUSEHOLDS) for person in _household(dice)]
    entries = [(number, person) for number, person in enumerate(people) for _ in range(_copies(dice))]
    clusters: dict[int, list[str]] = {}
    rows = []
    for number, person in dice.shuffled(entries):
        rows.append({"id": f"P{len(rows) + 1:04d}", **_record(dice, person)})
        clusters.setdefault(number, []).append(rows[-1]["id"])
    pairs = sorted(pair for ids in clusters.values() for pair in combinations(sorted(ids), 2))
    return {"people.csv": rows, "people_gold.csv": [{"left_id": a, "right_id": b} for a, b in pairs]}


def _copies(dice: Dice) -> int:
    return dice.pick((1, 1, 1, 2, 2, 2, 3, 4))


def _household(dice: Dice) -> list[Person]:
    surname, home = dice.pick(SURNAMES), _home(dice)
    names = dice.some(GIVEN_NAMES, dice.pick((1, 1, 2, 3)))
    return [Person(given, surname, _birthday(dice), home) for given in names]


def _birthday(dice: Dice) -> tuple[int, int, int]:
    return 1935 + dice.below(70), 1 + dice.below(12), 1 + dice.below(28)


def _home(dice: Dice) -> Home:
    city, area = dice.pick(CITIES)
    return Home(
        street=f"{1 + dice.below(180)} {dice.pick(STREETS)}",
        city=city,
        postcode=f"{area} {1 + dice.below(9)}{dice.pick('ABDEFGHJLN')}{dice.pick('PQRSTUWXYZ')}",
        phone=f"555-01{dice.below(100):02d}-{dice.below(1000):03d}",
    )


def _record(dice: Dice, person: Person) -> Row:
    given = person.names[0] if dice.chance(0.65) else dice.pick(person.names)
    home = _home(dice) if dice.chance(0.12) else person.home
    record = {
        "given_name": given[0] + "." if dice.chance(0.05) else given,
        "surname": person.surname,
        "born": _date(dice, person.born),
        "street": _street(dice, home.street),
        "city": home.city,
        "postcode": home.postcode.replace(" ", "") if dice.chance(0.3) else home.postcode,
        "phone": home.phone.replace("-", " ") if dice.chance(0.4) else home.phone,
    }
    return _damaged(dice, record)


def _damaged(dice: Dice, record: Row) -> Row:
    if dice.chance(0.04):
        record |= {"given_name": record["surname"], "surname": record["given_name"]}
    for column in ("given_name", "surname", "street", "city"):
        if dice.chance(0.09):
            record[column] = dice.typo(record[column])
    missing = {
        "given_name": 0.03,
        "born": 0.25,
        "street": 0.12,
        "city": 0.10,
        "postcode": 0.18,
        "phone": 0.45,
    }
    return {column: "" if dice.chance(missing.get(column, 0)) else value for column, value in record.items()}


def _date(dice: Dice, born: tuple[int, int, int]) -> str:
    year, month, day = born
    if dice.chance(0.06):
        day = 1 + dice.below(28)
    return f"{day:02d}/{month:02d}/{year}" if dice.chance(0.2) else f"{year}-{month:02d}-{day:02d}"


def _street(dice: Dice, street: str) -> str:
    number_and_name, _, kind = street.rpartition(" ")
    return f"{number_and_name} {STREET_SHORT.get(kind, kind)}" if dice.chance(0.4) else street
