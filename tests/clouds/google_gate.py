"""What fake-gcs-server lacks of Google's XML protocol, in terms of what it has: `python google_gate.py PROGRAM TOKEN`.

It puts objects by the JSON protocol alone, so that a put becomes one of those, with its condition; that condition is the server's to
decide. Three things are decided here, since it knows nothing of them: parts of an upload are kept and put together, `If-Match` of a read,
and the token. Errors get the codes that Google gives them. All else goes through as it is.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_CODES = {400: "InvalidPart", 401: "AuthenticationRequired", 412: "PreconditionFailed"}
_OWN = ("connection", "date", "server", "transfer-encoding", "content-length")

Answer = tuple[int, dict[str, str], bytes]


class Gate(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    port, token = 0, ""
    parts: dict[str, dict[int, bytes]]
    meta: dict[str, dict[str, str]]

    def answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, content = self._answer()
        if status >= 400:
            content = f"<Error><Code>{self._code(status)}</Code><Message>no</Message></Error>".encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        bare = self.command == "HEAD" or status in (204, 304)
        length = headers.get("content-length") if self.command == "HEAD" and status < 400 else str(len(content))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if not bare:
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815  # the library calls them so

    def _answer(self) -> Answer:
        if self.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, b""
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        if url.path.startswith("/storage/v1/"):
            return self._asked(self.command, self.path, self.body, dict(self.headers))
        upload = query.get("uploadId", [""])[0]
        if self.command == "POST" and "uploads" in query:
            upload = uuid.uuid4().hex
            self.parts[upload], self.meta[upload] = {}, self._notes()
            return 200, {}, self._xml("InitiateMultipartUploadResult", UploadId=upload)
        if upload:
            return self._part(upload, query)
        if self.command == "PUT":
            return self._put(self.body, self._notes(), self.headers.get("x-goog-if-generation-match"))
        return self._read()

    def _part(self, upload: str, query: dict[str, list[str]]) -> Answer:
        if upload not in self.parts:
            return 404, {}, b""
        if self.command == "PUT":
            number = int(query["partNumber"][0])
            self.parts[upload][number] = self.body
            return 200, {"ETag": f'"{upload}-{number}"'}, b""
        parts, notes = self.parts.pop(upload), self.meta.pop(upload)
        if self.command == "DELETE":
            return 204, {}, b""
        told = [int(n) for n in re.findall(rb"<ETag>\W*[0-9a-f]{32}-(\d+)\W*</ETag>", self.body)]
        if sorted(told) != sorted(parts):
            return 400, {}, b""
        status, headers, _ = self._put(b"".join(parts[number] for number in told), notes, None)
        return status, headers, self._xml("CompleteMultipartUploadResult", ETag=headers.get("ETag", ""))

    def _put(self, content: bytes, notes: dict[str, str], generation: str | None) -> Answer:
        edge = uuid.uuid4().hex
        resource = json.dumps({"name": self._key(), "metadata": notes}).encode()
        body = b"".join([
            f"--{edge}\r\nContent-Type: application/json\r\n\r\n".encode(), resource,
            f"\r\n--{edge}\r\nContent-Type: application/octet-stream\r\n\r\n".encode(), content, f"\r\n--{edge}--\r\n".encode(),
        ])  # fmt: skip
        condition = f"&ifGenerationMatch={generation}" if generation else ""
        path = f"/upload/storage/v1/b/{self._bucket()}/o?uploadType=multipart{condition}"
        status, _, told = self._asked("POST", path, body, {"Content-Type": f"multipart/related; boundary={edge}"})
        if status >= 400:
            return status, {}, b""
        made: dict[str, Any] = json.loads(told)
        return 200, {"ETag": f'"{made["etag"]}"', "x-goog-generation": made["generation"]}, b""

    def _read(self) -> Answer:
        if wanted := self.headers.get("If-Match"):
            status, headers, _ = self._asked("HEAD", self.path, b"", {})
            if status >= 400 or headers["etag"] != wanted:
                return status if status >= 400 else 412, {}, b""
        passed = {k: v for k, v in self.headers.items() if k.lower() in ("range", "content-type")}
        status, headers, content = self._asked(self.command, self.path, self.body, passed)
        # It answers a listing of no bucket as a fault of its own.
        return 404 if status == 500 and b"no bucket named" in content else status, headers, content

    def _asked(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {**headers, "Host": "127.0.0.1", "Content-Length": str(len(body))})
            response = connection.getresponse()
            found = {k.lower(): v for k, v in response.getheaders()}
            kept = {k: v for k, v in found.items() if k not in _OWN or (k == "content-length" and method == "HEAD")}
            return response.status, kept, response.read()
        finally:
            connection.close()

    def _code(self, status: int) -> str:
        if status == 404:
            there, _, _ = self._asked("GET", f"/storage/v1/b/{self._bucket()}", b"", {})
            return "NoSuchKey" if there == 200 else "NoSuchBucket"
        return _CODES.get(status, "InternalError")

    def _notes(self) -> dict[str, str]:
        return {k[12:].lower(): v for k, v in self.headers.items() if k.lower().startswith("x-goog-meta-")}

    def _bucket(self) -> str:
        return urlsplit(self.path).path.split("/")[1]

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path.split("/", 2)[2])

    @staticmethod
    def _xml(root: str, **values: str) -> bytes:
        told = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
        return f"<{root}><Bucket>b</Bucket><Key>k</Key>{told}</{root}>".encode()

    def log_message(self, *args: object) -> None:
        pass


def main(program: str, token: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [program, "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port), "-public-host", "127.0.0.1",
         "-log-level", "error"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port)
        gate = type("Gate", (Gate,), {"port": port, "token": token, "parts": {}, "meta": {}})
        with ThreadingHTTPServer(("127.0.0.1", 0), gate) as serving:
            serving.daemon_threads = True
            threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True).start()
            print("port", serving.server_port, flush=True)
            sys.stdin.read()  # ends with the process that holds its input
            serving.shutdown()
    finally:
        server.kill()
        server.wait()


def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
