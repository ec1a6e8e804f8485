"""The generated site: projects and everything in them, from a seed and a number of rows.

The same schema, seed and size always give the same rows and ids. Project 101 holds most of them.
"""

import random as randomness

import schedule
from copies import BLOCK, Copier
from fillers import ODD, START, YEAR, Filler, color, day, hexadecimal, phrase, stamp
from rows import Row

FIRST_IDS = {"Project": 101, "HumanUser": 21, "ApiUser": 11, "PermissionRuleSet": 5, "Sequence": 201, "Shot": 1001,
             "Asset": 1201, "Task": 5001, "Version": 6001, "PublishedFile": 9001, "Note": 3001, "Reply": 3501,
             "Playlist": 401, "TimeLog": 2001, "EventLogEntry": 500001, "Attachment": 1401}
# Of the rows that belong to projects, how many are of which type (in 1/1000).
SHARES = {"Sequence": 10, "Asset": 50, "Shot": 120, "Task": 310, "Version": 220, "PublishedFile": 140, "Note": 40,
          "Reply": 20, "Playlist": 6, "TimeLog": 40, "TaskDependency": 15, "Attachment": 8, "CustomEntity01": 5,
          "EventLogEntry": 16}
STEPS = (("Shot", "Layout", "LAY"), ("Shot", "Animation", "ANM"), ("Shot", "FX", "FX"), ("Shot", "Lighting", "LGT"),
         ("Shot", "Comp", "CMP"), ("Asset", "Art", "ART"), ("Asset", "Model", "MDL"), ("Asset", "Rig", "RIG"),
         ("Asset", "Texture", "TXT"))
FIRST_NAMES = ("Ana", "Élodie", "Chloé", "Jürgen", "Zoë", "Kenji", "山田", "Søren", "Paul", "Mary", "Иван", "O'Neil")
LAST_NAMES = ("Smith", "Müller", "Tanaka", "D'Arcy", "Nuñez", "Øst", "太郎", "Brown", "Петров", "Çelik")
ASSET_NAMES = ("hero", "villain", "bridge", "castle", "car", "dragon", "tree", "lamp", "robot", "ship", "sword", "fog")
PROJECT_NAMES = ("Northern Lights", 'Sea of "Glass"', "100% Père Noël 🎅", "Quiet_Project")
STATUS_NAMES = {"wtg": "Waiting to Start", "rdy": "Ready to Start", "ip": "In Progress", "rev": "Pending Review",
                "hld": "On Hold", "fin": "Final", "apr": "Approved", "na": "N/A", "omt": "Omit", "clsd": "Closed",
                "opn": "Open", "cmpt": "Complete", "act": "Active", "dis": "Disabled", "vwd": "Viewed"}
RULES = ("admin", "manager", "artist", "api_admin")
SILENT_SCRIPT, SILENT_KEY = "silent_script", "silent_key_0123456789"


class Generator:
    def __init__(self, store, seed, rows, projects, script_name):
        self.store, self.schema = store, store.schema
        self.random = randomness.Random(seed)
        self.wanted, self.projects, self.script_name = rows, projects, script_name
        self.keys = {}              # type -> keys in id order
        self.by_project = {}        # (type, project key) -> rows
        self.fillers = {}
        self.made = 0
        for name, first in FIRST_IDS.items():
            if name in store.tables:
                store.tables[name].last_id = max(first - 1, store.tables[name].last_id)

    # -- making rows

    def add(self, type_name, values, gaps=0.03):
        """A new row: `values` as given, the other fields made up, links mirrored."""
        table = self.store.tables.get(type_name)
        if table is None:
            return None
        if self.random.random() < gaps:
            table.last_id += 1 + int(self.random.random() * 3)
        values = {name: value for name, value in values.items()
                  if name in table.type.fields or name in ("login", "password_proxy", "can_impersonate_this_user")}
        self._stamp(table.type, values)
        if type_name not in self.fillers:
            self.fillers[type_name] = Filler(table.type, set(values), self.random)
        self.fillers[type_name].fill(values)
        self._pictures(table, values)
        row = self.store.insert(Row(type_name, table.last_id + 1, values))
        self._mirror(row)
        self.keys.setdefault(type_name, []).append(row.key)
        if values.get("project"):
            self.by_project.setdefault((type_name, values["project"]), []).append(row)
        self.made += 1
        return row

    def _stamp(self, entity_type, values):
        created = START + int(YEAR * min(self.made / max(self.wanted, 1), 1))
        if "created_at" in entity_type.fields:
            values.setdefault("created_at", stamp(created))
        if "updated_at" in entity_type.fields:
            values.setdefault("updated_at", stamp(created + int(self.random.random() ** 3 * 90 * 86400)))
        users = self.keys.get("HumanUser")
        if users:
            for name in ("created_by", "updated_by"):
                if name in entity_type.fields:
                    values.setdefault(name, users[int(self.random.random() * len(users))])

    def _pictures(self, table, values):
        if "image" in table.type.fields and self.random.random() < 0.3:
            values["image"] = f"{hexadecimal(self.random, 40)}/{table.last_id + 1}_t.jpg"
            if "image_source_entity" in table.type.fields:
                values["image_source_entity"] = (table.type.name, table.last_id + 1)
        if "tags" in table.type.fields and "Tag" in self.keys and self.random.random() < 0.3:
            values["tags"] = sorted(set(self.random.choices(self.keys["Tag"], k=2)))

    def _mirror(self, row):
        """Puts a new row into the other side of its links."""
        for name, value in row.v.items():
            inverse = self.schema.inverse.get((row.type, name)) if value else None
            if not inverse:
                continue
            for key in (value if isinstance(value, list) else [value]):
                other = self.store.any_row(key)
                back = inverse.get(key[0])
                if other is None or back is None:
                    continue
                if self.schema.types[key[0]].fields[back].type == "multi_entity":
                    known = other.v.get(back)
                    if not known:
                        other.v[back] = [row.key]
                    elif row.key not in known[-3:]:
                        known.append(row.key)

    def pick(self, items):
        return items[int(self.random.random() * len(items))] if items else None

    def choice(self, type_name, field_name):
        """A legal value of a list or status field, mostly one of the early ones."""
        field = self.schema.types[type_name].fields.get(field_name)
        if field is None or not field.valid_values:
            return None
        return field.valid_values[int(self.random.random() ** 1.5 * len(field.valid_values))]

    def chance(self, share):
        return self.random.random() < share

    def name(self, text):
        """Mostly the plain name, now and then one with odd characters."""
        return f"{text} {self.random.choice(ODD)}".replace("\n", " ").replace("\t", " ") if self.chance(0.02) else text

    # -- the site

    def run(self):
        self._people()
        self._vocabulary()
        if not self.wanted:
            return
        self._project_rows()
        rows, shared, blocks = self.wanted, self.made, -(-self.wanted // BLOCK)
        if blocks > 1:
            self.wanted = shared + (rows - shared) // blocks
        self._block()
        if blocks > 1:
            Copier(self.store, SHARES).run(blocks - 1)
            self.made = shared + (self.made - shared) * blocks
            self.wanted = rows
            self._events()

    def _block(self):
        left = max(self.wanted - self.made, 0)
        counts = {name: max(left * share // 1000, 1) for name, share in SHARES.items()}
        counts["Task"] += max(left - sum(counts.values()), 0)
        for type_name, work in (("Sequence", self._sequence), ("Asset", self._asset), ("Shot", self._shot),
                                ("CustomEntity01", self._custom), ("Task", self._task),
                                ("Attachment", self._attachment), ("Version", self._version),
                                ("PublishedFile", self._published), ("Note", self._note), ("Reply", self._reply),
                                ("Playlist", self._playlist), ("TimeLog", self._time_log),
                                ("TaskDependency", self._dependency), ("EventLogEntry", self._event)):
            if type_name in self.store.tables:
                for number in range(counts[type_name]):
                    work(number)
        self._events()
        self._sort_links()
        self._retire_some()

    def _events(self):
        """What is left to be made."""
        while self.made < self.wanted and "EventLogEntry" in self.store.tables:
            self._event(0)

    def _people(self):
        for code in RULES:
            self.add("PermissionRuleSet", {
                "code": code, "display_name": code.replace("_", " ").title(),
                "entity_type": "ApiUser" if code == "api_admin" else "HumanUser"}, 0)
        rules = dict(zip(RULES, self.keys.get("PermissionRuleSet", [None] * 4)))
        for script, logs in ((self.script_name, True), (SILENT_SCRIPT, False)):
            self.add("ApiUser", {"firstname": script, "lastname": "1.0", "generate_event_log_entries": logs,
                                 "permission_rule_set": rules["api_admin"], "projects": [], "tags": [],
                                 "email": None}, 0)
        for name in ("Production", "Artists", "Pipeline"):
            self.add("Department", {"name": name, "code": name[:4].upper(), "sg_status_list": "act"}, 0)
        for number in range(1, max(8, min(200, self.wanted // 200)) + 1):
            self._user(number, rules)
        for name in ("Supervisors", "Animators", "Équipe FX"):
            self.add("Group", {"code": name, "users": sorted(set(self.random.choices(self.keys["HumanUser"], k=4)))}, 0)

    def _user(self, number, rules):
        level = {1: "admin", 2: "manager", 3: "artist", 4: "artist"}.get(number) or \
            self.random.choice(("artist", "artist", "manager"))
        first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
        self.add("HumanUser", {
            "login": f"user{number}", "password_proxy": f"password{number}", "firstname": first, "lastname": last,
            "name": f"{first} {last}", "email": f"user{number}@example.invalid",
            "sg_status_list": "dis" if number == 6 else "act", "permission_rule_set": rules.get(level),
            "can_impersonate_this_user": number != 5, "department": self.pick(self.keys.get("Department")),
            "projects": [], "groups": []}, 0)

    def _vocabulary(self):
        for number, (kind, name, short) in enumerate(STEPS):
            self.add("Step", {"code": name, "short_name": short, "entity_type": kind, "list_order": number + 1,
                              "color": color(self.random), "department": self.pick(self.keys.get("Department"))}, 0)
        for code, name in STATUS_NAMES.items():
            self.add("Status", {"code": code, "name": name, "bg_color": color(self.random)}, 0)
        for name in ("hero", "retime", "Überprüft", "needs 🔥", "50%", "old_school"):
            self.add("Tag", {"name": name}, 0)
        for name, short in (("Nuke Script", "nk"), ("Alembic", "abc"), ("Rendered Image", "exr"), ("USD", "usd")):
            self.add("PublishedFileType", {"code": name, "short_name": short}, 0)
        self.add("LocalStorage", {"code": "primary", "linux_path": "/mnt/projects", "mac_path": "/Volumes/projects",
                                  "windows_path": "P:\\projects"}, 0)
        self.add("TaskTemplate", {"code": "Film VFX - Shot", "entity_type": "Shot"}, 0)

    def _project_rows(self):
        users = self.keys["HumanUser"]
        for number in range(self.projects):
            name = PROJECT_NAMES[number] if number < len(PROJECT_NAMES) else f"Project {number + 101}"
            members = [key for at, key in enumerate(users)
                       if at < 2 or (at == 2 and number == 1) or (at == 3 and number == 0)
                       or (at > 3 and self.chance(0.5))]
            self.add("Project", {"name": name, "code": f"prj{number + 101}", "tank_name": f"prj{number + 101}",
                                 "archived": False, "is_template": False, "is_demo": False, "users": members,
                                 "landing_page_url": f"/page/project_overview?project_id={number + 101}"}, 0)

    def _project(self):
        """Project 101 seven times out of ten, then each next one half as often."""
        at = 0
        if not self.chance(0.7):
            at = 1
            while at < self.projects - 1 and not self.chance(0.6):
                at += 1
        return self.keys["Project"][min(at, self.projects - 1)]

    # -- the rows of projects

    def _sequence(self, number):
        key = self.keys["Project"][number] if number < self.projects else self._project()
        self.add("Sequence", {"code": self.name(f"sq{number + 1:03d}"), "project": key, "assets": [],
                              "sg_status_list": self.choice("Sequence", "sg_status_list"),
                              "description": phrase(self.random) if self.chance(0.6) else None})

    def _asset(self, number):
        project = self._project()
        self.add("Asset", {"code": self.name(f"{self.pick(ASSET_NAMES)}{number:03d}"), "project": project,
                           "sg_asset_type": self.choice("Asset", "sg_asset_type"),
                           "sg_status_list": self.choice("Asset", "sg_status_list")})

    def _shot(self, number):
        sequence = self.store.row(self.pick(self.keys["Sequence"])) if number else self.store.row(
            self.keys["Sequence"][0])
        project = sequence.v["project"]
        cut_in = 1001 + int(self.random.random() * 40)
        length = 20 + int(self.random.random() * 200)
        assets = self.by_project.get(("Asset", project), [])
        linked = sorted({self.pick(assets).key for _ in range(int(self.random.random() * 5))}) if assets else []
        self.add("Shot", {"code": self.name(f"{sequence.v['code'].split()[0]}_{(number + 1) * 10:04d}"),
                          "project": project, "sg_sequence": sequence.key if self.chance(0.95) else None,
                          "sg_status_list": self.choice("Shot", "sg_status_list"), "assets": linked,
                          "description": phrase(self.random) if self.chance(0.7) else None, "sg_cut_in": cut_in,
                          "sg_cut_out": cut_in + length, "sg_head_in": cut_in - 8, "sg_tail_out": cut_in + length + 8})

    def _custom(self, number):
        self.add("CustomEntity01", {"code": self.name(f"sprint {number + 1}"), "project": self._project(),
                                    "sg_status_list": self.choice("CustomEntity01", "sg_status_list")})

    def _owner(self, shots=0.7):
        """A Shot or Asset of a project chosen as usual, or None."""
        project = self._project()
        kinds = ("Shot", "Asset") if self.chance(shots) else ("Asset", "Shot")
        for kind in kinds:
            row = self.pick(self.by_project.get((kind, project), []))
            if row is not None:
                return row, project
        return None, project

    def _task(self, number):
        owner, project = self._owner()
        if self.chance(0.02):
            owner = None
        steps = [at for at, step in enumerate(STEPS) if owner is None or step[0] == owner.type]
        at = self.pick(steps)
        users = self.keys["HumanUser"]
        values = {"content": self.name(STEPS[at][1]), "project": project, "entity": owner.key if owner else None,
                  "step": self.keys["Step"][at] if self.chance(0.95) else None, "color": "pipeline_step",
                  "sg_status_list": self.choice("Task", "sg_status_list"), "splits": None, "pinned": False,
                  "task_assignees": sorted(set(self.random.choices(users, k=int(self.random.random() * 3)))),
                  "dependency_violation": False, "time_logs_sum": 0, "duration": None}
        if self.chance(0.7):
            values["start_date"] = day(self.random)
            values["duration"] = 480 * (1 + int(self.random.random() * 10))
            values.update(schedule.settle(values, {"start_date", "duration"}))
        else:
            values.update(start_date=None, due_date=None)
        self.add("Task", values)

    def _version(self, number):
        owner, project = self._owner()
        tasks = [key for key in (owner.v.get("tasks") or ())] if owner else []
        code = f"{owner.v['code'].split()[0]}_{self.pick(STEPS)[1].lower()}_v{1 + int(self.random.random() * 30):03d}" \
            if owner else f"loose_v{number:03d}"
        movie = self.pick(self.keys.get("Attachment")) if self.chance(0.3) else None
        self.add("Version", {
            "code": self.name(code), "project": project, "entity": owner.key if owner and self.chance(0.97) else None,
            "sg_task": self.pick(tasks) if self.chance(0.8) else None, "user": self.pick(self.keys["HumanUser"]),
            "sg_status_list": self.choice("Version", "sg_status_list"), "sg_uploaded_movie": movie and {
                "url": f"{hexadecimal(self.random, 40)}/{code}.mov", "name": f"{code}.mov",
                "content_type": "video/quicktime", "link_type": "upload", "type": "Attachment", "id": movie[1]},
            "frame_count": 1 + int(self.random.random() * 240) if self.chance(0.9) else None})

    def _published(self, number):
        version = self.store.row(self.pick(self.keys["Version"]))
        storage, code = self.keys["LocalStorage"][0], version.v["code"]
        kind = self.pick(self.keys["PublishedFileType"])
        relative = f"{version.v['project'][1]}/publish/{number:06d}.exr"
        path = {"content_type": None, "link_type": "local", "name": f"{number:06d}.exr", "relative_path": relative,
                "local_storage": {"type": "LocalStorage", "id": storage[1], "name": "primary"},
                "local_path_linux": f"/mnt/projects/{relative}", "local_path_mac": f"/Volumes/projects/{relative}",
                "local_path_windows": "P:\\projects\\" + relative.replace("/", "\\"), "type": "Attachment", "id": None}
        self.add("PublishedFile", {
            "code": self.name(f"{code.split()[0]}.exr"), "name": code.split()[0], "project": version.v["project"],
            "entity": version.v.get("entity"), "task": version.v.get("sg_task"),
            "version": version.key if self.chance(0.9) else None, "version_number": 1 + int(self.random.random() * 20),
            "published_file_type": kind, "path": path, "path_cache": relative, "path_cache_storage": storage,
            "sg_status_list": self.choice("PublishedFile", "sg_status_list")})

    def _note(self, number):
        owner, project = self._owner()
        links = [owner.key] if owner else []
        versions = self.by_project.get(("Version", project))
        if versions and self.chance(0.4):
            links.append(self.pick(versions).key)
        self.add("Note", {"subject": self.name(f"Note {number + 1} on {links[0][0] if links else 'the project'}"),
                          "content": phrase(self.random), "project": project, "note_links": sorted(links),
                          "user": self.pick(self.keys["HumanUser"]), "attachments": [],
                          "sg_status_list": self.choice("Note", "sg_status_list"),
                          "addressings_to": sorted(set(self.random.choices(self.keys["HumanUser"], k=2)))})

    def _reply(self, number):
        self.add("Reply", {"content": phrase(self.random), "entity": self.pick(self.keys["Note"]),
                           "user": self.pick(self.keys["HumanUser"])})

    def _playlist(self, number):
        project = self._project()
        versions = self.by_project.get(("Version", project), [])
        chosen = sorted({self.pick(versions).key for _ in range(8)}) if versions else []
        self.add("Playlist", {"code": self.name(f"Dailies {number + 1}"), "project": project, "versions": chosen})

    def _time_log(self, number):
        task = self.store.row(self.pick(self.keys["Task"]))
        row = self.add("TimeLog", {"project": task.v["project"], "entity": task.key,
                                   "user": self.pick(self.keys["HumanUser"]),
                                   "duration": 30 * (1 + int(self.random.random() * 16))})
        task.v["time_logs_sum"] = (task.v.get("time_logs_sum") or 0) + row.v["duration"]

    def _dependency(self, number):
        task = self.store.row(self.pick(self.keys["Task"]))
        others = self.by_project[("Task", task.v["project"])]
        other = self.pick(others)
        if other.id > task.id:
            task, other = other, task
        edges = task.v.setdefault("upstream_tasks", [])
        if other is task or other.key in edges:
            return
        edges.append(other.key)
        other.v.setdefault("downstream_tasks", []).append(task.key)
        self.add("TaskDependency", {"task": task.key, "dependent_task": other.key, "offset_days": None,
                                    "dependency_type": "finish-to-start-next-day", "shift_ratio": None})

    def _attachment(self, number):
        name = f"{self.random.choice(ASSET_NAMES)}_{number:04d}.mov"
        link = {"url": f"{hexadecimal(self.random, 40)}/{name}", "name": name, "content_type": "video/quicktime",
                "link_type": "upload", "type": "Attachment", "id": self.store.tables["Attachment"].last_id + 1}
        self.add("Attachment", {"display_name": name, "filename": name, "project": self._project(), "this_file": link,
                                "file_extension": "mov", "file_size": int(self.random.random() * 10 ** 7)}, 0)

    def _event(self, number):
        row = self.store.any_row(self.pick(self.keys[self.pick(("Shot", "Asset", "Task", "Version"))]))
        self.add("EventLogEntry", {
            "event_type": f"Shotgun_{row.type}_Change", "attribute_name": "sg_status_list", "entity": row.key,
            "project": row.v["project"], "user": self.pick(self.keys["HumanUser"]), "audit_trail": None,
            "description": f"status of {row.v['cached_display_name']} changed", "session_uuid": None,
            "meta": {"type": "attribute_change", "attribute_name": "sg_status_list", "entity_type": row.type,
                     "entity_id": row.id, "field_data_type": "status_list", "old_value": None,
                     "new_value": row.v.get("sg_status_list")}})

    # -- finishing

    def _sort_links(self):
        for table in self.store.tables.values():
            links = [name for name, field in table.type.fields.items() if field.type == "multi_entity"]
            for row in table.rows.values():
                for name in links:
                    known = row.v.get(name)
                    if known and len(known) > 1:
                        row.v[name] = sorted(set(known))

    def _retire_some(self):
        """About one row in seventy is in the trash."""
        for type_name in ("Shot", "Asset", "Task", "Version", "PublishedFile", "Note", "Playlist"):
            keys = self.keys.get(type_name, [])
            for key in self.random.sample(keys, max(len(keys) // 70, 1) if len(keys) > 3 else 0):
                row = self.store.row(key)
                if row is not None:
                    self._retire(row)

    def _retire(self, row):
        if row.type == "Shot":
            for key in self.store.links(row, "sg_versions"):
                self.store.set_retired(self.store.row(key), True)
        if row.type == "Task" and self.store.tables.get("TaskDependency"):
            table = self.store.tables["TaskDependency"]
            for edge in [table.rows[i] for i in table.active]:
                if row.key in (edge.v["task"], edge.v["dependent_task"]):
                    self.store.set_retired(edge, True)
        self.store.set_retired(row, True)


def generate(store, seed, rows, projects, script_name):
    """Fills an empty store. Returns how many rows there are."""
    generator = Generator(store, seed, rows, projects, script_name)
    generator.run()
    return generator.made
