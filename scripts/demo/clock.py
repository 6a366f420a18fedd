"""A clock for the demo's own processes, so that a week can be told in seconds.

PostgreSQL stamps each commit with the time of day and takes no other. libfaketime, loaded into the demo's private
server, gives it a time of day of ours; Rowledger runs under the same clock. Without the library everything happens
now, in some seconds.
"""
import datetime
import glob
import re

LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"
INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class DemoClock:
    def __init__(self):
        found = glob.glob(LIBRARIES)
        self.library = found[0] if found else None
        self.file = None
        today = datetime.datetime.now(INDIA).replace(hour=0, minute=0, second=0, microsecond=0)
        # Of the last week that is over.
        self.monday = today - datetime.timedelta(days=today.weekday() + 7)

    def keep_in(self, directory):
        """Where the processes look up what time it is."""
        self.file = directory / "clock"
        self.set_back(0)

    def environment(self):
        """For every process that shall live by this clock."""
        if self.library is None:
            return {}
        return {
            "LD_PRELOAD": self.library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DISABLE_SHM": "1",
            # Waiting is done by the monotonic clock, which goes on as it does.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_back(self, seconds):
        # Renamed into place: nobody reads half of it.
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"-{int(seconds)}\n")
        fresh.chmod(0o644)
        fresh.rename(self.file)

    def go_to(self, text):
        """"Tue 10:30": that day of the week that is told. Other texts, and a missing library, change nothing."""
        match = re.match(r"(\w{3}) (\d\d):(\d\d)", text)
        if self.library is None or not match or match[1] not in DAYS:
            return
        moment = self.monday + datetime.timedelta(days=DAYS.index(match[1]), hours=int(match[2]), minutes=int(match[3]))
        self.set_back((datetime.datetime.now(INDIA) - moment).total_seconds())

    def go_to_now(self):
        self.set_back(0)

    def day(self, name):
        """"2026-11-16", of a day of the week that is told; today when all of it happens now."""
        if self.library is None:
            return f"{datetime.datetime.now(INDIA):%Y-%m-%d}"
        return f"{self.monday + datetime.timedelta(days=DAYS.index(name)):%Y-%m-%d}"
