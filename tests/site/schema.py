"""The site's schema: types, fields, how types are spelled in a path, and which links mirror which."""

import json
import re

from builtin_schema import GROUPS, TYPES

LINKS = ("entity", "multi_entity")
IDENTITY = ("code", "content", "name", "subject", "title", "display_name")
READ_ONLY_TYPES = {"summary", "pivot_column", "calculated", "url_template", "uuid"}
READ_ONLY_NAMES = {"id", "image_source_entity", "image_blur_hash", "open_notes", "sibling_tasks",
                   "time_logs_sum", "file_size", "file_extension", "filename", "usage", "audit_trail"}
CREATE_ONLY = {"created_at", "created_by", "updated_at", "updated_by"}

# (type, field, other type, other field); None as other type: every valid type that has the field.
PAIRS = (
    ("Task", "entity", None, "tasks"),
    ("Version", "entity", None, "sg_versions"),
    ("PublishedFile", "entity", None, "sg_published_files"),
    ("Shot", "sg_sequence", "Sequence", "shots"),
    ("PublishedFile", "version", "Version", "published_files"),
    ("Reply", "entity", "Note", "replies"),
    ("HumanUser", "department", "Department", "users"),
    ("Step", "department", "Department", "steps"),
    ("Shot", "assets", "Asset", "shots"),
    ("Shot", "shots", "Shot", "parent_shots"),
    ("Asset", "assets", "Asset", "parents"),
    ("Sequence", "assets", "Asset", "sequences"),
    ("Playlist", "versions", "Version", "playlists"),
    ("Note", "tasks", "Task", "notes"),
    ("Note", "note_links", None, "notes"),
    ("Note", "attachments", "Attachment", "attachment_links"),
    ("Group", "users", "HumanUser", "groups"),
    ("Project", "users", "HumanUser", "projects"),
    ("Task", "upstream_tasks", "Task", "downstream_tasks"),
    ("PublishedFile", "upstream_published_files", "PublishedFile", "downstream_published_files"),
)


def snake(name):
    text = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    return re.sub(r"_+", "_", text)


def plural(word):
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    return word + "s"


def flat(word):
    return re.sub(r"[^a-z0-9]", "", word.lower())


class Field:
    """One field of one type."""

    def __init__(self, name, data_type, label=None, editable=True, mandatory=False, properties=None):
        self.name = name
        self.type = data_type
        self.label = label or name.replace("_", " ").title()
        self.editable = editable
        self.mandatory = mandatory
        self.properties = {"default_value": None, "summary_default": "none"}
        self.properties.update(properties or {})
        self.description = ""
        self.recorded = None

    @property
    def default(self):
        value = self.properties.get("default_value")
        return None if value == "" else value

    @property
    def valid_types(self):
        return self.properties.get("valid_types") or []

    @property
    def valid_values(self):
        return self.properties.get("valid_values") or []

    @property
    def read_only(self):
        return self.type in READ_ONLY_TYPES or self.name in READ_ONLY_NAMES

    def described(self, type_name):
        """The field as /schema/{Type}/fields shows it."""
        if self.recorded:
            return self.recorded

        def leaf(value, editable=False):
            return {"value": value, "editable": editable}

        return {
            "name": leaf(self.label, True), "description": leaf(self.description, True),
            "custom_metadata": leaf("", True), "entity_type": leaf(type_name),
            "data_type": leaf(self.type), "editable": leaf(self.editable),
            "mandatory": leaf(self.mandatory), "unique": leaf(False),
            "properties": {key: leaf(value, key in ("valid_types", "valid_values", "summary_default"))
                           for key, value in self.properties.items()},
            "visible": leaf(self.type not in ("pivot_column",), self.name.startswith("sg_")), "ui_value_displayable": leaf(True),
        }


class EntityType:
    def __init__(self, name, fields):
        self.name = name
        self.fields = {field.name: field for field in fields}
        self.fields.setdefault("id", Field("id", "number", "Id", editable=False))
        self.slug = plural(snake(name))
        self.identity = self._identity()
        self.has_project = "project" in self.fields and name != "Project"
        self.has_updated_at = "updated_at" in self.fields

    def _identity(self):
        if self.name == "ApiUser":
            return "firstname"
        if self.name == "HumanUser":
            return "name"
        if self.name in ("Project", "Status", "Department") and "name" in self.fields:
            return "name"
        if self.name in ("EventLogEntry", "Attachment"):
            return {"EventLogEntry": "description"}.get(self.name, "display_name")
        return next((name for name in IDENTITY if name in self.fields), None)

    def star(self):
        """The fields that `fields=*` stands for."""
        return [name for name, field in self.fields.items()
                if name != "id" and not (self.name == "EventLogEntry" and name == "audit_trail")]


class Schema:
    def __init__(self, types):
        self.types = {entity_type.name: entity_type for entity_type in types}
        self._slugs = {}
        for name, entity_type in self.types.items():
            for spelling in (name, entity_type.slug, name + "s"):
                self._slugs.setdefault(flat(spelling), entity_type)
        self.inverse = {}
        self.hidden = {}        # by project id, as text: names of types and of "Type.field" it does not show
        self._pair_up()

    def resolve(self, slug):
        """The type a path segment means, or None. Case, underscores and the plural are free."""
        return self._slugs.get(flat(slug))

    def _pair_up(self):
        for type_name, field_name, other, back in PAIRS:
            field = self._field(type_name, field_name)
            if field is None:
                continue
            for target in ([other] if other else field.valid_types):
                if (type_name, field_name, target) == ("Note", "note_links", "Task"):
                    continue
                self._pair(type_name, field_name, target, back)
        for entity_type in list(self.types.values()):
            for field in list(entity_type.fields.values()):
                self._pair_custom(entity_type, field)

    def _pair_custom(self, entity_type, field):
        """A custom multi link `f` of T has its reverse named `<t>_<f>_<ts>` on the other type."""
        if field.type != "multi_entity" or (entity_type.name, field.name) in self.inverse:
            return
        back = f"{snake(entity_type.name)}_{field.name}_{entity_type.slug}"
        for target in field.valid_types:
            self._pair(entity_type.name, field.name, target, back)

    def _field(self, type_name, field_name):
        entity_type = self.types.get(type_name)
        return entity_type.fields.get(field_name) if entity_type else None

    def _pair(self, type_name, field_name, target, back):
        ahead, behind = self._field(type_name, field_name), self._field(target, back)
        if ahead is None or behind is None or behind.type != "multi_entity":
            return
        self.inverse.setdefault((type_name, field_name), {})[target] = back
        self.inverse.setdefault((target, back), {})[type_name] = field_name


def _parse_field(line):
    words = [word.replace("\0", " ") for word in line.replace("\\ ", "\0").split()]
    name, data_type, rest = words[0], words[1], words[2:]
    text = " ".join(word.replace(" ", "\0") for word in rest)
    properties = {}
    bracket = re.search(r"\[(.*?)\]", text)
    if bracket:
        members = [member.replace("\0", " ") for member in bracket.group(1).split()]
        properties["valid_types" if data_type in LINKS else "valid_values"] = members
        if data_type == "status_list":
            properties["display_values"] = {code: code.upper() for code in members}
            properties["hidden_values"] = []
        text = text.replace(bracket.group(0), "")
    default = re.search(r"=(\S+)", text)
    if default:
        value = default.group(1)
        properties["default_value"] = int(value) if value.isdigit() else value
    return Field(name, data_type, editable="-" not in text.split(), mandatory="!" in text.split(),
                 properties=properties)


def builtin():
    """The built-in schema (builtin_schema.py)."""
    types = []
    for heading, body in TYPES.items():
        name, *groups = heading.split()
        lines = body + "".join("\n" + GROUPS[group[1:]] for group in groups)
        types.append(EntityType(name, [_parse_field(line) for line in lines.splitlines() if line.strip()]))
    return Schema(types)


def from_file(path):
    """A schema dump {Type: {field: {data_type, name, editable, mandatory, properties}}}."""
    with open(path, encoding="utf-8") as stream:
        dump = json.load(stream)
    types = []
    for type_name, fields in dump.items():
        types.append(EntityType(type_name, [
            Field(name, entry["data_type"], entry.get("name"), entry.get("editable", True),
                  entry.get("mandatory", False), entry.get("properties"))
            for name, entry in fields.items()]))
    return Schema(types)


def with_recorded_fields(schema, type_name, described):
    """The same schema, where one type has the fields of a recorded /schema/{Type}/fields reply."""
    fields = []
    for name, entry in described.items():
        field = Field(name, entry["data_type"]["value"], entry["name"]["value"],
                      entry["editable"]["value"], entry["mandatory"]["value"],
                      {key: leaf["value"] for key, leaf in entry["properties"].items()})
        field.recorded = entry
        fields.append(field)
    return Schema([EntityType(type_name, fields) if known.name == type_name else known
                   for known in schema.types.values()])
