"""Rows as JSON. A projection (type, fields, prefix) is compiled once into a template and getters."""

import json

from errors import invalid_parameters

_quote = json.encoder.encode_basestring
_PRIVATE = ("audit_trail",)


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def float_text(value):
    """How a float is spelled in an answer: at most six decimals, at least one."""
    text = f"{value:.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def signed_url(store, path):
    """A presigned storage address, another one at each reading."""
    store.signatures += 1
    when = store.clock.stamp().replace("-", "").replace(":", "")
    name = path.rsplit("/", 1)[-1]
    return (f"https://media.test-site.invalid/{path}?response-content-disposition=filename%3D%22{name}%22"
            f"&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={when}&X-Amz-Expires=900"
            f"&X-Amz-SignedHeaders=host&X-Amz-Signature={store.signatures:064x}")


def image_value(store, stored):
    """A stored image is a storage path, or a complete address that is shown as it is."""
    if stored is None or "://" in stored:
        return stored
    return signed_url(store, stored)


def url_value(store, stored):
    if not isinstance(stored, dict) or stored.get("link_type") != "upload":
        return stored
    return {**stored, "url": signed_url(store, stored["url"])}


def _scalar(store, field):
    """A function from a row to the JSON text of one of its scalar fields."""
    name, kind = field.name, field.type
    if name == "id":
        return lambda row: str(row.id)
    if name == "open_notes_count":
        return lambda row: str(len(store.links(row, "open_notes")))
    if kind in ("summary", "pivot_column", "calculated", "url_template", "password"):
        return lambda row: "null"
    if kind == "checkbox":
        return lambda row: "true" if row.v.get(name) else "false"
    if kind in ("number", "duration", "percent", "timecode", "footage"):
        return lambda row: "null" if (value := row.v.get(name)) is None else str(value)
    if kind in ("float", "currency"):
        return lambda row: "null" if (value := row.v.get(name)) is None else f'"{float_text(value)}"'
    if kind == "image":
        return lambda row: "null" if (value := row.v.get(name)) is None else _quote(image_value(store, value))
    if kind == "tag_list":
        return lambda row: dumps(row.v.get(name) or [])
    if kind in ("url", "serializable", "jsonb"):
        return lambda row: "null" if (value := row.v.get(name)) is None else dumps(url_value(store, value))
    return lambda row: "null" if (value := row.v.get(name)) is None else _quote(value)


def _single(store, name, prefix):
    """A function from a row to the JSON of a single link's `data` and the rest of its `links`."""
    tables = store.tables

    def get(row):
        key = row.v.get(name)
        table = tables.get(key[0]) if key else None
        target = table.rows.get(key[1]) if table else None
        if target is None or target.retired:
            return "null", ""
        return target.text or store.link_text(target), f',"related":"{prefix}/{table.type.slug}/{target.id}"'

    return get


def _multi(store, name):
    """A function from a row to the JSON of a multi link's `data`."""
    read = store.links if name in ("open_notes", "sibling_tasks") else lambda row, name: row.v.get(name)

    def get(row):
        keys = read(row, name)
        return f'[{",".join([store.link_text(other) for other in store.ordered(keys)])}]' if keys else "[]"

    return get


def walk(schema, entity_type, path):
    """Follows a dotted projection: [(field, type)…] of its hops and the last field, or None."""
    parts = path.split(".")
    if len(parts) % 2 == 0:
        return None
    hops = []
    for at in range(0, len(parts) - 1, 2):
        field, target = entity_type.fields.get(parts[at]), parts[at + 1]
        if field is None or field.type != "entity" or target not in field.valid_types:
            return None
        if target not in schema.types:
            return None
        hops.append((field.name, target))
        entity_type = schema.types[target]
    field = entity_type.fields.get(parts[-1])
    return (hops, field) if field is not None else None


class Projection:
    """Renders rows of one type with a fixed list of fields."""

    def __init__(self, store, entity_type, fields, prefix):
        self.store = store
        self.entity_type = entity_type
        self.base = f"{prefix}/entity"
        self.attributes, self.singles, self.multis = [], [], []
        for path in dict.fromkeys(fields):
            self._add(path)
        self.template = self._template()

    def _add(self, path):
        if path in self.entity_type.fields:
            hops, field = (), self.entity_type.fields[path]
            if path == "id" or path in _PRIVATE:
                return
        else:
            found = walk(self.store.schema, self.entity_type, path)
            if found is None or not found[0]:
                return
            hops, field = found
            if field.name in _PRIVATE or field.type == "url":
                return
        if field.type == "entity":
            self.singles.append((path, self._reach(hops, _single(self.store, field.name, self.base), ("null", ""))))
        elif field.type == "multi_entity":
            self.multis.append((path, self._reach(hops, _multi(self.store, field.name), "[]")))
        else:
            self.attributes.append((path, self._reach(hops, self.scalar(field), "null")))

    def scalar(self, field):
        return _scalar(self.store, field)

    def _reach(self, hops, get, nothing):
        if not hops:
            return get
        store = self.store

        def through(row):
            for name, target in hops:
                key = store.link(row, name)
                if key is None or key[0] != target:
                    return nothing
                row = store.row(key)
            return get(row)

        return through

    def _template(self):
        base = f"{self.base}/{self.entity_type.slug}/%(id)d"
        attributes = ",".join(f"{_quote(path)}:%s" for path, _ in self.attributes)
        links = [f'{_quote(path)}:{{"data":%s,"links":{{"self":"{base}/relationships/{path}"%s}}}}'
                 for path, _ in self.singles]
        links += [f'{_quote(path)}:{{"data":%s,"links":{{"self":"{base}/relationships/{path}"}}}}'
                  for path, _ in self.multis]
        text = (f'{{"type":"{self.entity_type.name}","attributes":{{{attributes}}},'
                f'"relationships":{{{",".join(links)}}},"id":%(id)d,"links":{{"self":"{base}"}}}}')
        return text.replace("%(id)d", "\0")

    def render(self, row):
        values = [get(row) for _, get in self.attributes]
        for _, get in self.singles:
            values += get(row)
        values += [get(row) for _, get in self.multis]
        return self.template.replace("\0", str(row.id)) % tuple(values)


class FlatProjection(Projection):
    """Rows in the shape of the older API: one flat hash, links in it as they are, floats as numbers."""

    def __init__(self, store, entity_type, fields):
        super().__init__(store, entity_type, fields, "")

    def scalar(self, field):
        if field.type not in ("float", "currency"):
            return super().scalar(field)
        name = field.name
        return lambda row: "null" if (value := row.v.get(name)) is None else float_text(value)

    def _template(self):
        paths = [path for part in (self.attributes, self.singles, self.multis) for path, _ in part]
        pairs = "".join(",{}:%s".format(_quote(path).replace("%", "%%")) for path in paths)
        return f'{{"type":"{self.entity_type.name}","id":\0{pairs}}}'

    def render(self, row):
        values = [get(row) for _, get in self.attributes]
        values += [get(row)[0] for _, get in self.singles]
        values += [get(row) for _, get in self.multis]
        return self.template.replace("\0", str(row.id)) % tuple(values)


class Renderer:
    """Makes and keeps projections."""

    def __init__(self, store):
        self.store = store
        self._known = {}

    def projection(self, entity_type, fields, prefix):
        """`fields`: None (all), a comma string or a list."""
        if fields is None:
            names = ("*",)
        elif isinstance(fields, str):
            names = tuple(name.strip() for name in fields.split(",") if name.strip())
        elif isinstance(fields, list):
            names = tuple(str(name) for name in fields)
        else:
            raise invalid_parameters({"fields": ["fields must be a string or an array"]})
        if "*" in names:
            names = tuple(entity_type.star()) + tuple(name for name in names if name != "*")
        return self._kept((entity_type.name, names, prefix),
                          lambda: Projection(self.store, entity_type, names, prefix))

    def flat_projection(self, entity_type, names):
        """`names`: a list of paths, each at most once; what is no text or no field is dropped."""
        names = tuple(dict.fromkeys(name for name in names if isinstance(name, str)))
        return self._kept((entity_type.name, names), lambda: FlatProjection(self.store, entity_type, names))

    def forget(self):
        """The schema has changed: no projection is sure to be right any more."""
        self._known.clear()

    def _kept(self, key, make):
        if key not in self._known:
            if len(self._known) > 500:
                self._known.clear()
            self._known[key] = make()
        return self._known[key]

    def rows(self, entity_type, rows, fields, prefix):
        render = self.projection(entity_type, fields, prefix).render
        return "[" + ",".join([render(row) for row in rows]) + "]"

    def flat(self, row):
        """The row in the shape of the older API: one flat dictionary, floats as numbers."""
        entity_type = self.store.schema.types[row.type]
        out = {"type": row.type, "id": row.id}
        for name in entity_type.star():
            field = entity_type.fields[name]
            value = self.store.value(row, field)
            if field.type == "entity":
                value = self.store.link_hash(value) if value else None
            elif field.type == "multi_entity":
                value = [self.store.link_hash(other.key) for other in self.store.ordered(value)]
            elif field.type == "image":
                value = image_value(self.store, value)
            elif field.type == "url":
                value = url_value(self.store, value)
            out[name] = value
        return out
