"""A stand-in for the HTTP interface of the Hugging Face hub, as far as huggingface_hub uses it here: repositories, commits, files.

Branches and tags point to commits, a commit holds whole files. Files of more than a hundred bytes, text apart, are large: they are uploaded
by the LFS protocol and downloaded by a redirect to another host, as at the hub.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

TOKEN = "hf_secretSECRETsecret"
TEXTS = (".md", ".yaml", ".txt", ".py", ".json", ".html", ".css", ".js", ".typed")


@dataclass
class Repository:
    """refs: branch or tag -> commit; commits: commit -> name -> content; gated: nobody may read its files"""

    private: bool = False
    gated: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, files: dict[str, bytes], branch: str = "main", message: str = "") -> str:
        """Make a commit that holds exactly these files."""
        oid = hashlib.sha1(f"{len(self.commits)}{message}{sorted(files)}".encode()).hexdigest()
        self.commits[oid], self.refs[branch] = dict(files), oid
        self.messages.append(message)
        return oid

    def files(self, revision: str = "main") -> dict[str, bytes]:
        return self.commits[self.refs.get(revision, revision)]


@dataclass
class Hub:
    """The state of the stand-in.

    faults: pattern of `METHOD /path` -> (status, X-Error-Code, message)
    endless: large files are sent in chunks, and never end; sizes_told: does it tell the sizes of files?
    """

    url: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    faults: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    endless: bool = False
    sizes_told: bool = True

    @property
    def store(self) -> str:
        """The address of large files, as of another host: the token must not go there."""
        return self.url.replace("127.0.0.1", "localhost")

    def model(self, name: str) -> Repository:
        return self.repositories["models", name]

    def use(self, patch: pytest.MonkeyPatch, cache: Path, token: str | None = TOKEN) -> "Hub":
        """Let huggingface_hub, in this process, talk to this stand-in."""
        from huggingface_hub import constants

        patch.setattr(constants, "ENDPOINT", self.url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", self.url + "/{repo_id}/resolve/{revision}/{filename}")
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_TOKEN_PATH", str(cache / "no token"))
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.delenv("HF_TOKEN", raising=False)
        if token:
            patch.setenv("HF_TOKEN", token)
        return self


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A stand-in that listens on this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def _serve(self) -> None:
        self.path_only = unquote(urlsplit(self.path).path)
        line = f"{self.command} {self.path_only}"
        self.hub.requests.append(line)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else b""
        try:
            for pattern, fault in self.hub.faults.items():
                if re.fullmatch(pattern, line):
                    raise _Refused(*fault)
            for name, pattern in _ROUTES:
                if match := re.fullmatch(pattern, line):
                    getattr(self, name)(**match.groupdict())
                    return
            raise _Refused(404, "", f"no route {line}")
        except _Refused as refused:
            self._answer(refused.status, {"error": refused.message}, {"X-Error-Code": refused.code} if refused.code else {})

    do_GET = do_HEAD = do_POST = do_PUT = _serve

    def _chunks(self) -> bytes:
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _known(self) -> bool:
        given = self.headers.get("Authorization")
        if given not in (None, f"Bearer {TOKEN}"):
            raise _Refused(401, "", "Invalid credentials in Authorization header")
        return given is not None

    def _repository(self, kind: str, name: str, write: bool = False) -> Repository:
        known = self._known()
        found = self.hub.repositories.get((kind, name))
        if found is None or (found.private and not known):
            raise _Refused(404 if known else 401, "RepoNotFound", "Repository not found")
        if write and not (known and name.startswith("me/")):
            raise _Refused(403, "", "You don't have the rights")
        return found

    def _commit_of(self, repository: Repository, revision: str) -> str:
        commit = repository.refs.get(revision, revision)
        if commit not in repository.commits:
            raise _Refused(404, "RevisionNotFound", "Invalid rev id")
        return commit

    def create(self) -> None:
        given = json.loads(self.body)
        name, kind = f"{given['organization']}/{given['name']}", f"{given.get('type', 'model')}s"
        if not self._known():
            raise _Refused(401, "", "no token")
        if not name.startswith("me/"):
            raise _Refused(403, "", "You don't have the rights to create a model under this namespace")
        if (kind, name) in self.hub.repositories:
            self._answer(409, {"error": "exists", "url": f"{self.hub.url}/{name}"})
            return
        made = self.hub.repositories[kind, name] = Repository(private=given.get("visibility") == "private")
        made.commit({".gitattributes": b""})
        self._answer(200, {"url": f"{self.hub.url}/{'spaces/' if kind == 'spaces' else ''}{name}"})

    def validate(self) -> None:
        content = json.loads(self.body)["content"]
        bad = "license: nonsense" in content
        self._answer(
            400 if bad else 200, {"errors": [{"message": '"license" must be one of [apache-2.0, mit, ...]'}] if bad else [], "warnings": []}
        )

    def info(self, kind: str, name: str, revision: str | None = None) -> None:
        repository = self._repository(kind, name)
        commit = self._commit_of(repository, revision or "main")
        siblings = [
            {"rfilename": file, **({"size": len(content)} if self.hub.sizes_told else {})}
            for file, content in repository.commits[commit].items()
        ]
        self._answer(200, {"id": name, "sha": commit, "private": repository.private, "siblings": siblings})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        repository = self._repository(kind, name, write=True)
        if revision not in repository.refs:
            raise _Refused(404, "RevisionNotFound", "Invalid rev id")
        modes = [
            (file["path"], "regular" if file["path"].endswith(TEXTS) or file["size"] < 100 else "lfs")
            for file in json.loads(self.body)["files"]
        ]
        self._answer(200, {"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes]})

    def batch(self, name: str) -> None:
        objects = [
            {"oid": each["oid"], "size": each["size"], "actions": {"upload": {"href": f"{self.hub.url}/lfs/{each['oid']}"}}}
            for each in json.loads(self.body)["objects"]
        ]
        self._answer(200, {"transfer": "basic", "objects": objects})

    def put(self, oid: str) -> None:
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.hub.objects[oid] = self.body
        self._answer(200, b"")

    def commit(self, kind: str, name: str, revision: str) -> None:
        repository = self._repository(kind, name, write=True)
        header, *lines = [json.loads(line) for line in self.body.splitlines()]
        files = dict(repository.files(revision))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
            else:
                del files[value["path"]]
        oid = repository.commit(files, revision, header["value"]["summary"])
        self._answer(200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{name}/commit/{oid}"})

    def branch(self, kind: str, name: str, branch: str) -> None:
        repository = self._repository(kind, name, write=True)
        if branch in repository.refs:
            raise _Refused(409, "", "exists")
        repository.refs[branch] = repository.refs["main"]
        self._answer(200, {})

    def tag(self, kind: str, name: str, revision: str) -> None:
        repository, tag = self._repository(kind, name, write=True), json.loads(self.body)["tag"]
        if tag in repository.refs:
            raise _Refused(409, "", "Tag reference exists already")
        repository.refs[tag] = self._commit_of(repository, revision)
        self._answer(200, {})

    def file(self, name: str, revision: str, file: str) -> None:
        repository = self._repository("models", name)
        if repository.gated:
            raise _Refused(403, "GatedRepo", "Access to model is restricted")
        commit = self._commit_of(repository, revision)
        content = repository.commits[commit].get(file)
        if content is None:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        oid = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{oid}"'}
        if file.endswith(TEXTS):
            self._answer(200, content, headers)
            return
        self.hub.objects[oid] = content
        told = {"X-Linked-Size": str(len(content))} if self.hub.sizes_told else {}
        self._answer(302, b"", {**headers, **told, "X-Linked-ETag": f'"{oid}"', "Location": f"{self.hub.store}/lfs/{oid}"})

    def get(self, oid: str) -> None:
        if self.headers.get("Authorization"):
            raise _Refused(400, "", "a token was sent to the store")
        if not self.hub.endless:
            self._answer(200, self.hub.objects[oid])
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        except OSError:  # the client has left
            return


_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_OF = rf"/api/(?P<kind>models|spaces)/{_NAME}"
_ROUTES = [
    ("create", r"POST /api/repos/create"),
    ("validate", r"POST /api/validate-yaml"),
    ("info", rf"GET {_OF}(?:/revision/(?P<revision>.+))?"),
    ("preupload", rf"POST {_OF}/preupload/(?P<revision>.+)"),
    ("commit", rf"POST {_OF}/commit/(?P<revision>.+)"),
    ("branch", rf"POST {_OF}/branch/(?P<branch>.+)"),
    ("tag", rf"POST {_OF}/tag/(?P<revision>.+)"),
    ("batch", rf"POST /(?:spaces/)?{_NAME}\.git/info/lfs/objects/batch"),
    ("put", r"PUT /lfs/(?P<oid>\w+)"),
    ("get", r"GET /lfs/(?P<oid>\w+)"),
    ("file", rf"(?:GET|HEAD) /{_NAME}/resolve/(?P<revision>[^/]+|refs/pr/\d+)/(?P<file>.+)"),
]
