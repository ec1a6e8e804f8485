"""The event log: one EventLogEntry row per change, with the gaps a real log has.

Ids are reserved before the row is committed: some are never used, and while events are held
(Events.hold) rows with lower ids appear after higher ones were already visible.
"""

import random

from rows import Row


class Events:
    def __init__(self, store, seed):
        self.store = store
        self.random = random.Random(seed)
        self.gap_probability = 0.1
        self.held = None            # a list while events are being held back

    @property
    def present(self):
        return "EventLogEntry" in self.store.tables

    def _add(self, session, row, event_type, attribute, meta, description):
        if not self.present or not session.logs_events or row.type == "EventLogEntry":
            return None
        store = self.store
        if self.random.random() < self.gap_probability:
            for _ in range(self.random.randint(1, 4)):
                store.reserve_id("EventLogEntry")
        project = row.key if row.type == "Project" else row.v.get("project")
        event = Row("EventLogEntry", store.reserve_id("EventLogEntry"), {
            "event_type": event_type, "attribute_name": attribute, "meta": meta, "description": description,
            "entity": row.key, "project": project, "user": session.actor.key,
            "created_at": store.clock.stamp(), "session_uuid": None})
        if self.held is not None:
            self.held.append(event)
            if store.undo is not None:
                store.undo.append((self.held.remove, event))
        else:
            store.insert(event)
        return event.id

    def hold(self):
        if self.held is None:
            self.held = []

    def release(self):
        """Makes the held events visible, with the ids they reserved at their time."""
        held, self.held = self.held or [], None
        for event in held:
            self.store.insert(event)
        return len(held)

    def created(self, session, row):
        self._add(session, row, f"Shotgun_{row.type}_New", None,
                  {"type": "new_entity", "entity_type": row.type, "entity_id": row.id},
                  f"{self._who(session)} created new {row.type} {self.store.display_name(row)}")

    def changed(self, session, row, field, old, new, in_create=False):
        """`old` and `new` as stored. Returns the id of the entry, or None."""
        meta = {"type": "attribute_change", "attribute_name": field.name, "entity_type": row.type,
                "entity_id": row.id, "field_data_type": field.type}
        if in_create:
            meta["in_create"] = True
        if field.type == "multi_entity":
            before, after = set(old or ()), set(new or ())
            meta["added"] = [self._hash(key) for key in sorted(after - before)]
            meta["removed"] = [self._hash(key) for key in sorted(before - after)]
        elif field.type == "entity":
            meta["old_value"] = self._hash(old) if old else None
            meta["new_value"] = self._hash(new) if new else None
        else:
            meta["old_value"], meta["new_value"] = old, new
        return self._add(session, row, f"Shotgun_{row.type}_Change", field.name, meta,
                         f"{self._who(session)} changed {field.name} of {self.store.display_name(row)}")

    def mirrored(self, session, other, back, added, row, field_name, original):
        """The other side of a link change: entity is the other row, meta still names the row written."""
        field = self.store.schema.types[other.type].fields[back]
        meta = {"type": "attribute_change", "attribute_name": back, "entity_type": row.type, "entity_id": row.id,
                "field_data_type": field.type, "actual_attribute_changed": f"{row.type}.{field_name}",
                "original_event_log_entry_id": original}
        here = self._hash(row.key)
        if field.type == "multi_entity":
            meta["added"], meta["removed"] = ([here], []) if added else ([], [here])
        else:
            meta["old_value"], meta["new_value"] = (None, here) if added else (here, None)
        self._add(session, other, f"Shotgun_{other.type}_Change", back, meta,
                  f"{self._who(session)} changed {back} of {self.store.display_name(other)}")

    def retired(self, session, row, stamp):
        name = self.store.display_name(row)
        self._add(session, row, f"Shotgun_{row.type}_Retirement", None,
                  {"type": "entity_retirement", "class_name": row.type, "display_name": name,
                   "entity_type": row.type, "entity_id": row.id, "id": row.id, "retirement_date": stamp},
                  f"{self._who(session)} deleted {row.type} {name}")
        self._retirement_date(session, row, None, stamp)

    def revived(self, session, row):
        name = self.store.display_name(row)
        self._add(session, row, f"Shotgun_{row.type}_Revival", None,
                  {"type": "entity_revival", "class_name": row.type, "display_name": name,
                   "entity_type": row.type, "entity_id": row.id, "id": row.id},
                  f"{self._who(session)} revived {row.type} {name}")
        self._retirement_date(session, row, "retired", None)

    def _retirement_date(self, session, row, old, new):
        self._add(session, row, f"Shotgun_{row.type}_Change", "retirement_date",
                  {"type": "attribute_change", "attribute_name": "retirement_date", "entity_type": row.type,
                   "entity_id": row.id, "field_data_type": "date_time", "old_value": old, "new_value": new},
                  f"{self._who(session)} changed retirement_date of {self.store.display_name(row)}")

    def _who(self, session):
        return self.store.display_name(session.actor)

    def _hash(self, key):
        return {**self.store.link_hash(key), "valid": "valid", "status": None, "uuid": None}
