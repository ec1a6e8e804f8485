"""Fields made, changed and retired over the older API; how a field looks in one project."""

import re

from errors import bad_request, ruby
from operators import RELATIONS
from schema import Field

TYPES = set(RELATIONS) - {"entity_type", "uuid", "image", "jsonb"} | {"url", "serializable"}


class SchemaWriter:
    def __init__(self, store, renderer):
        self.store, self.renderer = store, renderer
        self.hidden = set()         # (type, field, project id)
        self.burnt = set()          # (type, field): retired, the name is not free again

    def described(self, entity_type, arguments):
        """{field: its description}, as one project sees it when one is named."""
        project = (arguments.get("project") or {}).get("id") if isinstance(arguments, dict) else None
        out = {}
        for name, field in entity_type.fields.items():
            out[name] = field.described(entity_type.name)
            if (entity_type.name, name, project) in self.hidden:
                out[name] = {**out[name], "visible": {**out[name]["visible"], "value": False}}
        return out

    def create(self, entity_type, arguments):
        """The name of a new field, which is made from its display name."""
        properties, data_type = self._properties(arguments), arguments.get("data_type")
        label = properties.pop("name", None)
        if data_type not in TYPES:
            raise bad_request(f"API schema_field_create() invalid 'data_type': {ruby(data_type)}")
        if not isinstance(label, str) or not label.strip():
            raise bad_request("API schema_field_create() missing property 'name'")
        stem = name = "sg_" + re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")
        number = 0
        while name in entity_type.fields or (entity_type.name, name) in self.burnt:
            number += 1
            name = f"{stem}_{number}"
        entity_type.fields[name] = Field(name, data_type, label)
        self._set(entity_type.fields[name], properties)
        return name

    def update(self, entity_type, arguments):
        field, properties = self._field(entity_type, arguments, "update"), self._properties(arguments)
        if "visible" in properties:
            project = (arguments.get("project") or {}).get("id")
            if project is None:
                raise bad_request("API schema_field_update() 'visible' needs a project")
            change = self.hidden.discard if properties.pop("visible") else self.hidden.add
            change((entity_type.name, field.name, project))
        self._set(field, properties)
        return True

    def delete(self, entity_type, arguments):
        field = self._field(entity_type, arguments, "delete")
        if not field.name.startswith("sg_"):
            raise bad_request(f"API schema_field_delete() {entity_type.name}.{field.name} cannot be deleted")
        del entity_type.fields[field.name]
        self.burnt.add((entity_type.name, field.name))
        self.renderer.forget()
        return True

    def _set(self, field, properties):
        for name, value in properties.items():
            if name == "name":
                field.label = value
            elif name == "description":
                field.description = value
            else:
                field.properties[name] = value
        self.renderer.forget()

    @staticmethod
    def _properties(arguments):
        return {each["property_name"]: each.get("value") for each in arguments.get("properties") or ()}

    @staticmethod
    def _field(entity_type, arguments, verb):
        field = entity_type.fields.get(arguments.get("field_name"))
        if field is None:
            raise bad_request(f"API schema_field_{verb}() {entity_type.name}.{arguments.get('field_name')} "
                              "doesn't exist.")
        return field
