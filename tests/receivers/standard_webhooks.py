#!/usr/bin/env python3
"""A receiver of webhooks that checks them with the public library of Standard Webhooks.

Nothing of Daybook is in here: what it accepts, every receiver that uses the library accepts.

    python3 -m venv /tmp/receiver && /tmp/receiver/bin/pip install standardwebhooks
    DAYBOOK_WEBHOOK_ALLOW_PRIVATE=1 cargo run --release -- demo        # prints ready URL key=KEY
    /tmp/receiver/bin/python tests/receivers/standard_webhooks.py --api URL --key KEY

It makes an endpoint that leads to itself and begins at the beginning of the tenant's history, and prints
each message and with how many secrets it was believed. Three messages are refused once, and are waited for
under the same id; halfway the secret is changed. It ends after --count messages, with status 1 if one of
them was not believed or did not come in --timeout seconds.
"""

import argparse
import json
import queue
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("--api", required=True)
arguments.add_argument("--key", required=True)
arguments.add_argument("--count", type=int, default=20)
arguments.add_argument("--timeout", type=float, default=60)
asked = arguments.parse_args()

arrived = queue.Queue()
secrets = []
refused = set()
lock = threading.Lock()


def read(body, headers):
    """The message, and how many of the secrets it is believed with."""
    with lock:
        known = list(secrets)
    messages = []
    for secret in known:
        try:
            messages.append(Webhook(secret).verify(body, headers))
        except WebhookVerificationError:
            pass
    return (messages[0] if messages else None), len(messages)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = dict(self.headers.items())
        message, believed = read(body, headers)
        message_id = self.headers["webhook-id"]
        with lock:
            is_fifth = message is not None and message["data"]["position"] % 5 == 0
            is_refused = is_fifth and message_id not in refused and len(refused) < 3
            if is_refused:
                refused.add(message_id)
        status = 400 if message is None else 500 if is_refused else 204
        self.send_response(status)
        self.end_headers()
        arrived.put((message_id, message, status, believed))

    def log_message(self, *_):
        pass


def api(method, path, body=None):
    request = urllib.request.Request(asked.api + path, method=method)
    request.add_header("authorization", f"Bearer {asked.key}")
    request.add_header("content-type", "application/json")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data) as answer:
        return json.load(answer)


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/hook"

with lock:
    # The first message waits for the lock until its secret is known.
    endpoint = api("POST", "/api/v2/webhook-endpoints", {"url": url, "after": 0})
    secrets.append(endpoint["secret"])
path = f"/api/v2/webhook-endpoints/{endpoint['id']}"

is_good = True
delivered = set()
while len(delivered) < asked.count or not refused <= delivered:
    try:
        message_id, message, status, believed = arrived.get(timeout=asked.timeout)
    except queue.Empty:
        print("no message came in time")
        is_good = False
        break
    is_good = is_good and message is not None
    if status == 204:
        delivered.add(message_id)
        if len(delivered) == asked.count // 2 and len(secrets) == 1:
            # What is on its way was signed before; what is taken afterwards has both signatures.
            rotated = api("POST", f"{path}/rotate-secret", {})
            with lock:
                secrets.append(rotated["secret"])
    what = "NOT BELIEVED" if message is None else f"{message['data']['position']:>5} {message['type']}"
    print(f"{status} {message_id} secrets={believed} {what}", flush=True)

api("DELETE", path, {})
print(f"{len(delivered)} delivered, {len(refused)} refused once, {'all' if is_good else 'NOT ALL'} believed")
sys.exit(0 if is_good else 1)
