"""Sends what curl sends, for the two lines of the deployment guide on a machine that has no curl.

It is run as a program of its own with curl's arguments, and knows `-X`, `-H` and `-d` only. `test_curl_stand_in.py`
compares the bytes.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit


def main(arguments: list[str]) -> None:
    """Send one request and print the body of its answer."""
    given: dict[str, list[str]] = {"-X": [], "-H": [], "-d": []}
    words = iter(arguments)
    urls: list[str] = []
    for word in words:
        given.get(word, urls).append(next(words) if word in given else word)
    (url,), (method,), (body,) = urls, given["-X"], given["-d"]
    target = urlsplit(url)
    connection = HTTPConnection(target.netloc, timeout=60)
    connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
    headers = [f"Host: {target.netloc}", "User-Agent: curl/8.5.0", "Accept: */*", *given["-H"]]
    for header in (*headers, f"Content-Length: {len(body.encode())}"):
        name, _, value = header.partition(": ")
        connection.putheader(name, value)
    connection.endheaders(body.encode())
    sys.stdout.buffer.write(connection.getresponse().read())
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
