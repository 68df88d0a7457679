#!/usr/bin/env python3
"""Promotes an asynchronous standby that lacks the end of the log while two processes book.

    cargo build -p daybook-api && python3 tests/failover/standby.py target/debug/daybook

Needs PostgreSQL's server programs (DAYBOOK_PG_BIN names their folder) and, when run as root, a user
`postgres`. Everything happens in a temporary folder and on 127.0.0.1. It exits with 1 unless

- bookings are lost by the failover and others are accepted after it,
- no two live appointments of a staff member overlap,
- every stream begins with its first event and has no gap,
- each process counts the history as moved back (at least once: it may be found more than once, which
  only drops the caches again), and answers a position beyond the head with POSITION_BEYOND_HEAD.
"""

import glob
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/debug/daybook")
PG_BIN = os.environ.get("DAYBOOK_PG_BIN") or sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
CLIENTS, STAFF, DAYS, MINUTES = 8, 3, 6, 30
LIVE = """
WITH booked AS (
    SELECT aggregate_id AS id, payload::jsonb -> 'plan' AS plan
      FROM log.events WHERE event_type = 'appointment.booked'
)
SELECT coalesce(json_agg(json_build_array(plan ->> 'staff_id', plan ->> 'starts_at')), '[]')
  FROM booked
 WHERE id NOT IN (SELECT aggregate_id FROM log.events WHERE event_type = 'appointment.cancelled')
"""
BROKEN = """
SELECT count(*)
  FROM (SELECT min(sequence) AS first, max(sequence) AS last, count(*) AS events
          FROM log.events GROUP BY aggregate_type, aggregate_id) AS streams
 WHERE first <> 1 OR last <> events
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """A primary and its standby; the standby takes the address of the primary when promoted."""

    def __init__(self, folder):
        self.folder, self.port, self.standby_port = folder, free_port(), free_port()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        os.chmod(folder, 0o755)

    def run(self, program, *arguments):
        command = [os.path.join(PG_BIN, program), *arguments]
        if os.geteuid() == 0:
            command = ["su", "postgres", "-c", shlex.join(command)]
        # A server that stays keeps its standard output open: it goes to a file.
        with open("/dev/null", "w") as nowhere:
            subprocess.run(command, check=True, stdout=nowhere, cwd=self.folder)

    def start(self, name, port):
        options = f"-p {port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        data, log = f"{self.folder}/{name}", f"{self.folder}/{name}.log"
        self.run("pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start")

    def stop(self, name, mode):
        self.run("pg_ctl", "-D", f"{self.folder}/{name}", "-m", mode, "-w", "stop")

    def begin(self):
        self.run("initdb", "-D", f"{self.folder}/primary", "-A", "trust", "-U", "postgres")
        with open(f"{self.folder}/primary/pg_hba.conf", "a") as access:
            access.write("host replication all 127.0.0.1/32 trust\n")
        self.start("primary", self.port)
        self.ask("CREATE DATABASE daybook", database="postgres")
        source = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        self.run("pg_basebackup", *source, "-D", f"{self.folder}/standby", "-R", "-X", "stream")
        self.start("standby", self.standby_port)

    def ask(self, statement, port=None, database="daybook"):
        address = ["-h", "127.0.0.1", "-p", str(port or self.port), "-U", "postgres"]
        command = [f"{PG_BIN}/psql", *address, "-d", database, "-XAtc", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def stop_replication(self):
        self.ask("ALTER SYSTEM SET primary_conninfo = ''", self.standby_port, "postgres")
        self.ask("SELECT pg_reload_conf()", self.standby_port, "postgres")

    def fail_over(self):
        with open(f"{self.folder}/primary/postmaster.pid") as file:
            os.kill(int(file.readline()), signal.SIGKILL)
        self.stop("standby", "fast")
        for attempt in range(20):
            try:
                self.start("standby", self.port)
                break
            except subprocess.CalledProcessError:
                if attempt == 19:
                    raise
                time.sleep(0.5)
        self.run("pg_ctl", "-D", f"{self.folder}/standby", "-w", "promote")

    @property
    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/daybook"


class Daybook:
    """The processes of one installation, and a key of its tenant."""

    def __init__(self, cluster):
        self.cluster, self.processes, self.urls, self.key = cluster, [], [], None
        self.environment = dict(
            os.environ,
            DATABASE_URL=cluster.url,
            DAYBOOK_MASTER_KEY="7" * 64,
            DAYBOOK_RATE_LIMIT_FACTOR="0",
        )

    def command(self, *arguments):
        done = subprocess.run(
            [PROGRAM, *arguments], env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def serve(self):
        number = len(self.processes)
        log = open(f"{self.cluster.folder}/daybook{number}.log", "w")
        command = [PROGRAM, "serve", "--listen", "127.0.0.1:0"]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        self.processes.append(process)
        for line in process.stdout:
            if found := re.search(r"ready (\S+)", line):
                self.urls.append(found.group(1))
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()

    def open_tenant(self):
        created = self.command("tenant", "create", "--name", "Failover")
        tenant = re.search(r"[0-9a-f-]{36}", created).group(0)
        key = ["key", "create", "--tenant", tenant, "--name", "failover", "--scope", "admin"]
        self.key = re.search(r"dbk_\S+", self.command(*key)).group(0)

    def request(self, method, path, body=None, process=0):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        url = self.urls[process] + path
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=40) as response:
                return response.status, json.loads(response.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or "null")
        except OSError as error:
            return 0, str(error)

    def create(self, path, body):
        status, created = self.request("POST", f"/api/v2/{path}", body)
        assert status == 201, (path, status, created)
        return created["id"]

    def moved_back(self, process):
        with urllib.request.urlopen(self.urls[process] + "/api/metrics", timeout=40) as response:
            text = response.read().decode()
        return int(float(re.search(r"^daybook_log_moved_back_total (\S+)", text, re.M).group(1)))


class Load:
    """Clients that book, and cancel every fourth booking, at both processes."""

    def __init__(self, daybook):
        self.daybook, self.accepted, self.statuses = daybook, 0, {}
        self.lock, self.is_over = threading.Lock(), threading.Event()
        company = {"name": "Salon", "zone": "Europe/Berlin", "currency": "EUR"}
        company = daybook.create("companies", {**company, "phone_region": "DE"})
        place = {"company_id": company, "name": "Main", "zone": "Europe/Berlin"}
        self.branch = daybook.create("branches", place)
        open_all_day = {"open": [{"from": "00:00", "to": "24:00"}]}
        weekly = {"weekly": {str(day): open_all_day for day in range(1, 8)}}
        status, said = daybook.request("PUT", f"/api/v2/branches/{self.branch}/hours", weekly)
        assert status == 200, said
        member = {"company_id": company, "branches": [self.branch], "zone": "Europe/Berlin"}
        names = (f"Staff {number}" for number in range(STAFF))
        self.staff = [daybook.create("staff", {**member, "name": name}) for name in names]
        cut = {"company_id": company, "name": "Cut"}
        cut["phases"] = [{"key": "A", "active_min": MINUTES}]
        cut["price"] = {"amount_minor": 4500, "currency": "EUR"}
        self.service = daybook.create("services", cut)
        cells = [
            {"service_id": self.service, "assignment": {"staff_id": staff}} for staff in self.staff
        ]
        status, said = daybook.request(
            "POST", "/api/v2/staff-service-assignments", {"assign": cells}
        )
        assert status == 200, said
        walk_in = {"company_id": company, "name": "Walk-in", "phone": "0151 12345678"}
        self.customer = daybook.create("customers", {**walk_in, "may_overlap": True})

    def start(self):
        self.threads = [
            threading.Thread(target=self.book, args=(number,)) for number in range(CLIENTS)
        ]
        for thread in self.threads:
            thread.start()

    def book(self, number):
        choice, process = random.Random(number), number % 2
        midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        while not self.is_over.is_set():
            start = midnight + timedelta(
                days=3 + choice.randrange(DAYS), minutes=5 * choice.randrange(288)
            )
            wanted = {
                "customer_id": self.customer,
                "service_id": self.service,
                "branch_id": self.branch,
                "staff_id": choice.choice(self.staff),
                "starts_at": start.isoformat(),
            }
            status, booked = self.daybook.request("POST", "/api/v2/bookings", wanted, process)
            with self.lock:
                self.statuses[status] = self.statuses.get(status, 0) + 1
                self.accepted += status == 201
                is_fourth = status == 201 and self.accepted % 4 == 0
            if is_fourth:
                path = f"/api/v2/bookings/{booked['appointment_id']}/cancel"
                self.daybook.request("POST", path, {}, process)
            if status in (0, 503, 504):
                time.sleep(0.05)

    def stop(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


def overlaps(cluster):
    by_staff, found = {}, 0
    for staff, start in json.loads(cluster.ask(LIVE)):
        start = datetime.fromisoformat(start.replace("Z", "+00:00"))
        by_staff.setdefault(staff, []).append(start)
    for starts in by_staff.values():
        starts.sort()
        length = timedelta(minutes=MINUTES)
        found += sum(later - earlier < length for earlier, later in zip(starts, starts[1:]))
    return found, sum(map(len, by_staff.values()))


def main(folder):
    cluster = Cluster(folder)
    faults = []

    def check(name, is_right, seen):
        print("ok   " if is_right else "WRONG", name, "->", seen)
        if not is_right:
            faults.append(name)

    daybook = Daybook(cluster)
    try:
        cluster.begin()
        daybook.serve()
        daybook.serve()
        daybook.open_tenant()
        load = Load(daybook)
        load.start()
        time.sleep(5)
        cluster.stop_replication()
        time.sleep(4)
        head = "SELECT max(position) FROM log.tenant_head"
        lost, before = int(cluster.ask(head)), load.accepted
        cluster.fail_over()
        kept = int(cluster.ask(head))
        check("the standby lacks the end of the log", kept < lost, f"{lost} -> {kept}")
        for process in range(2):
            path = f"/api/v2/events?after={lost + 100000}"
            status, answer = daybook.request("GET", path, process=process)
            seen = (status, answer.get("code") if isinstance(answer, dict) else answer)
            is_right = seen == (409, "POSITION_BEYOND_HEAD")
            check(f"process {process} refuses a position beyond the head", is_right, seen)
        time.sleep(8)
        load.stop()
        after = load.accepted - before
        check("bookings are accepted after the failover", after > 0, (after, load.statuses))
        broken = int(cluster.ask(BROKEN))
        check("every stream is whole from its first event on", broken == 0, broken)
        found, live = overlaps(cluster)
        check("no two live appointments of a staff member overlap", live > 0 and found == 0, (found, live))
        for process in range(2):
            times = daybook.moved_back(process)
            check(f"process {process} finds that the history moved back", times >= 1, times)
    finally:
        for process in daybook.processes:
            process.kill()
        for name in ("primary", "standby"):
            if os.path.exists(f"{folder}/{name}/postmaster.pid"):
                try:
                    cluster.stop(name, "immediate")
                except subprocess.CalledProcessError:
                    pass
    return 1 if faults else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="daybook-failover-") as folder:
        sys.exit(main(folder))
