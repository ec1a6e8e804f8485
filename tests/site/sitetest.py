"""A unittest case with a site of its own, and short ways to ask it."""

import unittest

import harness


class SiteTest(unittest.TestCase):
    """A site shared by the tests of a class, and short ways to ask it."""

    options = {"rows": 0}

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(**cls.options).start()
        try:
            cls.prepare()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__(None, None, None)

    @classmethod
    def prepare(cls):
        cls.project = cls.make("Project", name="Rules")

    @classmethod
    def make(cls, kind, **body):
        """The key {type, id} of a new row; in the project of the class where the type has one."""
        if kind not in ("Project", "HumanUser", "Tag", "TaskDependency", "Reply", "Group"):
            body.setdefault("project", cls.project)
        status, answer = cls.site.api("POST", f"/entity/{kind}", body)
        if status != 201:
            raise AssertionError(f"{kind} {body}: {status} {answer}")
        return {"type": kind, "id": answer["data"]["id"]}

    def call(self, status, method, path, body=None, content_type="application/json", token=None):
        found, answer = self.site.api(method, path, body, content_type, token)
        self.assertEqual(found, status, answer)
        return answer

    def error(self, status, method, path, body=None, content_type="application/json", token=None):
        return self.call(status, method, path, body, content_type, token)["errors"][0]

    def read(self, key, fields="*"):
        """{field: value} of a row; links as {type, id} or lists of them."""
        answer = self.call(200, "GET", f"/entity/{key['type']}/{key['id']}?fields={fields}")["data"]
        links = {name: link["data"] for name, link in answer["relationships"].items()}
        return {**answer["attributes"], **{name: self.bare(link) for name, link in links.items()}}

    @staticmethod
    def bare(link):
        if isinstance(link, list):
            return [{"type": each["type"], "id": each["id"]} for each in link]
        return link and {"type": link["type"], "id": link["id"]}

    def find(self, kind, filters, fields="code", sort="id", **more):
        status, answer = self.site.search(kind, filters, fields, sort, **more)
        self.assertEqual(status, 200, answer)
        return answer["data"]

    def refused(self, kind, filters, status=400):
        found, answer = self.site.search(kind, filters)
        self.assertEqual(found, status, answer)
        return answer["errors"][0]
