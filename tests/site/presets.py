"""`additional_filter_presets` of the older API: only the newest row of each linked entity."""

from errors import bad_request, ruby

# preset LATEST: type -> latest_by -> the field whose greatest value is the newest
LATEST = {"Version": {"ENTITIES_CREATED_AT": "created_at"},
          "PublishedFile": {"ENTITIES_CREATED_AT": "created_at", "VERSION_NUMBER": "version_number"}}


def narrowed(store, type_name, rows, presets):
    """The ids of the rows that are left: of those that match the filters, the newest per `entity`."""
    if not isinstance(presets, list) or not all(isinstance(preset, dict) for preset in presets):
        raise _wrong("must be an array of hashes", presets)
    if len(presets) > 1:
        raise _wrong("may hold one LATEST preset", presets)
    for preset in presets:
        field = LATEST.get(type_name, {}).get(preset.get("latest_by"))
        if preset.get("preset_name") != "LATEST" or field is None:
            raise _wrong(f"not known for {type_name}", presets)
        newest = {}
        for row in rows:
            key, rank = store.link(row, "entity"), (row.v.get(field) is not None, row.v.get(field) or 0, row.id)
            if key not in newest or rank > newest[key][0]:
                newest[key] = (rank, row)
        rows = [row for _, row in newest.values()]
    return [row.id for row in rows]


def _wrong(text, presets):
    return bad_request(f"API read() 'additional_filter_presets' {text}: {ruby(presets)}")
