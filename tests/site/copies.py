"""Large sites: a block of generated rows, and copies of it with ids, links and codes of their own.

Making a row up costs many times what copying one does, and a copy shares its texts with its original.
"""

from rows import Row

BLOCK = 100_000         # the most rows that are made up one by one


class Copier:
    """Copies what the block's types hold, `count` times; other types are shared by all copies."""

    def __init__(self, store, types):
        self.store = store
        self.blocks = {}            # type -> (rows, distance of one copy's ids from the next's)
        for name in types:
            table = store.tables.get(name)
            if table is not None and table.rows:
                rows = [table.rows[row_id] for row_id in sorted(table.rows)]
                self.blocks[name] = rows, rows[-1].id - rows[0].id + 1

    def run(self, count):
        for number in range(1, count + 1):
            moved = {(name, row.id): (name, row.id + number * distance)
                     for name, (rows, distance) in self.blocks.items() for row in rows}
            for name in self.blocks:
                self._copy(name, number, moved)

    def _copy(self, name, number, moved):
        rows, distance = self.blocks[name]
        table, get = self.store.tables[name], moved.get
        fields = table.type.fields.values()
        singles = [field.name for field in fields if field.type == "entity"]
        multis = [field.name for field in fields if field.type == "multi_entity"]
        named = table.type.identity == "code"
        for row in rows:
            values = dict(row.v)
            for field in singles:
                key = values.get(field)
                if key is not None:
                    values[field] = get(key, key)
            for field in multis:
                keys = values.get(field)
                if keys:
                    values[field] = [get(key, key) for key in keys]
            if named and values.get("code"):
                values["code"] = values["cached_display_name"] = f"{values['code']}.{number}"
            self._own_ids(name, values, row.id + number * distance)
            copy = Row(name, row.id + number * distance, values)
            copy.retired = row.retired
            table.add(copy)

    @staticmethod
    def _own_ids(name, values, row_id):
        """Ids that stand inside other values."""
        if name == "EventLogEntry" and values.get("entity") and values.get("meta"):
            values["meta"] = {**values["meta"], "entity_id": values["entity"][1]}
        elif name == "Attachment" and values.get("this_file"):
            values["this_file"] = {**values["this_file"], "id": row_id}
