"""One open connection through psql, as one role and application."""
import json
import subprocess

from cluster import BIN, ClusterError

END = "--end-of-answer--"


def literal(text):
    """As an SQL string."""
    return "'" + text.replace("'", "''") + "'"


class Session:
    def __init__(self, cluster, role, application="psql", database="glific"):
        self.process = subprocess.Popen(
            [BIN / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", cluster.url(role, database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
            env={**cluster.environment(), "PGAPPNAME": application, "PGCLIENTENCODING": "UTF8",
                 "PGOPTIONS": "-c client_min_messages=warning"},
            start_new_session=True)

    def run(self, sql):
        """Runs one or several statements; returns the rows' text. Raises on the first that fails."""
        try:
            self.process.stdin.write(f"{sql}\n;\n\\echo {END}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise ClusterError(self.process.stderr.read().strip() or "psql ended") from None
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == END:
                return "\n".join(lines)
            lines.append(line.rstrip("\n"))
        raise ClusterError(f"{self.process.stderr.read().strip()}\nwhile running: {sql[:300]}")

    def transaction(self, sql, context=None):
        """One transaction, with a context as an application would set it."""
        words = set_context(context) if context else ""
        return self.run(f"BEGIN;\n{words}{sql}\n;\nCOMMIT;")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def set_context(context):
    text = json.dumps(context, ensure_ascii=False)
    return f"DO $$BEGIN PERFORM set_config('rowledger.context', {literal(text)}, true); END$$;\n"
