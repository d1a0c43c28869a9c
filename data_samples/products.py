"""Two shops that sell the same appliances and write about them in different ways.

The left shop is terse: short brand names, codes for colours, no descriptions. The right shop is wordy:
long brand names, other words and units for the same thing, praise. Three matches in five show the
model number on both sides; the rest must be known by what the others teach: that HP is Hewlett-Packard,
BK is black, a fridge is a refrigerator. Variants of one model differ in colour, size or suffix alone.
"""

from dataclasses import dataclass, replace

from dice import Dice
from vocabulary import BRANDS, CATEGORIES, COLOURS, FILLER, MEASURES, PRAISE, SERIES, Category, Words

FAMILIES = 700
BOTH, LEFT_ONLY = 0.80, 0.10
CODE_LEFT, CODE_RIGHT = 0.82, 0.76
TWICE = 0.05
LONG_BRAND, LONG_KIND, LONG_COLOUR = 0.25, 0.65, 0.4

Row = dict[str, str]


@dataclass(frozen=True)
class Product:
    """What a product is; shops differ in how they write it."""

    brand: Words
    category: Category
    series: str
    code: tuple[str, str, str]
    colour: Words
    measures: tuple[Words, ...]
    price: float


def product_tables(seed: int) -> dict[str, list[Row]]:
    """Return the rows of both tables and of the gold file, by file name."""
    dice = Dice(seed)
    left: list[Row] = []
    right: list[Row] = []
    gold: list[Row] = []
    for product in dice.shuffled([p for _ in range(FAMILIES) for p in _family(dice)]):
        draw = dice.between(0, 1)
        on_left, on_right = draw < BOTH + LEFT_ONLY, draw < BOTH or draw >= BOTH + LEFT_ONLY
        if on_left:
            left.append({"id": f"{len(left) + 1:05d}", **_terse(dice, product)})
        copies = on_right * (2 if dice.chance(TWICE) else 1)
        for _ in range(copies):
            right.append({"id": f"B{10_000 + 7 * len(right)}", **_wordy(dice, product)})
            if on_left:
                gold.append({"left_id": left[-1]["id"], "right_id": right[-1]["id"]})
    tables = {"products_left.csv": left, "products_right.csv": dice.shuffled(right)}
    return {**tables, "products_gold.csv": sorted(gold, key=lambda row: (row["left_id"], row["right_id"]))}


def _family(dice: Dice) -> list[Product]:
    """One to three products that differ in colour, size, capacity and the end of their model number."""
    category = dice.pick(CATEGORIES)
    first = Product(
        brand=dice.pick(BRANDS[category.group]),
        category=category,
        series=" ".join(dice.some(SERIES, dice.pick((1, 2, 2)))),
        code=(category.prefix + dice.pick(("", "A", "R", "S")), str(100 + dice.below(900)), ""),
        colour=dice.pick(COLOURS),
        measures=tuple(dice.pick(MEASURES[unit]) for unit in category.units),
        price=dice.between(25, 900),
    )
    endings = dice.some("BCEGHKLMSTWX", dice.pick((1, 1, 1, 2, 3)))
    colours = dice.some(COLOURS, len(endings))
    return [_variant(dice, first, ending, colour) for ending, colour in zip(endings, colours, strict=True)]


def _variant(dice: Dice, first: Product, ending: str, colour: Words) -> Product:
    measures = tuple(
        dice.pick(MEASURES[unit]) if dice.chance(0.4) else measure
        for unit, measure in zip(first.category.units, first.measures, strict=True)
    )
    return replace(
        first,
        code=(*first.code[:2], ending),
        colour=colour,
        measures=measures,
        price=first.price * dice.between(0.95, 1.1),
    )


def _terse(dice: Dice, product: Product) -> Row:
    brand = dice.pick(product.brand[0])
    code = "".join(product.code)
    parts = [product.series] if dice.chance(0.99) else []
    parts += [code] if dice.chance(CODE_LEFT) else []
    parts = dice.shuffled([*parts, _first_mostly(dice, product.category.names[dice.chance(LONG_KIND)])])
    parts += [_first_mostly(dice, measure[0]) for measure in product.measures]
    parts += [dice.pick(product.colour[dice.chance(LONG_COLOUR)])] if dice.chance(0.95) else []
    name = " ".join([brand, *parts])
    return {
        "name": dice.typo(name) if dice.chance(0.07) else name,
        "brand": brand if dice.chance(0.85) else "",
        "description": dice.pick(product.category.features) if dice.chance(0.15) else "",
        "price": _price(dice, product.price),
    }


def _wordy(dice: Dice, product: Product) -> Row:
    brand = dice.pick(product.brand[1] if dice.chance(LONG_BRAND) else product.brand[0])
    shows_code = dice.chance(CODE_RIGHT)
    middle = dice.shuffled(_details(dice, product))
    kind = [product.series, _first_mostly(dice, product.category.names[1])]
    parts = [brand, *(kind if dice.chance(0.7) else kind[::-1]), *middle]
    parts += [_hyphenated(dice, product.code)] if shows_code else []
    title = " ".join(parts)
    if dice.chance(0.2):
        title += f" - {dice.pick(FILLER)}"
    return {
        "title": dice.typo(title) if dice.chance(0.08) else title,
        "manufacturer": brand if dice.chance(0.7) else "",
        "description": _description(dice, product) if dice.chance(0.35) else "",
        "price": _price(dice, product.price),
    }


def _details(dice: Dice, product: Product) -> list[str]:
    details = [_first_mostly(dice, measure[1]) for measure in product.measures]
    details += [_first_mostly(dice, product.colour[1])] if dice.chance(0.95) else []
    return details + ([f"with {dice.pick(product.category.features)}"] if dice.chance(0.25) else [])


def _description(dice: Dice, product: Product) -> str:
    kind, feature = dice.pick(product.category.names[1]).lower(), dice.pick(product.category.features)
    return " ".join([f"The {product.series} {kind} with {feature}.", *dice.some(PRAISE, 1 + dice.below(2))])


def _hyphenated(dice: Dice, code: tuple[str, str, str]) -> str:
    letters, digits, ending = code
    whole = f"({letters}{digits}{ending})"
    return dice.pick((whole, whole, f"{letters}-{digits}{ending}", f"{letters}-{digits}-{ending}"))


def _first_mostly(dice: Dice, words: tuple[str, ...]) -> str:
    return words[0] if dice.chance(0.7) else dice.pick(words)


def _price(dice: Dice, price: float) -> str:
    if dice.chance(0.5):
        return ""
    return f"{price * dice.between(0.93, 1.07):.2f}"
