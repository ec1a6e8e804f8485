"""Tokens and permissions: who calls, and which projects' rows they see."""

import base64
import hashlib
import hmac
import json
import os
import threading
import time

from errors import ApiError

SESSION_TOKEN = "session_"      # a session token of the test site is session_<login>


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Session:
    """The caller of one request. `actor` writes; `allowed` is None (all projects) or a set of ids."""

    def __init__(self, user, actor, level, allowed, logs_events):
        self.user, self.actor, self.level = user, actor, level
        self.allowed, self.logs_events = allowed, logs_events


def refused(title, code=102):
    return ApiError(400, code, title, {})


def unauthorized(detail):
    return ApiError(401, 102, "Unauthorized", None, detail)


class Auth:
    def __init__(self, store, host, seconds, secret):
        self.store, self.host, self.seconds = store, host, seconds
        self.secret = secret.encode()
        self.keys = {}              # script name -> key
        self.revoked = set()        # jti of tokens ended early
        self.spent = set()          # refresh tokens used
        self.issued = 0
        self.sessions = {}          # session tokens granted over the older API -> key of who asked
        self.generation = _b64(str(time.time_ns()).encode())
        self._payloads = {}         # verified tokens and their claims
        self._lock = threading.Lock()

    # -- granting

    def grant(self, form):
        """The reply of POST /auth/access_token."""
        grant_type = form.get("grant_type", "")
        user, kind, login = self._credential(grant_type, form)
        scope = form.get("scope", "")
        if scope.startswith("sudo_as_login:"):
            login = self._may_sudo(scope.split(":", 1)[1])
        return self._tokens(user, kind, login)

    def _credential(self, grant_type, form):
        if grant_type == "client_credentials":
            return self._script(form), "api_key", None
        if grant_type == "password":
            return self._password(form), "credentials", None
        if grant_type == "session_token":
            return self._session_token(form), "session_token", None
        if grant_type in ("refresh_token", "refresh"):
            return self._refresh(form)
        raise refused("Unsupported grant_type", 103)

    def _script(self, form):
        name, key = form.get("client_id"), form.get("client_secret")
        if not name or not key:
            raise refused("Missing or invalid authentication arguments")
        row = self._find("ApiUser", "firstname", name)
        if row is None or self.keys.get(name) != key:
            raise refused(f"Can't authenticate script '{name}'")
        return row.key

    def _password(self, form):
        login, password = form.get("username"), form.get("password")
        if not login or not password:
            raise refused("Missing or invalid authentication arguments")
        row = self._find("HumanUser", "login", login)
        if row is None or row.v.get("password_proxy") != password or row.v.get("sg_status_list") != "act":
            raise refused(f"Can't authenticate user '{login}'.")
        return row.key

    def _session_token(self, form):
        token = form.get("session_token")
        if not token:
            raise refused("Missing or invalid authentication arguments")
        if token in self.sessions and self.store.row(self.sessions[token]):
            return self.sessions[token]
        row = self._find("HumanUser", "login", token[len(SESSION_TOKEN):]) \
            if token.startswith(SESSION_TOKEN) else None
        if row is None:
            raise refused(f"Can't authenticate session token ending with '{token[-4:]}'")
        return row.key

    def _refresh(self, form):
        token = form.get("refresh_token", "")
        claims = self._verify(token)
        with self._lock:
            if claims is None or not claims.get("refresh") or claims["exp"] < time.time() or token in self.spent:
                raise ApiError(401, 102, "Unauthorized", None, "Token invalid")
            self.spent.add(token)
        user = (claims["user"]["type"], claims["user"]["id"])
        return user, claims["auth_type"], claims["sudo_as_login"]

    def _may_sudo(self, login):
        row = self._find("HumanUser", "login", login)
        if row is None:
            raise refused(f"Cannot 'sudo' - unknown or retired user: '{login}'")
        if row.v.get("sg_status_list") != "act":
            raise refused(f"Cannot 'sudo' - inactive user account: '{login}'")
        if not row.v.get("can_impersonate_this_user"):
            raise refused("Cannot 'sudo' - user account has 'can_impersonate_this_user' "
                          f"turned off: '{login}'")
        return login

    def _find(self, type_name, field, value):
        table = self.store.tables.get(type_name)
        for row_id in table.active if table else ():
            if table.rows[row_id].v.get(field) == value:
                return table.rows[row_id]
        return None

    def _tokens(self, user, kind, login):
        with self._lock:
            self.issued += 1
            number = self.issued
        now = int(time.time())
        claims = {"iss": self.host, "aud": self.host, "exp": now + self.seconds, "iat": now,
                  "jti": f"{self.generation}-{number}", "user": {"type": user[0], "id": user[1]},
                  "sudo_as_login": login, "auth_type": kind, "session_uuid": None}
        refresh = dict(claims, exp=now + 86400, jti=f"{self.generation}-{number}r", refresh=True)
        return {"token_type": "Bearer", "access_token": self._sign(claims), "expires_in": self.seconds,
                "refresh_token": self._sign(refresh)}

    # -- checking

    def _sign(self, claims):
        head = _b64(json.dumps({"alg": "HS256"}).encode())
        body = f"{head}.{_b64(json.dumps(claims).encode())}"
        return f"{body}.{_b64(hmac.new(self.secret, body.encode(), hashlib.sha256).digest())}"

    def _verify(self, token):
        """The claims of a token signed by this site, or None."""
        if token in self._payloads:
            return self._payloads[token]
        body, _, signature = token.rpartition(".")
        expected = _b64(hmac.new(self.secret, body.encode(), hashlib.sha256).digest())
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        claims = json.loads(_unb64(body.split(".")[1]))
        if len(self._payloads) > 1000:
            self._payloads.clear()
        self._payloads[token] = claims
        return claims

    def claims(self, header):
        """The claims of an Authorization header that is good now, or a 401."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("Missing or invalid Authorization header")
        claims = self._verify(token.strip())
        if claims is None or claims.get("refresh"):
            raise unauthorized("Token invalid")
        if claims["exp"] <= time.time() or claims["jti"] in self.revoked:
            raise unauthorized("Token Expired")
        return claims

    def end(self, header):
        """Ends the token of a header before its time."""
        claims = self._verify((header or "").partition(" ")[2].strip())
        if claims:
            self.revoked.add(claims["jti"])

    def end_all(self):
        """Ends every token granted so far."""
        self.revoked.update(claims["jti"] for claims in self._payloads.values())
        self.sessions.clear()
        with self._lock:
            self.revoked.update(f"{self.generation}-{number}" for number in range(1, self.issued + 1))

    def session(self, header):
        claims = self.claims(header)
        user = self.store.row((claims["user"]["type"], claims["user"]["id"]))
        if user is None:
            raise unauthorized("Token invalid")
        return self._acting(user, claims["sudo_as_login"])

    def _acting(self, user, login):
        actor = self._find("HumanUser", "login", login) or user if login else user
        level, allowed = self._permission(actor)
        logs = bool(user.v.get("generate_event_log_entries")) if user.type == "ApiUser" else True
        return Session(user, actor, level, allowed, logs)

    # -- the older API, whose every call carries a credential

    def direct(self, arguments):
        """The session of the credential that came with one call."""
        if "script_name" in arguments:
            form = {"client_id": arguments["script_name"], "client_secret": arguments.get("script_key")}
            key = self._script(form)
        elif "user_login" in arguments:
            key = self._password({"username": arguments["user_login"], "password": arguments.get("user_password")})
        else:
            key = self._session_token(arguments)
        user, login = self.store.row(key), arguments.get("sudo_as_login")
        if login and user.type != "ApiUser":
            raise refused(f"The user does not have permission to 'sudo': '{user.v.get('login')}'")
        return self._acting(user, self._may_sudo(login) if login else None)

    def new_session(self, session):
        """A session token for whoever asks."""
        token = os.urandom(16).hex()
        self.sessions[token] = session.user.key
        return token

    def _permission(self, actor):
        rules = self.store.link(actor, "permission_rule_set")
        code = self.store.row(rules).v.get("code", "") if rules else ""
        projects = {key[1] for key in self.store.links(actor, "projects")}
        if code == "artist" or (actor.type == "ApiUser" and projects):
            return code, projects
        return code, None
