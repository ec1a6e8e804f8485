"""Methods of the older API about who follows what and who opened which project."""

import json

from errors import ApiError, no_row
from values import entity_key


class Social:
    def __init__(self, store, api3):
        self.store, self.api3 = store, api3
        self.follows = {}           # (user, followed row) -> None, in the order in which it began

    def _living(self, link, verb):
        key = entity_key(self.store.schema, link if isinstance(link, dict) else {}, verb)
        row = self.store.row(key)
        if row is None:
            raise no_row(*key)
        return row

    def _pair(self, arguments, verb):
        return self._living(arguments.get("user"), verb), self._living(arguments.get("entity"), verb)

    def call_follow(self, session, arguments):
        user, row = self._pair(arguments, "follow")
        self.follows[user.key, row.key] = None
        return {"followed": True, "user": self._link(user), "entity": self._link(row)}, 1

    def call_unfollow(self, session, arguments):
        user, row = self._pair(arguments, "unfollow")
        known = (user.key, row.key) in self.follows
        self.follows.pop((user.key, row.key), None)
        return {"unfollowed": known, "user": self._link(user), "entity": self._link(row)}, 1

    def call_followers(self, session, arguments):
        row = self._living(arguments.get("entity"), "followers")
        found = [self._link(self.store.row(user)) for user, followed in self.follows
                 if followed == row.key and self.store.row(user)]
        return found, len(found)

    def call_following(self, session, arguments):
        user, project = self._living(arguments.get("user"), "following"), arguments.get("project")
        rows = [self.store.row(followed) for who, followed in self.follows if who == user.key]
        rows = [row for row in rows if row is not None
                and arguments.get("entity_type") in (None, row.type)
                and (not project or self.store.project_of(row) == project.get("id"))]
        return [self._link(row) for row in rows], len(rows)

    def _link(self, row):
        return json.loads(self.store.link_text(row))

    def call_update_project_last_accessed_by_current_user(self, session, arguments):
        row = self.store.row(("Project", arguments.get("project_id")))
        if row is None:
            raise ApiError(404, 104, f"Entity of type [Project] with id={arguments.get('project_id')} does not exist.")
        self.store.put(row, "last_accessed_by_current_user", self.store.clock.stamp())
        return self.api3.text_of(row, ["last_accessed_by_current_user"]), 1
