"""Words that the sample tables are made of. Products, people and addresses are invented.

Of each thing that two shops write in different ways, the first list is how the terse shop on the left
writes it and the second how the wordy shop on the right does.
"""

from dataclasses import dataclass

Words = tuple[tuple[str, ...], tuple[str, ...]]

# Brands and categories of the same group go together.
BRANDS = {
    "tech": (
        (("HP",), ("Hewlett-Packard", "Hewlett Packard")),
        (("WD",), ("Western Digital",)),
        (("TI",), ("Texas Instruments",)),
        (("LG",), ("LG Electronics", "Lucky Goldstar")),
        (("IBM",), ("International Business Machines", "IBM")),
        (("MS", "Microsoft"), ("Microsoft", "Microsoft Hardware")),
        (("Sony",), ("Sony", "Sony Corporation")),
        (("Canon",), ("Canon", "Canon Inc.")),
        (("Samsung",), ("Samsung", "Samsung Electronics")),
    ),
    "sound": (
        (("B&O",), ("Bang & Olufsen", "Bang and Olufsen")),
        (("A&K",), ("Astell & Kern", "Astell Kern")),
        (("JVC",), ("Victor", "JVC Kenwood")),
        (("AT", "A-T"), ("Audio-Technica", "Audio Technica")),
        (("Sony",), ("Sony", "Sony Corporation")),
        (("Yamaha",), ("Yamaha", "Nippon Gakki")),
    ),
    "home": (
        (("GE",), ("General Electric", "General Electric Appliances")),
        (("B+D", "B&D"), ("Black & Decker", "Black and Decker")),
        (("Panasonic",), ("Panasonic", "Matsushita")),
        (("Philips",), ("Philips", "Royal Philips")),
        (("Bosch",), ("Bosch", "Robert Bosch")),
        (("Miele",), ("Miele", "Miele & Cie")),
        (("KA", "K-Aid"), ("KitchenAid", "Kitchen Aid")),
    ),
}


@dataclass(frozen=True)
class Category:
    """A kind of product: its names in both shops, what is measured of it, what is praised of it."""

    group: str
    names: Words
    units: tuple[str, ...]
    prefix: str
    features: tuple[str, ...]


CATEGORIES = (
    Category("tech", (("TV", "LED TV"), ("Television", "Flat Screen")), ("screen",), "KD",
             ("ambient light sensor", "voice remote")),
    Category("tech", (("Laptop",), ("Notebook", "Portable PC")), ("lid", "disk"), "NX",
             ("backlit keyboard", "fingerprint reader")),
    Category("tech", (("MFP", "AIO Prntr"), ("All-in-One Printer", "Office Copier")), (), "PX",
             ("duplex printing", "paper tray")),
    Category("tech", (("HDD", "Ext HDD"), ("Hard Drive", "Backup Drive")), ("disk",), "WX",
             ("shock protection", "backup software")),
    Category("tech", (("Cam", "DSC"), ("Digital Camera", "Compact Camera")), ("pixel",), "DC",
             ("optical zoom", "image stabiliser")),
    Category("tech", (("Monitor", "Mon."), ("Display", "PC Screen")), ("screen",), "VX",
             ("height adjustable stand", "flicker-free panel")),
    Category("tech", (("Mobile", "Cell"), ("Smartphone", "Handset")), ("disk",), "GT",
             ("dual camera", "wireless charging")),
    Category("sound", (("Cans", "H'phones"), ("Headphones", "Stereo Headset")), (), "MD",
             ("noise cancelling", "folding design")),
    Category("sound", (("Turntable",), ("Record Player", "Vinyl Player")), (), "PSL",
             ("belt drive", "built-in preamplifier")),
    Category("sound", (("Spkr", "BT Spkr"), ("Loudspeaker", "Sound Box")), ("sound watt",), "SR",
             ("splash proof", "stereo pairing")),
    Category("home", (("Fridge", "Fridge-Frzr"), ("Refrigerator", "Cooling Unit")), ("fridge litre",), "RF",
             ("no-frost cooling", "crisper drawer")),
    Category("home", (("Hoover", "Vac"), ("Vacuum Cleaner",)), ("watt",), "VC",
             ("washable filter", "crevice nozzle")),
    Category("home", (("Washer", "W/M"), ("Washing Machine", "Front Loader")), ("kilo",), "WM",
             ("delayed start", "steam refresh")),
    Category("home", (("M/wave", "Microwave"), ("Microwave Oven",)), ("oven litre", "watt"), "NE",
             ("grill function", "defrost programme")),
    Category("home", (("Espresso M/c", "Coffee Mkr"), ("Coffee Machine", "Espresso Maker")), ("watt",), "EC",
             ("milk frother", "bean grinder")),
)  # fmt: skip

COLOURS = (
    (("BK", "Blk"), ("Black", "Noir", "Jet Black")),
    (("WH", "Wht"), ("White", "Blanc", "Arctic White")),
    (("SL", "Slv"), ("Silver", "Argent", "Brushed Silver")),
    (("RD", "R"), ("Red", "Rouge", "Crimson")),
    (("BL", "Blu"), ("Blue", "Bleu", "Ocean Blue")),
    (("GY", "Gry"), ("Grey", "Graphite", "Anthracite")),
    (("GD", "Gld"), ("Gold", "Champagne Gold")),
    (("PK", "Pnk"), ("Pink", "Rose")),
    (("GN", "Grn"), ("Green", "Vert", "Olive")),
)

# unit: (what the left shop writes, what the right shop writes) for each value
MEASURES = {
    "screen": (
        (('24"', "24in"), ("24 inch", "61 cm")),
        (('32"', "32in"), ("32 inch", "81 cm")),
        (('43"', "43in"), ("43 inch", "109 cm")),
        (('55"', "55in"), ("55 inch", "140 cm")),
    ),
    "lid": (
        (('13.3"', "13.3in"), ("13.3 inch", "34 cm")),
        (('14"', "14in"), ("14 inch", "36 cm")),
        (('15.6"', "15.6in"), ("15.6 inch", "40 cm")),
    ),
    "disk": (
        (("128GB",), ("128 gigabyte", "128 GB")),
        (("256GB",), ("256 gigabyte", "0.25 TB")),
        (("512GB",), ("512 gigabyte", "half a terabyte")),
        (("1TB",), ("1000 gigabyte", "1 terabyte")),
        (("2TB",), ("2000 gigabyte", "2 terabyte")),
    ),
    "oven litre": (
        (("20L", "20 ltr"), ("0.7 cu. ft.", "20 litres")),
        (("28L", "28 ltr"), ("1 cu. ft.", "28 litres")),
    ),
    "fridge litre": (
        (("210L", "210 ltr"), ("7.4 cu. ft.", "210 litres")),
        (("280L", "280 ltr"), ("9.9 cu. ft.", "280 litres")),
        (("340L", "340 ltr"), ("12 cu. ft.", "340 litres")),
    ),
    "watt": (
        (("700W",), ("0.7 kW", "700 watts")),
        (("900W",), ("0.9 kW", "900 watts")),
        (("1200W",), ("1.2 kW", "1200 watts")),
        (("1800W",), ("1.8 kW", "1800 watts")),
    ),
    "sound watt": (
        (("20W",), ("20 watts", "2 x 10 watts")),
        (("40W",), ("40 watts", "2 x 20 watts")),
        (("100W",), ("100 watts", "2 x 50 watts")),
    ),
    "kilo": (
        (("7kg",), ("15 lb", "7 kilo")),
        (("8kg",), ("18 lb", "8 kilo")),
        (("9kg",), ("20 lb", "9 kilo")),
    ),
    "pixel": (
        (("12MP",), ("12 megapixel",)),
        (("16MP",), ("16 megapixel",)),
        (("20MP",), ("20 megapixel",)),
    ),
}

SERIES = (
    "Aria", "Bravo", "Cirrus", "Delta", "Elan", "Fusion", "Galant", "Harmony", "Iris", "Juno", "Kestrel",
    "Lumen", "Meridian", "Nova", "Orbit", "Prisma", "Quantum", "Ridge", "Sierra", "Tempo", "Ultima",
    "Vantage", "Willow", "Xenon", "Zephyr", "Atlas", "Breeze", "Comet", "Dynasty", "Echo", "Falcon",
    "Granite", "Horizon", "Impulse", "Jazz", "Krypton", "Legend", "Mistral", "Nimbus", "Opal", "Amber",
    "Beacon", "Canyon", "Drift", "Ember", "Fjord", "Glide", "Haven", "Indigo", "Jasper", "Karma", "Lotus",
    "Marble", "Nectar", "Onyx", "Pioneer", "Quasar", "Raven", "Summit", "Tundra", "Umbra", "Velvet",
    "Whisper", "Yonder", "Zenith", "Aspen", "Bamboo", "Cobalt", "Dune", "Eclipse", "Flint", "Garnet",
    "Helix", "Island", "Jubilee", "Kodiak", "Lynx", "Magnolia", "Nectarine", "Odyssey", "Panther", "Quest",
    "Rapid", "Solstice", "Topaz", "Unity", "Vertex", "Wander", "Yucca", "Zodiac", "Alpine", "Boreal",
    "Cascade", "Domino", "Everest", "Frontier", "Glacier", "Hazel", "Inca", "Jetstream", "Kinetic",
    "Lagoon", "Monsoon", "Nomad", "Oasis", "Pegasus", "Quill", "Rhapsody", "Safari", "Tribune", "Uptown",
    "Viking", "Wildcat", "Yosemite", "Zigzag",
)  # fmt: skip
FILLER = (
    "New!", "Top quality", "Best seller", "Great value", "Free delivery", "2-year warranty",
    "Limited offer", "Award winning", "Official product", "In original packaging",
)  # fmt: skip
PRAISE = (
    "Designed for everyday life, it does its work quietly and lasts for years.",
    "Our customers love how easily it is set up.",
    "The perfect gift for the whole family, delivered to your door.",
    "A timeless design that suits every room.",
    "Energy-efficient, robust and simple to clean.",
    "Comes with a manual in six languages and a warranty of two years.",
    "Made with care from recycled materials.",
)

# given name, and what else the person may be called
GIVEN_NAMES = (
    ("William", "Bill", "Will"), ("Robert", "Bob", "Rob"), ("Elizabeth", "Liz", "Beth"),
    ("Margaret", "Peggy", "Meg"), ("Richard", "Dick", "Rick"), ("Katherine", "Kate", "Kathy"),
    ("Edward", "Ted", "Ed"), ("James", "Jim", "Jimmy"), ("Alexander", "Alex", "Sandy"),
    ("Susan", "Sue", "Susie"), ("Michael", "Mike", "Mick"), ("Theresa", "Terry", "Tess"),
    ("Charles", "Chuck", "Charlie"), ("Patricia", "Pat", "Trish"), ("Thomas", "Tom", "Tommy"),
    ("Deborah", "Debbie", "Deb"), ("Anthony", "Tony", "Ant"), ("Victoria", "Vicky", "Tori"),
    ("Samuel", "Sam", "Sammy"), ("Jennifer", "Jen", "Jenny"), ("Benjamin", "Ben", "Benny"),
    ("Christine", "Chris", "Tina"), ("Joseph", "Joe", "Joey"), ("Rebecca", "Becky", "Becca"), ("Ingrid",),
    ("Amir",), ("Yuki",), ("Priya",), ("Olga",), ("Hugo",), ("Chloe",), ("Mateo",), ("Fatima",), ("Lars",),
)  # fmt: skip
SURNAMES = (
    "Smith", "Johnson", "Brown", "Taylor", "Anderson", "Clarke", "Wright", "Mitchell", "Johnston",
    "Robinson", "Thompson", "White", "Hughes", "Edwards", "Hall", "Green", "Lewis", "Harris", "Clark",
    "Patel", "Jackson", "Wood", "Turner", "Martin", "Cooper", "Hill", "Ward", "Morris", "Moore", "King",
    "Watson", "Baker", "Harrison", "Morgan", "Young", "Allen", "Mitchel", "Schneider", "Nakamura",
    "O'Brien", "MacDonald", "McDonald", "Garcia", "Novak", "Olsen", "Rossi", "Dubois", "Kowalski", "Petrov",
    "Lindqvist",
)  # fmt: skip
STREETS = (
    "High Street", "Station Road", "Main Street", "Park Avenue", "Church Lane", "Victoria Road",
    "Mill Lane", "Queens Drive", "School Road", "Kings Avenue", "Green Lane", "Manor Road", "Park Road",
    "New Street", "Grange Road", "North Street", "The Crescent", "West Street", "Windsor Drive",
    "York Avenue",
)  # fmt: skip
STREET_SHORT = {
    "Street": "St",
    "Road": "Rd",
    "Avenue": "Ave",
    "Lane": "Ln",
    "Drive": "Dr",
    "Crescent": "Cres",
}
CITIES = (
    ("Northbridge", "NB1"), ("Easton", "EA4"), ("Millhaven", "MH7"), ("Stonefield", "SF2"),
    ("Riverton", "RV9"), ("Ashford Vale", "AV3"), ("Lakemouth", "LM6"), ("Oldcastle", "OC5"),
)  # fmt: skip
