"""Writing: create, update, retire, revive and batches, each of them whole or not at all."""

import re
import uuid

import schedule
import values
from errors import ApiError, bad_request, invalid_parameters, no_row, ruby, wrong_class
from rows import Row
from schema import CREATE_ONLY, READ_ONLY_NAMES

BINDING = {"project", "task_template", "episode", "path_cache_storage", "department"}
DEPENDENCIES = ("finish-to-start-next-day", "start-to-start", "finish-to-finish", "start-to-finish-next-day")
COLORS = {"blue": "2,149,216", "orange": "253,141,3", "pink": "254,125,179", "red": "253,1,0",
          "green": "29,215,46", "purple": "183,0,188", "grey": "129,129,129", "black": "45,45,45"}
DATES = ("start_date", "due_date", "duration")


class Writer:
    def __init__(self, store, events):
        self.store, self.events, self.schema = store, events, store.schema
        self.unborn = set()         # what the batch under way has made: nothing in it may name these

    def atomically(self, work, *arguments):
        """Runs work; when it fails, nothing of it remains."""
        self.store.begin()
        try:
            result = work(*arguments)
        except BaseException:
            self.store.rollback()
            raise
        self.store.commit()
        return result

    # -- values

    def _convert(self, entity_type, name, raw, verb, row):
        """The stored form of one value of a body; a multi link as (mode, keys)."""
        field = entity_type.fields.get(name)
        path = f"{entity_type.name}.{name}"
        if field is None:
            raise bad_request(f"API {verb}() {path} doesn't exist.")
        if field.read_only or name in READ_ONLY_NAMES:
            raise bad_request(f"API {verb}() {path} is read only.")
        create_only = name in CREATE_ONLY or field.type == "jsonb"
        if create_only and verb == "update":
            raise bad_request(f"API update() {path} is editable on create only.")
        if field.type == "entity":
            return self._single(field, raw, verb, path)
        if field.type == "multi_entity":
            return self._multi(field, raw, verb, path)
        if field.type == "image":
            return self._image(raw, verb, path)
        if field.type == "url":
            return self._url(raw, verb, path, row)
        if field.type == "tag_list":
            return self._tags(raw, verb, path)
        if field.type in ("serializable", "jsonb"):
            return self._blob(field, name, raw, verb, path)
        return self._scalar(field, raw, verb, path)

    def _scalar(self, field, raw, verb, path):
        value = values.scalar(field.type, raw, verb, path)
        if field.type in ("text", "list", "status_list", "entity_type", "password"):
            value = (value.strip() or None) if value else None
        failed = f"{verb.title()} failed for [{path}]"
        if field.type in values.WHOLE and value is not None \
                and not -values.INT32 <= value < values.INT32:
            raise bad_request(f"{failed}: Invalid statement.", None, 104)
        if field.type in ("list", "status_list") and value and field.valid_values \
                and value not in field.valid_values:
            word, noun = ("status", "statuses") if field.type == "status_list" else ("value", "values")
            known = ", ".join(f"'{choice}'" for choice in field.valid_values)
            raise bad_request(f"{failed}: '{value}' is not a valid {word}. Valid {noun}: {known}.", None, 104)
        return self._color(value, path, failed) if field.type == "color" else value

    def _color(self, value, path, failed):
        if value is None:
            if path.startswith("Task."):
                raise bad_request(f"{failed}: Value cannot be nil for Task.color.", None, 104)
            return None
        if value == "pipeline_step" and path.startswith("Task."):
            return value
        value = COLORS.get(value.lower(), value)
        if not re.fullmatch(r"\d+,\d+,\d+", value):
            raise bad_request(f"{failed}: Value is not a valid color token: [{value}]", None, 104)
        if any(int(part) > 255 for part in value.split(",")):
            raise bad_request(f"{failed}: At least one component value is out of range", None, 104)
        return value

    def _single(self, field, raw, verb, path):
        if raw is None:
            return None
        if not isinstance(raw, dict):
            raise wrong_class(verb, path, values.classes("entity"), raw)
        key = values.entity_key(self.schema, raw, verb)
        if field.name in BINDING and key[0] not in field.valid_types:
            raise bad_request(f"{verb.title()} failed for [{path}]: {field.valid_types[0]} expected, got {key[0]}",
                              None, 104)
        return self._living(key, verb, path)

    def _living(self, key, verb, path):
        if self.store.row(key) is None or key in self.unborn:
            raise bad_request(f"{verb.title()} failed for [{path}]: Value is not legal.", None, 104)
        return key

    def _multi(self, field, raw, verb, path):
        if isinstance(raw, dict):
            mode = raw.get("multi_entity_update_mode")
            if mode not in ("add", "remove", "set"):
                raise bad_request(f"API {verb}() invalid/missing string 'multi_entity_update_mode'")
            if not isinstance(raw.get("value"), list):
                raise bad_request(f"API {verb}() invalid/missing array of entity hashes 'value'")
            members = raw["value"]
        elif isinstance(raw, list):
            mode, members = "set", raw
        else:
            raise wrong_class(verb, path, values.classes("multi_entity"), raw)
        keys = []
        for member in members:
            if not isinstance(member, dict):
                raise bad_request(f"API {verb}() invalid/missing entity hash: {ruby(member)}")
            key = values.entity_key(self.schema, member, verb)
            if mode != "remove" and field.valid_types and key[0] not in field.valid_types:
                raise bad_request(f"{verb.title()} failed for [{path}]: Value is not legal.", None, 104)
            keys.append(key if mode == "remove" else self._living(key, verb, path))
        return mode, keys

    def _image(self, raw, verb, path):
        if raw is None:
            return None
        if not isinstance(raw, dict):
            raise wrong_class(verb, path, values.classes("image"), raw)
        values.entity_key(self.schema, raw, verb)
        raise bad_request(f"API {verb}(): Write access of the 'image' data type ({path}) not yet supported in API")

    def _url(self, raw, verb, path, row):
        if raw is None:
            return None
        if not isinstance(raw, dict):
            raise wrong_class(verb, path, values.classes("url"), raw)
        if not isinstance(raw.get("url"), str):
            raise bad_request(f"API {verb}() invalid/missing url hash string 'url': {ruby(raw)}")
        name = raw.get("name") or raw["url"].rsplit("/", 1)[-1]
        link = {"url": raw["url"], "name": name, "content_type": None, "link_type": "web", "type": "Attachment"}
        if "Attachment" not in self.store.tables:
            return {**link, "id": None}
        link["id"] = self.store.reserve_id("Attachment")
        stamp = self.store.clock.stamp()
        self.store.insert(Row("Attachment", link["id"], {
            "display_name": name, "this_file": link, "created_at": stamp, "updated_at": stamp,
            "project": row.v.get("project") if row else None}))
        return link

    @staticmethod
    def _tags(raw, verb, path):
        if raw is not None and not (isinstance(raw, list) and all(isinstance(tag, str) for tag in raw)):
            raise wrong_class(verb, path, values.classes("tag_list"), raw)
        return sorted(set(raw)) if raw else None

    def _blob(self, field, name, raw, verb, path):
        if raw is not None and not isinstance(raw, (dict, list)):
            raise wrong_class(verb, path, values.classes(field.type), raw)
        return None if name == "splits" else raw

    # -- create

    def create(self, session, entity_type, body, in_batch=False):
        """The new row and the names sent, or (None, id) for a row that a batch only pretends to make."""
        if not isinstance(body, dict):
            raise bad_request("Invalid JSON body")
        if entity_type.name in ("ApiUser", "PermissionRuleSet") and session.level == "artist":
            raise self._forbidden(entity_type, "created", session)
        sent = {name: self._convert(entity_type, name, raw, "create", None)
                for name, raw in body.items() if name != "cached_display_name"}
        if entity_type.has_project and not sent.get("project"):
            if in_batch:
                return None, self.store.reserve_id(entity_type.name)
            raise bad_request(f"API create() missing 'project' attribute: {ruby(body)}")
        if session.allowed is not None and sent.get("project") and sent["project"][1] not in session.allowed:
            raise self._forbidden(entity_type, "created", session)
        self._check_new(entity_type, sent)
        row = self._insert(session, entity_type, sent)
        self._after_create(session, row, sent)
        return row, list(body)

    def _insert(self, session, entity_type, sent):
        row = Row(entity_type.name, self.store.reserve_id(entity_type.name), {})
        for name, field in entity_type.fields.items():
            if field.default is not None and field.type not in ("entity", "multi_entity"):
                row.v[name] = field.default
        if entity_type.name == "Task" and "color" in entity_type.fields:
            row.v["color"] = "pipeline_step"
        identity = entity_type.identity
        if entity_type.name == "EventLogEntry":
            row.v["description"] = "New Event"
        elif identity in ("code", "content", "name", "title"):
            row.v[identity] = f"New {entity_type.name} {row.id}"
        for name, value in self._stamps(entity_type, session).items():
            row.v.setdefault(name, value)
        for name, value in sent.items():
            if entity_type.fields[name].type not in ("entity", "multi_entity"):
                row.v[name] = value
        if "uuid" in entity_type.fields:
            row.v.setdefault("uuid", str(uuid.uuid4()))
        if row.type == "HumanUser":
            row.v.setdefault("can_impersonate_this_user", True)
        if row.type == "HumanUser" and "name" not in sent:
            row.v["name"] = " ".join(part for part in (row.v.get("firstname"), row.v.get("lastname")) if part) \
                or row.v["name"]
        if row.type == "Task":
            row.v.update(schedule.settle(row.v, set(sent)))
        self.store.insert(row)
        self.events.created(session, row)
        self._log_created(session, row)
        for name, value in sent.items():
            if entity_type.fields[name].type in ("entity", "multi_entity"):
                self._set(session, row, name, value, in_create=True)
        return row

    def insert(self, session, entity_type, sent):
        """A new row from values in their stored form."""
        return self._insert(session, entity_type, sent)

    def put_value(self, session, row, name, value):
        """Sets one field to a value in its stored form."""
        if self._set(session, row, name, value):
            self.touch(session, row)

    def _stamps(self, entity_type, session):
        stamp, actor = self.store.clock.stamp(), session.actor.key
        known = {"created_at": stamp, "updated_at": stamp, "created_by": actor, "updated_by": actor}
        return {name: value for name, value in known.items() if name in entity_type.fields}

    def _log_created(self, session, row):
        fields = self.schema.types[row.type].fields
        for name, value in list(row.v.items()):
            field = fields.get(name)
            if field and value is not None and name not in CREATE_ONLY and name != "cached_display_name" \
                    and field.type not in ("entity", "multi_entity", "password"):
                self.events.changed(session, row, field, None, value, in_create=True)

    def _check_new(self, entity_type, sent):
        if entity_type.name == "Project":
            for name in ("name", "code"):
                if sent.get(name) and any(row.v.get(name) == sent[name] and not row.retired
                                          for row in self.store.tables["Project"].rows.values()):
                    raise bad_request(f"Create failed for [Project]: Validation failed: {name.title()} has already "
                                      "been taken", None, 104)
        if entity_type.name == "TaskDependency":
            self._check_dependency(sent)

    def _check_dependency(self, sent):
        failed = "Create failed for [TaskDependency]: Validation failed:"
        kind = sent.setdefault("dependency_type", DEPENDENCIES[0])
        if kind not in DEPENDENCIES:
            raise bad_request(f"{failed} Dependency type Dependency type '{kind or ''}' is invalid, accepted values "
                              f"are {', '.join(DEPENDENCIES)}.", None, 104)
        task, other = sent.get("task"), sent.get("dependent_task")
        row, upstream = self.store.row(task) if task else None, self.store.row(other) if other else None
        if row is None or upstream is None:
            raise bad_request(f"{failed} Task can't be blank", None, 104)
        if other in self.store.links(row, "upstream_tasks"):
            raise bad_request(f"{failed} There is already a connection between the entities.", None, 104)
        if task == other or task in self.store.links(upstream, "upstream_tasks"):
            raise bad_request(f"{failed} Can't create this dependency as it causes a loop.", None, 104)

    def _after_create(self, session, row, sent):
        if row.type == "TaskDependency":
            task, other = self.store.row(row.v["task"]), row.v["dependent_task"]
            self.store.set_link(task, "upstream_tasks", (task.v.get("upstream_tasks") or []) + [other])
            self._place_after(session, self.store.row(other), {task.key})
        if row.type != "Task" and sent.get("task_template"):
            self._apply_template(session, row, sent["task_template"])

    def _apply_template(self, session, row, template):
        """The template's Tasks, and what is between them, once more for a new row."""
        kind, tasks = self.schema.types["Task"], self.store.tables["Task"]
        made = {}
        for row_id in sorted(tasks.active):
            task = tasks.rows[row_id]
            if task.v.get("task_template") == template and not task.v.get("entity"):
                copied = {name: task.v[name] for name in ("content", "step", "duration") if task.v.get(name) is not None}
                made[task.key] = self._insert(session, kind, {
                    **copied, "project": row.v.get("project"), "entity": row.key, "template_task": task.key})
        for key, task in made.items():
            waits = self.store.links(self.store.row(key), "upstream_tasks")
            upstream = [made[other].key for other in waits if other in made]
            if upstream:
                self.put_value(session, task, "upstream_tasks", ("set", upstream))

    # -- update

    def update(self, session, entity_type, row_id, body):
        row = self._visible(session, entity_type, row_id)
        if not isinstance(body, dict):
            raise bad_request("Invalid JSON body")
        if entity_type.name == "EventLogEntry" and body:
            raise bad_request(f"The field is not editable for this user: [EventLogEntry.{next(iter(body))}]", None, 104)
        sent = {name: self._convert(entity_type, name, raw, "update", row)
                for name, raw in body.items() if name != "cached_display_name"}
        changed = [name for name, value in sent.items() if self._set(session, row, name, value)]
        if row.type == "Task":
            changed += self._task_dates(session, row, set(sent), changed)
        if changed:
            self.touch(session, row)
        return row

    def touch(self, session, row):
        for name, value in (("updated_at", self.store.clock.stamp()), ("updated_by", session.actor.key)):
            if name in self.schema.types[row.type].fields:
                self.store.put(row, name, value)

    def _set(self, session, row, name, value, in_create=False):
        """Sets one field and logs it. True when that changed the row."""
        field = self.schema.types[row.type].fields[name]
        old = row.v.get(name)
        if field.type == "multi_entity":
            mode, keys = value
            value = self._merged(old or [], mode, keys)
            if row.type == "Note" and name == "replies":
                self._delete_replies(session, set(old or ()) - set(value))
        if field.type not in ("entity", "multi_entity"):
            if old == value and type(old) is type(value):
                return False
            self.store.put(row, name, value)
            if field.type != "password":
                self.events.changed(session, row, field, old, value, in_create)
            return True
        if old == value or (not old and not value):
            self.store.put(row, name, value)
            return False
        touched = self.store.set_link(row, name, value)
        original = self.events.changed(session, row, field, old, value, in_create)
        for other, back, added in touched:
            self.events.mirrored(session, other, back, added, row, name, original)
        if row.type == "Task" and name in ("upstream_tasks", "downstream_tasks"):
            self._keep_dependencies(session, row, name, set(old or ()), set(value))
        return True

    @staticmethod
    def _merged(old, mode, keys):
        if mode == "add":
            return sorted(set(old) | set(keys))
        if mode == "remove":
            return [key for key in old if key not in keys]
        return sorted(set(keys))

    def _delete_replies(self, session, keys):
        for key in keys:
            reply = self.store.row(key)
            if reply is not None:
                self._retire(session, reply)

    def _keep_dependencies(self, session, row, name, before, after):
        """TaskDependency rows follow a write of upstream_tasks or downstream_tasks."""
        table = self.store.tables.get("TaskDependency")
        if table is None:
            return
        for key in before ^ after:
            task, other = (row.key, key) if name == "upstream_tasks" else (key, row.key)
            if key in after:
                self.store.insert(Row("TaskDependency", self.store.reserve_id("TaskDependency"), {
                    "task": task, "dependent_task": other, "dependency_type": DEPENDENCIES[0]}))
                self._place_after(session, self.store.row(other), {task})
                continue
            for row_id in list(table.active):
                edge = table.rows[row_id]
                if edge.v.get("task") == task and edge.v.get("dependent_task") == other:
                    self.store.set_retired(edge, True)

    def _task_dates(self, session, row, sent, changed):
        more = []
        if set(changed) & set(DATES):
            for name, value in schedule.settle(row.v, sent).items():
                if self._set(session, row, name, value):
                    more.append(name)
            waits = self.store.links(row, "upstream_tasks")
            if waits and "pinned" not in sent and {"start_date", "due_date"} & sent and "pinned" in \
                    self.schema.types["Task"].fields:
                self._set(session, row, "pinned", True)
        if set(changed + more) & set(DATES):
            self._place_after(session, row)
        if "pinned" in changed and not row.v.get("pinned"):
            for key in self.store.links(row, "upstream_tasks"):
                self._place_after(session, self.store.row(key), {row.key})
        return more

    def _place_after(self, session, upstream, only=None, seen=()):
        """Moves the unpinned Tasks that wait for `upstream`, and those that wait for them."""
        for task, edge in schedule.downstream(self.store, upstream):
            if task.key in seen or (only is not None and task.key not in only):
                continue
            dates = schedule.placed(task.v, upstream.v, edge.v.get("dependency_type"), edge.v.get("offset_days"))
            if dates is None:
                continue
            if task.v.get("pinned"):
                self._set(session, task, "dependency_violation", task.v["start_date"] < dates[0])
                continue
            moved = [name for name, value in zip(DATES, dates) if self._set(session, task, name, value)]
            if moved:
                self.touch(session, task)
                self._place_after(session, task, None, (*seen, upstream.key))

    # -- retire and revive

    def _visible(self, session, entity_type, row_id):
        row = self.store.row((entity_type.name, row_id))
        if row is None or not self.sees(session, row):
            raise no_row(entity_type.name, row_id)
        return row

    def sees(self, session, row):
        scoped = self.schema.types[row.type].has_project or row.type == "Project"
        return session.allowed is None or not scoped or self.store.project_of(row) in session.allowed

    def retire(self, session, entity_type, row_id):
        row = self._visible(session, entity_type, row_id)
        if entity_type.name == "EventLogEntry":
            raise self._forbidden(entity_type, "deleted", session)
        self._retire(session, row)
        return row

    def _retire(self, session, row):
        for child in self._dependents(row):
            self._retire(session, child)
        stamp = self.store.clock.stamp()
        self.events.retired(session, row, stamp)
        self.touch(session, row)
        self.store.set_retired(row, True)
        if row.type == "TaskDependency":
            self._unlink_dependency(row)

    def _dependents(self, row):
        """The rows that retire with this one."""
        if row.type == "Shot":
            return [self.store.row(key) for key in self.store.links(row, "sg_versions") if key[0] == "Version"]
        if row.type == "Task" and "TaskDependency" in self.store.tables:
            table = self.store.tables["TaskDependency"]
            return [table.rows[i] for i in table.active
                    if row.key in (table.rows[i].v.get("task"), table.rows[i].v.get("dependent_task"))]
        return []

    def _unlink_dependency(self, row):
        task = self.store.any_row(row.v["task"]) if row.v.get("task") else None
        if task is not None:
            left = [key for key in task.v.get("upstream_tasks") or [] if key != row.v.get("dependent_task")]
            self.store.set_link(task, "upstream_tasks", left)

    def revive(self, session, entity_type, row_id):
        """True when the row was retired and is not any more."""
        row = self.store.any_row((entity_type.name, row_id))
        if row is None or not self.sees(session, row):
            raise no_row(entity_type.name, row_id)
        if not row.retired:
            return False
        self.store.set_retired(row, False)
        self.touch(session, row)
        self.events.revived(session, row)
        if row.type == "TaskDependency" and self.store.row(row.v.get("task") or ("", 0)):
            task = self.store.row(row.v["task"])
            self.store.set_link(task, "upstream_tasks",
                                (task.v.get("upstream_tasks") or []) + [row.v["dependent_task"]])
        return True

    def _forbidden(self, entity_type, deed, session):
        rule = (session.level or "API Admin").title()
        return ApiError(400, 104, f"Entity of type {entity_type.name} can not be {deed} by this user. Rule: {rule}")

    # -- batch

    def batch(self, session, requests, answer):
        """Runs every request or none. `answer(kind, entity_type, outcome)` makes each part of the reply."""
        checked = [self._checked(number, request) for number, request in enumerate(requests)]
        try:
            made = [(kind, entity_type, self._part(session, number, kind, entity_type, row_id, data))
                    for number, (kind, entity_type, row_id, data) in enumerate(checked)]
            return [answer(*each) for each in made]
        finally:
            self.unborn = set()

    def _part(self, session, number, kind, entity_type, row_id, data):
        """What one request of a batch does."""
        if (entity_type.name, row_id) in self.unborn:
            raise no_row(entity_type.name, row_id)
        try:
            if kind == "create":
                outcome = self.create(session, entity_type, data, in_batch=True)
                self.unborn |= {outcome[0].key} if outcome[0] else set()
                return outcome
            if kind == "update":
                return self.update(session, entity_type, row_id, data)
            return self.retire(session, entity_type, row_id)
        except ApiError as error:
            if error.status == 400 and error.code == 104:
                raise bad_request(f"Invalid field value, {kind} failed [{number} - {error.title}]", None, 104) from None
            raise

    def _checked(self, number, request):
        def wrong(name, text):
            return invalid_parameters({"requests": {str(number): {name: [f"{name} {text}"]}}})

        if not isinstance(request, dict):
            raise invalid_parameters({"requests": {str(number): ["must be a hash"]}})
        kind = request.get("request_type")
        if kind is None:
            raise wrong("request_type", "is missing")
        if kind not in ("create", "update", "delete"):
            raise wrong("request_type", "must be one of: create, update, delete")
        if "entity" not in request:
            raise wrong("entity", "is missing")
        entity_type = self.schema.types.get(request["entity"])
        if entity_type is None:
            raise bad_request("entity type [] does not exist")
        if kind != "create" and not values.is_int(request.get("record_id")):
            raise wrong("record_id", "is missing" if "record_id" not in request else "must be an integer")
        if kind != "delete" and not isinstance(request.get("data"), dict):
            raise wrong("data", "is missing" if "data" not in request else "must be a hash")
        return kind, entity_type, request.get("record_id"), request.get("data")
