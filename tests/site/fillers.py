"""Plausible values for any field of any data type, from a seeded random source."""

import calendar
import datetime
import time

WORDS = ("plate comp roto light anim rig model texture lookdev matte smoke rain crowd hero wide close dusk dawn "
         "forest harbor tower engine signal retime stabilize camera lens grain edit turnover client review final "
         "pickup element grade").split()
ODD = ("Élodie Ångström", "日本語のショット", "take 🎬 two", 'the "hero" plate', "O'Brien's cut", "100% done", "a_b%c_d",
       "back\\slash", "Straße", "İstanbul", "naïve café", "<b>bold</b> & co", "line one\nline two", "Ωmega",
       "ﬁnal ﬂare", "🏳️‍🌈 rainbow", "tab\tseparated")
START = calendar.timegm((2024, 1, 1, 8, 0, 0))
YEAR = 366 * 86400
COMPUTED = {"summary", "pivot_column", "calculated", "url_template", "password", "entity_type"}
MOST_FIELDS = 45


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def phrase(random):
    """A few words; now and then something with characters that trip programs up."""
    if random.random() < 0.03:
        return random.choice(ODD)
    count = 2 + int(random.random() * 5)
    return " ".join([WORDS[int(random.random() * len(WORDS))] for _ in range(count)])


def day(random):
    return (datetime.date(2024, 1, 1) + datetime.timedelta(days=int(random.random() * 700))).isoformat()


def color(random):
    return ",".join(str(int(random.random() * 256)) for _ in range(3))


def hexadecimal(random, digits):
    return f"{random.getrandbits(digits * 4):0{digits}x}"


def uuid(random):
    text = hexadecimal(random, 32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def web_link(random):
    name = f"{random.choice(WORDS)}.html"
    return {"url": f"https://example.invalid/{name}", "name": name, "content_type": None, "link_type": "web",
            "type": "Attachment", "id": None}


def maker(field, random):
    """(share of nulls, a function that makes a value) of a scalar field, or None."""
    kind, choices = field.type, [value for value in field.valid_values if value]
    if kind in ("list", "status_list"):
        return (0.15, lambda: random.choice(choices)) if choices else None
    makers = {
        "text": (0.4, lambda: phrase(random)),
        "number": (0.25, lambda: int(random.random() * 2100) - 100 if random.random() > 0.05 else 0),
        "percent": (0.3, lambda: int(random.random() * 101)),
        "duration": (0.3, lambda: int(random.random() * 160) * 30),
        "timecode": (0.4, lambda: int(random.random() * 86400000)),
        "float": (0.3, lambda: round(random.random() * 100, 3)),
        "currency": (0.4, lambda: round(random.random() * 50000, 2)),
        "date": (0.35, lambda: day(random)),
        "date_time": (0.5, lambda: stamp(START + int(random.random() * YEAR))),
        "checkbox": (0.0, lambda: random.random() < 0.3),
        "color": (0.3, lambda: color(random)),
        "url": (0.85, lambda: web_link(random)),
        "serializable": (0.7, lambda: {"note": random.choice(WORDS), "values": [1, 2.5, None, True]}),
        "jsonb": (0.6, lambda: {"source": random.choice(WORDS), "depth": {"n": int(random.random() * 9)}}),
        "uuid": (0.2, lambda: uuid(random)),
    }
    return makers.get(kind)


class Filler:
    """Fills the fields of one type that nothing else set."""

    def __init__(self, entity_type, structural, random):
        self.random, self.parts = random, []
        for name, field in entity_type.fields.items():
            if name in structural or field.type in COMPUTED or name.startswith(("smart_", "step_", "image_")):
                continue
            made = maker(field, random)
            if made is not None and len(self.parts) < MOST_FIELDS:
                self.parts.append((name, *made))

    def fill(self, values):
        random = self.random.random
        for name, nulls, make in self.parts:
            if name not in values:
                values[name] = make() if random() >= nulls else None
